"""New workspaces: from open_clip's names, local files and seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core import PaletteError
from core.__main__ import main
from core.exchange.exporting.export import export
from core.exchange.importing.base_model import Origin, find
from core.exchange.importing.new_workspace import WorkspaceError, inventory, make_workspace
from core.models import clip, configs
from core.models.clip import ModelError
from core.progress import CancelledError, Progress
from core.storage import files
from core.storage.disk_space import check_room
from core.training.settings import settings_of
from core.workspace.checkpoints import BASE
from core.workspace.lab import Lab, workspaces
from tests.conftest import CONFIG, full_disk, tiny_tasks
from tests.exchange.exporting.test_export import VIT, open_clip_loads, vit_lab  # noqa: F401 - a fixture

VIT_CFG = {**CONFIG["model_cfg"], "vision_cfg": VIT}


def model_folder(folder: Path, weights: Mapping[str, torch.Tensor] | None = None, **more: object) -> Path:
    """An open_clip folder of a small ViT, fp32."""
    config = {**CONFIG, "model_cfg": {**VIT_CFG, **more}}
    torch.manual_seed(3)
    model = clip.create(config["model_cfg"])
    if weights is not None:
        model.load_state_dict(weights)
    clip.save(model, config, folder, torch.float32)
    return folder


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return dict(files.read_tensors(folder / "base" / clip.WEIGHTS))


@pytest.fixture
def small_models(monkeypatch):
    """open_clip's ViT-B-32 and RN50, a thousand times smaller: same names, same kinds of weights."""
    small = {
        "ViT-B-32": VIT_CFG,
        "ViT-B-32-quickgelu": {**VIT_CFG, "quick_gelu": True},
        "RN50": CONFIG["model_cfg"],
    }
    monkeypatch.setattr(configs, "model_config", lambda name: json.loads(json.dumps(small.get(name))))


# open_clip's names


def test_openais_weights_get_the_activation_that_they_were_trained_with():
    for name in ("ViT-B-32", "ViT-B-32-quickgelu"):
        found = configs.named(name, "openai")
        assert found["model_cfg"]["quick_gelu"] is True and found["name"] == "ViT-B-32-quickgelu"
        assert found["hub"] == "timm/vit_base_patch32_clip_224.openai/"
    other = configs.named("ViT-B-32-quickgelu", "laion2b_s34b_b79k")  # trained with gelu, whatever one asks for
    assert not other["model_cfg"].get("quick_gelu") and other["name"] == "ViT-B-32"
    assert configs.named("RN50", "openai")["model_cfg"]["quick_gelu"] is True


def test_a_config_is_what_open_clip_itself_would_preprocess_with():
    found = configs.named("ViT-L-14-336", "openai")["preprocess_cfg"]
    assert found["size"] == [336, 336] and found["interpolation"] == "bicubic" and found["resize_mode"] == "shortest"
    siglip = configs.named("ViT-B-16-SigLIP", "webli")["preprocess_cfg"]
    assert siglip["mean"] == [0.5, 0.5, 0.5] and siglip["resize_mode"] == "squash"


@pytest.mark.parametrize(
    ("name", "tag", "complaint"),
    [
        ("ViT-B-31", "", "did you mean ViT-B-32"),
        ("ViT-B-32", "nobody", "it knows openai"),
        ("zzz", "", "no model 'zzz'"),
    ],
)
def test_names_that_are_not_there(name, tag, complaint):
    with pytest.raises(ModelError, match=complaint):
        configs.named(name, tag)


def test_models_that_write_captions_are_refused():
    with pytest.raises(ModelError, match="CoCa"):
        clip.outline(configs.model_config("coca_ViT-B-32"))


# what a workspace holds


@pytest.mark.parametrize("model", ["ViT-B-32", "RN50"])
def test_a_seed_gives_a_workspace_that_computes(tmp_path, small_models, model):
    folder = make_workspace(tmp_path, "w", Origin(model, seed=5), "float32")
    lab = Lab("w", tmp_path, "cpu")
    assert lab.tasks == {} and lab.precision == "float32" and workspaces(tmp_path) == ["w"]
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = clip.create(configs.model_config(model)).state_dict()
    assert all(torch.equal(t, expected[n]) for n, t in weights_of(folder).items())
    again = Lab("w", tmp_path, "cpu", tiny_tasks()).evaluate(lab.base, "plain", "val")
    assert again.accuracy.n == 24
    assert find(Origin(model, seed=5)).tensors.keys() == expected.keys()


def test_random_weights_leave_everybody_elses_chance_alone(tmp_path, small_models):
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    make_workspace(tmp_path, "w", Origin("ViT-B-32", seed=5))
    assert torch.equal(torch.rand(1), expected)


