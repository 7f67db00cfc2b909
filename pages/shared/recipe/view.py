"""What the recipe page shows, as a value: read from the address, written to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.workspace import BASE, Lab
from pages.shared.widgets import recipe_picker

SHOWS = {"mix": "In it", "compare": "Compare", "change": "Change", "history": "History"}


@dataclass(frozen=True)
class View:
    """Which mix and which other (their words), which of SHOWS, and whose pictures (a task, or empty)."""

    word: str
    against: str = BASE
    show: str = "mix"
    task: str = ""


def read(lab: Lab, parameters: Mapping[str, str]) -> tuple[View, list[str]]:
    """The view that an address asks for, and one sentence for each part of it that makes no sense."""
    usual = recipe_picker.usual(lab)
    word, complaints = recipe_picker.understood(lab, parameters.get("recipe", usual), usual)
    against, more = recipe_picker.understood(lab, parameters.get("against", BASE), BASE)
    complaints += more
    show, task = parameters.get("show", "mix"), parameters.get("task", "")
    if show not in SHOWS:
        complaints.append(f"This link asks for {show!r}; there is {', '.join(SHOWS)}.")
        show = "mix"
    if task and task not in lab.tasks:
        complaints.append(f"This link asks for the task {task!r}, which is not there.")
        task = ""
    return View(word, against, show, task), complaints


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out."""
    parameters = {"recipe": view.word}
    if view.against != BASE:
        parameters["against"] = view.against
    if view.show != "mix":
        parameters["show"] = view.show
    if view.task:
        parameters["task"] = view.task
    return parameters
