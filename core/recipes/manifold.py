"""ManifoldMixMS: one mixing factor per component of the network, found by search (Fassold 2023, algorithm 1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.progress import SILENT, Progress
from core.recipes.components import Partition
from core.recipes.paint import Step
from core.recipes.recipe import Recipe, lerp
from core.recipes.search import Objective, Trial, Vector
from core.recipes.soups import Verdict

Span = tuple[float, float]


@dataclass(frozen=True)
class Preset:
    """How candidates are tested and searched.

    ``tau`` is the paper's tolerance; ``budget`` evaluations are spent on each search, or on each component of it.
    ``narrow`` leaves λ within start ± narrow·(1 - start), None the whole of [0, 1]; ``again`` is the bounds of a second
    search from a first one's success (and of a third, if the second gained 0.3·(1 - τ)); ``equal`` counts as success.
    """

    name: str
    budget: int
    per_component: bool = False
    narrow: float | None = None
    again: Span | None = None
    equal: bool = False
    tau: float = 0.998

    def evaluations(self, components: int) -> int:
        """How many evaluations one search may cost."""
        return self.budget * (components if self.per_component else 1)

    def bounds(self, start: Vector) -> list[Span]:
        """Where each λ may lie in the first search from ``start``."""
        reach = [1.0 if self.narrow is None else self.narrow * (1 - s) for s in start]
        return [(max(0.0, s - r), min(1.0, s + r)) for s, r in zip(start, reach, strict=True)]


PAPER = Preset("paper", 250)
AS_PUBLISHED = Preset("as published", 30, per_component=True, narrow=0.5, again=(0.3, 1.0), equal=True)
"""What the authors' code does where the paper says less or otherwise."""

PRESETS = {preset.name: preset for preset in (PAPER, AS_PUBLISHED)}


@dataclass(frozen=True)
class Question:
    """What a search is asked: λ for mixing ``candidate`` into ``soup``, from ``start``, within ``bounds``."""

    soup: Recipe
    candidate: Recipe
    partition: Partition
    start: Vector
    bounds: tuple[Span, ...]
    budget: int

    def factors(self, point: Sequence[float]) -> Vector:
        """λ of a point of the unit cube, which is what an optimiser sees of the bounds."""
        return tuple(low + p * (high - low) for p, (low, high) in zip(point, self.bounds, strict=True))

    def point(self) -> Vector:
        """Where the start lies in the unit cube."""
        pairs = zip(self.start, self.bounds, strict=True)
        return tuple((s - low) / (high - low) if high > low else 0.0 for s, (low, high) in pairs)

    def mix(self, factors: Sequence[float]) -> Recipe:
        """Ψ'(λ)^j = λ^j · Ψ^j + (1 - λ^j) · θ_i^j (ManifoldMixMS eq. 2)."""
        return lerp(self.candidate, self.soup, self.partition.per_prefix(factors))


Search = Callable[[Question, Objective], Sequence[Trial]]
"""Looks for the highest score of an objective on the unit cube, and says what it tried."""


def manifold(
    order: Sequence[Step],
    score: Callable[[Recipe], float],
    search: Search,
    partition: Partition,
    preset: Preset = PAPER,
    tie: Callable[[Recipe], float] = lambda _: 0.0,
    decided: Callable[[Verdict], object] = lambda _: None,
    progress: Progress = SILENT,
) -> tuple[Recipe, list[Verdict]]:
    """Algorithm 1 of the paper: mix the ingredients into the best of them, one after the other, as far as it helps.

    ``order`` is what ``soups.ranked`` gave, ``score`` accuracy on *val* in [0, 1]; ``tie`` in [0, 1] tells an optimiser
    equal accuracies apart and decides nothing else. ``decided`` hears each verdict as it falls. Returns the recipe,
    whose columns sum to 1 as every recipe's, and one verdict per ingredient.
    """
    soup, best, k = order[0].recipe, order[0].score, 1
    verdicts = [Verdict(soup, "first", best, best)]
    decided(verdicts[0])
    for step in progress(order[1:]):
        start = (k / (k + 1),) * len(partition)
        mixed, verdict = mix_in(soup, best, step.recipe, score, search, partition, start, preset, tie)
        if verdict.word == "kept":
            soup, best, k = mixed, verdict.after, k + 1
        verdicts.append(verdict)
        decided(verdict)
    return soup, verdicts


def mix_in(
    soup: Recipe,
    best: float,
    candidate: Recipe,
    score: Callable[[Recipe], float],
    search: Search,
    partition: Partition,
    start: Vector,
    preset: Preset = PAPER,
    tie: Callable[[Recipe], float] = lambda _: 0.0,
) -> tuple[Recipe, Verdict]:
    """One turn of algorithm 1's loop: test the mix at ``start``, search from there, keep what beats ``best``."""
    approximate = score(lerp(candidate, soup, partition.per_prefix(start)))
    least = preset.tau * best
    if not (approximate >= least if preset.equal else approximate > least):
        return soup, Verdict(candidate, "skipped", best, approximate, approximate)
    found, tried = Trial(start, float("-inf")), 0
    later = [[preset.again] * len(start)] * 2 if preset.again else []
    for bounds in (preset.bounds(start), *later):
        start = tuple(min(high, max(low, s)) for s, (low, high) in zip(start, bounds, strict=True))
        asked = Question(soup, candidate, partition, start, tuple(bounds), preset.evaluations(len(partition)))
        trials = search(asked, _objective(asked, score, tie))
        tried += len(trials)
        before, now = found, max(trials, key=lambda t: (t.score, t.tie))
        if now.score > found.score or (now.score == found.score and now.tie > found.tie):
            found = Trial(asked.factors(now.x), now.score, now.tie)
        success = found.score > best or (preset.equal and found.score == best)
        gained = before.score == float("-inf") or now.score >= (1 + 0.3 * (1 - preset.tau)) * before.score
        if not (success and gained):
            break
        start = found.x
    verdict = Verdict(candidate, "kept" if success else "dropped", best, found.score, approximate, found.x, tried)
    return (asked.mix(found.x) if success else soup), verdict


def _objective(asked: Question, score: Callable[[Recipe], float], tie: Callable[[Recipe], float]) -> Objective:
    def look(point: Vector) -> tuple[float, float]:
        recipe = asked.mix(asked.factors(point))
        return score(recipe), tie(recipe)

    return look
