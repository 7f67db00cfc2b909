"""Sums of models in half precision in one pass; torch widens every model to memory first, and reads it back to add it.

Compiled by numba for the processor at hand when it is first used, and kept beside this file where that can be written.
It stays because docs/benchmarks.md measures it: the export of mixed fp16 models adds in 0.6 s what takes torch 2.2 s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, no_type_check

import numpy as np
import torch
from llvmlite import binding, ir
from numba import config, njit, types
from numba.extending import intrinsic

# Without such an instruction what numba compiles would stop the whole process. Other processors than x86 all have one.
AS_IT_IS = config.CPU_NAME is None and not config.DISABLE_JIT  # type: ignore[attr-defined]
POSSIBLE = AS_IT_IS and binding.get_host_cpu_features().get("f16c", True)
TILE = 4096  # numbers: 16 kB in fp32, which the first-level cache holds while every model is added to them


@intrinsic
def _read(_: Any, address: Any, i: Any) -> Any:
    """Number ``i`` of the fp16 numbers at an address, as fp32: numba knows no half precision, its compiler does."""

    def code(_: Any, builder: Any, __: Any, values: Any) -> Any:
        half = builder.load(builder.gep(builder.inttoptr(values[0], ir.HalfType().as_pointer()), [values[1]]))
        half.align = 2
        return builder.fpext(half, ir.FloatType())

    return types.float32(types.uint64, types.int64), code


@intrinsic
def _cast(_: Any, number: Any, kind: Any) -> Any:
    """An fp32 number as the bits of an fp16 one where ``kind`` is uint16, and as it is where it is float32."""

    def code(_: Any, builder: Any, __: Any, values: Any) -> Any:
        if kind == types.float32:
            return values[0]
        return builder.bitcast(builder.fptrunc(values[0], ir.HalfType()), ir.IntType(16))

    return kind(types.float32, kind), code


@intrinsic
def _fma(_: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c, rounded once, as in torch's own loop."""
    kinds = types.float32(types.float32, types.float32, types.float32)
    return kinds, lambda _, builder, __, values: builder.fma(*values)


KINDS = [f"void({out}[::1], uint64[::1], float32[::1], float32[::1])" for out in ("uint16", "float32")]


@no_type_check
def _sums(out, places, coefficients, total):  # what numba compiles
    last = places.size - 1
    first, final = coefficients[0], coefficients[last]
    for start in range(0, out.size, total.size):
        count = min(total.size, out.size - start)
        place = places[0]
        for i in range(count):
            total[i] = first * _read(place, start + i)
        for k in range(1, last):
            place, coefficient = places[k], coefficients[k]
            for i in range(count):
                total[i] = _fma(_read(place, start + i), coefficient, total[i])
        place = places[last]
        for i in range(count):
            out[start + i] = _cast(_fma(_read(place, start + i), final, total[i]), out[start])


def _compiled() -> Callable[..., None]:
    try:
        return njit(KINDS, nogil=True, cache=True)(_sums)
    except RuntimeError:  # there is no place to keep it in: every process compiles its own
        return njit(KINDS, nogil=True)(_sums)


if POSSIBLE:
    _compiled_sums = _compiled()


def takes(out: torch.Tensor, tensors: Sequence[torch.Tensor]) -> bool:
    """Whether ``fused_sum`` can make ``out`` of these tensors."""
    alike = all(t.dtype == torch.float16 and t.shape == out.shape for t in tensors)
    here = all(t.is_contiguous() and t.device.type == "cpu" for t in (out, *tensors))
    return POSSIBLE and len(tensors) > 1 and alike and here and out.dtype in (torch.float16, torch.float32)


def fused_sum(parents: Sequence[tuple[float, torch.Tensor]], out: torch.Tensor) -> None:
    """out ← Σ c·θ, summed in fp32 in the order of ``parents``, cast once: bit for bit what torch's calls give.

    For what it ``takes``. Runs in the calling thread alone, without Python's lock.
    """
    bits = out.view(torch.uint16) if out.dtype == torch.float16 else out
    places = np.array([t.data_ptr() for _, t in parents], np.uint64)
    _compiled_sums(
        bits.view(-1).numpy(), places, np.array([c for c, _ in parents], np.float32), np.empty(TILE, np.float32)
    )
