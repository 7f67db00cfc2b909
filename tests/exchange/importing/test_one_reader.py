"""``new`` and ``import`` read alike: the same tolerance, the same activation, the same lines on what is left out."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from core import PaletteError
from core.__main__ import main
from core.exchange.exporting.export import export
from core.exchange.importing.base_model import Origin, find
from core.exchange.importing.new_workspace import make_workspace, reading_notes
from core.exchange.importing.preflight import preflight
from core.exchange.importing.register import ImportRefused, import_checkpoint
from core.models import clip
from core.storage import files
from core.workspace.lab import Lab
from tests.exchange.exporting.test_export import vit_lab  # noqa: F401 - a fixture
from tests.exchange.importing.test_new_workspace import (  # noqa: F401 - a fixture
    VIT_CFG,
    model_folder,
    small_models,
    weights_of,
)


def whole(seed: int = 3, **more) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return {n: t.contiguous() for n, t in clip.create({**VIT_CFG, **more}).state_dict().items()}


def quick(folder) -> bool:
    return clip.read_config(folder / "base")["model_cfg"].get("quick_gelu", False)


def test_a_logit_scale_of_one_number(tmp_path, small_models):  # noqa: F811
    weights = whole()
    save_file({**weights, "logit_scale": weights["logit_scale"].reshape(1)}, tmp_path / "x.safetensors")
    folder = make_workspace(
        tmp_path, "w", Origin("ViT-B-32", checkpoint=tmp_path / "x.safetensors", activation="gelu"), "float32"
    )
    assert weights_of(folder)["logit_scale"].shape == () and files.digest_tensors(weights_of(folder)) == (
        files.digest_tensors(weights)
    )
    assert preflight(Lab("w", tmp_path, "cpu"), tmp_path / "x.safetensors").fits


@pytest.mark.parametrize("said", ["quick_gelu", "gelu", None])
def test_hidden_act_is_read_alike_and_absent_is_transformers_default(vit_lab, tmp_path, said):  # noqa: F811
    export(vit_lab, vit_lab.base, tmp_path / "hf", "huggingface", "float32")
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    for part in ("vision_config", "text_config"):
        config[part].pop("hidden_act", None)
        config[part] |= {"hidden_act": said} if said else {}
    (tmp_path / "hf" / "config.json").write_text(json.dumps(config))
    folder = make_workspace(tmp_path, "w", Origin(checkpoint=tmp_path / "hf"), "float32")
    report = preflight(Lab("w", tmp_path, "cpu"), tmp_path / "hf")
    assert quick(folder) is (said != "gelu") and report.activation == (said or "quick_gelu") and report.fits


def test_an_activation_that_nothing_says_is_asked_for(tmp_path, small_models):  # noqa: F811
    save_file(whole(), tmp_path / "tuned.safetensors")
    with pytest.raises(PaletteError, match="say which with --activation quick_gelu or --activation gelu") as told:
        make_workspace(tmp_path, "w", Origin("ViT-B-32", checkpoint=tmp_path / "tuned.safetensors"))
    assert "\n" not in str(told.value) and not (tmp_path / "w").exists()
    for act in ("quick_gelu", "gelu"):
        origin = Origin("ViT-B-32", checkpoint=tmp_path / "tuned.safetensors", activation=act)
        folder = make_workspace(tmp_path, act, origin, "float32")
        assert quick(folder) is (act == "quick_gelu") and f"activation: {act} (as you say)" in reading_notes(folder)
    folder = make_workspace(tmp_path, "n", Origin("ViT-B-32-quickgelu", checkpoint=tmp_path / "tuned.safetensors"))
    assert quick(folder)
    (tmp_path / "tuned.safetensors").rename(tmp_path / "vit_b_32-quickgelu-x.safetensors")
    assert quick(
        make_workspace(tmp_path, "f", Origin("ViT-B-32", checkpoint=tmp_path / "vit_b_32-quickgelu-x.safetensors"))
    )


def test_import_takes_the_bases_activation_only_for_its_descendants(vit_lab, tmp_path):  # noqa: F811
    near = {n: t.clone() for n, t in vit_lab.zoo.weights("near").items()}
    torch.manual_seed(9)
    far = {n: torch.randn_like(t.float()) for n, t in near.items()}
    save_file(near, tmp_path / "near.safetensors")
    save_file(far, tmp_path / "far.safetensors")
    report = preflight(vit_lab, tmp_path / "near.safetensors")
    assert report.activation == "quick_gelu" and "descends" in report.activation_from
    report = preflight(vit_lab, tmp_path / "far.safetensors")
    assert report.activation is None and any("does not say which activation" in w for w in report.warnings)
    with pytest.raises(ImportRefused, match="trained with gelu"):
        import_checkpoint(vit_lab, tmp_path / "near.safetensors", "x", activation="gelu")


def test_new_finds_the_same_subtree_and_says_the_same(tmp_path, small_models):  # noqa: F811
    content = {"epoch": 3, "net": whole(), "net_ema": whole(4), "optimizer": {"state": {0: torch.ones(2)}}}
    torch.save(content, tmp_path / "x.pt")
    origin = Origin("ViT-B-32", checkpoint=tmp_path / "x.pt", activation="gelu")
    folder = make_workspace(tmp_path, "w", origin, "float32")
    assert files.digest_tensors(weights_of(folder)) == files.digest_tensors(whole())
    said = "\n".join(reading_notes(folder))
    assert "weights: those under net" in said and "take it with --subtree net_ema" in said
    assert all(word in said for word in ("optimizer", "epoch"))
    average = Origin("ViT-B-32", checkpoint=tmp_path / "x.pt", activation="gelu", subtree="net_ema")
    assert torch.equal(find(average).tensors["visual.proj"], whole(4)["visual.proj"])


def test_text_layers_that_the_model_has_not_are_refused_by_name(tmp_path, small_models):  # noqa: F811
    deeper = whole(text_cfg={**VIT_CFG["text_cfg"], "layers": VIT_CFG["text_cfg"]["layers"] + 1})
    save_file(deeper, tmp_path / "x.safetensors")
    with pytest.raises(PaletteError, match=r"do not fit .*transformer\.resblocks\.\d+\.\S+ is not in the model"):
        make_workspace(tmp_path, "w", Origin("ViT-B-32", checkpoint=tmp_path / "x.safetensors", activation="gelu"))
    folder = model_folder(tmp_path / "theirs")
    save_file(deeper, folder / clip.WEIGHTS)
    with pytest.raises(PaletteError, match=r"transformer\.resblocks\.\d+\.\S+ is not in the model"):
        make_workspace(tmp_path, "w", Origin(checkpoint=folder))


@pytest.mark.parametrize("layout", ["transformers 4", "transformers 5", "with projection"])
def test_vision_models_alone(vit_lab, tmp_path, layout):  # noqa: F811
    from core.workspace.checkpoints import BASE

    export(vit_lab, vit_lab.base, tmp_path / "hf", "huggingface", "float32")
    weights = dict(files.read_tensors(tmp_path / "hf" / "model.safetensors"))
    tower = {n: t.clone() for n, t in weights.items() if n.startswith(("vision_model.", "visual_projection."))}
    if layout != "with projection":
        del tower["visual_projection.weight"]
    if layout == "transformers 5":
        tower = {n.removeprefix("vision_model."): t for n, t in tower.items()}
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    (tmp_path / "v").mkdir()
    save_file(tower, tmp_path / "v" / "model.safetensors")
    (tmp_path / "v" / "config.json").write_text(
        json.dumps({**config["vision_config"], "model_type": "clip_vision_model"})
    )
    report = preflight(vit_lab, tmp_path / "v")
    assert report.fits and report.activation == "quick_gelu" and report.cosine > 0.999
    assert any("the base's is taken" in w for w in report.warnings) is (layout != "with projection")
    assert import_checkpoint(vit_lab, tmp_path / "v", "v").digest == vit_lab.zoo[BASE].digest
    with pytest.raises(PaletteError, match="import it there"):
        make_workspace(tmp_path, "w", Origin(checkpoint=tmp_path / "v"))


def test_the_commands_print_how_a_file_was_read(tmp_path, small_models, capsys):  # noqa: F811
    torch.save({"net": whole(), "epoch": 3}, tmp_path / "x.pt")
    words = ["--cache", str(tmp_path), "new", "w", "--model", "ViT-B-32", "--checkpoint", str(tmp_path / "x.pt")]
    assert main(words) == 1 and "--activation quick_gelu" in capsys.readouterr().err
    assert main([*words, "--activation", "quick_gelu"]) == 0
    out = capsys.readouterr().out
    assert "weights: those under net" in out and "left out: epoch" in out and "activation: quick_gelu" in out
    words = [
        "--cache",
        str(tmp_path),
        "--workspace",
        "w",
        "--device",
        "cpu",
        "import",
        str(tmp_path / "x.pt"),
        "--check",
    ]
    assert main([*words, "--subtree", "net", "--activation", "quick_gelu"]) == 0
    assert "weights: those under net" in capsys.readouterr().out
