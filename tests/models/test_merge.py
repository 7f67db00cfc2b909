from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.models.merge import MergeError, Stacked, merge
from core.recipes.recipe import combine, lerp, single


def model(seed: int, dtype=torch.float32) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {
        "visual.conv1.weight": torch.randn(4, 3, 2, 2, generator=g).to(dtype),
        "visual.layer1.0.weight": torch.randn(5, 4, generator=g).to(dtype),
        "visual.layer1.0.steps": torch.tensor(seed),
    }


MODELS = {"a": model(1), "b": model(2), "c": model(3)}
A, B, C = single("a"), single("b"), single("c")


def empty(dtype=torch.float32):
    return {n: torch.empty_like(t, dtype=dtype if t.is_floating_point() else t.dtype) for n, t in MODELS["a"].items()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_the_ends_are_bit_exact(dtype):
    parents, out = {n: model(i, dtype) for i, n in enumerate("ab")}, empty(dtype)
    for alpha, name in ((0.0, "a"), (1.0, "b")):
        merge(parents, lerp(A, B, alpha), out)
        assert all(torch.equal(out[n], parents[name][n]) for n in out)


@given(st.floats(-1, 2), st.floats(-1, 2))
def test_any_mix_is_the_papers_sum_in_float64(x, y):
    """θ_patch = (1 - Σα)·θ_zs + Σ α_i·θ_i, written out on raw weights (PAINT §2)."""
    out = empty()
    merge(MODELS, combine([A, B, C], [1 - x - y, x, y]), out)
    for name in ("visual.conv1.weight", "visual.layer1.0.weight"):
        zs, one, two = (MODELS[m][name].double() for m in "abc")
        assert torch.allclose(out[name].double(), (1 - x - y) * zs + x * one + y * two, atol=1e-5)


def test_each_component_has_its_own_coefficients():
    out = empty()
    merge(MODELS, lerp(A, B, {"": 0.0, "visual.layer1": 1.0}), out)
    assert torch.equal(out["visual.conv1.weight"], MODELS["a"]["visual.conv1.weight"])
    assert torch.equal(out["visual.layer1.0.weight"], MODELS["b"]["visual.layer1.0.weight"])


def test_half_precision_parents_are_summed_in_float32_and_cast_once():
    parents, out = {n: model(i, torch.float16) for i, n in enumerate("abc")}, empty(torch.float16)
    merge(parents, combine([A, B, C], [0.2, 0.3, 0.5]), out)
    exact = sum(w * parents[n]["visual.conv1.weight"].float() for w, n in zip((0.2, 0.3, 0.5), "abc", strict=True))
    assert torch.allclose(out["visual.conv1.weight"].float(), exact, rtol=6e-4)


def test_counters_come_from_the_model_with_the_most_say():
    out = empty()
    merge(MODELS, lerp(A, C, 0.7), out)
    assert out["visual.layer1.0.steps"].item() == 3


def test_it_writes_into_the_given_tensors_whatever_their_layout():
    out = empty()
    out["visual.conv1.weight"] = out["visual.conv1.weight"].to(memory_format=torch.channels_last)
    before = out["visual.conv1.weight"].data_ptr()
    merge(MODELS, lerp(A, B, 0.25), out)
    assert out["visual.conv1.weight"].data_ptr() == before
    expected = torch.lerp(MODELS["a"]["visual.conv1.weight"], MODELS["b"]["visual.conv1.weight"], 0.25)
    assert torch.allclose(out["visual.conv1.weight"], expected)


def test_mismatches_are_refused_and_the_first_ten_named():
    wrong = {f"visual.extra{i}": torch.zeros(1) for i in range(12)}
    with pytest.raises(MergeError, match=r"'b' cannot be mixed with 'a'.*visual.extra6 is extra and 5 more"):
        merge({"a": MODELS["a"], "b": wrong}, lerp(A, B, 0.5), empty())


def test_shapes_and_dtypes_must_agree():
    wrong = {**MODELS["a"], "visual.layer1.0.weight": torch.zeros(2, 2)}
    with pytest.raises(MergeError, match=r"visual.layer1.0.weight is \(2, 2\) instead of \(5, 4\)"):
        merge({"a": MODELS["a"], "b": wrong}, lerp(A, B, 0.5), empty())
    half = {**MODELS["a"], "visual.layer1.0.weight": MODELS["a"]["visual.layer1.0.weight"].half()}
    with pytest.raises(MergeError, match=r"torch\.float16 instead of torch\.float32"):
        merge({"a": MODELS["a"], "b": half}, lerp(A, B, 0.5), empty())


def test_nothing_is_written_when_the_models_do_not_fit():
    out = {n: torch.zeros_like(t) for n, t in MODELS["a"].items()}
    with pytest.raises(MergeError):
        merge({"a": MODELS["a"], "b": {}}, lerp(A, B, 0.5), out)
    assert all(not t.any() for t in out.values())


def test_a_missing_model_is_named():
    with pytest.raises(MergeError, match="needs b"):
        merge({"a": MODELS["a"]}, lerp(A, B, 0.5), empty())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(3, 70_000), (1, 200_001), (300_007,), (64, 32, 9, 9), (2, 3)])
