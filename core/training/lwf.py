"""Learning without forgetting: what a model says of other classes is held while it learns new ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import kl_div

from core.models import Encoder, features
from core.progress import SILENT, Progress
from core.tasks import TaskError
from core.training.finetune import Loss, TrainingSet, against_head
from core.workspace import Lab


def holding(
    encoder: Encoder,
    sets: Sequence[TrainingSet],
    held: torch.Tensor,
    weight: float,
    progress: Progress = SILENT,
) -> Loss:
    """PAINT's loss and ``weight`` times the divergence of the answers over ``held`` class names from the start's.

    The start is the encoder as it is now; it looks at every training picture once, unchanged. ``held`` is a head,
    float32 (names, embed_dim), of classes that are not learnt: no picture of theirs is needed. The divergence is
    Kullback and Leibler's of two softmaxes at the model's own temperature, a mean over pictures (Li and Hoiem, Learning
    without Forgetting, arXiv 1606.09282, eq. 2, at temperature 1).
    """
    before = {known.digest: features(encoder, known.images, progress) for known in sets}
    names = (held * encoder.logit_scale).T.to(encoder.device)

    def loss(encoder: Encoder, known: TrainingSet, rows: torch.Tensor, pixels: torch.Tensor, step: int) -> torch.Tensor:
        found = encoder.features(pixels).float()
        with torch.autocast(encoder.device.type, enabled=False):
            then, now = ((x @ names).log_softmax(1) for x in (before[known.digest][rows].to(found), found))
            divergence = kl_div(now, then, reduction="batchmean", log_target=True)
        return against_head(encoder, known, rows, found) + weight * divergence

    return loss


def held_rows(lab: Lab) -> torch.Tensor:
    """The head of every class name of the supported tasks, once each: float32 (names, embed_dim).

    Raises TaskError if there is no supported task.
    """
    if not (supported := lab.by_role("supported")):
        raise TaskError(f'{lab.name} has no supported task whose answers to "hold"; add one, or set it to 0.')
    return torch.unique(torch.cat([lab.head(task) for task in supported]), dim=0)
