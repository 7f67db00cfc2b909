"""The one function that turns weights and pictures into features, and the one that turns features into logits."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch

from core.vision import Encoder

BATCH = 256


def features(
    encoder: Encoder,
    images: np.ndarray | torch.Tensor,
    batch: int = BATCH,
    progress: Callable[[Iterable], Iterable] = iter,
) -> torch.Tensor:
    """Unit-length image features, float16 (n, embed_dim) on the CPU, of uint8 (n, size, size, 3) pictures."""
    parts = [encoder.encode(images[start : start + batch]).half() for start in progress(range(0, len(images), batch))]
    return torch.cat(parts).cpu()


def logits(features: torch.Tensor, head: torch.Tensor, scale: float, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Scaled cosine similarities, float16 (n, classes) on the CPU: what the store keeps and every metric reads.

    ``bias`` (classes,) is a trained head's, added before scaling. Rounded to half precision here, once, so that fresh
    and stored logits are the same numbers.
    """
    if bias is not None:
        return (scale * (features.float() @ head.float().T + bias.float())).half()
    return (scale * features.float() @ head.float().T).half()
