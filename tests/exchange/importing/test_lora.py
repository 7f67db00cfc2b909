"""LoRA adapters of an image tower, against the product of their matrices written out; other kinds refused by name."""

from __future__ import annotations

import json
from math import sqrt

import pytest
import torch
from safetensors.torch import save_file

from core.exchange.importing.base_model import Origin
from core.exchange.importing.formats.foreign import ForeignError
from core.exchange.importing.new_workspace import make_workspace
from core.exchange.importing.preflight import preflight
from core.exchange.importing.register import import_checkpoint
from tests.exchange.exporting.test_export import vit_lab  # noqa: F401 - a fixture

RANK, ALPHA = 3, 12
CONFIG = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "base_model_name_or_path": "somebody/clip"}
LAYERS = {  # names by transformers and by open_clip: weight, its rows as thirds, turned over
    "vision_model.encoder.layers.0.self_attn.q_proj": ("visual.transformer.resblocks.0.attn.in_proj_weight", 0, False),
    "vision_model.encoder.layers.1.self_attn.v_proj": ("visual.transformer.resblocks.1.attn.in_proj_weight", 2, False),
    "vision_model.encoder.layers.0.mlp.fc1": ("visual.transformer.resblocks.0.mlp.c_fc.weight", None, False),
    "visual_projection": ("visual.proj", None, True),
    "vision_model.embeddings.patch_embedding": ("visual.conv1.weight", None, False),
    "visual.transformer.resblocks.1.mlp.c_proj": ("visual.transformer.resblocks.1.mlp.c_proj.weight", None, False),
    "visual.transformer.resblocks.0.attn": ("visual.transformer.resblocks.0.attn.in_proj_weight", None, False),
    "visual.transformer.resblocks.1.attn.base_layer.out_proj": (
        "visual.transformer.resblocks.1.attn.out_proj.weight",
        None,
        False,
    ),
}


