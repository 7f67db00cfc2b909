from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import PaletteError
from core.metrics import accuracy_distance_to_optimal, combined_accuracy
from core.recipes.paint import GRID, choose_alpha, choose_within, grid, paint
from core.recipes.recipe import single


def test_the_grid_has_21_points_from_base_to_tuned():
    assert len(GRID) == 21 and GRID[0] == 0 and GRID[-1] == 1 and GRID[7] == 0.35


def test_paint_against_the_papers_loop_on_raw_weights():
    """PAINT §2 with one weight: accuracies peak at different places; the best mean wins."""
    zs, ft = 1.0, 5.0

    def patching(theta):
        return 1 - abs(theta - 4) / 8

    def supported(theta):
        return 1 - abs(theta - 1) / 4

    def score(recipe):
        theta = recipe.column("").get("zs", 0) * zs + recipe.column("").get("ft", 0) * ft
        return combined_accuracy([patching(theta)], [supported(theta)])

    best, best_alpha = -1.0, None
    for alpha in GRID:  # the paper's loop
        theta_patch = (1 - alpha) * zs + alpha * ft
        accuracy = (supported(theta_patch) + patching(theta_patch)) / 2
        if accuracy > best:
            best, best_alpha = accuracy, alpha
    recipe, steps = paint(single("zs"), single("ft"), score)
    assert recipe.column("").get("ft", 0.0) == pytest.approx(best_alpha)
    assert max(s.score for s in steps) == pytest.approx(best) and len(steps) == len(GRID)


def test_combined_accuracy_weighs_the_two_sides_equally():
    assert combined_accuracy([0.5], [1.0, 0.8, 0.6]) == pytest.approx(0.65)


def test_distance_to_optimal_is_zero_only_when_one_alpha_is_best_for_both():
    assert accuracy_distance_to_optimal([0.9, 0.8], [0.2, 0.8]) == pytest.approx(0.05)
    assert accuracy_distance_to_optimal([0.9, 0.9], [0.2, 0.8]) == 0


def test_the_smallest_of_equally_good_alphas_is_chosen():
    assert choose_alpha([0.0, 0.5, 0.25, 1.0], [0.1, 0.9, 0.9, 0.9]) == 0.25


@pytest.mark.parametrize("alpha", [-0.1, 1.01, float("nan"), float("inf")])
def test_alpha_outside_its_range_is_refused(alpha):
    with pytest.raises(PaletteError, match="between 0"):
        paint(single("a"), single("b"), lambda _: 0.0, [alpha])


def test_a_grid_goes_from_base_to_fine_tuned():
    assert grid(11) == tuple(round(i / 10, 1) for i in range(11)) == GRID[::2]
    for values in (1, 0, 102):
        with pytest.raises(PaletteError, match="2 to 101"):
            grid(values)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=21), st.floats(0, 1))
def test_the_most_patch_for_a_cost_is_what_looking_at_every_alpha_finds(pairs, loss):
    alphas = [i / 20 for i in range(len(pairs))]
    patching, supported = zip(*pairs, strict=True)
    found = alphas.index(choose_within(alphas, patching, supported, loss))
    assert supported[found] >= supported[0] - loss - 1e-6
    for i in range(len(pairs)):
        if supported[i] >= supported[0] - loss:
            assert patching[i] < patching[found] or (patching[i] == patching[found] and i >= found)


def test_a_cost_takes_an_accuracy_for_each_alpha():
    with pytest.raises(ValueError, match="for each"):
        choose_within([0.0, 1.0], [0.5], [0.5, 0.4], 0.1)
