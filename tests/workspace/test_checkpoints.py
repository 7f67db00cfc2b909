from __future__ import annotations

import pytest
import torch

from core.recipes.recipe import single
from core.workspace.checkpoints import CheckpointError


def test_a_checkpoint_knows_where_it_comes_from(tiny_lab):
    found = tiny_lab.zoo["noisy"]
    assert found.tasks == ("noisy",) and found.start == single("base") and found.seed == 0
    assert found.settings["lr"] == 3e-3 and found.digest != tiny_lab.zoo["base"].digest
    assert tiny_lab.zoo.names() == ["base", "noisy"]


def test_the_base_gives_its_image_tower_only(tiny_lab):
    weights = tiny_lab.zoo.weights("base")
    assert weights and all(name.startswith("visual.") for name in weights)
    assert weights.keys() == tiny_lab.zoo.weights("noisy").keys()


@pytest.mark.parametrize("name", ["nowhere", "../noisy", "noisy/../../x"])
def test_an_unknown_checkpoint_is_one_sentence(tiny_lab, name):
    with pytest.raises(CheckpointError):
        tiny_lab.zoo[name]


def test_a_damaged_checkpoint_is_set_aside_with_a_word(tiny_lab):
    path = tiny_lab.zoo.path("noisy")
    path.write_bytes(path.read_bytes()[:-100])
    assert "damaged" in tiny_lab.zoo.verify("noisy")
    with pytest.raises(CheckpointError, match=r"set aside as damaged/.*python -m core build"):
        tiny_lab.zoo.weights("noisy")
    assert "noisy" not in tiny_lab.zoo and any((tiny_lab.folder / "damaged").iterdir())


def test_a_damaged_base_stays_where_it_is(tiny_lab):
    path = tiny_lab.zoo.path("base")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="Restore it"):
        tiny_lab.zoo.weights("base")
    assert path.exists()


def test_a_flipped_bit_is_noticed(tiny_lab):
    path = tiny_lab.zoo.path("noisy")
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.write_bytes(bytes(whole))
    assert "does not match its digest" in tiny_lab.zoo.verify("noisy")


def test_what_is_added_can_be_read(tiny_lab):
    weights = {n: t * 0 for n, t in tiny_lab.zoo.weights("base").items()}
    tiny_lab.zoo.add("zero", weights, tasks=("noisy",), start=single("base"))
    assert all(torch.equal(t, weights[n]) for n, t in tiny_lab.zoo.weights("zero").items())
