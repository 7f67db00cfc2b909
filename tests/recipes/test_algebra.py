from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.recipes.algebra import average, override, unused
from core.recipes.components import PrefixError
from core.recipes.recipe import RecipeError, combine, lerp, single
from core.recipes.strategies import mixed
from core.workspace.distance import distances

MODELS = [single(name) for name in ("base", "a", "b")]
scales = st.floats(-3, 3, allow_nan=False)


@given(s=scales, t=scales)
def test_task_vectors_add_in_any_order_and_a_negated_one_takes_itself_away(s, t):
    base, a, b = MODELS
    assert mixed(base, [a, b], [s, t]).canonical() == mixed(base, [b, a], [t, s]).canonical()
    twice = combine([mixed(base, [a], [s]), mixed(base, [a], [-s])], [0.5, 0.5])
    assert twice.canonical() == base


def test_an_average_counts_each_once():
    assert average(MODELS).column("") == pytest.approx({"base": 1 / 3, "a": 1 / 3, "b": 1 / 3})
    with pytest.raises(RecipeError):
        average([])


@given(alpha=st.floats(0, 1))
def test_an_override_changes_its_component_and_nothing_else(alpha):
    base, a, b = MODELS
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
    recipe = override(MODELS[0], "visual.layer9", MODELS[1])
    assert unused(recipe, ["visual.layer1.0.conv", "visual.layer90.conv"]) == ["visual.layer9"]


def test_distances_are_those_of_the_merged_weights(tiny_lab):
    a, b = (
        lerp(tiny_lab.base, single("noisy"), 0.25),
        lerp(tiny_lab.base, single("noisy"), {"": 0.25, "visual.layer3": 1}),
    )
    found = distances(tiny_lab, a, b)
    x, y = tiny_lab.encoder(), tiny_lab.encoder()
    tiny_lab.load(a, x), tiny_lab.load(b, y)
    v, w = ({n: t.detach().double() for n, t in e.weights.items()} for e in (x, y))
    mine = [n for n, t in x.weights.items() if n.startswith("visual.layer3.0.") and t.is_floating_point()]
    squared = sum(float((v[n] - w[n]).square().sum()) for n in mine)
    whole = sum(float(v[n].square().sum()) for n in mine)
    assert found["visual.layer3.0"].relative == pytest.approx((squared / whole) ** 0.5, rel=1e-5)
    assert found["visual.layer3.0"].numbers == sum(x.weights[n].numel() for n in mine)
    assert {p: d.relative for p, d in found.items() if d.relative} == {
        "visual.layer3.0": found["visual.layer3.0"].relative
    }
    assert distances(tiny_lab, a, b) == found