@pytest.mark.parametrize("last", [False, True])
def test_many_models_are_mixed_in_chunks_as_in_one_go(dtype, shape, last):
    """Ten models, tensors of more than one chunk, in any layout: Σ c·θ, to the last value."""
    draw = torch.Generator().manual_seed(1)
    models = {f"m{i}": {"w": torch.randn(shape, generator=draw).to(dtype)} for i in range(10)}
    out = torch.full(shape, float("nan"), dtype=dtype)
    if last and len(shape) == 4:
        out = out.to(memory_format=torch.channels_last)
    weights = [0.3, -0.2, 0.0, *[0.9 / 7] * 7]
    merge(models, combine([single(m) for m in models], weights), {"w": out})
    exact = sum(c * m["w"].double() for c, m in zip(weights, models.values(), strict=True))
    assert torch.allclose(
        out.double(), exact, **({"atol": 1e-5} if dtype == torch.float32 else {"rtol": 1e-2, "atol": 1e-2})
    )
    ends = combine([single(m) for m in models], [0.0] * 9 + [1.0])
    merge(models, ends, {"w": out})
    assert torch.equal(out, models["m9"]["w"])


def stacked(models=MODELS):
    return Stacked(models, torch.device("cpu"))


@given(st.floats(-1, 2), st.floats(-1, 2), st.floats(-1, 2))
def test_models_side_by_side_mix_as_one_after_the_other(x, y, z):
    recipe = combine([A, B, C], [{"": 1 - x - y, "visual.layer1": 1 - x - z}, x, {"": y, "visual.layer1": z}])
    here, there = empty(), empty()
    merge(MODELS, recipe, here)
    merge(stacked(), recipe, there)
    assert all(torch.allclose(here[n], there[n], atol=1e-6, rtol=1e-5) for n in here)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_models_side_by_side_give_one_model_or_two_bit_for_bit(dtype):
    parents = {n: model(i, dtype) for i, n in enumerate("abc")}
    for recipe in (B, lerp(A, C, 0.3), lerp(A, B, {"": 0.0, "visual.layer1": 1.0})):
        here, there = empty(dtype), empty(dtype)
        merge(parents, recipe, here)
        merge(stacked(parents), recipe, there)
        assert all(torch.equal(here[n], there[n]) for n in here)


def test_models_side_by_side_go_into_tensors_of_any_layout_and_dtype():
    recipe, here = combine([A, B, C], [0.2, 0.3, 0.5]), empty()
    merge(MODELS, recipe, here)
    there = empty(torch.float16)
    there["visual.conv1.weight"] = there["visual.conv1.weight"].to(memory_format=torch.channels_last)
    merge(stacked(), recipe, there)
    assert all(torch.allclose(here[n], there[n].to(here[n].dtype), atol=2e-3) for n in here)


def test_a_model_that_is_not_finite_spoils_no_mix_without_it():
    broken = {n: torch.full_like(t, torch.nan) if t.is_floating_point() else t for n, t in model(4).items()}
    out = empty()
    merge(stacked({**MODELS, "broken": broken}), combine([A, B, C], [0.2, 0.3, 0.5]), out)
    assert all(t.isfinite().all() for t in out.values())
    with pytest.raises(MergeError, match="'wrong' cannot be mixed with 'a'"):
        stacked({**MODELS, "wrong": {"visual.other": torch.zeros(1)}})
