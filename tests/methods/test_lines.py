"""LiNeS: factors by depth."""

from __future__ import annotations

import pytest
import torch

from core.methods.lines import lines
from core.methods.task_vectors import MethodError, task_arithmetic
from tests.methods.vectors import some


def test_blocks_are_numbered_as_they_stand_in_the_network_and_the_rest_takes_the_first_factor():
    names = [f"visual.transformer.resblocks.{i}.mlp.weight" for i in (0, 1, 10, 2, 3, 4, 5, 6, 7, 8, 9)]  # as sorted
    vector = {name: torch.ones(1, 1) for name in [*names, "visual.conv1.weight", "visual.proj"]}
    found = dict(lines(vector, [vector], first=0.2, rise=0.5))
    for i in range(11):
        assert float(found[f"visual.transformer.resblocks.{i}.mlp.weight"]) == pytest.approx(0.2 + 0.5 * i / 10)
    assert float(found["visual.conv1.weight"]) == float(found["visual.proj"]) == pytest.approx(0.2)


def test_the_first_factor_comes_from_the_norms():
    vectors = some(4)
    summed = dict(task_arithmetic(vectors))
    found = dict(lines(task_arithmetic(vectors), vectors, rise=0.0))
    torch.testing.assert_close(found["visual.conv1.weight"], summed["visual.conv1.weight"] / 4)
    halved = {name: tensor / 2 for name, tensor in summed.items()}
    found = dict(lines(halved, vectors, rise=0.0))
    torch.testing.assert_close(found["visual.conv1.weight"], halved["visual.conv1.weight"] / 2)


def test_one_block_and_none():
    one = {"visual.layer1.0.weight": torch.ones(2, 2)}
    assert float(dict(lines(one, [one], first=0.5, rise=3.0))["visual.layer1.0.weight"][0, 0]) == 0.5
    flat = {"visual.proj": torch.ones(2, 2)}
    with pytest.raises(MethodError, match="numbered blocks"):
        lines(flat, [flat])
