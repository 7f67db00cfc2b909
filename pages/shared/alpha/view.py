"""What the α page shows, as a value: read from the address, written to it."""

from __future__ import annotations

from dataclasses import dataclass

from core.workspace import Lab, named_recipes
from pages.shared.app.url_state import Parameters, written
from pages.shared.widgets.formatting import alpha_text
from pages.shared.widgets.pickers import patch_title

PLOTS = {"frontier": "Frontier", "curves": "Over α"}
FLIPS = ("fixed", "broken")


@dataclass(frozen=True)
class View:
    """Everything that a copied link must bring back. ``task`` names the patch: a task, a joint or a foreign checkpoint.

    ``alpha`` None: the one chosen on validation.
    """

    task: str
    supported: tuple[str, ...]
    alpha: float | None = None
    plot: str = "frontier"
    pictures_of: str = ""
    flip: str = "fixed"
    label: str = ""


def read(lab: Lab, parameters: Parameters) -> View:
    """The view that an address asks for."""
    patching = named_recipes.patches(lab)
    first = next((t for t in patching if t in lab.zoo), patching[0] if patching else "")
    task = parameters.one_of("task", patching, first)
    trained = lab.trained_on(task) if task else []
    usable = [name for name in lab.tasks if name not in trained]
    supported = parameters.names("supported", usable) or tuple(lab.default_supported())
    alpha = parameters.share("alpha", None, "the one chosen on validation")
    pictures_of = parameters.one_of("pictures", [*trained, *supported], next(iter(trained), ""))
    classes = lab.tasks[pictures_of].class_names if pictures_of in lab.tasks else ()
    return View(
        task,
        supported,
        alpha,
        parameters.one_of("plot", PLOTS, "frontier"),
        pictures_of,
        parameters.one_of("flip", FLIPS, "fixed"),
        parameters.one_of("class", classes, ""),
    )


def title(lab: Lab, view: View) -> str:
    """What is shown, in a few words: 'Digits at α = 0.4'."""
    return f"{patch_title(lab, view.task)} at α = {alpha_text(view.alpha or 0)}"


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out, except what makes the link speak for itself."""
    values = {
        "task": view.task,
        "supported": view.supported,
        "alpha": None if view.alpha is None else f"{view.alpha:.2f}",
        "plot": view.plot,
        "pictures": view.pictures_of or None,
        "flip": view.flip,
        "class": view.label,
    }
    return written(values, {"plot": "frontier", "pictures": view.task, "flip": "fixed", "class": ""})
