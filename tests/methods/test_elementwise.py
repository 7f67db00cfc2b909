"""Methods number by number, against their formulas written out with plain loops."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.methods.elementwise.breadcrumbs import breadcrumbs
from core.methods.elementwise.consensus import consensus
from core.methods.elementwise.dare import dare
from core.methods.elementwise.fisher import fisher
from core.methods.elementwise.magmax import magmax
from core.methods.elementwise.threshold import kth_largest
from core.methods.elementwise.ties import ties
from core.methods.task_vectors import MethodError

NUMBERS = st.floats(-100, 100, width=32, allow_subnormal=False)
ROWS = st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(NUMBERS, min_size=6, max_size=6), min_size=n, max_size=n))


def one(row, name="w"):
    return {name: torch.tensor(row)}


def told(direction, name="w"):
    return direction[name].tolist()


@given(st.lists(st.lists(NUMBERS, min_size=1, max_size=5), min_size=1, max_size=4), st.data())
def test_the_kth_largest_is_that_of_a_sorted_list(parts, data):
    sizes = sorted((abs(x) for part in parts for x in part), reverse=True)
    k = data.draw(st.integers(1, len(sizes)))
    assert kth_largest([torch.tensor(part) for part in parts], k) == sizes[k - 1]
    assert kth_largest((torch.tensor(part) for part in parts), k) == sizes[k - 1]
    assert kth_largest([torch.tensor(part) for part in parts], len(sizes) + 1) == 0


def test_ties_by_hand():
    """The largest half of each: (4, -3), (-5, 2), (1, 6); signs elected by sums; means of those that agree."""
    first, second, third = [4.0, -3.0, 0.5, 0.1], [-5.0, 0.3, 0.2, 2.0], [1.0, 0.0, -0.5, 6.0]
    vectors = [one(first), one(second), one(third)]
    assert told(ties(vectors, keep=0.5)) == [0.0, -3.0, 0.0, 4.0]  # 4 - 5 + 1 = 0 elects no sign
    assert told(ties([vectors[0], vectors[2]], keep=0.5)) == [2.5, -3.0, 0.0, 6.0]


@given(ROWS, st.sampled_from([0.17, 0.5, 1.0]))
def test_ties_is_its_algorithm(rows, keep):
    expected = []
    limits = [sorted((abs(x) for x in row), reverse=True)[max(1, round(keep * 6)) - 1] for row in rows]
    for i in range(6):
        column = [row[i] if abs(row[i]) >= limit else 0.0 for row, limit in zip(rows, limits, strict=True)]
        whole = float(torch.tensor(column).sum())
        agree = [x for x in column if x * whole > 0]
        expected.append(sum(agree) / len(agree) if agree else 0.0)
    assert told(ties([one(row) for row in rows], keep=keep)) == pytest.approx(expected, rel=1e-5, abs=1e-30)


def test_ties_trims_the_whole_vector_not_each_tensor():
    vector = {"a": torch.tensor([9.0, 8.0]), "b": torch.tensor([1.0, 2.0])}
    found = dict(ties([vector], keep=0.5))
    assert found["a"].tolist() == [9.0, 8.0] and found["b"].tolist() == [0.0, 0.0]


def test_dare_drops_the_share_that_it_says_and_keeps_the_mean():
    vector = one([2.0] * 20000)
    found = dare([vector], drop=0.8, seed=3)["w"]
    assert sorted(found.unique().tolist()) == pytest.approx([0.0, 10.0])
    assert float((found == 0).float().mean()) == pytest.approx(0.8, abs=0.02)
    assert float(found.mean()) == pytest.approx(2.0, abs=0.2)


def test_dare_is_seeded_by_seed_and_name():
    vector = {"a": torch.ones(500), "b": torch.ones(500)}
    same, other = dare([vector], seed=1), dare([vector], seed=2)
    assert torch.equal(same["a"], dare([vector], seed=1)["a"])
    assert not torch.equal(same["a"], other["a"]) and not torch.equal(same["a"], same["b"])
    assert torch.equal(dare([vector], drop=0.0)["a"], vector["a"])


@given(ROWS)
def test_breadcrumbs_keeps_the_middle_ranks(rows):
    low, high, expected = 2 / 6 + 1e-9, 5 / 6 + 1e-9, [0.0] * 6
    for row in rows:
        ranks = sorted(abs(x) for x in row)
        for i, x in enumerate(row):
            expected[i] += x if ranks[1] < abs(x) <= ranks[4] else 0.0
    assert told(breadcrumbs([one(row) for row in rows], low=low, high=high)) == pytest.approx(expected, abs=1e-4)
    with pytest.raises(MethodError, match="must be below"):
        breadcrumbs([one(rows[0])], low=0.9, high=0.9)


@given(ROWS)
def test_magmax_takes_the_largest_magnitude(rows):
    expected = [max((row[i] for row in rows), key=lambda x: (abs(x), x)) for i in range(6)]
    assert told(magmax([one(row) for row in rows])) == expected


def test_consensus_by_hand():
    """Sums (3, 0.5, 2): claims with λ = 1 are |τ| > |Σ - τ|."""
    vectors = [one([1.5, 3.0, 2.0]), one([1.5, -2.5, 0.0])]
    assert told(consensus(vectors, claim=0.9, tasks=2)) == [3.0, 0.0, 0.0]  # 1.5 > 0.9 · 1.5; 2.5 < 0.9 · 3; 0 never
    assert told(consensus(vectors, claim=0.9, tasks=1)) == [3.0, 0.5, 2.0]
    assert told(consensus(vectors[:1], claim=0.9, tasks=2)) == [1.5, 3.0, 2.0]


@given(ROWS, st.floats(0.1, 2))
def test_consensus_counts_claims(rows, claim):
    stack = torch.tensor(rows)
    whole = stack.sum(0)
    claims = sum((row.abs() > claim * (whole - row).abs()).int() for row in stack)
    expected = whole * (claims >= min(2, len(rows)))
    torch.testing.assert_close(consensus([one(row) for row in rows], claim=claim)["w"], expected, atol=1e-4, rtol=1e-5)


def test_fisher_weighs_by_information():
    vectors, minds = [one([1.0, 2.0, 3.0]), one([5.0, 4.0, 1.0])], [one([3.0, 0.0, 0.0]), one([1.0, 1.0, 0.0])]
    assert told(fisher(vectors, statistics=minds, floor=0.0))[:2] == pytest.approx([2.0, 4.0])
    found = told(fisher(vectors, statistics=minds, floor=1e-3))
    assert found == pytest.approx([2.0, 4.0, 2.0], abs=5e-3)  # nobody minds the third: averaged
    assert told(fisher(vectors, statistics=[{}, {}])) == [3.0, 3.0, 2.0]
    with pytest.raises(MethodError, match="every model"):
        fisher(vectors, statistics=minds[:1])


def test_fisher_where_nobody_minds_and_nothing_is_added_is_an_average():
    vectors, minds = [one([1.0, 2.0]), one([3.0, 4.0])], [one([2.0, 0.0]), one([2.0, 0.0])]
    assert told(fisher(vectors, statistics=minds, floor=0.0)) == pytest.approx([2.0, 3.0])
