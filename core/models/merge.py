"""The one function that turns a recipe into weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from core import PaletteError
from core.recipes import Recipe, owner

Weights = Mapping[str, torch.Tensor]
CHUNK = 524288  # values: 2 MB in fp32, which the second-level caches of two processors hold together
ALONE = 2**15  # numbers on which torch works in the calling thread alone


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


def mix(parents: list[tuple[float, torch.Tensor]], out: torch.Tensor, alone: bool = False) -> None:
    """out ← Σ c·θ (the equation of PAINT §2 and ManifoldMixMS eq. 1), summed in fp32 or wider, cast once.

    ``alone`` keeps to the calling thread, for callers that mix pieces in threads of their own; the result is the same.
    """
    if not out.is_floating_point():  # counters and indices are not mixed: the model with the most say gives them
        out.copy_(max(parents, key=lambda p: p[0])[1])
        return
    parents = [(c, t) for c, t in parents if c != 0.0]
    if len(parents) == 1 and parents[0][0] == 1.0:
        out.copy_(parents[0][1])
        return
    sums = torch.promote_types(wide(out), wide(parents[0][1]))
    tensors = [t for _, t in parents]
    if alone and len(parents) > 2 and tensors[0].dtype == torch.float16:
        from core.models import half_precision  # on first use: what compiles it takes half a second to load

        if half_precision.takes(out, tensors):
            half_precision.fused_sum(parents, out)
            return
    for part, pieces in _chunks(out, tensors) if len(parents) > 2 else [(out, tensors)]:
        said = [(c, _split(piece, alone)) for (c, _), piece in zip(parents, pieces, strict=True)]
        _sum(said, _split(part, alone), sums)


def _split(tensor: torch.Tensor, alone: bool) -> list[torch.Tensor]:
    """A tensor as it is, or in pieces so small that torch works on each without its threads."""
    return list(tensor.split(ALONE)) if alone and tensor.dim() else [tensor]


def _sum(parents: list[tuple[float, list[torch.Tensor]]], out: list[torch.Tensor], sums: torch.dtype) -> None:
    """Each tensor of ``out`` ← Σ c·θ over the tensors at its place; one call into torch for all of them."""
    total = out if out[0].dtype == sums else [torch.empty_like(t, dtype=sums) for t in out]
    (first, a), *others = parents
    if len(parents) == 2:
        (alpha, b) = others[0]
        if a[0].dtype == b[0].dtype == sums and a[0].device == b[0].device == total[0].device:
            for x, y, t in zip(a, b, total, strict=True):
                torch.lerp(x, y, alpha, out=t)
        else:
            torch._foreach_copy_(total, a)
            torch._foreach_lerp_(total, [y.to(t) for y, t in zip(b, total, strict=True)], alpha)
    else:
        torch._foreach_copy_(total, a)
        torch._foreach_mul_(total, first)
        same = all(t[0].dtype == sums and t[0].device == total[0].device for _, t in others)
        widened = total if same else [torch.empty_like(t) for t in total]
        for coefficient, tensors in others:  # cast first: adding another dtype is a slower loop of torch's
            if not same:
                torch._foreach_copy_(widened, tensors)
            torch._foreach_add_(total, tensors if same else widened, alpha=coefficient)
    if total is not out:
        torch._foreach_copy_(out, total)


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


class Stacked(Mapping[str, Weights]):
    """Models side by side in memory, in fp32 or wider on one device: any mix of them is then one matrix product.

    That reads every value once, in one pass, so it is the fastest way to try many coefficients on the same models. The
    last bits of a sum of three models or more may differ from those of a sum made one model after the other. Raises
    MergeError if the models cannot be mixed.
    """

    @torch.no_grad()
    def __init__(self, models: Mapping[str, Weights], device: torch.device) -> None:
        like = next(iter(models.values()))
        check_mergeable(models, like)
        self._blocks = {n: torch.empty((len(models), *t.shape), dtype=wide(t), device=device) for n, t in like.items()}
        for name, block in self._blocks.items():
            for row, weights in zip(block, models.values(), strict=True):
                row.copy_(weights[name])
        # Where a value is not finite, 0 times it would spoil the sums of the models that are.
        self._products = {n for n, block in self._blocks.items() if block.is_floating_point() and finite(block)}
        self._models = {m: {n: block[i] for n, block in self._blocks.items()} for i, m in enumerate(models)}

    def __getitem__(self, model: str) -> Weights:
        return self._models[model]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def mix(self, name: str, column: Mapping[str, float], out: torch.Tensor) -> None:
        """out ← Σ c·θ of the weight ``name``; ``column`` has a coefficient for each model that takes part."""
        block = self._blocks[name]
        if name not in self._products or sum(c != 0.0 for c in column.values()) <= 2:
            mix([(c, self[m][name]) for m, c in column.items()], out)
            return
        fits = out.dtype == block.dtype and out.device == block.device and out.is_contiguous()
        total = out if fits else torch.empty_like(block[0])
        coefficients = torch.tensor([[column.get(m, 0.0) for m in self]], dtype=block.dtype, device=block.device)
        torch.mm(coefficients, block.view(len(self), -1), out=total.view(1, -1))
        if not fits:
            out.copy_(total)


def finite(numbers: torch.Tensor) -> bool:
    """Whether all are; a sum that is finite says so at the speed of memory, one that is not may have overflowed."""
    return bool(torch.isfinite(numbers.sum())) or bool(torch.isfinite(numbers).all())


def wide(tensor: torch.Tensor) -> torch.dtype:
    """The dtype in which a tensor is summed: fp32 or its own wider one; a counter's own."""
    return torch.promote_types(tensor.dtype, torch.float32) if tensor.is_floating_point() else tensor.dtype


@torch.no_grad()
def merge(models: Mapping[str, Weights], recipe: Recipe, into: Weights) -> None:
    """Write the weights that ``recipe`` describes into ``into``, tensor by tensor, allocating at most one tensor.

    ``models`` maps each of the recipe's models to its tensors, and may be ``Stacked``; ``into`` holds the tensors to
    overwrite, such as a module's own parameters, in any floating dtype and on any device. Sums run in fp32 or wider and
    are cast once; a recipe that is one model gives that model bit for bit. Raises MergeError if names, shapes or dtypes
    differ, or a model is not given.
    """
    recipe = recipe.canonical()
    if absent := [m for m in recipe.models if m not in models]:
        raise MergeError(f"The recipe needs {', '.join(absent)}, which is not given.")
    check_mergeable({m: models[m] for m in recipe.models}, into)
    columns = {p: recipe.column(p) for p in recipe.components}
    for name, out in into.items():
        column = columns[owner(name, recipe.components)]
        if isinstance(models, Stacked):
            models.mix(name, column, out)
        else:
            mix([(c, models[m][name]) for m, c in column.items()], out)
