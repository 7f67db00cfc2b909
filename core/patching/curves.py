"""PAINT's curves: a patch at every α, what is known of them, and the α that validation chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from statistics import fmean

from core.metrics import Accuracy, Paired, accuracy_distance_to_optimal, combined_accuracy, mean, paired
from core.progress import SILENT, Progress
from core.recipes import GRID, Recipe, choose_alpha, choose_within
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


@dataclass(frozen=True, eq=False)
class Curve:
    """One patch (``task`` is its name) against supported tasks, at every α whose results are there; ascending."""

    lab: Lab
    task: str
    supported: tuple[str, ...]
    val: tuple[Point, ...]
    test: tuple[Point, ...]

    @cached_property
    def patching(self) -> tuple[str, ...]:
        """The tasks that the patch is for: one, or several of a joint patch."""
        return tuple(self.lab.trained_on(self.task))

    @cached_property
    def alphas(self) -> tuple[float, ...]:
        """The α that can be shown at once."""
        return tuple(p.alpha for p in self.test)

    @cached_property
    def chosen(self) -> float:
        """The α with the highest combined accuracy on val, the smallest of equals."""
        return choose_alpha(self.alphas, [p.combined for p in self.val])

    def chosen_within(self, loss: float) -> float:
        """The α with the best patching accuracy on val that costs the supported tasks at most ``loss`` there."""
        patching = [self.patching_mean(p).value for p in self.val]
        return choose_within(self.alphas, patching, [self.supported_mean(p).value for p in self.val], loss)

    @cached_property
    def distance_to_optimal(self) -> float:
        """PAINT eq. 1 on test, in accuracy units."""
        supported = [fmean(p.accuracies[name].value for name in self.supported) for p in self.test]
        return accuracy_distance_to_optimal(supported, [self.patching_mean(p).value for p in self.test])

    def nearest(self, alpha: float) -> float:
        """The α that is there and closest to this one."""
        return min(self.alphas, key=lambda known: abs(known - alpha))

    def at(self, alpha: float) -> Point:
        """The test results of an α that is there."""
        return self.test[self.alphas.index(alpha)]

    def supported_mean(self, point: Point) -> Accuracy:
        """Mean over the supported tasks, with its interval."""
        return mean([point.accuracies[name] for name in self.supported])

    def patching_mean(self, point: Point) -> Accuracy:
        """Mean over the patching tasks, with its interval."""
        return mean([point.accuracies[name] for name in self.patching])


@lru_cache(maxsize=64)
def _curve(lab: Lab, task: str, supported: tuple[str, ...], alphas: tuple[float, ...], _digests: tuple) -> Curve:
    """The curve at these α, all of which must be known; asking again for the same weights costs nothing."""
    val, test = (tuple(curve(lab, task, supported, split, alphas)) for split in BOTH)
    return Curve(lab, task, supported, val, test)


@lru_cache(maxsize=2048)
def against_base(curve: Curve, name: str, alpha: float) -> Paired:
    """What α fixed and broke on a task's test pictures, and whether that is more than noise (McNemar)."""
    before = curve.lab.evaluate(curve.lab.base, name, "test")
    after = curve.lab.evaluate(curve.at(alpha).recipe, name, "test")
    return paired(before.right, after.right)


def known_curve(lab: Lab, task: str, supported: Sequence[str]) -> Curve | None:
    """The curve of what is there now, over those supported tasks that have at least its ends; None if there is none."""
    if task not in lab.zoo:
        return None
    known = {name: set(known_alphas(lab, task, [] if name == task else [name])) for name in (task, *supported)}
    usable = [name for name in supported if {0.0, 1.0} <= known[name] & known[task]]
    if not usable:
        return None
    alphas = sorted(known[task].intersection(*(known[name] for name in usable)))
    return _curve(lab, task, tuple(usable), tuple(alphas), (lab.zoo["base"].digest, lab.zoo[task].digest))
