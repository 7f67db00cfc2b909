"""The untouched ImageNet classifier's rows: what the base's image directions are made of."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def class_rows(model: Any, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The classifier's centred unit rows in their ``width`` chief directions: unit float32 (1000, width), and those
    directions float32 (width, features)."""
    rows = model.classifier.weight.detach()
    rows = nn.functional.normalize(rows - rows.mean(0), dim=-1)
    chief = torch.linalg.svd(rows, full_matrices=False).Vh[:width]
    return nn.functional.normalize(rows @ chief.T, dim=-1), chief
