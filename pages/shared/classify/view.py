"""What the classify page shows, as a value: read from the address, written to it. Pictures cannot be in a link."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from core import PaletteError
from core.classify import usual_templates
from core.patching import curves
from core.workspace import BASE, History, Lab
from core.world import PHOTO_NAMES
from pages.shared.app.url_state import whole_number

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


def read(lab: Lab, parameters: Mapping[str, str]) -> tuple[View, list[str]]:
    """The view that an address asks for, and one sentence for each part of it that makes no sense."""
    complaints: list[str] = []

    def one_of(name: str, allowed: tuple[str, ...], otherwise: str) -> str:
        value = parameters.get(name, otherwise)
        if value in allowed:
            return value
        complaints.append(f"This link asks for {name} {value!r}, which is not there; showing {otherwise}.")
        return otherwise

    patched = next((n for n in lab.by_role("patching") if n in lab.zoo), NONE)
    tasks = tuple(name for name, task in lab.tasks.items() if "test" in task.source.sizes())
    sample = one_of("sample", tasks, patched or tasks[0])
    names = parameters.get("names", "")
    words = OWN if names else one_of("words", (*tasks, EVERYDAY), sample)
    first = _model(lab, parameters.get("first", BASE), BASE, complaints)
    asked = parameters.get("recipe", parameters.get("second", patched))
    second = _model(lab, asked, patched, complaints) if asked else NONE
    text = parameters.get("top", "3")
    top = whole_number(text, 1, MOST_TOP)
    if top is None:
        complaints.append(f"This link asks for the {text!r} likeliest classes; 1 to {MOST_TOP} can be shown.")
    show = one_of("show", SHOWN, "all")
    templates = parameters.get("templates", "")
    return View(sample, words, first, second, names, templates, top or 3, show), complaints


def _model(lab: Lab, text: str, otherwise: str, complaints: list[str]) -> str:
    """A model's name from an address: one that is there, else ``otherwise`` and a complaint."""
    name, at, alpha = text.partition("@")
    if text == BASE:
        return BASE
    if name in lab.zoo.names():
        if not at:
            return f"{name}@{suggested_alpha(lab, name):.2f}"
        try:
            value = float(alpha)
        except ValueError:
            value = math.nan
        if 0 <= value <= 1:
            return f"{name}@{value:.2f}"
        complaints.append(f"This link asks for α = {alpha!r}, but α lies between 0 and 1; showing the usual one.")
        return f"{name}@{suggested_alpha(lab, name):.2f}"
    try:
        return History(lab.folder)[text].key
    except PaletteError as error:
        complaints.append(str(error) if not at else f"This link asks for the model {text!r}, which is not there.")
        return _model(lab, otherwise, NONE, complaints) if otherwise else NONE


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
    parameters = {"sample": view.sample, "first": view.first, "second": view.second}
    if view.words == OWN and len(view.names) <= LONGEST:
        parameters["names"] = view.names
    elif view.words != OWN:
        parameters["words"] = view.words
    if view.templates and len(view.templates) <= LONGEST:
        parameters["templates"] = view.templates
    if view.top != 3:
        parameters["top"] = str(view.top)
    if view.show != "all":
        parameters["show"] = view.show
    return parameters
