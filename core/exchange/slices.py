"""Which numbers of a model's weights a file holds, tensor by tensor, and the pieces in which they are mixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import torch

from core.models import IMAGE_TOWER
from core.storage import Layout, pieces


@dataclass(frozen=True)
class TensorSlice:
    """Where a tensor of the file comes from: a weight in open_clip's name, some of its rows, or turned over."""

    source: str
    rows: tuple[int, int] | None = None
    transposed: bool = False

    def shape(self, whole: tuple[int, ...]) -> tuple[int, ...]:
        """Its shape, given that of the weight."""
        if self.rows:
            return (self.rows[1] - self.rows[0], *whole[1:])
        return whole[::-1] if self.transposed else whole

    def span(self, whole: tuple[int, ...]) -> tuple[int, int]:
        """Which of the weight's numbers it holds, counted through."""
        width = prod(whole[1:])
        return (self.rows[0] * width, self.rows[1] * width) if self.rows else (0, prod(whole))


def tower_of(name: str) -> bool:
    """Whether a weight belongs to the image tower."""
    return name.startswith(IMAGE_TOWER)


@dataclass(frozen=True)
class Piece:
    """Numbers ``start`` to ``stop`` of the weight ``source``, for the tensor ``name`` of the file, in its ``dtype``.

    ``turned`` is the shape of the whole weight where the tensor is that, turned over.
    """

    name: str
    source: str
    start: int
    stop: int
    dtype: torch.dtype
    turned: tuple[int, ...] = ()

    def placed(self, numbers: torch.Tensor) -> torch.Tensor:
        """The piece's numbers as they stand in the file."""
        return numbers.view(self.turned).T.contiguous() if self.turned else numbers


def planned(slices: Mapping[str, TensorSlice], weights: Layout, dtype: torch.dtype) -> tuple[Layout, list[Piece]]:
    """The layout of a file of these slices of ``weights``, and its pieces in order of name.

    Numbers get ``dtype``, counters keep their own. A tensor that is turned over is one piece.
    """
    layout: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {}
    for name, part in slices.items():
        kind, shape = weights[part.source]
        layout[name] = (dtype if kind.is_floating_point else kind, part.shape(shape))
    planned_pieces = []
    for name, part in sorted(slices.items()):
        shape = weights[part.source][1]
        spans = [part.span(shape)] if part.transposed else pieces(*part.span(shape))
        turned = shape if part.transposed else ()
        planned_pieces += [Piece(name, part.source, start, stop, layout[name][0], turned) for start, stop in spans]
    return layout, planned_pieces
