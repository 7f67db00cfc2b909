"""What the recipe page shows, as a value: read from the address, written to it."""

from __future__ import annotations

from dataclasses import dataclass

from core.workspace import BASE, Lab
from pages.shared.app.url_state import Parameters, written
from pages.shared.widgets import recipe_picker

SHOWS = {"mix": "In it", "compare": "Compare", "change": "Change", "history": "History"}


@dataclass(frozen=True)
class View:
    """Which mix and which other (their words), which of SHOWS, and whose pictures (a task, or empty)."""

    word: str
    against: str = BASE
    show: str = "mix"
    task: str = ""


def read(lab: Lab, parameters: Parameters) -> View:
    """The view that an address asks for."""
    return View(
        recipe_picker.understood(lab, parameters, "recipe", recipe_picker.usual(lab)),
        recipe_picker.understood(lab, parameters, "against", BASE),
        parameters.one_of("show", SHOWS, View.show),
        parameters.one_of("task", lab.tasks, ""),
    )


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out."""
    values = {"recipe": view.word, "against": view.against, "show": view.show, "task": view.task}
    return written(values, {"against": BASE, "show": View.show, "task": ""})
