"""PAINT: patching by interpolating between a model and its fine-tuned self (arXiv 2208.05592)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core import PaletteError
from core.progress import SILENT, Progress
from core.recipes.recipe import Recipe, lerp


def grid(values: int) -> tuple[float, ...]:
    """That many α from 0 to 1, evenly spaced. Raises PaletteError for fewer than two, or more than 101."""
    if not 2 <= values <= 101:
        raise PaletteError(f"A line of α needs 2 to 101 values, not {values}.")
    return tuple(round(i / (values - 1), 4) for i in range(values))


GRID: tuple[float, ...] = grid(21)
"""The α that are evaluated in advance: 0, 0.05, ..., 1."""


@dataclass(frozen=True)
class Step:
    """One thing that a method tried: the mix, its score on validation in [0, 1], and what it is called."""

    recipe: Recipe
    score: float
    note: str = ""


def check_alpha(alpha: float) -> float:
    """``alpha`` itself if it lies in [0, 1]; raises PaletteError in one sentence if not."""
    if not (math.isfinite(alpha) and 0 <= alpha <= 1):
        raise PaletteError(f"α must lie between 0 (the base) and 1 (the fine-tuned model), not {alpha:g}.")
    return alpha


def choose_alpha(alphas: Sequence[float], scores: Sequence[float]) -> float:
    """The α with the highest validation score; between equals the smallest, which moves the weights least."""
    if len(alphas) != len(scores) or not alphas:
        raise ValueError("There must be one score for each α.")
    return min(zip(alphas, scores, strict=True), key=lambda pair: (-pair[1], pair[0]))[0]


def choose_within(alphas: Sequence[float], patching: Sequence[float], supported: Sequence[float], loss: float) -> float:
    """The α with the best patching accuracy on validation that costs the supported tasks at most ``loss``.

    Accuracies and ``loss`` are in [0, 1]; the first α is what the cost is counted from. Between equals the smallest.
    Not PAINT's rule, but the one for who may not lose more than so much.
    """
    if not len(alphas) == len(patching) == len(supported) or not alphas:
        raise ValueError("There must be a patching and a supported accuracy for each α.")
    kept = [i for i in range(len(alphas)) if supported[0] - supported[i] <= loss + 1e-9]
    return choose_alpha([alphas[i] for i in kept], [patching[i] for i in kept])


def paint(
    base: Recipe,
    tuned: Recipe,
    score: Callable[[Recipe], float],
    alphas: Sequence[float] = GRID,
    progress: Progress = SILENT,
) -> tuple[Recipe, list[Step]]:
    """Patch one task (or several trained jointly): the interpolation that scores best on validation.

    ``score`` maps a recipe to combined accuracy on *val*, in [0, 1]. Returns the recipe and one step per α.
    """
    steps = []
    for alpha in progress(alphas):
        recipe = lerp(base, tuned, check_alpha(alpha))
        steps.append(Step(recipe, score(recipe), f"α = {alpha:g}"))
    chosen = choose_alpha(alphas, [s.score for s in steps])
    return steps[list(alphas).index(chosen)].recipe, steps
