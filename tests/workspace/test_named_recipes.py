from __future__ import annotations

import pytest

from core import PaletteError
from core.recipes.recipe import combine, lerp, single
from core.workspace import named_recipes
from core.workspace.history import History


def test_every_way_of_naming_a_mix(tiny_lab):
    half = lerp(tiny_lab.base, single("noisy"), 0.5)
    kept = History(tiny_lab.folder).remember(half, "half of it")
    assert named_recipes.read(tiny_lab, " noisy@0.5 ") == named_recipes.Mix("noisy@0.5", half, "noisy at α = 0.5")
    assert named_recipes.read(tiny_lab, kept.key) == named_recipes.Mix(kept.key, half, "half of it")
    assert named_recipes.read(tiny_lab, half.to_json()).word == kept.key
    assert named_recipes.read(tiny_lab, "noisy").recipe == single("noisy")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Name a mix"),
        ("nobody", "no checkpoint 'nobody'"),
        ("noisy@2", "α"),
        ("noisy@", "not a number"),
        ("../noisy", "cannot be a name"),
        ("/etc/passwd", "cannot be a name"),
        ("recipe.json", "no checkpoint 'recipe.json'"),
        ("0123456789abcdef", "is kept here"),
        ("{", "not a recipe"),
        ('{"models": ["nobody"], "components": [""], "coefficients": [[1]]}', "no checkpoint 'nobody'"),
        ('{"models": ["../x"], "components": [""], "coefficients": [[1]]}', "cannot be a name"),
        ('{"models": ["noisy"], "components": [""], "coefficients": [[0.9]]}', "must sum to 1"),
        ("{" + " " * named_recipes.LONGEST + "}", "too long"),
        ("noisy\x00", "cannot be a name"),
    ],
)
def test_nonsense_is_one_sentence_and_nothing_is_kept(tiny_lab, text, complaint):
    with pytest.raises(PaletteError, match=complaint):
        named_recipes.read(tiny_lab, text)
    assert History(tiny_lab.folder).entries() == []


def test_titles_say_what_it_is():
    base, a, b = (single(n) for n in ("base", "a", "b"))
    assert named_recipes.title_of(lerp(base, a, 0.25)) == "a at α = 0.25"
    assert named_recipes.title_of(lerp(base, a, 1)) == "a"
    assert named_recipes.title_of(combine([base, a, b], [-1, 1, 1])) == "a mix of a, b and base"
