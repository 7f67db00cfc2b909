"""The one idea of Palette: every way of mixing models is an affine combination per component."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core import PaletteError
from core.recipes.components import PrefixError, check_prefix, is_under, owner

SUM_TOLERANCE = 1e-6
MOST_COMPONENTS = 2000  # far more than the tensors of an image tower
KEY_DECIMALS = 10  # coefficients that agree to this many decimals are the same weights
KEYS = ("models", "components", "coefficients")

Weight = float | Mapping[str, float]
"""A number for the whole network, or one number per component (a name prefix; ``""`` owns what is left)."""


class RecipeError(PaletteError):
    """A recipe that makes no sense; the message names the numbers at fault."""


@dataclass(frozen=True)
class Recipe:
    """Coefficients, models × components: which weights, how much, where.

    ``coefficients[i][j]`` multiplies the weights of ``models[i]`` in ``components[j]``; every column sums to 1, which
    is checked here. A component is a prefix of weight names, matched at dots; the longest wins and ``""`` owns what is
    left. Frozen and hashable; ``to_json`` and ``from_json`` are exact inverses. At most 2,000 models and as many
    components. Raises RecipeError.
    """

    models: tuple[str, ...]
    components: tuple[str, ...]
    coefficients: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if not self.models:
            raise RecipeError("A recipe needs at least one model.")
        for words, kind in ((self.models, "model"), (self.components, "component")):
            if len(words) > MOST_COMPONENTS:
                raise RecipeError(
                    f"{len(words):,} {kind}s are too many for a recipe; the limit is {MOST_COMPONENTS:,}."
                )
            for word in words:
                if not isinstance(word, str) or not _is_text(word) or (kind == "model" and not word):
                    raise RecipeError(f"A {kind} is called by its name, not {word!r:.60}.")
            if len(set(words)) != len(words):
                twice = sorted({w for w in words if list(words).count(w) > 1})
                raise RecipeError(f"A recipe lists each {kind} once; listed twice: {', '.join(map(repr, twice[:3]))}.")
        try:
            for prefix in self.components:
                check_prefix(prefix)
        except PrefixError as error:
            raise RecipeError(str(error)) from None
        if "" not in self.components:
            raise RecipeError('A recipe needs the component "", which owns every weight that no other one names.')
        shape = (len(self.coefficients), {len(row) for row in self.coefficients})
        if shape != (len(self.models), {len(self.components)}):
            raise RecipeError(
                f"Coefficients must be {len(self.models)} models × {len(self.components)} components, "
                f"but there are {shape[0]} rows of length {', '.join(map(str, sorted(shape[1])))}."
            )
        if not all(math.isfinite(c) for row in self.coefficients for c in row):
            raise RecipeError("Every coefficient must be a finite number.")
        for j, prefix in enumerate(self.components):
            column = [row[j] for row in self.coefficients]
            if abs(math.fsum(column) - 1) > SUM_TOLERANCE:
                numbers = " + ".join(f"{c:g}" for c in column[:20]) + (" + …" if len(column) > 20 else "")
                raise RecipeError(
                    f"Column {prefix or 'everything else'!r} must sum to 1, but {numbers} = {math.fsum(column):g}."
                )

    def column(self, prefix: str) -> dict[str, float]:
        """Coefficient of each model for the weights under ``prefix`` (any weight name or prefix)."""
        j = self.components.index(owner(prefix, self.components))
        return {model: row[j] for model, row in zip(self.models, self.coefficients, strict=True)}

    def canonical(self) -> Recipe:
        """The shortest recipe for the same weights: models sorted, no zero rows, no component that says nothing new.

        Coefficients are rounded to 10 decimals, so that different routes to the same weights meet here.
        """
        columns = {p: {m: round(c, KEY_DECIMALS) for m, c in self.column(p).items()} for p in self.components}
        keep = [""]
        for prefix in sorted(p for p in self.components if p):  # parents sort before their children
            if columns[prefix] != columns[owner(prefix, keep)]:
                keep.append(prefix)
        models = sorted(m for m in self.models if any(columns[p][m] for p in keep))
        return Recipe(tuple(models), tuple(keep), tuple(tuple(columns[p][m] + 0.0 for p in keep) for m in models))

    def to_json(self) -> str:
        """The recipe as JSON text; floats survive exactly."""
        return json.dumps(
            {"models": self.models, "components": self.components, "coefficients": self.coefficients}, indent=1
        )

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Read a recipe that ``to_json`` wrote, or a person. Raises RecipeError in one sentence."""
        try:
            facts = json.loads(text.removeprefix("\ufeff"))
        except (ValueError, RecursionError) as error:
            raise RecipeError(f"This is not a recipe: it is no JSON ({error}).") from None
        if not isinstance(facts, dict) or (lacking := [key for key in KEYS if not isinstance(facts.get(key), list)]):
            lists = ", ".join(map(json.dumps, KEYS if not isinstance(facts, dict) else lacking))
            raise RecipeError(
                f'This is not a recipe: it must be JSON with the lists "models", "components" and '
                f'"coefficients"; what lacks is {lists}.'
            )
        for row in facts["coefficients"]:
            if not isinstance(row, list) or any(isinstance(c, bool) or not isinstance(c, int | float) for c in row):
                raise RecipeError("Coefficients are lists of numbers, one list for each model.")
        try:
            rows = tuple(tuple(float(c) for c in row) for row in facts["coefficients"])
        except OverflowError:
            raise RecipeError("Every coefficient must be a finite number.") from None
        return cls(tuple(facts["models"]), tuple(facts["components"]), rows)

    def digest(self) -> str:
        """Hex SHA-256 of the canonical recipe, by model names."""
        return hashlib.sha256(self.canonical().to_json().encode()).hexdigest()


