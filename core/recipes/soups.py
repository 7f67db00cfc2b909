"""Soups: averages of fine-tuned models (model soups, arXiv 2203.05482), and which models go into them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from core import PaletteError
from core.progress import SILENT, Progress
from core.recipes.paint import Step
from core.recipes.recipe import Recipe, combine

Word = Literal["first", "kept", "dropped", "skipped"]


class SoupError(PaletteError):
    """Ingredients or settings that make no soup; the message says what to do."""


@dataclass(frozen=True)
class Verdict:
    """What became of a candidate, in accuracies on *val* in [0, 1].

    ``before`` is the soup's without it, ``after`` the best that it reached with it; ``approximate`` is that of the
    approximate average (ManifoldMixMS eq. 1), ``factors`` the λ that was found, ``evaluations`` what the search cost.
    """

    candidate: Recipe
    word: Word
    before: float
    after: float
    approximate: float | None = None
    factors: tuple[float, ...] = ()
    evaluations: int = 0

    @property
    def delta(self) -> float:
        """What the candidate would have brought."""
        return self.after - self.before


def ranked(ingredients: Sequence[Recipe], score: Callable[[Recipe], float], progress: Progress = SILENT) -> list[Step]:
    """The ingredients by their score on *val*, the highest first; equals stay in the order given. Raises SoupError."""
    if len(set(ingredients)) < 2 or len(set(ingredients)) < len(ingredients):
        raise SoupError("A soup needs at least two different ingredients; one model alone is mixed on the α page.")
    steps = [Step(recipe, score(recipe), "ingredient") for recipe in progress(ingredients)]
    return sorted(steps, key=lambda step: -step.score)


def uniform(ingredients: Sequence[Recipe]) -> Recipe:
    """The average of all ingredients, each counted once. Raises RecipeError for none."""
    return combine(ingredients, [1 / len(ingredients)] * len(ingredients) if ingredients else [])


def greedy(
    order: Sequence[Step], score: Callable[[Recipe], float], progress: Progress = SILENT
) -> tuple[Recipe, list[Verdict]]:
    """Greedy soup: from the best on, a candidate stays if the average with it scores strictly better (Recipe 1 there).

    ``order`` is what ``ranked`` gave.
    """
    members, verdicts = greedy_members(order, lambda chosen: score(uniform(chosen)), progress)
    return uniform(members), verdicts


def greedy_members(
    order: Sequence[Step], score: Callable[[Sequence[Recipe]], float], progress: Progress = SILENT
) -> tuple[list[Recipe], list[Verdict]]:
    """The members that greedy selection keeps, whatever is made of them: a soup, or an ensemble of their logits."""
    members, best = [order[0].recipe], order[0].score
    verdicts = [Verdict(order[0].recipe, "first", best, best)]
    for step in progress(order[1:]):
        reached = score([*members, step.recipe])
        verdicts.append(Verdict(step.recipe, "kept" if reached > best else "dropped", best, reached))
        if reached > best:
            members, best = [*members, step.recipe], reached
    return members, verdicts
