"""What every merge method and post-step holds to."""

from __future__ import annotations

import inspect
import json

import pytest
import torch

from core.methods import METHODS, POST_STEPS
from core.methods.task_vectors import MethodError, TaskVector, task_arithmetic
from tests.methods.vectors import SHAPES, some, statistics

ALL = METHODS | POST_STEPS


def apply(name, vectors, more=None, **given):
    method = ALL[name]
    more = statistics(method.statistics, len(vectors)) if more is None else more
    parameters = {**method.complete(given), **more}
    if name in POST_STEPS:
        return dict(method.function(task_arithmetic(vectors), vectors, **parameters))
    return dict(method.function(vectors, **parameters))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_direction_has_the_weights_of_its_task_vectors(name, count):
    found = apply(name, some(count))
    assert {n: tuple(t.shape) for n, t in found.items()} == SHAPES
    assert all(t.dtype == torch.float32 and torch.isfinite(t).all() for t in found.values())


@pytest.mark.parametrize("name", ALL)
def test_the_order_of_the_task_vectors_changes_nothing(name):
    vectors = some(4)
    more = statistics(ALL[name].statistics, 4)
    turned = {key: [one[i] for i in (2, 0, 3, 1)] for key, one in more.items()}
    first, second = apply(name, vectors, more), apply(name, [vectors[i] for i in (2, 0, 3, 1)], turned)
    for weight in SHAPES:
        torch.testing.assert_close(first[weight], second[weight], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_a_positive_factor_passes_through(name):
    vectors = some(3)
    twice = [{n: 4 * t for n, t in one.items()} for one in vectors]
    first, second = apply(name, vectors), apply(name, twice)
    for weight in SHAPES:
        torch.testing.assert_close(4 * first[weight], second[weight], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_running_statistics_are_averaged(name):
    vectors, weight = some(3), "visual.layer1.0.bn1.running_mean"
    found = apply(name, vectors)[weight]
    expected = torch.stack([one[weight] for one in vectors]).mean(0)
    if name in POST_STEPS:  # after a sum that has averaged them already
        expected = task_arithmetic(vectors)[weight]
    torch.testing.assert_close(found, expected)


BACK = ["sum", "magmax", "consensus", "tsv-m", "wudi", "fisher", "regmean", "svc"]


@pytest.mark.parametrize("name", BACK)
def test_one_task_vector_comes_back(name):
    [vector] = some(1)
    for weight, tensor in apply(name, [vector]).items():
        torch.testing.assert_close(tensor, vector[weight], atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize("name", ALL)
def test_zeros_make_zero(name):
    zeros = [{n: torch.zeros(shape) for n, shape in SHAPES.items()} for _ in range(2)]
    assert not any(t.any() for t in apply(name, zeros).values())


@pytest.mark.parametrize("name", ALL)
def test_a_repeated_task_vector_makes_finite_numbers(name):
    [vector] = some(1)
    assert all(torch.isfinite(t).all() for t in apply(name, [vector] * 3).values())


@pytest.mark.parametrize("name", ALL)
def test_a_method_says_what_it_is(name):
    method = ALL[name]
    assert method.title and method.source.startswith("arXiv ") and method.source.split()[1] in _document(method)
    assert json.loads(json.dumps(method.complete({}))) == method.complete({})
    taken = set(inspect.signature(method.function).parameters) - {"task_vectors", "direction", "statistics"}
    assert taken == set(method.parameters)
    for p in inspect.signature(method.function).parameters.values():
        if p.name in method.parameters:
            assert p.default == method.parameters[p.name].default


def _document(method):
    return (inspect.getdoc(method.function) or "").replace("Arxiv", "arXiv")


@pytest.mark.parametrize("name", [n for n, m in ALL.items() if m.parameters])
def test_a_parameter_outside_its_range_is_refused(name):
    for parameter, facts in ALL[name].parameters.items():
        for wrong in (facts.low - 1, facts.high + 1, float("nan"), "many"):
            with pytest.raises(MethodError, match=f"{parameter} must be"):
                ALL[name].complete({parameter: wrong})
        if facts.whole:
            with pytest.raises(MethodError, match="whole"):
                ALL[name].complete({parameter: facts.low + 0.5})
        assert ALL[name].complete({parameter: facts.low})[parameter] == facts.low
    with pytest.raises(MethodError, match="no parameter 'nonsense'"):
        ALL[name].complete({"nonsense": 1})


def test_task_vectors_that_do_not_fit_are_refused():
    first, second = some(2)
    with pytest.raises(MethodError, match="at least one"):
        task_arithmetic([])
    with pytest.raises(MethodError, match="different weights"):
        task_arithmetic([first, {n: t for n, t in second.items() if "conv1" in n}])
    second["visual.conv1.weight"] = torch.ones(4)
    with pytest.raises(MethodError, match=r"visual\.conv1\.weight differs in shape"):
        dict(task_arithmetic([first, second]))
    with pytest.raises(MethodError, match="architecture"):
        TaskVector(first, second)


def test_a_task_vector_is_a_difference_in_float32_without_counters():
    base = {"a": torch.ones(2, dtype=torch.float16), "count": torch.tensor(3)}
    found = TaskVector(base, {"a": torch.tensor([1.5, 1.0], dtype=torch.float16), "count": torch.tensor(9)})
    assert list(found) == ["a"] and found["a"].tolist() == [0.5, 0.0] and found["a"].dtype == torch.float32
