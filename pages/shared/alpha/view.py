"""What the α page shows, as a value: read from the address, written to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from core.workspace import Lab, named_recipes
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


def read(lab: Lab, parameters: Mapping[str, str]) -> tuple[View, list[str]]:
    """The view that an address asks for, and one sentence for each part of it that makes no sense and was left out."""
    complaints: list[str] = []
    patching = named_recipes.patches(lab)

    def one_of(name: str, allowed: list[str] | tuple[str, ...], otherwise: str) -> str:
        value = parameters.get(name, otherwise)
        if value in allowed or value == otherwise:
            return value
        complaints.append(f"This link asks for {name} {value!r}, which is not there; showing {otherwise or 'all'}.")
        return otherwise

    first = next((t for t in patching if t in lab.zoo), patching[0] if patching else "")
    task = one_of("task", patching, first)
    mine = lab.trained_on(task) if task else []
    asked = [t for t in parameters.get("supported", "").split(",") if t]
    known = [t for t in asked if t in lab.tasks and t not in mine]
    if unknown := [t for t in asked if t not in known]:
        words = "which are" if len(unknown) > 1 else "which is"
        complaints.append(f"This link names supported tasks {', '.join(map(repr, unknown))}, {words} not usable here.")
    supported = tuple(dict.fromkeys(known)) or tuple(lab.default_supported())
    alpha, complaint = _alpha(parameters.get("alpha"))
    complaints += complaint
    pictures_of = one_of("pictures", [*mine, *supported], next(iter(mine), ""))
    label = one_of("class", lab.tasks[pictures_of].class_names if pictures_of in lab.tasks else (), "")
    plot, flip = one_of("plot", list(PLOTS), "frontier"), one_of("flip", FLIPS, "fixed")
    return View(task, supported, alpha, plot, pictures_of, flip, label), complaints


def _alpha(text: str | None) -> tuple[float | None, list[str]]:
    if text is None:
        return None, []
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value) and 0 <= value <= 1:
        return round(value, 2), []
    return None, [f"This link asks for α = {text!r}, but α lies between 0 and 1; showing the one chosen on validation."]


def title(lab: Lab, view: View) -> str:
    """What is shown, in a few words: 'Digits at α = 0.4'."""
    return f"{patch_title(lab, view.task)} at α = {alpha_text(view.alpha or 0)}"


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out, except what makes the link speak for itself."""
    parameters = {"task": view.task, "supported": ",".join(view.supported)}
    if view.alpha is not None:
        parameters["alpha"] = f"{view.alpha:.2f}"
    if view.plot != "frontier":
        parameters["plot"] = view.plot
    if view.pictures_of and view.pictures_of != view.task:
        parameters["pictures"] = view.pictures_of
    if view.flip != "fixed":
        parameters["flip"] = view.flip
    if view.label:
        parameters["class"] = view.label
    return parameters
