from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from core import metrics


@given(st.integers(1, 3000), st.data())
def test_the_interval_is_scipys(n, data):
    k = data.draw(st.integers(0, n))
    expected = binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert metrics.wilson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_paired_test_is_scipys_binomial_on_the_flips(fixed, broken):
    first = np.array([False] * fixed + [True] * broken + [True])
    second = np.array([True] * fixed + [False] * broken + [True])
    expected = binomtest(fixed, fixed + broken, 0.5).pvalue if fixed + broken else 1.0
    assert metrics.paired(first, second).p == pytest.approx(expected, abs=1e-9)


@given(st.integers(1, 500), st.data())
def test_the_interval_holds_the_value_and_stays_in_range(n, data):
    k = data.draw(st.integers(0, n))
    low, high = metrics.wilson(k, n)
    assert 0 <= low <= k / n + 1e-12 and k / n - 1e-12 <= high <= 1


def test_accuracy_and_flips():
    logits = np.array([[2, 1], [0, 1], [3, 0], [1, 0]], dtype=np.float16)
    labels = np.array([0, 1, 1, 0])
    found = metrics.accuracy(logits, labels)
    assert (found.value, found.n) == (0.75, 4)
    before, after = metrics.correct(logits, labels), np.array([True, True, True, False])
    test = metrics.paired(before, after)
    assert (test.fixed, test.broken, test.difference) == (1, 1, 0.0) and test.within_noise


def test_mcnemar_is_the_exact_binomial_on_the_flips():
    before = np.array([False] * 8 + [True] * 1 + [True] * 91)
    after = np.array([True] * 8 + [False] * 1 + [True] * 91)
    assert metrics.paired(before, after).p == pytest.approx(2 * (1 + 9) / 2**9)
    assert metrics.paired(before, before).p == 1.0


def test_no_pictures_is_an_error_not_a_nan():
    with pytest.raises(ValueError, match="at least one"):
        metrics.accuracy_of(np.array([], dtype=bool))


def test_calibration_error_of_a_model_that_is_always_sure_and_half_right():
    sure, right = np.ones(4), np.array([True, True, False, False])
    assert metrics.expected_calibration_error(sure, right) == pytest.approx(0.5)
    assert metrics.expected_calibration_error(np.full(4, 0.5), right) == pytest.approx(0)


def test_per_class_accuracy_says_none_for_a_class_without_pictures():
    found = metrics.per_class(np.array([True, False, True]), np.array([0, 0, 2]), 3)
    assert found[0].value == 0.5 and found[1] is None and found[2].n == 1


def test_probabilities_survive_large_logits():
    p = metrics.probabilities(np.array([[1000.0, 0.0]], dtype=np.float32))
    assert p.sum() == pytest.approx(1) and np.isfinite(metrics.cross_entropy(np.array([[1000.0, 0.0]]), np.array([0])))


def test_combined_accuracy_of_equal_tasks_has_the_interval_of_their_parts():
    """One task on each side: half the sum, and half the root of the summed squares of the distances."""
    a, b = metrics.accuracy_of(np.arange(100) < 80), metrics.accuracy_of(np.arange(50) < 10)
    found = metrics.combined([a], [b])
    assert found.value == pytest.approx((0.8 + 0.2) / 2) and found.n == 150
    assert found.value - found.low == pytest.approx(np.hypot(0.8 - a.low, 0.2 - b.low) / 2)
    assert found.high - found.value == pytest.approx(np.hypot(a.high - 0.8, b.high - 0.2) / 2)


def test_the_combined_interval_holds_the_truth_about_95_times_in_100():
    rng, truth, hits = np.random.default_rng(0), (0.9, 0.6, 0.97), 0
    for _ in range(400):
        drawn = [metrics.accuracy_of(rng.random(200) < p) for p in truth]
        found = metrics.combined(drawn[:2], drawn[2:])
        hits += found.low <= ((0.9 + 0.6) / 2 + 0.97) / 2 <= found.high
    assert 0.92 <= hits / 400 <= 0.98


def test_the_paired_difference_of_combined_accuracies():
    """Against the formula written out for one patching task and two supported ones of different sizes."""
    rng = np.random.default_rng(3)
    sides = [[400], [100, 900]]
    first = [[rng.random(n) < 0.6 for n in side] for side in sides]
    second = [[a | (rng.random(len(a)) < 0.2) for a in side] for side in first]
    d = [
        second[i][j].astype(float) - first[i][j].astype(float) for i, side in enumerate(sides) for j in range(len(side))
    ]
    value = 0.5 * d[0].mean() + 0.25 * d[1].mean() + 0.25 * d[2].mean()
    error = sum(w**2 * x.var(ddof=1) / len(x) for w, x in zip((0.5, 0.25, 0.25), d, strict=True)) ** 0.5
    found = metrics.combined_difference(first, second)
    assert found.value == pytest.approx(value) and found.p < 1e-6 and not found.within_noise
    assert (found.low, found.high) == (pytest.approx(value - 1.959964 * error), pytest.approx(value + 1.959964 * error))
    same = metrics.combined_difference(first, first)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1) and same.within_noise


def test_the_mean_of_accuracies_is_narrower_than_each():
    each = [metrics.Accuracy(k / 100, *metrics.wilson(k, 100), 100) for k in (40, 60, 80)]
    found = metrics.mean(each)
    assert found.value == pytest.approx(0.6) and found.n == 300 and metrics.mean(each[:1]) == each[0]
    assert each[1].low < found.low < 0.6 < found.high < each[1].high