def test_what_open_clip_loads_from_it_is_what_went_in(tmp_path):
    source = model_folder(tmp_path / "theirs", quick_gelu=True)
    folder = make_workspace(tmp_path, "w", Origin(checkpoint=source), "float16")
    theirs, ours = open_clip_loads(source), open_clip_loads(folder / "base")
    assert all(torch.equal(t.half(), ours.state_dict()[n].half()) for n, t in theirs.state_dict().items())
    assert clip.read_config(folder / "base")["model_cfg"]["quick_gelu"] is True
    facts = files.read_facts(folder / "base" / clip.WEIGHTS)
    halves = weights_of(folder)
    text = {n: t for n, t in halves.items() if not n.startswith("visual.")}
    assert facts["text_digest"] == files.digest_tensors(text) and Lab("w", tmp_path).zoo.verify(BASE) is None
    assert Lab("w", tmp_path).zoo[BASE].digest == facts["image_digest"]


def test_loading_without_drawing_random_weights_first_changes_nothing(tmp_path):
    for config in (CONFIG, {**CONFIG, "model_cfg": {**VIT_CFG, "custom_text": True}}):
        clip.save(clip.create(config["model_cfg"]), config, tmp_path / "m")
        quick, plain = clip.load(tmp_path / "m"), clip.create(config["model_cfg"])
        plain.load_state_dict(files.read_tensors(tmp_path / "m" / clip.WEIGHTS))
        assert all(torch.equal(t, plain.state_dict()[n]) for n, t in quick.state_dict().items())
        buffers = dict(plain.named_buffers())
        assert all(torch.equal(b, buffers[n]) for n, b in quick.named_buffers()) and buffers
        texts = ["a red picture", "something"]
        assert torch.equal(clip.text_features(quick, texts), clip.text_features(plain, texts))


@pytest.mark.parametrize("form", ["open_clip", "huggingface", "state_dict"])
def test_every_form_that_palette_exports_makes_a_workspace_again(vit_lab, tmp_path, small_models, form):  # noqa: F811
    export(vit_lab, vit_lab.base, tmp_path / "out", form, "float32")
    model = "ViT-B-32-quickgelu" if form == "state_dict" else ""
    folder = make_workspace(tmp_path / "cache", "w", Origin(model, checkpoint=tmp_path / "out"))
    ours, theirs = weights_of(folder), files.read_tensors(vit_lab.folder / "base" / clip.WEIGHTS)
    assert ours.keys() == theirs.keys() and all(torch.equal(t, theirs[n]) for n, t in ours.items())
    config = clip.read_config(folder / "base")
    assert config["model_cfg"]["quick_gelu"] is True
    assert config["preprocess_cfg"]["size"] == [32, 32]


def test_openais_own_file_says_its_activation(tmp_path, small_models):
    weights = clip.create({**VIT_CFG, "quick_gelu": True}).state_dict()
    marks = {n: torch.tensor(32) for n in ("input_resolution", "context_length", "vocab_size")}
    torch.save({**weights, **marks}, tmp_path / "ViT-B-32.pt")
    folder = make_workspace(tmp_path, "w", Origin("ViT-B-32", checkpoint=tmp_path / "ViT-B-32.pt"))
    assert clip.read_config(folder / "base")["model_cfg"]["quick_gelu"] is True


# what does not fit


def test_a_lone_file_has_to_say_its_architecture(tmp_path):
    save_file(clip.create(VIT_CFG).state_dict(), tmp_path / "lone.safetensors")
    with pytest.raises(ModelError, match="does not say which architecture"):
        make_workspace(tmp_path, "w", Origin(checkpoint=tmp_path / "lone.safetensors"))
    assert not workspaces(tmp_path)


def test_weights_of_another_architecture_are_refused(tmp_path, small_models):
    save_file(clip.create(CONFIG["model_cfg"]).state_dict(), tmp_path / "rn.safetensors")
    with pytest.raises(WorkspaceError, match=r"do not fit ViT-B-32: .* and \d+ more\.$"):
        make_workspace(tmp_path, "w", Origin("ViT-B-32", checkpoint=tmp_path / "rn.safetensors"))
    assert not (tmp_path / "w").exists()


def test_weights_that_float16_cannot_hold_are_refused(tmp_path):
    model = clip.create(VIT_CFG)
    model.visual.proj.data[0, 0] = 1e6
    source = model_folder(tmp_path / "large", model.state_dict())
    with pytest.raises(WorkspaceError, match=r"visual.proj holds what is no number, or none that torch.float16"):
        make_workspace(tmp_path, "w", Origin(checkpoint=source))
    assert not (tmp_path / "w").exists()
    make_workspace(tmp_path, "w", Origin(checkpoint=source), "float32")


@pytest.mark.parametrize("name", ["../up", "", "jobs", "a b"])
def test_names_that_cannot_be(tmp_path, name):
    with pytest.raises(WorkspaceError):
        make_workspace(tmp_path, name, Origin("ViT-B-32", seed=0))


