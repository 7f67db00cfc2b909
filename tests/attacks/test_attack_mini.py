"""The shipped patch against attacks with words and styles that it never met. Nothing here computes a result."""

from __future__ import annotations

from core.attacks.study import AttackOutcome, outcome, written_on
from core.metrics import paired
from core.recipes.paint import GRID
from core.workspace.lab import CACHE, Lab

ASKED = 0.30  # of the fooled rate on val; α is the smallest that gives it


def answered(lab: Lab, alpha: float, split: str) -> AttackOutcome:
    recipe = lab.patch("typographic", alpha)
    assert lab.is_cached(recipe, "typographic", split)
    return outcome(lab.evaluate(recipe, "typographic", split), written_on(lab, lab.task("typographic"), split))


def test_fooled_thirty_points_less_on_unseen_words_and_styles_and_icons_kept():
    """Seen words and styles (val) choose α; unseen ones (test) are fooled 30 points less, icons lose at most 1.5."""
    lab = Lab("mini", CACHE, "cpu")
    before = answered(lab, 0.0, "val").fooled.value
    grid = [*GRID[: GRID.index(0.3) + 1], 0.31, 0.32, 0.33]
    chosen = next(a for a in grid if before - answered(lab, a, "val").fooled.value >= ASKED)
    fooled = paired(answered(lab, 0.0, "test").follows, answered(lab, chosen, "test").follows)
    recipes = [lab.base, lab.patch("typographic", chosen)]
    assert all(lab.is_cached(r, "icons", "test") for r in recipes)
    icons = paired(*(lab.evaluate(r, "icons", "test").right for r in recipes))
    assert (chosen, fooled.n, icons.n) == (0.33, 1000, 2000)
    assert fooled.difference <= -0.30 and not fooled.within_noise
    assert icons.difference >= -0.015
