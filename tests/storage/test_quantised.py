from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.storage.quantised import BITS, CODES, pack, unpack

shapes = st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple)


@settings(max_examples=60, deadline=None)
@given(shape=shapes, seed=st.integers(0, 10**6), bits=st.sampled_from(BITS), size=st.sampled_from([1e-6, 1e-2, 30.0]))
def test_no_weight_is_off_by_more_than_its_channel_allows(shape, seed, bits, size):
    """Rounding costs half a step; where the range was cut, the squared error of the channel is smaller for it."""
    tensor = size * torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    back = unpack(pack({"w": tensor}, bits), {"w": tensor.shape}, bits)["w"]
    assert back.shape == tensor.shape and back.dtype == torch.float32
    if tensor.ndim < 2:
        assert torch.equal(back, tensor.half().float())
        return
    rows, found = tensor.flatten(1), back.flatten(1)
    step = rows.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
    plain = (rows / step.clamp(min=1e-30)).round() * step
    assert ((found - rows).square().sum(1) <= (plain - rows).square().sum(1) * (1 + 1e-4) + 1e-20).all()


@pytest.mark.parametrize("bits", BITS)
def test_nothing_stays_nothing_and_what_was_packed_is_packed_alike(bits):
    zeros = {"w": torch.zeros(3, 5), "b": torch.zeros(3)}
    back = unpack(pack(zeros, bits), {n: t.shape for n, t in zeros.items()}, bits)
    assert all(torch.equal(back[n], t) for n, t in zeros.items())
    vector = {"w": torch.randn(4, 9, generator=torch.Generator().manual_seed(1))}
    once = unpack(pack(vector, bits), {"w": vector["w"].shape}, bits)
    twice = unpack(pack(once, bits), {"w": vector["w"].shape}, bits)
    assert (twice["w"] - once["w"]).abs().max() <= once["w"].abs().max() / (2**bits)


def test_it_is_as_small_as_it_says():
    vector = {"w": torch.randn(64, 32, 3, 3)}
    sizes = {bits: pack(vector, bits)[CODES + "w"].nbytes for bits in BITS}
    assert sizes == {8: vector["w"].numel(), 4: vector["w"].numel() // 2}


def test_other_numbers_of_bits_are_one_sentence():
    with pytest.raises(ValueError, match="8 or 4 bits, not 3"):
        pack({}, 3)
