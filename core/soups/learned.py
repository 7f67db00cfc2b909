"""The learned soup: coefficients found by gradient on validation cross-entropy (model soups, appendix I)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from core.models import BIAS, IMAGE_TOWER, WEIGHT, Encoder, Weights
from core.progress import SILENT, Progress
from core.recipes import Partition, Recipe, owner
from core.training import batch_indices


@dataclass(frozen=True)
class LearnedSettings:
    """``epochs`` over the validation pictures in batches; ``lr`` is AdamW's, on the logits of the coefficients."""

    epochs: int = 3
    batch_size: int = 128
    lr: float = 0.1
    seed: int = 0


def learned_soup(
    encoder: Encoder,
    models: Sequence[Recipe],
    weights: Sequence[Weights],
    text_head: torch.Tensor,
    partition: Partition,
    images: torch.Tensor,
    labels: torch.Tensor,
    settings: LearnedSettings | None = None,
    progress: Progress = SILENT,
) -> Recipe:
    """Coefficients, a softmax over the models for each group, that lower cross-entropy on *val*; started at uniform.

    ``weights`` holds each model's tower and, where it has one, its head; ``text_head`` (classes, embed_dim) serves
    where none has. ``images`` is uint8 (n, size, size, 3), ``labels`` int64 (n,). A temperature is learned along and
    dropped, as it changes no answer. The models must be single checkpoints. ``encoder`` is only called, never changed.
    """
    settings = settings or LearnedSettings()
    group_of = {p: j for j, group in enumerate(partition.groups) for p in group.prefixes}
    names = [n for n, t in weights[0].items() if t.is_floating_point()]
    columns = {n: group_of[owner(n, tuple(group_of))] for n in names}
    stacked = {n: torch.stack([w[n].to(encoder.device, torch.float32) for w in weights]) for n in names}
    free = torch.zeros(len(models), len(partition), device=encoder.device, requires_grad=True)
    warmth = torch.zeros((), device=encoder.device, requires_grad=True)
    optimizer = torch.optim.AdamW([free, warmth], lr=settings.lr, weight_decay=0.0)
    text = text_head.to(encoder.device)
    statistics = [n for n, t in encoder.tower.named_buffers() if t.is_floating_point()]
    encoder.tower.eval()
    for step in progress(range(settings.epochs * max(1, len(labels) // settings.batch_size))):
        rows = batch_indices(len(labels), settings.batch_size, step, settings.seed)
        shares = free.softmax(dim=0)
        mixed = {n: torch.tensordot(shares[:, columns[n]], stacked[n], dims=1) for n in names}
        tower = {n.removeprefix(IMAGE_TOWER): t for n, t in mixed.items() if n.startswith(IMAGE_TOWER)}
        tower |= {n: tower[n].detach() for n in statistics}  # no gradient goes through BatchNorm's statistics
        found = functional_call(encoder.tower, tower, (encoder.prepare(images[rows]),)).float()
        found = torch.nn.functional.normalize(found, dim=-1)
        logits = encoder.logit_scale * (
            found @ mixed.get(WEIGHT, text).T + mixed.get(BIAS, torch.zeros_like(text[:, 0]))
        )
        loss = cross_entropy(warmth.exp() * logits, labels[rows].to(encoder.device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return _recipe(models, partition, free.detach().double().softmax(dim=0).cpu())


def _recipe(models: Sequence[Recipe], partition: Partition, shares: torch.Tensor) -> Recipe:
    prefixes = [(p, j) for j, group in enumerate(partition.groups) for p in group.prefixes]
    rows = tuple(tuple(float(row[j]) for _, j in prefixes) for row in shares)
    return Recipe(tuple(m.models[0] for m in models), tuple(p for p, _ in prefixes), rows)
