"""Workspaces from the hub's cache, with no network: what was placed there is used, and what is missing is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from core import PaletteError
from core.exchange.exporting.export import export
from core.exchange.importing.base_model import Origin
from core.exchange.importing.new_workspace import make_workspace
from core.models import clip
from core.storage import files
from tests.exchange.exporting.test_export import vit_lab  # noqa: F401 - a fixture
from tests.exchange.importing.test_new_workspace import model_folder, small_models, weights_of  # noqa: F401 - a fixture


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """An empty hub cache, and no network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def put(hub: Path, repository: str, source: Path) -> None:
    """Lay a folder into the hub's cache as huggingface_hub does."""
    place = hub / f"models--{repository.replace('/', '--')}"
    shutil.copytree(source, place / "snapshots" / ("a" * 40))
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("a" * 40)


def test_offline_says_what_to_place_where(hub, tmp_path):
    with pytest.raises(PaletteError) as told:
        make_workspace(tmp_path, "w", Origin("ViT-B-32", "openai"))
    said = str(told.value)
    assert "`hf download timm/vit_base_patch32_clip_224.openai open_clip_model.safetensors`" in said
    assert f"models--timm--vit_base_patch32_clip_224.openai into {hub}" in said and said.count(". ") == 0


def test_what_was_placed_there_is_used(hub, tmp_path, small_models):  # noqa: F811
    put(hub, "timm/vit_base_patch32_clip_224.openai", model_folder(tmp_path / "theirs"))
    folder = make_workspace(tmp_path, "w", Origin("ViT-B-32", "openai"), "float32")
    assert clip.read_config(folder / "base")["model_cfg"]["quick_gelu"] is True  # the tag knows better than the folder
    theirs = files.read_tensors(tmp_path / "theirs" / clip.WEIGHTS)
    assert all(torch.equal(t, theirs[n]) for n, t in weights_of(folder).items())


def test_a_model_of_transformers_from_the_hub(hub, vit_lab, tmp_path):  # noqa: F811
    export(vit_lab, vit_lab.base, tmp_path / "hf", "huggingface", "float32")
    put(hub, "somebody/clip", tmp_path / "hf")
    folder = make_workspace(tmp_path, "w", Origin(hub="somebody/clip"))
    theirs = files.read_tensors(vit_lab.folder / "base" / clip.WEIGHTS)
    assert all(torch.equal(t, theirs[n]) for n, t in weights_of(folder).items())
    config = clip.read_config(folder / "base")
    assert (
        config["preprocess_cfg"]["mean"] == [0.5, 0.5, 0.5] and config["preprocess_cfg"]["interpolation"] == "bilinear"
    )


@pytest.mark.parametrize("name", ["not a repository!", "a/b/c"])
def test_ids_that_cannot_be(hub, tmp_path, name):
    with pytest.raises(PaletteError, match="write OWNER/NAME"):
        make_workspace(tmp_path, "w", Origin(hub=name))
