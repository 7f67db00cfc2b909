"""Task vectors in few bits a weight: whole numbers and a scale for each output channel."""

from __future__ import annotations

from collections.abc import Mapping

import torch

BITS = (8, 4)
CODES, SCALES, PLAIN, KEPT = "codes.", "scales.", "plain.", "kept."
_SHRUNK = tuple(i / 20 for i in range(11, 21))  # of the largest weight: how far a channel's range may reach


def pack(vector: Mapping[str, torch.Tensor], bits: int) -> dict[str, torch.Tensor]:
    """A task vector (floating-point tensors by name) as ``codes.NAME``, ``scales.NAME`` and ``plain.NAME``.

    A tensor of two dimensions or more becomes ``bits`` (8 or 4) a weight: round-to-nearest of weight / scale, symmetric
    about 0, with one float32 scale for each entry of its first dimension; the range of each channel is that of a few
    which has the smallest squared error (task-vector quantisation, arXiv 2503.06921, §4, and the usual search for the
    clipping range). What has fewer dimensions stays as float16. Raises ValueError for other bits.
    """
    if bits not in BITS:
        raise ValueError(f"Weights are stored with {' or '.join(map(str, BITS))} bits, not {bits}.")
    packed = {}
    for name, tensor in vector.items():
        if tensor.ndim < 2:
            packed[PLAIN + name] = tensor.half()
            continue
        codes, scales = _quantise(tensor.float().flatten(1), 2 ** (bits - 1) - 1)
        packed[SCALES + name] = scales
        packed[CODES + name] = codes if bits == 8 else _pairs(codes)
    return packed


def unpack(packed: Mapping[str, torch.Tensor], shapes: Mapping[str, torch.Size], bits: int) -> dict[str, torch.Tensor]:
    """The task vector that ``pack`` stored, float32, in the ``shapes`` of the weights; inverse up to rounding."""
    vector = {n.removeprefix(PLAIN): t.float() for n, t in packed.items() if n.startswith(PLAIN)}
    for name in (n.removeprefix(CODES) for n in packed if n.startswith(CODES)):
        shape = shapes[name]
        codes = packed[CODES + name]
        codes = codes if bits == 8 else _halves(codes, shape[1:].numel())
        vector[name] = (codes.float() * packed[SCALES + name][:, None]).reshape(shape)
    return vector


def difference(base: Mapping[str, torch.Tensor], weights: Mapping[str, torch.Tensor], bits: int) -> dict:
    """What is stored of ``weights``: the packed difference from ``base``; what is no such number as ``kept.NAME``."""
    vector = {n: w.float() - base[n].float() for n, w in weights.items() if n in base and w.is_floating_point()}
    return pack(vector, bits) | {KEPT + n: w for n, w in weights.items() if n not in vector}


def restore(base: Mapping[str, torch.Tensor], stored: Mapping[str, torch.Tensor], bits: int) -> dict[str, torch.Tensor]:
    """The weights that a stored difference stands for, each in the base's dtype."""
    vector = unpack(stored, {n: t.shape for n, t in base.items()}, bits)
    weights = {n: (base[n].float() + vector[n]).to(base[n].dtype) for n in base if n in vector}
    return weights | {n.removeprefix(KEPT): t for n, t in stored.items() if n.startswith(KEPT)}


def _quantise(rows: torch.Tensor, top: int) -> tuple[torch.Tensor, torch.Tensor]:
    """int8 codes (rows, columns) within ±``top`` and float32 scales (rows,), each the best of a few ranges."""
    largest = rows.abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny)
    best = torch.full_like(largest, torch.inf)
    scales = largest / top
    for share in _SHRUNK:
        tried = largest * share / top
        rounded = (rows / tried[:, None]).round().clamp(-top, top) * tried[:, None]
        error = (rounded - rows).square().sum(dim=1)
        better = error < best
        best, scales = torch.where(better, error, best), torch.where(better, tried, scales)
    return (rows / scales[:, None]).round().clamp(-top, top).to(torch.int8), scales


def _pairs(codes: torch.Tensor) -> torch.Tensor:
    """Two codes of 4 bits in each byte, uint8 (rows, ⌈columns / 2⌉); the first is in the lower half."""
    shifted = torch.nn.functional.pad(codes + 8, (0, codes.shape[1] % 2)).to(torch.uint8)
    return shifted[:, ::2] | (shifted[:, 1::2] << 4)


def _halves(pairs: torch.Tensor, columns: int) -> torch.Tensor:
    return (torch.stack([pairs & 15, pairs >> 4], dim=2).flatten(1)[:, :columns].to(torch.int8)) - 8
