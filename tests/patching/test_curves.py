"""A curve over α: what is chosen on val, what stands on test, and how much one α for all tasks loses."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from core.metrics import accuracy_of
from core.patching.curves import Curve, Point, known_curve
from core.recipes import single

ALPHAS = (0.0, 0.4, 0.7, 1.0)
VAL = {"new": (10, 60, 80, 90), "old": (90, 89, 80, 40)}  # of 100 pictures, right
TEST = {"new": (12, 58, 81, 88), "old": (92, 90, 78, 42)}


def points(right: dict[str, tuple[int, ...]]) -> tuple[Point, ...]:
    accuracies = [{t: accuracy_of(np.arange(100) < n[i]) for t, n in right.items()} for i in range(len(ALPHAS))]
    return tuple(
        Point(alpha, single("base"), each, (each["new"].value + each["old"].value) / 2)
        for alpha, each in zip(ALPHAS, accuracies, strict=True)
    )


@pytest.fixture
def curve() -> Curve:
    lab = SimpleNamespace(trained_on=lambda name: [name])
    return Curve(lab, "new", ("old",), points(VAL), points(TEST))


def test_alpha_is_chosen_on_val_and_shown_on_test(curve):
    assert curve.alphas == ALPHAS and curve.chosen == 0.7
    assert curve.at(curve.chosen).accuracies["new"].value == pytest.approx(0.81)
    assert curve.patching_mean(curve.at(0.4)).value == pytest.approx(0.58)
    assert curve.supported_mean(curve.at(0.4)).value == pytest.approx(0.90)


@pytest.mark.parametrize(("loss", "alpha"), [(0.0, 0.0), (0.01, 0.4), (0.1, 0.7), (1.0, 1.0)])
def test_the_most_patch_for_a_cost_is_looked_up_on_val(curve, loss, alpha):
    assert curve.chosen_within(loss) == alpha


def test_the_nearest_alpha_is_one_that_is_there(curve):
    assert [curve.nearest(a) for a in (0.0, 0.19, 0.6, 0.99)] == [0.0, 0.0, 0.7, 1.0]


def test_one_alpha_for_all_loses_what_the_best_of_each_would_have(curve):
    best_of_each, best_together = (0.92 + 0.88) / 2, (0.81 + 0.78) / 2
    assert curve.distance_to_optimal == pytest.approx(best_of_each - best_together)


def test_there_is_no_curve_of_a_patch_that_is_not_here():
    assert known_curve(SimpleNamespace(zoo={}), "new", ["old"]) is None
