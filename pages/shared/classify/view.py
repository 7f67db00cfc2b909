"""What the classify page shows, as a value: read from the address, written to it. Pictures cannot be in a link."""

from __future__ import annotations

from dataclasses import dataclass

from core import PaletteError
from core.classify import usual_templates
from core.patching import curves
from core.workspace import BASE, History, Lab
from core.world import PHOTO_NAMES
from pages.shared.app.url_state import Parameters, share, written

OWN, EVERYDAY = "own", "everyday"
SHOWN = ("all", "differ", "wrong")
MOST_TOP = 10
LONGEST = 1500  # characters of typed words that an address can hold
NONE = ""


@dataclass(frozen=True)
class View:
    """Everything that a copied link must bring back, except uploaded pictures.

    ``first`` and ``second`` name models: base, CHECKPOINT@ALPHA, or the key of a kept recipe; second may be none.
    ``words`` is a task whose class names are used, EVERYDAY, or OWN: then ``names`` and ``templates`` are the text.
    """

    sample: str
    words: str
    first: str = BASE
    second: str = NONE
    names: str = ""
    templates: str = ""
    top: int = 3
    show: str = "all"


def words_of(lab: Lab, words: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Class names and templates that come ready: a task's, or ten everyday things."""
    if words == EVERYDAY:
        return PHOTO_NAMES, usual_templates(lab)
    return lab.task(words).class_names, lab.task(words).templates


def read(lab: Lab, parameters: Parameters) -> View:
    """The view that an address asks for."""
    patched = next((n for n in lab.by_role("patching") if n in lab.zoo), NONE)
    tasks = tuple(name for name, task in lab.tasks.items() if "test" in task.source.sizes())
    sample = parameters.one_of("sample", tasks, patched or tasks[0])
    names = parameters.text("names")
    words = OWN if names else parameters.one_of("words", (*tasks, EVERYDAY), sample)
    return View(
        sample,
        words,
        _model(lab, parameters, "first", BASE),
        _model(lab, parameters, "recipe" if "recipe" in parameters.given else "second", patched),
        names,
        parameters.text("templates"),
        parameters.whole("top", 1, MOST_TOP, 3),
        parameters.one_of("show", SHOWN, "all"),
    )


def _model(lab: Lab, parameters: Parameters, name: str, otherwise: str) -> str:
    """The model that a parameter names; ``otherwise``, at its usual α, if it names none that is there."""

    def known(text: str) -> str:
        checkpoint, at, alpha = text.partition("@")
        if text in (BASE, NONE):
            return text
        if checkpoint in lab.zoo.names():
            return f"{checkpoint}@{share(alpha) if at else suggested_alpha(lab, checkpoint):.2f}"
        if at:
            raise ValueError("which is not there")
        return History(lab.folder)[text].key

    return parameters.parsed(name, known, known(otherwise))


def suggested_alpha(lab: Lab, name: str) -> float:
    """The α that validation chooses among those that are evaluated; 0.5 if none is."""
    try:
        supported = lab.default_supported()
        known = curves.known_alphas(lab, name, supported)
        return curves.chosen_alpha(lab, name, supported, known) if known else 0.5
    except PaletteError:  # a checkpoint that was imported belongs to no task
        return 0.5


def write(view: View) -> dict[str, str]:
    """The address of a view; words that are too long for one are left out."""
    own = view.words == OWN
    values = {
        "sample": view.sample,
        "first": view.first,
        "second": view.second,
        "names": view.names if own and len(view.names) <= LONGEST else None,
        "words": None if own else view.words,
        "templates": view.templates if len(view.templates) <= LONGEST else None,
        "top": view.top,
        "show": view.show,
    }
    return written(values, {"templates": "", "top": 3, "show": "all"})
