"""Each strategy against the paper's loop on raw weights: models are points, accuracy falls with distance."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import PaletteError
from core.metrics import backward_transfer, combined_accuracy, forgetting
from core.recipes.paint import GRID
from core.recipes.recipe import combine, single
from core.recipes.search import Trial, maximise
from core.recipes.strategies import exhaustive, mixed, orders, searched, sequential, shared

ZS = np.array([0.0, 0.0])
BEST = {"a": np.array([4.0, 0.0]), "b": np.array([0.0, 3.0]), "c": np.array([2.0, 2.0])}
SUPPORTED = np.array([0.3, 0.2])


def accuracy(theta, best):
    return 1 / (1 + ((theta - best) ** 2).sum())


def combined(theta, tasks):
    return combined_accuracy([accuracy(theta, BEST[t]) for t in tasks], [accuracy(theta, SUPPORTED)])


class Toy:
    """A zoo of points; fine-tuning goes nine tenths of the way to where a task is best."""

    def __init__(self):
        self.points, self.starts = {"zs": ZS}, {}

    def theta(self, recipe):
        return sum(c * self.points[m] for m, c in recipe.column("").items())

    def tune(self, task, start):
        name = f"{task}-{len(self.points)}"
        self.points[name] = fine_tune(self.theta(start), task)
        self.starts[name] = start
        return single(name)

    def score(self, recipe, seen=tuple(BEST)):
        return combined(self.theta(recipe), seen)


def fine_tune(theta, task):
    return theta + 0.9 * (BEST[task] - theta)


@pytest.mark.parametrize("order", orders("abc", 3))
@pytest.mark.parametrize("interpolate", [True, False])
def test_sequential_is_the_papers_loop(order, interpolate):
    """PAINT §2: for each task fine-tune θ_zs, choose α on the supported task and those seen, let θ_zs ← θ_patch."""
    theta_zs, chosen, points = ZS, [], [ZS]
    for k in range(len(order)):
        theta_ft = fine_tune(theta_zs, order[k])
        alpha = (
            max(GRID, key=lambda a: combined((1 - a) * theta_zs + a * theta_ft, order[: k + 1])) if interpolate else 1
        )
        theta_zs = (1 - alpha) * theta_zs + alpha * theta_ft
        chosen.append(alpha)
        points.append(theta_zs)
    toy = Toy()
    recipe, stages = sequential(single("zs"), order, toy.tune, toy.score, interpolate=interpolate)
    assert [s.alpha for s in stages] == chosen and [s.task for s in stages] == list(order)
    assert np.allclose([toy.theta(s.recipe) for s in stages], points[1:])
    assert np.allclose(toy.theta(recipe), theta_zs) and stages[-1].recipe == recipe
    assert [toy.starts[s.tuned.models[0]] for s in stages] == [single("zs"), *(s.recipe for s in stages[:-1])]
    assert all(len(s.steps) == (21 if interpolate else 1) for s in stages)


def test_a_later_task_has_no_say_in_an_earlier_alpha():
    asked = []

    def score(recipe, seen):
        asked.append(seen)
        return 0.5

    sequential(single("zs"), ["c", "a", "b"], Toy().tune, score, alphas=(0.0, 1.0))
    assert asked == [("c",)] * 2 + [("c", "a")] * 2 + [("c", "a", "b")] * 2


def test_interpolation_forgets_less_on_the_toy():
    found = {}
    for interpolate in (True, False):
        toy, order = Toy(), ["a", "b", "c"]
        _, stages = sequential(single("zs"), order, toy.tune, toy.score, interpolate=interpolate)
        thetas = [ZS, *(toy.theta(s.recipe) for s in stages)]
        found[interpolate] = forgetting([{t: accuracy(x, BEST[t]) for t in BEST} for x in thetas], order)
    assert found[True] < found[False]


def tuned_in_parallel():
    toy = Toy()
    return toy, [toy.tune(task, single("zs")) for task in BEST]


def test_one_shared_alpha_is_the_papers_line_to_the_average():
    """PAINT §5: α from θ_zs to 1/k Σ θ_ft^(i)."""
    toy, tuned = tuned_in_parallel()
    average = sum(fine_tune(ZS, t) for t in BEST) / 3
    best = max(GRID, key=lambda a: combined((1 - a) * ZS + a * average, tuple(BEST)))
    recipe, steps = shared(single("zs"), tuned, toy.score)
    assert np.allclose(toy.theta(recipe), (1 - best) * ZS + best * average) and len(steps) == 21


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_mixed_is_the_papers_formula(alphas):
    """PAINT §2: (1 - Σ α_i)·θ_zs + Σ α_i·θ_ft^(i)."""
    toy, tuned = tuned_in_parallel()
    written = (1 - sum(alphas)) * ZS + sum(a * fine_tune(ZS, t) for a, t in zip(alphas, BEST, strict=True))
    assert np.allclose(toy.theta(mixed(single("zs"), tuned, tuple(alphas))), written, atol=1e-5)


def test_every_mix_is_tried_and_the_best_one_taken():
    toy, tuned = tuned_in_parallel()
    grid = (0.0, 0.25, 0.5, 0.75, 1.0)
    ends = [fine_tune(ZS, t) for t in BEST]
    scores = {
        v: combined((1 - sum(v)) * ZS + sum(a * e for a, e in zip(v, ends, strict=True)), tuple(BEST))
        for v in product(grid, repeat=3)
    }
    recipe, steps = exhaustive(single("zs"), tuned, toy.score, grid)
    assert len(steps) == 125 and toy.score(recipe) == pytest.approx(max(scores.values()))
    assert [s.score for s in steps] == pytest.approx(list(scores.values()))
    with pytest.raises(PaletteError, match=r"4 tasks at 21 values each would be 194,481 mixes"):
        exhaustive(single("zs"), [*tuned, single("d")], toy.score)


def test_of_equal_mixes_the_smallest_is_taken():
    recipe, _ = exhaustive(single("zs"), [single("a"), single("b")], lambda _: 0.5)
    assert recipe.column("")["zs"] == 1


def test_a_scripted_optimiser_decides_what_is_tried_and_the_best_wins():
    toy, tuned = tuned_in_parallel()
    script = [(0.1, 0.2, 0.3), (0.2, 0.4, 0.1), (0.9, 0.9, 0.9)]

    def search(objective, start):
        return [Trial(x, *objective(x)) for x in [start, *script]]

    recipe, steps = searched(single("zs"), tuned, toy.score, search, (0.1, 0.1, 0.1))
    ends = [fine_tune(ZS, t) for t in BEST]
    thetas = [(1 - sum(v)) * ZS + sum(a * e for a, e in zip(v, ends, strict=True)) for v in [(0.1, 0.1, 0.1), *script]]
    expected = [combined(theta, tuple(BEST)) for theta in thetas]
    assert [s.score for s in steps] == pytest.approx(expected)
    assert np.allclose(toy.theta(recipe), thetas[int(np.argmax(expected))])
    assert steps[1].note == "α = 0.1, 0.2, 0.3"


def test_a_tie_is_broken_by_the_tie_break_then_by_order_and_steps_hold_plain_scores():
    def search(objective, start):
        return [Trial(x, *objective(x)) for x in [start, (0.5,), (0.7,)]]

    base, tuned = single("zs"), [single("a")]
    recipe, steps = searched(base, tuned, lambda _: 0.5, search, (0.2,))
    assert recipe.column("")["a"] == 0.2 and {s.score for s in steps} == {0.5}
    recipe, _ = searched(base, tuned, lambda _: 0.5, search, (0.2,), tie=lambda r: r.column("")["a"])
    assert recipe.column("")["a"] == 0.7


@pytest.mark.parametrize("optimiser", ["Cobyla", "CMA", "OnePlusOne"])
def test_a_real_search_from_the_shared_line_is_never_worse_and_at_most_the_headroom_off(optimiser):
    toy, tuned = tuned_in_parallel()
    line, _ = shared(single("zs"), tuned, toy.score)
    start = tuple(line.column("").get(t.models[0], 0.0) for t in tuned)

    def search(objective, start):
        return maximise(objective, start, 120, optimiser).trials

    recipe, _ = searched(single("zs"), tuned, toy.score, search, start)
    every, _ = exhaustive(single("zs"), tuned, toy.score, GRID[::2])
    assert toy.score(recipe) >= toy.score(line) - 1e-4
    assert toy.score(recipe) > toy.score(every) - 0.05


def test_orders_are_seeded_different_and_blind_to_how_tasks_are_listed():
    found = orders("abcd", 3)
    assert len(set(found)) == 3 and found == orders("dcba", 3) and found != orders("abcd", 3, seed=1)
    assert found == orders("abcd", 5)[:3]
    assert orders("cab", 0, seed=5) == [("c", "a", "b")]
    assert sorted(orders("ab", 9)) == [("a", "b"), ("b", "a")]


def test_a_task_named_twice_is_refused():
    for call in (lambda: orders("aba", 2), lambda: sequential(single("zs"), "aa", Toy().tune, Toy().score)):
        with pytest.raises(PaletteError, match="named twice: a"):
            call()


def test_forgetting_and_backward_transfer_by_hand():
    timeline = [{"a": 0.1, "b": 0.2, "c": 0.3}, {"a": 0.9, "b": 0.3, "c": 0.2}, {"a": 0.6, "b": 0.8, "c": 0.1}]
    timeline.append({"a": 0.5, "b": 0.9, "c": 0.7})
    assert backward_transfer(timeline, "abc") == pytest.approx(((0.5 - 0.9) + (0.9 - 0.8)) / 2)
    assert forgetting(timeline, "abc") == pytest.approx(((0.9 - 0.5) + (0.8 - 0.9)) / 2)
    assert forgetting(timeline[:2], "a") == backward_transfer(timeline[:2], "a") == 0
    with pytest.raises(ValueError, match="before the first task"):
        forgetting(timeline[1:], "abc")


@given(st.lists(st.floats(0, 1), min_size=9, max_size=9))
def test_forgetting_is_at_least_what_was_lost_since_learning_on_balance(numbers):
    """The best accuracy so far is never below that when just learnt: forgetting ≥ -(backward transfer)."""
    rows = [dict(zip("abc", numbers[i : i + 3], strict=True)) for i in (0, 3, 6)]
    timeline = [dict.fromkeys("abc", 0.0), *rows]
    assert forgetting(timeline, "abc") >= -backward_transfer(timeline, "abc") - 1e-12


@given(s=st.floats(-3, 3, allow_nan=False), t=st.floats(-3, 3, allow_nan=False))
def test_task_vectors_add_in_any_order_and_a_negated_one_takes_itself_away(s, t):
    base, a, b = (single(name) for name in ("base", "a", "b"))
    assert mixed(base, [a, b], [s, t]).canonical() == mixed(base, [b, a], [t, s]).canonical()
    twice = combine([mixed(base, [a], [s]), mixed(base, [a], [-s])], [0.5, 0.5])
    assert twice.canonical() == base
