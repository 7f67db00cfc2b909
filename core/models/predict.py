"""The one function that turns weights and pictures into features, and the one that turns features into logits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from core.models.image_tower.encoder import Encoder
from core.progress import SILENT, Progress


def features(
    encoder: Encoder,
    images: np.ndarray | torch.Tensor,
    progress: Progress = SILENT,
) -> torch.Tensor:
    """Unit-length image features, float32 (n, embed_dim) on the CPU, of uint8 (n, size, size, 3) pictures.

    The batch is the encoder's; one that does not fit the device's memory is halved, and that is no error.
    """
    step = encoder.batch.block()
    parts = []
    for start in progress(range(0, len(images), step)):
        stop = min(len(images), start + step)
        parts += encoder.batch.run(lambda rows: encoder.encode(images[rows]), start, stop)
    return torch.cat(parts).cpu()


def logits(features: torch.Tensor, head: torch.Tensor, scale: float, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Scaled cosine similarities, float32 (n, classes) on the CPU: what every answer is made from.

    ``bias`` (classes,) is a trained head's, added before scaling. Nothing is rounded to half precision: that made ties
    of near answers, which the first class won.
    """
    if bias is not None:
        return scale * (features.float() @ head.float().T + bias.float())
    return scale * features.float() @ head.float().T


def largest(logits: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    """The largest logit of each of several groups of neighbouring columns, (n, groups): ObjectNet's class mask.

    ``sizes`` says how many columns each group has, in order. As ``project_logits`` of the code of model soups does it.
    """
    return torch.stack([group.amax(dim=1) for group in logits.split(list(sizes), dim=1)], dim=1)


def choice_logits(features: torch.Tensor, texts: torch.Tensor, which: torch.Tensor, scale: float) -> torch.Tensor:
    """Scaled cosine similarities to each picture's own candidates, float32 (n, choices) on the CPU (PAINT §7).

    ``features`` (n, embed_dim); ``texts`` (distinct, embed_dim), among which ``which`` int (n, choices) points.
    """
    own = texts.float()[which.long()]
    return scale * torch.einsum("nd,ncd->nc", features.float(), own)
