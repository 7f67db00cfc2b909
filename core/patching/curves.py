"""PAINT's curves: a patch at every α, what is known of them, and the α that validation chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.metrics import Accuracy, combined_accuracy
from core.progress import SILENT, Progress
from core.recipes import GRID, Recipe, choose_alpha
from core.workspace import Lab

BOTH = ("val", "test")


@dataclass(frozen=True)
class Point:
    """One α of a curve: accuracy per task, and combined accuracy over the patching and supported ones, in [0, 1]."""

    alpha: float
    recipe: Recipe
    accuracies: dict[str, Accuracy]
    combined: float


def point(
    lab: Lab, name: str, alpha: float, supported: Sequence[str], split: str, progress: Progress = SILENT
) -> Point:
    """One α of a patch's curve on a split, evaluated if need be."""
    recipe, patching = lab.patch(name, alpha), lab.trained_on(name)
    found = {task: lab.evaluate(recipe, task, split, progress).accuracy for task in [*patching, *supported]}
    combined = combined_accuracy([found[t].value for t in patching], [found[t].value for t in supported])
    return Point(alpha, recipe, found, combined)


def knows_point(lab: Lab, name: str, alpha: float, supported: Sequence[str], splits: Sequence[str] = BOTH) -> bool:
    """Whether one α of a patch's curve is there on these splits without computing anything."""
    recipe = lab.patch(name, alpha)
    return all(lab.is_cached(recipe, task, s) for task in [*lab.trained_on(name), *supported] for s in splits)


def known_alphas(lab: Lab, name: str, supported: Sequence[str], splits: Sequence[str] = BOTH) -> list[float]:
    """The α (in hundredths) whose results are all there, ascending."""
    every = [round(i / 100, 2) for i in range(101)]
    return [alpha for alpha in every if knows_point(lab, name, alpha, supported, splits)]


def curve(lab: Lab, name: str, supported: Sequence[str], split: str, alphas: Sequence[float] = GRID) -> list[Point]:
    """A patch's curve over α on a split, evaluated where need be."""
    return [point(lab, name, alpha, supported, split) for alpha in alphas]


def chosen_alpha(lab: Lab, name: str, supported: Sequence[str], alphas: Sequence[float] = GRID) -> float:
    """The α with the highest combined accuracy on *val* (PAINT §2, step 2); the smallest of equals."""
    points = curve(lab, name, supported, "val", alphas)
    return choose_alpha([p.alpha for p in points], [p.combined for p in points])
