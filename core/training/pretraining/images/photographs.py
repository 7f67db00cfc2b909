"""Photographs for pre-training, from parquet files: new views in every step, resized as the base resizes pictures."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

Resampling = Image.Resampling.BICUBIC


@dataclass(frozen=True)
class Album:
    """Photographs uint8 (h, w, 3) each, their labels, and the names of the labels."""

    images: list[np.ndarray]
    labels: torch.Tensor
    names: tuple[str, ...]


def read(path: Path) -> Album:
    """A parquet file in Hugging Face's layout."""
    import pyarrow.parquet as parquet

    table = parquet.read_table(path)
    facts = json.loads(table.schema.metadata[b"huggingface"])
    names = tuple(facts["info"]["features"]["label"]["names"])
    images = [np.asarray(Image.open(io.BytesIO(row["bytes"])).convert("RGB")) for row in table["image"].to_pylist()]
    return Album(images, torch.tensor(table["label"].to_pylist()), names)


def central(image: np.ndarray, size: int) -> np.ndarray:
    """The shorter side to ``size``, then the middle: the base's own transform, uint8 (size, size, 3)."""
    height, width = image.shape[:2]
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    return np.asarray(Image.fromarray(image).resize((size, size), Resampling, (left, top, left + side, top + side)))


def view(image: np.ndarray, size: int, chance: np.random.Generator) -> np.ndarray:
    """A new view, uint8 (size, size, 3): mirrored or not, the middle or any part of at least a third of the area."""
    height, width = image.shape[:2]
    mirrored = chance.random() < 0.5
    if chance.random() < 0.35:
        found = central(image, size)
    else:
        share, stretch = np.sqrt(chance.uniform(0.33, 1.0)), np.exp(chance.uniform(-0.18, 0.18))
        side = min(height, width) * share
        w, h = min(width, side * stretch), min(height, side / stretch)
        left, top = chance.uniform(0, width - w), chance.uniform(0, height - h)
        picture = Image.fromarray(image)
        found = np.asarray(picture.resize((size, size), Resampling, (left, top, left + w, top + h)))
    return found[:, ::-1] if mirrored else found


def views(album: Album, n: int, size: int, chance: np.random.Generator) -> tuple[np.ndarray, torch.Tensor]:
    """New views of photographs chosen at random: uint8 (n, size, size, 3) and their labels int64 (n,)."""
    which = chance.integers(0, len(album.images), n)
    return np.stack([view(album.images[i], size, chance) for i in which]), album.labels[torch.from_numpy(which)]
