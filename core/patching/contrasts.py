"""Which strategy is better than which, and whether that is more than noise: paired on the same test pictures."""

from __future__ import annotations

import numpy as np

from core.metrics import combined_difference
from core.patching.results import FORGETFUL, JOINT, SEARCHED, SEQUENTIAL, SHARED, UNPATCHED, Comparison, Contrast
from core.workspace import Lab

PAIRS = ((SHARED, UNPATCHED), (SEQUENTIAL, SHARED), (JOINT, SEQUENTIAL), (SEARCHED, SHARED), (SEQUENTIAL, FORGETFUL))
"""The paper's order, joint ≥ sequential ≥ parallel ≥ unpatched (PAINT Figure 5), and what else it compares."""


def contrasts(lab: Lab, outcome: Comparison) -> tuple[Contrast, ...]:
    """The differences in combined accuracy that the paper speaks of, on *test*, from answers that are in the store."""
    there = outcome.strategies()
    right = {strategy: _right(lab, outcome, strategy) for strategy in there if any(strategy in pair for pair in PAIRS)}
    pairs = [(better, worse) for better, worse in PAIRS if better in there and worse in there]
    return tuple(Contrast(b, w, combined_difference(right[w], right[b])) for b, w in pairs)


def _right(lab: Lab, outcome: Comparison, strategy: str) -> list[list[np.ndarray]]:
    """Per side and task, each test picture's share of right answers over the strategy's orders, float (n,)."""
    recipes = [row.recipes[""] for row in outcome.of(strategy)]
    sides = [list(outcome.facts["tasks"]), list(outcome.facts["supported"])]  # type: ignore[call-overload]
    return [[np.mean([lab.evaluate(r, t, "test").right for r in recipes], axis=0) for t in side] for side in sides]
