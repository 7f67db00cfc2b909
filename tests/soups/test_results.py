from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.metrics import paired
from core.recipes.recipe import single
from core.soups.published import PUBLISHED_COLUMNS, published
from core.soups.results import (
    Answered,
    PoolResults,
    SoupOutcome,
    SoupRow,
    marks,
    outcome_facts,
    read_results,
    row_facts,
)


def answered(right: int, n: int = 40) -> Answered:
    return Answered.of(np.arange(n) < right)


def row(name: str, test: int, shifts: tuple[int, ...] = (), passes: int = 1, kind: str = "manifold") -> SoupRow:
    rest = {f"shift{i}": answered(r) for i, r in enumerate(shifts)}
    return SoupRow(name, kind, single("m") if passes == 1 else None, answered(test), answered(test), rest, (), passes)


@given(st.lists(st.booleans(), min_size=1, max_size=70))
def test_answers_survive_as_bits(right):
    kept = Answered.of(np.array(right))
    assert kept.right.tolist() == right and kept.accuracy.value == sum(right) / len(right)


def test_average_ood_is_the_mean_of_the_shifts_and_its_interval_is_narrower():
    found = row("a", 30, (10, 20, 30))
    assert found.ood.value == pytest.approx((10 + 20 + 30) / 120) and found.ood.n == 120
    widths = [a.accuracy.high - a.accuracy.low for a in found.shifts.values()]
    assert found.ood.high - found.ood.low < min(widths)
    assert row("b", 30).ood is None


def test_rows_are_tested_on_the_same_pictures():
    a, b = row("a", 30, (10, 20)), row("b", 26, (16, 20))
    found = b.against(a)
    assert found["test"] == paired(a.test.right, b.test.right)
    assert (found["test"].fixed, found["test"].broken) == (0, 4)
    assert found["shift0"].fixed == 6 and found["ood"].n == 80 and found["ood"].fixed == 6


def test_marks_are_the_papers_and_leave_ensembles_out():
    rows = [row("a", 30), row("b", 32), row("c", 30), row("d", 20), row("both", 39, passes=2)]
    assert marks(rows, "test") == {"b": "best", "a": "second", "c": "second"}
    assert marks(rows, "ood") == {} and marks([row("a", 3, (5,)), row("b", 2, (6,))], "shift0")["b"] == "best"


def test_a_pools_folder_is_read_back_with_names_told_apart(tmp_path):
    alone = [row(name, test, (test,), kind="individual") for name, test in (("x", 20), ("y", 30), ("z", 25))]
    facts = {"task": "t", "individuals": [row_facts(r) for r in alone]}
    (tmp_path / "pool.json").write_text(json.dumps(facts))
    for i in range(2):
        outcome = SoupOutcome({"method": "manifold"}, row("same", 33 + i, (3,)), ({"verdict": "kept"},), ("a",))
        (tmp_path / f"{i}.json").write_text(json.dumps(outcome_facts(outcome)))
    found = read_results(tmp_path)
    assert [r.name for r in found.individuals] == ["y", "z", "x"]
    names = [r.name for r in found.rows()]
    assert names[:2] == ["Best individual model", "Second-best individual model"] and sorted(names[2:]) == [
        "same",
        "same · 2",
    ]
    assert found.rows()[0].note == "y"
    assert read_results(tmp_path / "nothing") is None
    assert PoolResults({}, ()).rows() == []


def test_the_published_table_adds_up_with_its_columns_put_right():
    rows = dict(published())
    for name, numbers in rows.items():
        if None not in numbers:
            assert sum(numbers[1:6]) / 5 == pytest.approx(numbers[6], abs=0.02), name
    best = dict(zip(PUBLISHED_COLUMNS, rows["Best finetuned model"], strict=True))
    assert best["IN-R"] == 60.63 and best["IN-Sketch"] == 44.51
    assert all(r[2] > r[3] for r in rows.values() if r[2] is not None)