def test_a_name_that_is_taken(tmp_path, small_models):
    make_workspace(tmp_path, "w", Origin("ViT-B-32", seed=0))
    before = weights_of(tmp_path / "w")
    with pytest.raises(WorkspaceError, match="'w' already"):
        make_workspace(tmp_path, "w", Origin("ViT-B-32", seed=1))
    assert all(torch.equal(t, before[n]) for n, t in weights_of(tmp_path / "w").items())


def test_two_at_once_are_one_and_a_sentence(tmp_path, small_models):
    with (
        files.locked(tmp_path / "jobs" / "new-w.lock"),
        pytest.raises(WorkspaceError, match="Another process is making"),
    ):
        make_workspace(tmp_path, "w", Origin("ViT-B-32", seed=0))


def test_a_cancel_and_a_full_disk_leave_nothing(tmp_path, small_models):
    def stop(progress: Progress) -> None:
        if progress.fraction > 0.5:
            progress.cancel()

    with pytest.raises(CancelledError):
        make_workspace(tmp_path, "w", Origin("ViT-B-32", seed=0), progress=Progress(stop))
    with full_disk(), pytest.raises(files.DiskError, match="Free some space"):
        make_workspace(tmp_path, "w", Origin("ViT-B-32", seed=0))
    assert not (tmp_path / "w").exists()


def test_what_a_killed_one_left_is_swept(tmp_path, small_models):
    left = tmp_path / "w" / ".staging.abc.tmp" / "base"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"x")
    make_workspace(tmp_path, "w", Origin("ViT-B-32", seed=0))
    assert sorted(p.name for p in (tmp_path / "w").iterdir()) == ["base", "workspace.json"]


def test_room_is_looked_for_beforehand(tmp_path):
    with pytest.raises(files.DiskError, match=r"This needs 1000000000\.00 GB"):
        check_room(tmp_path / "not" / "yet", 10**18)
    check_room(tmp_path / "not" / "yet", 1)


@pytest.mark.parametrize("words", [{}, {"pretrained": "openai", "seed": 1, "model": "RN50"}, {"seed": 1}])
def test_an_origin_says_one_thing(words):
    with pytest.raises(ModelError):
        Origin(**words)


# the shelf and the command


def test_the_inventory_reads_what_it_can(tmp_path, small_models):
    make_workspace(tmp_path, "w", Origin("ViT-B-32", seed=0), precision="bfloat16")
    assert settings_of(Lab("w", tmp_path, "cpu"), "").precision == "bfloat16", "what evaluates in bfloat16 trains in it"
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "workspace.json").write_text("{")
    odd, ours = inventory(tmp_path)
    assert "cannot be read" in odd.model and (ours.model, ours.precision) == ("ViT-B-32, random 0", "bfloat16")
    assert ours.bytes > sum(t.nbytes for t in weights_of(tmp_path / "w").values()) and ours.tasks == "0"


def test_the_commands(tmp_path, small_models, capsys, monkeypatch):
    words = ["--cache", str(tmp_path)]
    assert main([*words, "new", "w", "--model", "ViT-B-32", "--random", "0", "--precision", "bfloat16"]) == 0
    assert "it has no tasks yet" in capsys.readouterr().out
    assert main([*words, "workspaces"]) == 0 and "ViT-B-32, random 0" in capsys.readouterr().out
    assert main([*words, "new", "w", "--model", "ViT-B-32", "--random", "0"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tiny_tasks())
    assert main([*words, "--workspace", "w", "--device", "cpu", "precision", "--task", "plain"]) == 0
    out = capsys.readouterr().out
    assert "float32" in out and "bfloat16" in out and "n = 24" in out and "answers changed" in out


def test_other_arithmetic_is_another_result(tmp_path, small_models):
    make_workspace(tmp_path, "w", Origin("ViT-B-32", seed=0))
    lab = Lab("w", tmp_path, "cpu", tiny_tasks())
    exact = lab.logits(lab.base, "plain", "val")
    facts = json.loads((tmp_path / "w" / "workspace.json").read_text())
    (tmp_path / "w" / "workspace.json").write_text(json.dumps(facts | {"precision": "bfloat16"}))
    half = Lab("w", tmp_path, "cpu", tiny_tasks())
    assert not half.is_cached(half.base, "plain", "val")
    rough = half.logits(half.base, "plain", "val")
    with half.encoders.holding(half.base) as encoder:
        assert encoder.tower.conv1.weight.dtype == torch.bfloat16
    assert not torch.equal(exact, rough) and torch.allclose(exact.float(), rough.float(), atol=1)
    (tmp_path / "w" / "workspace.json").write_text(json.dumps(facts | {"precision": "int3"}))
    with pytest.raises(PaletteError, match="precision is 'int3'"):
        Lab("w", tmp_path, "cpu", tiny_tasks())