def adapter(folder, base, layers, **config):
    """A folder as peft saves it, and the tower that it should give."""
    torch.manual_seed(1)
    saved, tower = {}, {n: t.float().clone() for n, t in base.items()}
    for layer in layers:
        name, third, turned = LAYERS[layer]
        whole = tower[name]
        part = whole if third is None else whole[third * len(whole) // 3 : (third + 1) * len(whole) // 3]
        part = part.T if turned else part
        a, b = torch.randn(RANK, *part.shape[1:]) / 9, torch.randn(len(part), RANK) / 9
        scale = ALPHA / (sqrt(RANK) if config.get("use_rslora") else RANK)
        part += scale * torch.einsum("or,r...->o...", b, a)
        saved[f"base_model.model.{layer}.lora_A.weight"] = a
        saved[f"base_model.model.{layer}.lora_B.weight"] = b.reshape(*b.shape, 1, 1) if part.dim() == 4 else b
    folder.mkdir(exist_ok=True)
    save_file(saved, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({**CONFIG, **config}))
    return saved, tower


@pytest.mark.parametrize("rslora", [False, True])
@pytest.mark.parametrize("layer", [*LAYERS, None])
def test_an_adapter_is_merged_into_the_base(vit_lab, tmp_path, layer, rslora):  # noqa: F811
    base = vit_lab.zoo.weights("base")
    before = {n: t.clone() for n, t in base.items()}
    every = [n for n in LAYERS if n.startswith("vis") and n != "visual.transformer.resblocks.0.attn"]
    _, tower = adapter(tmp_path / "a", base, [layer] if layer else every, use_rslora=rslora)
    report = preflight(vit_lab, tmp_path / "a")
    assert report.fits and "trained on somebody/clip" in report.kind and not report.aside
    changed = {n for n, t in report.tower.items() if not torch.equal(t.float(), before[n].float())}
    assert changed == {LAYERS[n][0] for n in ([layer] if layer else every)}
    assert all(torch.allclose(t.float(), tower[n], atol=1e-6) for n, t in report.tower.items())
    assert all(torch.equal(t, before[n]) for n, t in base.items())
    kept = import_checkpoint(vit_lab, tmp_path / "a", "tuned")
    mine = vit_lab.zoo.weights(kept.name)
    assert all(torch.equal(mine[n], tower[n].to(mine[n].dtype)) or n in changed for n in mine)


def test_names_as_a_running_model_has_them_and_ranks_of_their_own(vit_lab, tmp_path):  # noqa: F811
    layer = "vision_model.encoder.layers.0.mlp.fc1"
    base = vit_lab.zoo.weights("base")
    saved, tower = adapter(tmp_path / "a", base, [layer], lora_alpha=99, alpha_pattern={"mlp.fc1": ALPHA})
    named = {n.replace(".weight", ".default.weight"): t for n, t in saved.items()}
    save_file(named, tmp_path / "a" / "adapter_model.safetensors")
    report = preflight(vit_lab, tmp_path / "a")
    assert torch.allclose(report.tower[LAYERS[layer][0]].float(), tower[LAYERS[layer][0]], atol=1e-6)


def test_weights_saved_whole_replace_the_bases_and_the_text_side_is_named(vit_lab, tmp_path):  # noqa: F811
    layer = "vision_model.encoder.layers.0.mlp.fc1"
    saved, _ = adapter(tmp_path / "a", vit_lab.zoo.weights("base"), [layer])
    bias = torch.randn(vit_lab.zoo.weights("base")["visual.transformer.resblocks.0.mlp.c_fc.bias"].shape)
    text = {n.replace("vision_model", "text_model"): t.clone() for n, t in saved.items()}
    more = {f"base_model.model.{layer}.bias": bias, "base_model.model.classifier.weight": torch.ones(2)}
    save_file({**saved, **text, **more}, tmp_path / "a" / "adapter_model.safetensors")
    report = preflight(vit_lab, tmp_path / "a")
    assert torch.equal(report.tower["visual.transformer.resblocks.0.mlp.c_fc.bias"].float(), bias)
    assert len(report.aside) == 3 and any("left out: 3 under base_model" in line for line in report.lines())
    save_file(text, tmp_path / "a" / "adapter_model.safetensors")
    with pytest.raises(ForeignError, match="changes no layer of the image tower"):
        preflight(vit_lab, tmp_path / "a")


OTHERS = {
    "DoRA": {"use_dora": True},
    "LOHA": {"peft_type": "LOHA"},
    "pissa_niter_4": {"init_lora_weights": "pissa_niter_4"},
    "olora": {"init_lora_weights": "olora"},
    "a LoRA with biases of its own": {"lora_bias": True},
    "regular expressions": {"rank_pattern": {"^(a+)+$": 3}},
    "of the text tower": {"auto_mapping": {"base_model_class": "CLIPTextModel"}},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_kinds_are_refused_by_name(vit_lab, tmp_path, kind):  # noqa: F811
    adapter(tmp_path / "a", vit_lab.zoo.weights("base"), ["visual_projection"], **OTHERS[kind])
    with pytest.raises(ForeignError, match=kind):
        preflight(vit_lab, tmp_path / "a")


@pytest.mark.parametrize("name", ["x.lora_down.weight", "x.hada_w1_a", "x.lokr_w1", "x.ia3_l"])
def test_other_layouts_are_refused_by_name(vit_lab, tmp_path, name):  # noqa: F811
    save_file({name: torch.ones(2, 2)}, tmp_path / "x.safetensors")
    with pytest.raises(ForeignError, match=r"This adapter is (kohya's layout|LoHa|LoKr|IA³)"):
        preflight(vit_lab, tmp_path / "x.safetensors")


def test_what_does_not_fit_is_said(vit_lab, tmp_path):  # noqa: F811
    saved, _ = adapter(tmp_path / "a", vit_lab.zoo.weights("base"), ["visual_projection"])
    file = tmp_path / "a" / "adapter_model.safetensors"
    first, second = sorted(saved)
    for change, said in (
        ({first: saved[first]}, "lacks its B matrix"),
        ({first: torch.ones(RANK, 5), second: saved[second]}, "it was trained on another model"),
        ({first: torch.ones(7, 5), second: saved[second]}, "do not fit"),
    ):
        save_file(change, file)
        with pytest.raises(ForeignError, match=said):
            preflight(vit_lab, tmp_path / "a")
    adapter(tmp_path / "a", vit_lab.zoo.weights("base"), ["visual_projection"], lora_alpha="x")
    with pytest.raises(ForeignError, match="no number as lora_alpha"):
        preflight(vit_lab, tmp_path / "a")
    (tmp_path / "a" / "adapter_config.json").unlink()
    with pytest.raises(ForeignError, match=r"only its adapter_config\.json says"):
        preflight(vit_lab, tmp_path / "a")
    with pytest.raises(ForeignError, match="make a workspace of the model"):
        make_workspace(tmp_path / "cache", "w", Origin("ViT-B-32", checkpoint=tmp_path / "a"))
