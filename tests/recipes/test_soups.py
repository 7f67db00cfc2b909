"""Soups against the papers' loops, written out on raw weights."""

from __future__ import annotations

import numpy as np
import pytest

from core.recipes.recipe import RecipeError, single
from core.recipes.soups import SoupError, greedy, greedy_members, ranked, uniform

THETA = {"a": np.array([0.9, 0.1]), "b": np.array([0.25, 0.8]), "c": np.array([1.0, 1.0]), "d": np.array([-1.0, 2.0])}
GOAL = np.array([0.55, 0.45])


def accuracy(theta: np.ndarray) -> float:
    """A smooth stand-in for accuracy, in (0, 1]."""
    return float(np.exp(-((theta - GOAL) ** 2).sum()))


def weights(recipe) -> np.ndarray:
    return sum((THETA[m] * row[0] for m, row in zip(recipe.models, recipe.coefficients, strict=True)), np.zeros(2))


def score(recipe) -> float:
    return accuracy(weights(recipe))


INGREDIENTS = [single(name) for name in THETA]


def test_the_greedy_soup_is_recipe_1_of_model_soups():
    order = sorted(THETA, key=lambda name: -accuracy(THETA[name]))
    members, best, words = [order[0]], accuracy(THETA[order[0]]), ["first"]
    for name in order[1:]:
        found = accuracy(np.mean([THETA[m] for m in [*members, name]], axis=0))
        words.append("kept" if found > best else "dropped")
        if found > best:
            members, best = [*members, name], found
    soup, verdicts = greedy(ranked(INGREDIENTS, score), score)
    assert np.allclose(weights(soup), np.mean([THETA[m] for m in members], axis=0))
    assert [v.word for v in verdicts] == words and "kept" in words and "dropped" in words
    assert [v.candidate.models[0] for v in verdicts] == order
    assert verdicts[1].delta == pytest.approx(verdicts[1].after - verdicts[1].before)


def test_an_equal_score_is_no_improvement():
    soup, verdicts = greedy(ranked(INGREDIENTS, lambda _: 0.5), lambda _: 0.5)
    assert soup == single("a") and [v.word for v in verdicts] == ["first", "dropped", "dropped", "dropped"]


def test_the_uniform_soup_is_the_average():
    assert np.allclose(weights(uniform(INGREDIENTS)), np.mean(list(THETA.values()), axis=0))


def test_ranking_is_by_score_and_equals_keep_their_order():
    found = {"a": 0.1, "b": 0.3, "c": 0.3, "d": 0.2}
    steps = ranked(INGREDIENTS, lambda recipe: found[recipe.models[0]])
    assert [s.recipe.models[0] for s in steps] == ["b", "c", "d", "a"]


def test_a_greedy_ensemble_selects_by_what_the_members_do_together():
    asked = []

    def together(members):
        asked.append([m.models[0] for m in members])
        return {1: 0.5, 2: 0.6, 3: 0.55}[len(members)]

    members, verdicts = greedy_members(ranked(INGREDIENTS, lambda _: 0.5), together)
    assert [m.models[0] for m in members] == ["a", "b"]
    assert asked == [["a", "b"], ["a", "b", "c"], ["a", "b", "d"]]
    assert [v.word for v in verdicts] == ["first", "kept", "dropped", "dropped"]


@pytest.mark.parametrize("ingredients", [[], [single("a")], [single("a"), single("a")]])
def test_one_ingredient_is_no_soup(ingredients):
    with pytest.raises(SoupError, match="at least two different ingredients"):
        ranked(ingredients, score)


def test_no_models_have_no_average():
    with pytest.raises(RecipeError):
        uniform([])