def _is_text(word: str) -> bool:
    """Whether a file can hold it: JSON knows halves of letters that are none."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def single(model: str) -> Recipe:
    """The recipe that is one model, unmixed."""
    return Recipe((model,), ("",), ((1.0,),))


def combine(recipes: Sequence[Recipe], weights: Sequence[Weight]) -> Recipe:
    """The affine combination of recipes: everything in Palette that mixes weights is this.

    ``weights`` holds one number, or one number per component, for each recipe; they must sum to 1 in every component
    (RecipeError otherwise), but need not lie in [0, 1].
    """
    if len(recipes) != len(weights) or not recipes:
        raise RecipeError(f"combine needs one weight per recipe, but got {len(recipes)} and {len(weights)}.")
    maps = [w if isinstance(w, Mapping) else {"": float(w)} for w in weights]
    if any("" not in w for w in maps):
        raise RecipeError('Weights per component need one for "", which owns every weight that no other one names.')
    components = sorted({p for r in recipes for p in r.components} | {p for w in maps for p in w})
    models = list(dict.fromkeys(m for r in recipes for m in r.models))
    total = {(m, p): 0.0 for m in models for p in components}
    for prefix in components:
        for recipe, weight in zip(recipes, maps, strict=True):
            share = weight[owner(prefix, tuple(weight))]
            for model, coefficient in recipe.column(prefix).items():
                total[model, prefix] += share * coefficient
    return Recipe(tuple(models), tuple(components), tuple(tuple(total[m, p] for p in components) for m in models))


def lerp(a: Recipe, b: Recipe, alpha: Weight) -> Recipe:
    """(1 - α)·a + α·b, the two-model case (PAINT §2, step 2); ``alpha`` may differ per component."""
    if isinstance(alpha, Mapping):
        return combine([a, b], [{p: 1 - x for p, x in alpha.items()}, alpha])
    return combine([a, b], [1 - alpha, alpha])


def override(recipe: Recipe, prefix: str, other: Recipe) -> Recipe:
    """``recipe``, but with the weights under ``prefix`` of ``other``. Raises PrefixError for no prefix."""
    check_prefix(prefix)
    return combine([recipe, other], [{"": 1.0, prefix: 0.0}, {"": 0.0, prefix: 1.0}]) if prefix else other


def unused(recipe: Recipe, names: Sequence[str]) -> list[str]:
    """The recipe's components that own none of the weights called ``names``; ``""`` may well be idle."""
    return [p for p in recipe.components if p and not any(is_under(name, p) for name in names)]
