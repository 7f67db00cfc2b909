from __future__ import annotations

import pytest

from core.recipes.recipe import lerp, single
from core.workspace.distance import distances


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
