"""What a file of strangers holds, as far as it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from core import PaletteError


class ForeignError(PaletteError):
    """A file that holds no weights that can be read safely; the message says what it is and what to do."""


@dataclass(frozen=True)
class Foreign:
    """Tensors as a file names them, the files read, and the JSON files beside them (``configs``, by file name).

    Tables within tables give names with dots between (``state_dict.visual.proj``). ``merged`` is how mergekit says
    that it mixed them, in a few words; "" where it did not. ``notes`` are sentences on how the files were read,
    ``beside`` names what lies beside the tensors and is none (an epoch, settings).
    """

    tensors: Mapping[str, torch.Tensor]
    files: tuple[Path, ...]
    configs: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    merged: str = ""
    notes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
