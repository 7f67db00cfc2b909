"""What the gallery shows, as a value: read from the address, written to it."""

from __future__ import annotations

from dataclasses import dataclass

from core.tasks import ROLES
from core.workspace import Lab
from pages.shared.app.url_state import Parameters, written


@dataclass(frozen=True)
class View:
    """A task, the classes to look at (none: all), and which sample of pictures (1, 2, ...)."""

    task: str
    classes: tuple[str, ...] = ()
    sample: int = 1


def read(lab: Lab, parameters: Parameters) -> View:
    """The view that an address asks for."""
    task = parameters.one_of("task", lab.tasks, next(name for role in ROLES for name in lab.by_role(role)))
    classes = parameters.names("classes", lab.task(task).class_names)
    return View(task, classes, parameters.whole("sample", 1, 9999, View.sample))


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out."""
    values = {"task": view.task, "classes": view.classes, "sample": view.sample}
    return written(values, {"classes": (), "sample": View.sample})
