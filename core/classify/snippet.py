"""A few lines of Python that classify the same pictures in the same way, to copy into a script or a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pprint import pformat

from core.recipes import Recipe
from core.workspace import CACHE, Lab


def snippet(
    lab: Lab,
    recipes: Mapping[str, Recipe],
    paths: Sequence[str],
    names: Sequence[str],
    templates: Sequence[str],
    top: int,
) -> str:
    """Python source that runs in a checkout of Palette; ``paths`` are pictures, zips or folders."""
    where = "" if lab.folder.parent == CACHE else f", cache={str(lab.folder.parent)!r}"
    models = "".join(f"    {title!r}: {_source(recipe)},\n" for title, recipe in recipes.items())
    return f"""from core.classify import classify
from core.workspace import Lab
from core.recipes import Recipe

lab = Lab({lab.name!r}{where})
recipes = {{  # models, components, coefficients
{models}}}
class_names = {_listed(names)}
templates = {_listed(templates)}
pictures = {_listed(paths)}

result = classify(lab, recipes, pictures, class_names, templates, top={top})
print(result.to_csv())
"""


def _source(recipe: Recipe) -> str:
    short = recipe.canonical()
    return f"Recipe({short.models!r}, {short.components!r}, {short.coefficients!r})"


def _listed(texts: Sequence[str]) -> str:
    return pformat(list(texts), width=110, compact=True)
