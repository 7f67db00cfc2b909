from __future__ import annotations

from itertools import pairwise

import torch

from core.exchange.slices import TensorSlice, planned
from core.storage import pieces

WEIGHTS = {
    "visual.attn": (torch.float16, (6, 2)),
    "visual.proj": (torch.float16, (2, 3)),
    "visual.count": (torch.int64, ()),
}
SLICES = {
    "k": TensorSlice("visual.attn", rows=(2, 4)),
    "turned": TensorSlice("visual.proj", transposed=True),
    "count": TensorSlice("visual.count"),
}


def test_a_file_is_planned_before_anything_is_read():
    layout, plan = planned(SLICES, WEIGHTS, torch.float32)
    assert layout == {"k": (torch.float32, (2, 2)), "turned": (torch.float32, (3, 2)), "count": (torch.int64, ())}
    assert [(p.name, p.source, p.start, p.stop) for p in plan] == [
        ("count", "visual.count", 0, 1),
        ("k", "visual.attn", 4, 8),
        ("turned", "visual.proj", 0, 6),
    ]
    weight = torch.arange(6.0).view(2, 3)
    assert torch.equal(plan[2].placed(weight.reshape(-1)), weight.T) and plan[1].placed(weight) is weight


def test_large_weights_come_in_pieces_that_leave_nothing_out():
    count = 3_000_000
    _, plan = planned({"w": TensorSlice("w")}, {"w": (torch.float32, (3, count // 3))}, torch.float16)
    spans = [(piece.start, piece.stop) for piece in plan]
    assert len(spans) > 1 and spans == list(pieces(0, count))
    assert spans[0][0] == 0 and spans[-1][1] == count
    assert all(one[1] == two[0] for one, two in pairwise(spans))
