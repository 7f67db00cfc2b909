"""Checkpoints made small: the difference from the base in 8 or 4 bits a weight (task-vector quantisation)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.metrics import Paired, paired
from core.progress import SILENT, Progress
from core.storage import quantised
from core.workspace import BASE, Checkpoint, CheckpointError, Lab


@dataclass(frozen=True)
class Compression:
    """A compressed checkpoint beside the one it was made of; ``error`` is ‖compressed - whole‖ / ‖whole - base‖."""

    whole: Checkpoint
    small: Checkpoint
    error: float

    @property
    def ratio(self) -> float:
        """How many times smaller the file is."""
        return self.whole.bytes / self.small.bytes


def compress(lab: Lab, name: str, bits: int, into: str) -> Compression:
    """Store checkpoint ``name`` under ``into`` with 8 or 4 bits a weight of its difference from the base.

    The new checkpoint *is* what is stored: its digest, figures and exports are of the rounded weights (arXiv
    2503.06921). Raises CheckpointError for the base, for one that is small already, or if ``into`` is taken.
    """
    if bits not in quantised.BITS:
        raise CheckpointError(f"Weights are stored with {' or '.join(map(str, quantised.BITS))} bits, not {bits}.")
    if name == BASE:
        raise CheckpointError("The base is what differences are counted from, so it cannot be stored as one.")
    whole = lab.zoo[name]
    if whole.bits:
        raise CheckpointError(f"Checkpoint {name!r} is stored with {whole.bits} bits already.")
    if into in lab.zoo:
        raise CheckpointError(f"There is a checkpoint {into!r} already; choose another name.")
    weights, base = lab.zoo.weights(name), lab.zoo.weights(BASE)
    small = lab.zoo.add(
        into,
        {**weights, **lab.zoo.head(name)},
        tasks=whole.tasks,
        settings=whole.settings,
        seed=whole.seed,
        start=whole.start,
        classes=whole.classes,
        bits=bits,
    )
    rounded = lab.zoo.weights(into)
    floating = [n for n, w in weights.items() if w.is_floating_point()]
    lost = sum(float((rounded[n].double() - weights[n].double()).square().sum()) for n in floating)
    moved = sum(float((weights[n].double() - base[n].double()).square().sum()) for n in floating)
    return Compression(whole, small, (lost / moved) ** 0.5 if moved else 0.0)


def cost(lab: Lab, done: Compression, task: str, split: str = "val", progress: Progress = SILENT) -> Paired:
    """What compression changes on a task: the whole checkpoint against the small one on the same pictures."""
    before, after = (
        lab.evaluate(lab.tuned(checkpoint.name), task, split, progress).right for checkpoint in (done.whole, done.small)
    )
    return paired(torch.as_tensor(before).numpy(), torch.as_tensor(after).numpy())
