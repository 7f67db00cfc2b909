"""ManifoldMixMS against the paper's pseudo-code, written out on raw weights with a scripted optimiser."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.recipes.components import ComponentGroup, Partition
from core.recipes.manifold import AS_PUBLISHED, PAPER, Preset, manifold
from core.recipes.recipe import Recipe, single
from core.recipes.search import Trial, maximise
from core.recipes.soups import greedy, ranked

# Three components, one weight each; component "" is the first.
NAMES = ("", "visual.b", "head")
CUT = Partition("three", tuple(ComponentGroup(n or "a", (n,)) for n in NAMES))
GOAL = np.array([0.3, 0.6, 0.5])
THETA = {
    "p": np.array([0.0, 0.6, 0.6]),
    "q": np.array([0.7, 0.8, 0.4]),
    "r": np.array([0.5, 0.9, 0.6]),
    "s": np.array([0.2, 0.8, 0.4]),
    "far": np.array([4.0, -4.0, 4.0]),
}


def accuracy(theta: np.ndarray) -> float:
    return float(np.exp(-((theta - GOAL) ** 2).sum()))


def weights(recipe: Recipe) -> np.ndarray:
    return np.array([sum(THETA[m] * c for m, c in recipe.column(n).items())[i] for i, n in enumerate(NAMES)])


def score(recipe: Recipe) -> float:
    return accuracy(weights(recipe))


# What the scripted optimiser tries, in order: as shares of the way from the start to the end that is given.
SCRIPT = [(0.0, 0.0, 0.0), (0.8, 0.2, 0.5), (-0.5, 0.4, 0.1), (0.1, -0.3, 0.9), (-0.9, -0.9, -0.9)]


def scripted(start, low, high):
    """The scripted λ: from the start towards the upper bound (positive) or the lower one (negative)."""
    for row in SCRIPT:
        ends = zip(start, row, low, high, strict=True)
        yield tuple(s + t * ((above - s) if t > 0 else (s - below)) for s, t, below, above in ends)


def search(asked, objective):
    low, high = zip(*asked.bounds, strict=True)
    wide = np.subtract(high, low)
    points = [tuple((np.array(factors) - low) / wide) for factors in scripted(asked.start, low, high)]
    return [Trial(point, *objective(point)) for point in points]


def pseudo_code(tau=0.998):
    """Algorithm 1 of the paper, line by line, on raw weights."""
    names = sorted(THETA, key=lambda name: -accuracy(THETA[name]))
    theta = [THETA[name] for name in names]
    k, psi, words, lambdas = 1, theta[0], ["first"], [()]
    for i in range(1, len(theta)):
        approximate = k / (k + 1) * psi + 1 / (k + 1) * theta[i]
        if not accuracy(approximate) > tau * accuracy(psi):
            words.append("skipped")
            lambdas.append(())
            continue
        tried = list(scripted((k / (k + 1),) * 3, (0, 0, 0), (1, 1, 1)))
        fused = [np.array(lam) * psi + (1 - np.array(lam)) * theta[i] for lam in tried]
        best = max(range(len(tried)), key=lambda t: accuracy(fused[t]))
        lambdas.append(tried[best])
        words.append("dropped")
        if accuracy(fused[best]) > accuracy(psi):
            k, psi, words[-1] = k + 1, fused[best], "kept"
    return names, psi, words, lambdas


def made(preset=PAPER, searching=search, **more):
    return manifold(ranked([single(n) for n in THETA], score), score, searching, CUT, preset, **more)


def test_it_is_the_papers_algorithm_step_by_step():
    names, psi, words, lambdas = pseudo_code()
    assert {"kept", "dropped", "skipped"} <= set(words), "the toy must take every branch"
    heard = []
    recipe, verdicts = made(decided=heard.append)
    assert np.allclose(weights(recipe), psi)
    assert [v.candidate.models[0] for v in verdicts] == names and [v.word for v in verdicts] == words
    for verdict, factors in zip(verdicts, lambdas, strict=True):
        assert verdict.factors == pytest.approx(factors)
    assert heard == verdicts


def test_lambda_becomes_beta_and_columns_sum_to_one():
    """β of the first is the product of all λ kept; of the i-th kept, (1 - λ_i) times the product of the later ones."""
    recipe, verdicts = made()
    kept = [v for v in verdicts if v.word in ("first", "kept")]
    for j, name in enumerate(NAMES):
        beta = recipe.column(name)
        assert math.fsum(beta.values()) == pytest.approx(1)
        for i, verdict in enumerate(kept):
            mine = 1.0 if i == 0 else 1 - verdict.factors[j]
            later = math.prod(v.factors[j] for v in kept[i + 1 :])
            assert beta[verdict.candidate.models[0]] == pytest.approx(mine * later)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.integers(0, 4))
def test_any_factors_give_a_recipe_that_is_the_formula(factors, which):
    """Equation 2, whatever λ the optimiser tries."""
    order = ranked([single(n) for n in THETA], score)
    seen = []

    def one(asked, objective):
        mixed = asked.mix(factors)
        lam, candidate = np.array(factors), THETA[asked.candidate.models[0]]
        assert np.allclose(weights(mixed), lam * weights(asked.soup) + (1 - lam) * candidate)
        assert all(math.fsum(mixed.column(n).values()) == pytest.approx(1) for n in NAMES)
        seen.append(mixed)
        return [Trial(asked.point(), *objective(asked.point()))]

    manifold(order, score, one, CUT, Preset("open", 1, tau=0.0))
    assert len(seen) == len(THETA) - 1


def test_as_published_narrows_the_bounds_and_searches_again_on_success():
    asked = []

    def watched(question, objective):
        asked.append(question)
        return search(question, objective)

    _, verdicts = made(AS_PUBLISHED, watched)
    first = asked[0]
    assert first.start == (0.5,) * 3 and first.bounds == ((0.25, 0.75),) * 3 and first.budget == 90
    assert verdicts[1].word == "kept" and asked[1].candidate == first.candidate
    assert asked[1].bounds == ((0.3, 1.0),) * 3
    first_best = max(score(first.mix(f)) for f in scripted(first.start, (0.25,) * 3, (0.75,) * 3))
    second_best = max(score(asked[1].mix(f)) for f in scripted(asked[1].start, (0.3,) * 3, (1.0,) * 3))
    passes = [q for q in asked if q.candidate == first.candidate]
    assert len(passes) == (3 if second_best >= (1 + 0.3 * 0.002) * first_best else 2)
    reached = [max(score(q.mix(f)) for f in scripted(q.start, *zip(*q.bounds, strict=True))) for q in passes]
    assert verdicts[1].after == max(reached) and verdicts[1].evaluations == len(SCRIPT) * len(passes)


def test_equal_is_success_as_published_and_none_in_the_paper():
    flat = [single("p"), single("q")]
    for preset, word in ((PAPER, "dropped"), (AS_PUBLISHED, "kept")):
        order = ranked(flat, lambda _: 0.5)
        _, verdicts = manifold(order, lambda _: 0.5, search, CUT, preset)
        assert verdicts[1].word == word


@pytest.mark.parametrize("optimiser", ["Cobyla", "OnePlusOne"])
def test_with_a_real_optimiser_it_beats_greedy_which_beats_the_best(optimiser):
    def real(asked, objective):
        return maximise(objective, asked.point(), asked.budget, optimiser).trials

    order = ranked([single(n) for n in THETA], score)
    mixed, _ = manifold(order, score, real, CUT, Preset("small", 60))
    soup, _ = greedy(order, score)
    assert score(mixed) >= score(soup) >= order[0].score
    assert score(mixed) > score(soup)
