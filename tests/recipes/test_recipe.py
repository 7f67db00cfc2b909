from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.recipes.components import PrefixError
from core.recipes.recipe import Recipe, RecipeError, combine, lerp, override, single, unused

A, B, C = single("a"), single("b"), single("c")
numbers = st.floats(-2, 3, allow_nan=False).map(lambda x: round(x, 6))
prefixes = st.sampled_from(["", "visual", "visual.layer1", "visual.layer1.0", "visual.layer2", "head"])


@st.composite
def recipes(draw):
    components = [""] + [p for p in draw(st.lists(prefixes, unique=True)) if p]
    models = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True))
    rows = [[draw(numbers) for _ in components] for _ in models[1:]]
    first = [1 - math.fsum(row[j] for row in rows) for j in range(len(components))]
    return Recipe(tuple(models), tuple(components), tuple(map(tuple, [first, *rows])))


def close(x: Recipe, y: Recipe) -> bool:
    names = set(x.models) | set(y.models)
    return all(
        abs(x.column(p).get(m, 0) - y.column(p).get(m, 0)) < 1e-9 for p in x.components + y.components for m in names
    )


@given(recipes())
def test_json_is_exact(recipe):
    assert Recipe.from_json(recipe.to_json()) == recipe


@given(recipes(), recipes(), numbers)
def test_columns_of_any_mix_sum_to_one(x, y, alpha):
    mixed = lerp(x, y, alpha)
    for p in mixed.components:
        assert math.isclose(math.fsum(mixed.column(p).values()), 1, abs_tol=1e-6)


@given(recipes(), recipes())
def test_the_ends_of_a_lerp_are_the_recipes(x, y):
    assert close(lerp(x, y, 0), x) and close(lerp(x, y, 1), y)


@given(recipes(), recipes(), recipes(), numbers, numbers)
def test_mixing_is_associative(x, y, z, a, b):
    assert close(lerp(lerp(x, y, a), z, b), combine([x, y, z], [(1 - b) * (1 - a), (1 - b) * a, b]))


@given(recipes())
def test_canonical_is_the_same_weights_and_final(recipe):
    short = recipe.canonical()
    assert short.canonical() == short
    assert close(short, recipe)


def test_different_routes_to_the_same_weights_meet():
    there = lerp(lerp(A, B, 0.5), C, {"": 0.5, "visual": 0.5})
    assert there.digest() == combine([C, B, A], [0.5, 0.25, 0.25]).digest()


def test_a_weight_per_component():
    mixed = lerp(A, B, {"": 0.25, "visual.layer1": 1.0})
    assert mixed.column("visual.layer1.0.conv1.weight") == {"a": 0.0, "b": 1.0}
    assert mixed.column("visual.layer10.0") == {"a": 0.75, "b": 0.25}


def test_sequential_is_a_fold_and_parallel_a_combination():
    alphas = [0.3, 0.6]
    recipe = A
    for tuned, alpha in zip([B, C], alphas, strict=True):
        recipe = lerp(recipe, tuned, alpha)
    assert close(recipe, combine([A, B, C], [0.7 * 0.4, 0.3 * 0.4, 0.6]))
    assert combine([A, B, C], [1 - sum(alphas), *alphas]).column("")["a"] == pytest.approx(0.1)


def test_a_task_vector_can_be_negated():
    assert lerp(A, B, -0.5).column("") == {"a": 1.5, "b": -0.5}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"models": ["a", "b"], "components": [""], "coefficients": [[0.5], [0.6]]}', "0.5 + 0.6 = 1.1"),
        ('{"models": ["a"], "components": ["visual"], "coefficients": [[1]]}', 'needs the component ""'),
        ('{"models": ["a", "a"], "components": [""], "coefficients": [[0.5], [0.5]]}', "listed twice: 'a'"),
        ('{"models": ["a"], "components": [""], "coefficients": [[NaN]]}', "finite"),
        ('{"models": ["a", "b"], "components": [""], "coefficients": [[1]]}', "2 models × 1 components"),
        ('{"models": ["a"], "components": ["", ".visual"], "coefficients": [[1, 1]]}', "prefix of weight names"),
        ('{"models": [], "components": [""], "coefficients": []}', "at least one model"),
        ('{"models": "a"}', "not a recipe"),
        ("[1, 2]", "not a recipe"),
        ("nonsense", "not a recipe"),
        ("[" * 100_000, "not a recipe"),
        ('{"models": ["a"], "components": [""], "coefficients": [[1' + "0" * 400 + "]]}", "finite"),
        ('{"models": ["a"], "components": [""], "coefficients": [["1"]]}', "lists of numbers"),
        ('{"models": ["a"], "components": [""], "coefficients": [[true]]}', "lists of numbers"),
        ('{"models": ["a"], "components": [""], "coefficients": "1"}', 'what lacks is "coefficients"'),
        ('{"models": ["a"], "components": ["", "\\ud800"], "coefficients": [[1, 1]]}', "is called by its name"),
        ('{"models": [1], "components": [""], "coefficients": [[1]]}', "A model is called by its name, not 1"),
        ('{"models": ["a"], "components": [""], "coefficients": [[]]}', "1 models × 1 components"),
        (json.dumps({"models": ["a"], "components": ["", *map(str, range(2000))], "coefficients": []}), "too many"),
    ],
)
def test_bad_recipes_are_refused_in_one_sentence(text, complaint):
    with pytest.raises(RecipeError, match=complaint.replace("+", r"\+")) as error:
        Recipe.from_json(text)
    assert "\n" not in str(error.value)


@given(alpha=st.floats(0, 1))
def test_an_override_changes_its_component_and_nothing_else(alpha):
    base, a, b = (single(name) for name in ("base", "a", "b"))
    before = lerp(base, a, {"": alpha, "visual.layer1": 0.5, "visual.layer1.0": 0.25})
    after = override(before, "visual.layer1", b)
    for name in ("visual.layer1.conv", "visual.layer1.0.conv"):
        assert {m: c for m, c in after.column(name).items() if c} == {"b": 1.0}
    for name in ("visual.conv1", "visual.layer10.0"):
        assert {m: c for m, c in after.column(name).items() if c} == {m: c for m, c in before.column(name).items() if c}
    assert override(before, "", b) == b
    with pytest.raises(PrefixError):
        override(before, ".visual", b)


def test_components_that_own_nothing_are_named():
    recipe = override(A, "visual.layer9", B)
    assert unused(recipe, ["visual.layer1.0.conv", "visual.layer90.conv"]) == ["visual.layer9"]
