"""Models in half precision summed in one pass give what torch gives, to the last bit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models import half_precision
from core.models.merge import mix

pytestmark = pytest.mark.skipif(not half_precision.POSSIBLE, reason="this processor does not convert half precision")


def halves(models: int, count: int, seed: int) -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(count, generator=draw).mul(10.0**scale).half() for scale in range(-models // 2, models // 2)]


@settings(deadline=None)
@given(
    st.lists(st.floats(-4, 4, width=32).filter(bool), min_size=3, max_size=12),
    st.sampled_from(
        [0, 1, 7, half_precision.TILE - 1, half_precision.TILE, half_precision.TILE + 1, 3 * half_precision.TILE + 5]
    ),
    st.sampled_from([torch.float16, torch.float32]),
    st.integers(0, 5),
)
def test_the_sum_is_bit_for_bit_that_of_torch(coefficients, count, dtype, seed):
    parents = list(zip(coefficients, halves(len(coefficients), count, seed), strict=False))
    one, other = torch.empty(count, dtype=dtype), torch.empty(count, dtype=dtype)
    mix(parents, one)
    assert half_precision.takes(other, [t for _, t in parents])
    half_precision.fused_sum(parents, other)
    assert torch.equal(one.view(torch.uint8), other.view(torch.uint8))


def test_mixing_in_one_thread_goes_through_it(monkeypatch):
    asked, made = [], half_precision.fused_sum
    monkeypatch.setattr(
        half_precision, "fused_sum", lambda parents, out: asked.append(len(parents)) or made(parents, out)
    )
    tensors, out = halves(4, 100, 0), torch.empty(100)
    mix([(0.25, t) for t in tensors], out, alone=True)
    assert asked == [4] and torch.allclose(out, torch.stack(tensors).float().mean(0), atol=1e-5)


@pytest.mark.parametrize("found", [float("inf"), float("nan")])
def test_what_is_not_finite_stays_so(found):
    tensors, out = halves(4, 10, 0), torch.empty(10, dtype=torch.float16)
    tensors[2][3] = found
    half_precision.fused_sum([(0.25, t) for t in tensors], out)
    assert torch.isfinite(out).tolist() == [i != 3 for i in range(10)]


def test_what_it_cannot_take_is_left_to_torch():
    tensors, out = halves(4, 12, 0), torch.empty(12)
    assert half_precision.takes(out, tensors)
    assert not half_precision.takes(out, [t.float() for t in tensors])
    assert not half_precision.takes(out.double(), tensors)
    assert not half_precision.takes(out.view(3, 4).T, [t.view(4, 3) for t in tensors])
    assert not half_precision.takes(out, [*tensors[:3], halves(2, 24, 1)[0][::2]])
    assert not half_precision.takes(out, [*tensors[:3], tensors[3][:4]])
