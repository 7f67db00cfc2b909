"""Algebra on recipes beyond one combination: averages, and one component taken from elsewhere.

Adding, negating and scaling task vectors is ``strategies.mixed``: base + Σ s·(tuned - base), with any scale s.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.recipes.components import check_prefix
from core.recipes.recipe import Recipe, combine


def average(recipes: Sequence[Recipe]) -> Recipe:
    """The mean of the recipes' weights, each counted once (a uniform soup). Raises RecipeError for none."""
    return combine(recipes, [1 / len(recipes)] * len(recipes) if recipes else [])


def override(recipe: Recipe, prefix: str, other: Recipe) -> Recipe:
    """``recipe``, but with the weights under ``prefix`` of ``other``. Raises PrefixError for no prefix."""
    check_prefix(prefix)
    return combine([recipe, other], [{"": 1.0, prefix: 0.0}, {"": 0.0, prefix: 1.0}]) if prefix else other


def unused(recipe: Recipe, names: Sequence[str]) -> list[str]:
    """The recipe's components that own none of the weights called ``names``; ``""`` may well be idle."""
    return [p for p in recipe.components if p and not any(n == p or n.startswith(p + ".") for n in names)]
