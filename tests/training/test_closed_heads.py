"""A closed vocabulary: timm's tower, trained heads, and the same patching (PAINT, appendix H)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core import PaletteError
from core.__main__ import main
from core.exchange.importing.base_model import Origin, _asked
from core.exchange.importing.new_workspace import make_workspace
from core.models import configs
from core.models.clip import ModelError
from core.patching import curves
from core.patching.build import sweep
from core.progress import Progress
from core.tasks.task import TaskError
from core.training.closed_heads import own_head, train_head
from core.training.train import train
from core.workspace.checkpoints import CheckpointError
from core.workspace.lab import Lab
from tests.conftest import tiny_tasks

NAME = "test_resnet"  # timm's own model for tests


def workspace(cache: Path, origin: Origin) -> Lab:
    folder = make_workspace(cache, "w", origin, "float32")
    facts = json.loads((folder / "workspace.json").read_text())
    facts |= {"supported": ["plain"], "finetune": {"default": {"steps": 30, "batch_size": 24, "lr": 1e-3, "warmup": 3}}}
    (folder / "workspace.json").write_text(json.dumps(facts))
    return Lab("w", cache, "cpu", tiny_tasks())


@pytest.fixture
def theirs():
    """A model of timm with a classifier of three classes."""
    configs.timm_config(NAME)  # prepares torchvision
    import timm

    torch.manual_seed(0)
    return timm.create_model(NAME, num_classes=3).eval()


def test_its_own_classifier_answers_as_timm_does(tmp_path, theirs):
    save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    lab = workspace(tmp_path, Origin(NAME, checkpoint=tmp_path / "model.safetensors", closed=True))
    assert lab.closed and own_head(lab, "plain").shape[0] == 3
    pixels = lab.encoder().prepare(lab.pictures("plain", "val").images)
    with torch.inference_mode():
        expected = theirs(pixels)
    assert torch.allclose(lab.logits(lab.base, "plain", "val").float(), expected, atol=2e-2, rtol=2e-2)
    assert set(lab.zoo.weights("base")) == set(lab.encoder().weights)


def test_a_head_is_trained_and_the_model_patched(tmp_path):
    lab = workspace(tmp_path, Origin(NAME, seed=0, closed=True))
    with pytest.raises(TaskError, match="python -m core --workspace w head noisy"):
        lab.evaluate(lab.base, "noisy", "val")
    heads = {task: train_head(lab, task) for task in ("noisy", "plain")}
    assert torch.equal(train_head(lab, "noisy"), heads["noisy"])
    before = lab.evaluate(lab.base, "noisy", "train").accuracy
    assert before.value > 0.6, "a probe on even a random tower tells flat colours apart"
    train(lab, ["noisy"], "noisy")
    assert torch.equal(lab.head("noisy"), heads["noisy"]), "the head is frozen"
    after = lab.evaluate(lab.tuned("noisy"), "noisy", "train").accuracy
    assert after.value >= before.value
    sweep(lab, "noisy", ["plain"], [0.0, 0.5, 1.0], Progress())
    assert 0 <= curves.chosen_alpha(lab, "noisy", ["plain"], [0.0, 0.5, 1.0]) <= 1


def test_what_cannot_be(tmp_path, tiny_lab):
    lab = workspace(tmp_path / "c", Origin(NAME, seed=0, closed=True))
    with pytest.raises(CheckpointError, match="without a classifier"):
        own_head(lab, "plain")
    with pytest.raises(TaskError, match="open vocabulary"):
        train_head(tiny_lab, "plain")
    with pytest.raises(ModelError, match="timm does not know 'test_nothing'"):
        make_workspace(tmp_path, "x", Origin("test_nothing", seed=0, closed=True))


def test_another_number_of_classes_is_refused(tmp_path, theirs):
    import timm

    save_file(timm.create_model(NAME, num_classes=5).state_dict(), tmp_path / "five.safetensors")
    lab = workspace(tmp_path, Origin(NAME, checkpoint=tmp_path / "five.safetensors", closed=True))
    with pytest.raises(TaskError, match="tells 5 classes apart, but plain has 3"):
        own_head(lab, "plain")


def test_the_command(tmp_path, capsys, monkeypatch):
    workspace(tmp_path, Origin(NAME, seed=0, closed=True))
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tiny_tasks())
    words = ["--cache", str(tmp_path), "--workspace", "w", "--device", "cpu"]
    assert main([*words, "head", "plain"]) == 0 and "3 classes for plain" in capsys.readouterr().out
    assert main([*words, "head", "nothing"]) == 1 and capsys.readouterr().err.count("\n") == 1


def test_a_head_needs_a_picture_of_every_class(tmp_path, monkeypatch):
    lab = workspace(tmp_path, Origin(NAME, seed=0, closed=True))
    pictures = lab.pictures("plain", "train")
    pictures.labels[pictures.labels == 2] = 0
    monkeypatch.setattr(lab, "pictures", lambda *_: pictures)
    with pytest.raises(PaletteError, match="No train picture of plain shows 'blue'"):
        train_head(lab, "plain")


def test_a_tag_says_which_of_timms_weights():
    asked = [Origin("resnet50", pretrained="a2_in1k", closed=True), Origin("resnet50.a1_in1k", closed=True)]
    assert [_asked(origin)["name"] for origin in asked] == ["resnet50.a2_in1k", "resnet50.a1_in1k"]
    with pytest.raises(ModelError, match="timm does not know"):
        _asked(Origin("resnet50", pretrained="laion400m", closed=True))
    with pytest.raises(ModelError, match="Say where the weights come from"):
        Origin("resnet50", closed=True)
