"""What the gallery shows, as a value: read from the address, written to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.tasks import ROLES
from core.workspace import Lab
from pages.shared.app.url_state import whole_number


@dataclass(frozen=True)
class View:
    """A task, the classes to look at (none: all), and which sample of pictures (1, 2, ...)."""

    task: str
    classes: tuple[str, ...] = ()
    sample: int = 1


def read(lab: Lab, parameters: Mapping[str, str]) -> tuple[View, list[str]]:
    """The view that an address asks for, and one sentence for each part of it that makes no sense."""
    complaints = []
    first = next(name for role in ROLES for name in lab.by_role(role))
    task = parameters.get("task", first)
    if task not in lab.tasks:
        complaints.append(f"This link asks for the task {task!r}, which is not there; showing {first}.")
        task = first
    known = lab.task(task).class_names
    asked = [c for c in parameters.get("classes", "").split(",") if c]
    if unknown := [c for c in asked if c not in known]:
        complaints.append(f"{lab.task(task).title} has no class {', '.join(map(repr, unknown))}; that was left out.")
    text = parameters.get("sample", "1")
    sample = whole_number(text, 1, 9999)
    if sample is None:
        complaints.append(f"This link asks for sample {text!r}, but samples are numbered from 1 to 9999; showing 1.")
    return View(task, tuple(c for c in asked if c in known), sample or 1), complaints


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out."""
    parameters = {"task": view.task}
    if view.classes:
        parameters["classes"] = ",".join(view.classes)
    if view.sample != 1:
        parameters["sample"] = str(view.sample)
    return parameters
