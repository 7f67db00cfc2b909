"""Mixing by hand: how a mix does on val at once, and a sketch of how it does on test and on the shifts."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

from core.metrics import Accuracy, wilson
from core.models import features
from core.recipes import Partition, Recipe, lerp, single
from core.soups.judge import Judge
from core.soups.plan import Pool, cut
from core.soups.results import SoupRow
from core.storage import LRU
from core.workspace import Lab

GLANCE = 256  # pictures of val that are looked at while a slider is dragged
REMEMBERED = 500
SKETCH = 128  # pictures of test and of each shift that a sketch looks at

PRESETS = ("all", "early", "late", "ramp up", "ramp down")
"""Ways to set every factor at once: how much of the candidate goes in, and where."""


@dataclass(frozen=True)
class Hand:
    """A mix by hand: a soup so far, a candidate, and the partition and factors λ (1: all soup) that mix them."""

    soup: Recipe
    candidate: str
    partition: Partition
    factors: tuple[float, ...]

    @property
    def recipe(self) -> Recipe:
        """Ψ'(λ) of ManifoldMixMS eq. 2."""
        return lerp(single(self.candidate), self.soup, self.partition.per_prefix(self.factors))


def preset(name: str, partition: Partition, share: float) -> tuple[float, ...]:
    """λ of each component: the candidate gets ``share`` in all, in the early or the late half, or more and more."""
    count = len(partition)
    depth = [i / max(1, count - 1) for i in range(count)]
    given = {
        "all": [1.0] * count,
        "early": [float(d < 0.5) for d in depth],
        "late": [float(d >= 0.5) for d in depth],
        "ramp up": depth,
        "ramp down": [1 - d for d in depth],
    }[name]
    return tuple(round(1 - share * g, 3) for g in given)


class HandMixer:
    """One pool's judge for mixes by hand; any thread may ask, one answer is worked out at a time."""

    def __init__(self, lab: Lab, pool: Pool) -> None:
        self.lab, self.pool = lab, pool
        self._judges: dict[bool, Judge] = {}
        self._guard = threading.Lock()
        self._known: LRU[tuple[str, bool], Accuracy] = LRU(REMEMBERED)

    def judged(self, recipe: Recipe, glance: bool = False) -> Accuracy:
        """A mix's accuracy on *val*, at a ``glance`` on its first 256 pictures; remembered for the last few hundred."""
        key = (self.lab.weights_key(recipe), glance)
        with self._guard:
            if (known := self._known.get(key)) is not None:
                return known
            if glance not in self._judges:
                self._judges[glance] = Judge(self.lab, self.pool.task, most=GLANCE if glance else None)
            judged = self._judges[glance].judge(recipe)
            right = wilson(round(judged.score * judged.seen), judged.seen)
            return self._known.put(key, Accuracy(judged.score, *right, judged.seen))

    def sketch(self, recipe: Recipe, like: SoupRow) -> dict[str, float]:
        """About how accurate a mix is on ``test``, and ``ood`` over the shifts, in [0, 1].

        From the first 128 test pictures of each: what ``like`` scores on all of them, and how far the mix differs from
        it on those.
        """
        found = {}
        for name, known in {"test": like.test, **like.shifts}.items():
            task = self.pool.task if name == "test" else name
            pictures = self.lab.pictures(task, "test")
            with self.lab.encoders.holding(recipe) as encoder:
                seen = features(encoder, pictures.images[:SKETCH])
            logits = self.lab.classified(recipe, task, "test", seen).numpy()
            right = logits.argmax(axis=1) == pictures.labels[:SKETCH]
            found[name] = known.accuracy.value + float(right.mean() - known.right[:SKETCH].mean())
        if like.shifts:
            found["ood"] = fmean(found[shift] for shift in like.shifts)
        return found


@lru_cache(maxsize=2)
def desk(lab: Lab, pool: Pool) -> HandMixer:
    """The one desk of a pool."""
    return HandMixer(lab, pool)


@lru_cache(maxsize=32)
def cut_of(lab: Lab, pool: Pool, name: str) -> Partition:
    """A partition without the groups that change nothing."""
    found = cut(lab, pool, name)
    return Partition(name, tuple(group for group in found.groups if group.prefixes))


def in_full(lab: Lab, pool: Pool, hand: Hand) -> tuple[float, ...]:
    """The factors with one more for each group that changes nothing, as plans take them."""
    given = dict(zip((g.title for g in hand.partition.groups), hand.factors, strict=True))
    return tuple(given.get(g.title, 1.0) for g in cut(lab, pool, hand.partition.name).groups)
