"""The one function that turns a recipe into weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from core import PaletteError
from core.components import owner
from core.recipe import Recipe

Weights = Mapping[str, torch.Tensor]
CHUNK = 524288  # values: 2 MB in fp32, which the second-level caches of two processors hold together


class MergeError(PaletteError):
    """Models that cannot be mixed; the message names the first ten differences."""


def _first_ten(found: list[str]) -> str:
    more = f" and {len(found) - 10} more" if len(found) > 10 else ""
    return "; ".join(found[:10]) + more


def differences(a: Weights, b: Weights) -> list[str]:
    """How two sets of weights differ in names, shapes and dtypes, one phrase each; empty if they can be mixed."""
    found = [f"{name} is missing" for name in a if name not in b]
    found += [f"{name} is extra" for name in b if name not in a]
    for name in a:
        if name in b and a[name].shape != b[name].shape:
            found.append(f"{name} is {tuple(b[name].shape)} instead of {tuple(a[name].shape)}")
        elif name in b and a[name].dtype != b[name].dtype:
            found.append(f"{name} is {b[name].dtype} instead of {a[name].dtype}")
    return found


def check_mergeable(models: Mapping[str, Weights], into: Weights) -> None:
    """Raise MergeError unless all models have the same names, shapes and dtypes, and fit into ``into``."""
    first, *others = models.items()
    for name, weights in others:
        if found := differences(first[1], weights):
            raise MergeError(f"{name!r} cannot be mixed with {first[0]!r}: {_first_ten(found)}.")
    found = [f for f in differences(into, first[1]) if " instead of torch." not in f]  # dtypes are cast once, here
    if found:
        raise MergeError(f"{first[0]!r} does not fit the model that it should go into: {_first_ten(found)}.")


def mix(parents: list[tuple[float, torch.Tensor]], out: torch.Tensor) -> None:
    """out ← Σ c·θ (the equation of PAINT §2 and ManifoldMixMS eq. 1), summed in fp32 or wider, cast once."""
    if not out.is_floating_point():  # counters and indices are not mixed: the model with the most say gives them
        out.copy_(max(parents, key=lambda p: p[0])[1])
        return
    parents = [(c, t) for c, t in parents if c != 0.0]
    if len(parents) == 1 and parents[0][0] == 1.0:
        out.copy_(parents[0][1])
        return
    wide = torch.promote_types(torch.promote_types(out.dtype, parents[0][1].dtype), torch.float32)
    tensors = [t for _, t in parents]
    for part, pieces in _chunks(out, tensors) if len(parents) > 2 else [(out, tensors)]:
        _sum([(c, piece) for (c, _), piece in zip(parents, pieces, strict=True)], part, wide)


def _sum(parents: list[tuple[float, torch.Tensor]], out: torch.Tensor, wide: torch.dtype) -> None:
    total = out if out.dtype == wide else torch.empty_like(out, dtype=wide)
    if len(parents) == 2:
        (_, a), (alpha, b) = parents
        if a.dtype == b.dtype == wide and a.device == b.device == total.device:
            torch.lerp(a, b, alpha, out=total)
        else:
            total.copy_(a)
            total.lerp_(b.to(total), alpha)
    else:
        first = parents[0][1].to(total.device)
        torch.mul(first if first.dtype == wide else first.to(wide), parents[0][0], out=total)
        widened = torch.empty_like(total) if any(t.dtype != wide for _, t in parents[1:]) else total
        for coefficient, tensor in parents[1:]:  # cast first: adding another dtype is a slower loop of torch's
            added = tensor.to(total.device) if tensor.dtype == wide else widened.copy_(tensor)
            total.add_(added, alpha=coefficient)
    if total is not out:
        out.copy_(total)


def _chunks(out: torch.Tensor, parents: list[torch.Tensor]) -> Iterator[tuple[torch.Tensor, list[torch.Tensor]]]:
    """Matching slices, small enough that ``out``'s stays in the processor's cache while every parent is added to it.

    So mixing k models reads k and writes one, instead of going through ``out`` k times. Slices go along the first
    dimension, or along the whole tensor where all lie alike in memory.
    """
    every = [out, *parents]
    if all(t.is_contiguous() for t in every):
        every = [t.view(-1) for t in every]
    if out.device.type != "cpu" or out.numel() <= CHUNK:
        yield out, parents
        return
    rows = every[0].shape[0]
    step = max(1, CHUNK // (out.numel() // rows))
    for part, *pieces in zip(*(t.split(step) for t in every), strict=True):
        yield part, pieces


@torch.no_grad()
def merge(models: Mapping[str, Weights], recipe: Recipe, into: Weights) -> None:
    """Write the weights that ``recipe`` describes into ``into``, tensor by tensor, allocating at most one tensor.

    ``models`` maps each of the recipe's models to its tensors; ``into`` holds the tensors to overwrite, such as a
    module's own parameters, in any floating dtype and on any device. Sums run in fp32 or wider and are cast once; a
    recipe that is one model gives that model bit for bit. Raises MergeError if names, shapes or dtypes differ, or a
    model is not given.
    """
    recipe = recipe.canonical()
    if absent := [m for m in recipe.models if m not in models]:
        raise MergeError(f"The recipe needs {', '.join(absent)}, which is not given.")
    check_mergeable({m: models[m] for m in recipe.models}, into)
    columns = {p: recipe.column(p) for p in recipe.components}
    for name, out in into.items():
        column = columns[owner(name, recipe.components)]
        mix([(c, models[m][name]) for m, c in column.items()], out)
