"""Real photographs for pre-training and for the card: a CIFAR-10 parquet file, enlarged to the world's size."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from core.tasks import pictures
from core.world import PHOTO_NAMES, SIDE, WorldError


@lru_cache(maxsize=2)
def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Photographs and labels of a parquet file: uint8 (n, 32, 32, 3) and int64 (n,). Raises WorldError."""
    import pyarrow.parquet as parquet  # a slow import, needed only here

    try:
        table = parquet.read_table(path)
        column = next(name for name in ("image", "img") if name in table.column_names)
        decoded = [pictures.read(row["bytes"]) for row in table[column].to_pylist()]
        labels = np.array(table["label"].to_pylist(), dtype=np.int64)
        images = np.stack([np.asarray(p) for p in decoded])
    except (OSError, KeyError, TypeError, ValueError, StopIteration) as error:
        raise WorldError(f"{path} is no parquet file with CIFAR-10's image and label: {error}.") from error
    if images.shape[1:] != (32, 32, 3) or labels.min() < 0 or labels.max() >= len(PHOTO_NAMES):
        raise WorldError(f"{path} is not CIFAR-10: its pictures are not 32×32, or a label is not below ten.")
    return images, labels


def enlarge(images: np.ndarray, batch: int = 1000) -> np.ndarray:
    """uint8 (n, 32, 32, 3) to uint8 (n, SIDE, SIDE, 3), smoothly."""
    parts = []
    for start in range(0, len(images), batch):
        small = torch.from_numpy(images[start : start + batch]).permute(0, 3, 1, 2).float()
        large = functional.interpolate(small, (SIDE, SIDE), mode="bilinear", align_corners=False)
        parts.append(large.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy())
    return np.concatenate(parts)


def draw(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A new view of each photograph uint8 (n, 32, 32, 3): mirrored, cropped and recoloured a little.

    Gives canvases, float32 (n, 3, SIDE, SIDE) in [0, 1].
    """
    n, device = len(images), images.device
    pixels = images.permute(0, 3, 1, 2).float().div_(255)
    mirror = torch.where(torch.rand(n, generator=generator, device=device) < 0.5, -1.0, 1.0)
    zoom = 0.72 + 0.30 * torch.rand((n, 1), generator=generator, device=device)
    stretch = 1 + 0.16 * (torch.rand((n, 1), generator=generator, device=device) - 0.5)
    size = torch.cat([zoom * stretch, zoom / stretch], 1)
    shift = (torch.rand((n, 2), generator=generator, device=device) * 2 - 1) * (1.08 - size)
    theta = torch.zeros((n, 2, 3), device=device)
    theta[:, 0, 0], theta[:, 1, 1] = size[:, 0] * mirror, size[:, 1]
    theta[:, :, 2] = shift
    where = functional.affine_grid(theta, [n, 1, SIDE, SIDE], align_corners=False)
    pixels = functional.grid_sample(pixels, where, padding_mode="reflection", align_corners=False)
    shape = (n, 3, 1, 1)
    light = 1 + 0.4 * (torch.rand((n, 1, 1, 1), generator=generator, device=device) - 0.5)
    tint = 1 + 0.16 * (torch.rand(shape, generator=generator, device=device) - 0.5)
    grey = pixels.mean(1, keepdim=True)
    fade = 0.4 * torch.rand((n, 1, 1, 1), generator=generator, device=device)
    return pixels.lerp(grey, fade).mul_(light * tint).clamp_(0, 1)
