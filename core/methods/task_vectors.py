"""Task vectors and directions: from a weight's name to a float32 tensor, made when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch

from core import PaletteError

Tensors = Mapping[str, torch.Tensor]
Rule = Callable[[str, list[torch.Tensor]], torch.Tensor]
STATISTICS = ("running_mean", "running_var")


class MethodError(PaletteError):
    """Task vectors or parameters that a method cannot take; the message says what to do."""


class TaskVector(Tensors):
    """What a fine-tuning changed, τ = θ - θ_0 (arXiv 2212.04089), in float32.

    Holds the floating-point weights alone: counters and indices have no difference that could be scaled. Nothing is
    read before it is asked for, so two memory-mapped models cost two tensors at a time. Raises MethodError where names
    or shapes differ.
    """

    def __init__(self, base: Tensors, tuned: Tensors) -> None:
        self._base, self._tuned = base, tuned
        self._names = [name for name, tensor in base.items() if tensor.is_floating_point()]
        for name in self._names:
            if name not in tuned or tuned[name].shape != base[name].shape:
                raise MethodError(f"These models do not share one architecture: the weight {name} differs in shape.")

    def __getitem__(self, name: str) -> torch.Tensor:
        return self._tuned[name].float() - self._base[name].float()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Direction(Tensors):
    """A method's answer: ``rule`` applied to the tensors of one name from all task vectors, when it is asked for.

    Reading it from front to back holds one tensor of each task vector at a time; ``dict(direction)`` holds them all.
    BatchNorm's running statistics are averaged whatever the method: they are measured, not learned, and pruning or
    scaling them makes no sense. Raises MethodError without task vectors, or where they differ in names or shapes.
    """

    def __init__(self, task_vectors: Sequence[Tensors], rule: Rule) -> None:
        if not task_vectors:
            raise MethodError("A merge method needs at least one task vector.")
        first, *others = task_vectors
        if any(set(one) != set(first) for one in others):
            raise MethodError("These task vectors have different weights: they come from different architectures.")
        self._vectors, self._rule = task_vectors, rule

    def __getitem__(self, name: str) -> torch.Tensor:
        found = [vector[name].float() for vector in self._vectors]
        if any(tensor.shape != found[0].shape for tensor in found):
            raise MethodError(f"These task vectors do not fit together: the weight {name} differs in shape.")
        return mean(name, found) if name.rpartition(".")[2] in STATISTICS else self._rule(name, found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._vectors[0])

    def __len__(self) -> int:
        return len(self._vectors[0])


def total(_name: str, tensors: list[torch.Tensor]) -> torch.Tensor:
    """Σ τ_t, without a copy of them all."""
    out = tensors[0].clone()
    for tensor in tensors[1:]:
        out += tensor
    return out


def mean(name: str, tensors: list[torch.Tensor]) -> torch.Tensor:
    """(1/T) Σ τ_t."""
    return total(name, tensors) / len(tensors)


def task_arithmetic(task_vectors: Sequence[Tensors]) -> Direction:
    """Task arithmetic adds the task vectors: δ = Σ_t τ_t (arXiv 2212.04089, §3).

    A recipe says the same without a file; as a direction, post-steps can follow. One task vector comes back as it is.
    """
    return Direction(task_vectors, total)
