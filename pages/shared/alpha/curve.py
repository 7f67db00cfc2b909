"""A task's curve over α as the α page draws it: asked of the lab once, then kept while nothing new was evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from statistics import fmean

from core.metrics import Accuracy, Paired, accuracy_distance_to_optimal, mean, paired
from core.patching import Point, curves
from core.recipes import choose_alpha, choose_within
from core.workspace import Lab


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


def curve(lab: Lab, task: str, supported: Sequence[str], alphas: Sequence[float]) -> Curve:
    """The curve at these α, all of which must be known. Kept: asking again costs nothing."""
    digests = (lab.zoo["base"].digest, lab.zoo[task].digest)
    return _curve(lab, task, tuple(supported), tuple(alphas), digests)


@lru_cache(maxsize=64)
def _curve(lab: Lab, task: str, supported: tuple[str, ...], alphas: tuple[float, ...], digests: tuple) -> Curve:
    val, test = (tuple(curves.curve(lab, task, supported, split, alphas)) for split in ("val", "test"))
    return Curve(lab, task, supported, val, test)


@lru_cache(maxsize=2048)
def against_base(curve: Curve, name: str, alpha: float) -> Paired:
    """What α fixed and broke on a task's test pictures, and whether that is more than noise (McNemar)."""
    before = curve.lab.evaluate(curve.lab.base, name, "test")
    after = curve.lab.evaluate(curve.at(alpha).recipe, name, "test")
    return paired(before.right, after.right)


def known_alphas(lab: Lab, task: str, name: str) -> frozenset[float]:
    """The α of a task's patch whose results on the task ``name`` are there, on val and test."""
    return frozenset(curves.known_alphas(lab, task, [] if name == task else [name]))


def known_curve(lab: Lab, task: str, supported: Sequence[str]) -> Curve | None:
    """The curve of what is there now, over those supported tasks that have at least its ends; None if there is none."""
    if task not in lab.zoo:
        return None
    known = {name: known_alphas(lab, task, name) for name in (task, *supported)}
    usable = [name for name in supported if {0.0, 1.0} <= known[name] & known[task]]
    alphas = sorted(known[task].intersection(*(known[name] for name in usable)))
    return curve(lab, task, usable, alphas) if usable else None
