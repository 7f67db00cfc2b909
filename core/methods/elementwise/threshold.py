"""The k-th largest magnitude of numbers that lie in many tensors, without putting them side by side."""

from __future__ import annotations

from collections.abc import Iterable

import torch

HALF = 16  # bits of a float32 that one pass looks at: the sign is always 0 here


def kth_largest(tensors: Iterable[torch.Tensor], k: int) -> float:
    """The k-th largest of the absolute values, exactly; ``tensors`` is gone through twice. 0 where k is past the end.

    Positive float32 numbers are ordered as their bits are, read as an integer: one histogram of the upper half of the
    bits finds the bin of the number, one of the lower half within that bin finds the number. Memory: one tensor.
    """
    tensors = list(tensors) if isinstance(tensors, Iterable) and iter(tensors) is tensors else tensors
    upper = torch.zeros(2**HALF, dtype=torch.int64)
    for tensor in tensors:
        upper += torch.bincount(_bits(tensor) >> HALF, minlength=2**HALF)
    if k > int(upper.sum()):
        return 0.0
    top, above = _bin_of(upper, k)
    lower = torch.zeros(2**HALF, dtype=torch.int64)
    for tensor in tensors:
        bits = _bits(tensor)
        lower += torch.bincount(bits[bits >> HALF == top] & (2**HALF - 1), minlength=2**HALF)
    bottom, _ = _bin_of(lower, k - above)
    return float(torch.tensor(top << HALF | bottom, dtype=torch.int32).view(torch.float32))


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float().abs().flatten().view(torch.int32)


def _bin_of(counts: torch.Tensor, k: int) -> tuple[int, int]:
    """The bin that holds the k-th number from above, and how many lie in the bins above it."""
    cumulative = counts.flip(0).cumsum(0)
    place = int(torch.searchsorted(cumulative, torch.tensor(k)))
    return len(counts) - 1 - place, int(cumulative[place - 1]) if place else 0
