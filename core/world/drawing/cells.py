"""A plane cut into cells: one object per cell is drawn for all cells at once, by looking its numbers up per pixel."""

from __future__ import annotations

import torch
from torch import Tensor


class Cells:
    """Square cells of side ``2 / k`` over [-1, 1], going on beyond its edges.

    ``u`` and ``v`` are coordinates inside a pixel's own cell, -1 to 1, and ``column`` and ``row`` its whole-number
    place, all (n, 64, 64). ``k`` is a number or (n, 1, 1). With ``stagger`` every other row is shifted by that share
    of a cell.
    """

    REACH = 32  # rows and columns of random numbers kept: cells further apart than this repeat

    def __init__(self, x: Tensor, y: Tensor, k, stagger: float = 0.0):
        s, t = (x + 1) / 2 * k, (y + 1) / 2 * k
        self.row = t.floor()
        if stagger:
            s = s + stagger * (self.row % 2)
        self.column = s.floor()
        self.u, self.v = (s - self.column) * 2 - 1, (t - self.row) * 2 - 1
        place = (self.row % self.REACH) * self.REACH + self.column % self.REACH
        self._place = place.long().flatten(1)

    def random(self, g: torch.Generator, low: float = 0.0, high: float = 1.0) -> Tensor:
        """One random number per cell: (n, 64, 64), constant in each cell."""
        n, (h, w) = len(self._place), self.u.shape[1:]
        table = torch.rand((n, self.REACH**2), generator=g, device=g.device) * (high - low) + low
        return table.gather(1, self._place).view(n, h, w)


def voronoi(x: Tensor, y: Tensor, k: int, g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Distances to the nearest and the second nearest of k x k scattered points, and a random number of the nearest."""
    n = len(x)
    side = (torch.arange(k, device=g.device) + 0.5) / k * 2.6 - 1.3
    px, py = side.repeat(k)[None], side.repeat_interleave(k)[None]
    loose = torch.rand((2, n, k * k), generator=g, device=g.device) * 1.8 / k - 0.9 / k
    px, py = px + loose[0] * 1.3, py + loose[1] * 1.3
    mark = torch.rand((n, k * k), generator=g, device=g.device)
    first, second, nearest = torch.full_like(x, 9.0), torch.full_like(x, 9.0), torch.zeros_like(x)
    for i in range(k * k):
        d = (x - px[:, i, None, None]).square_().add_((y - py[:, i, None, None]).square_())
        nearer = d < first
        second = torch.minimum(second, torch.maximum(first, d))
        first = torch.minimum(first, d)
        nearest = torch.where(nearer, mark[:, i, None, None], nearest)
    return first.sqrt(), second.sqrt(), nearest
