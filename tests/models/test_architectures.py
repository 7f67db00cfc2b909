"""The papers' architectures, small: the image tower is merged, all of it, and the text tower is not touched."""

from __future__ import annotations

import pytest
import torch

from core.exchange.importing.base_model import Origin
from core.exchange.importing.new_workspace import make_workspace
from core.models import clip, configs
from core.recipes.components import blocks
from core.recipes.recipe import lerp, single
from core.workspace.lab import Lab
from tests.conftest import CONFIG, tiny_tasks

TEXT = {**CONFIG["model_cfg"]["text_cfg"]}
SMALL = {  # open_clip's own configs with fewer and narrower blocks
    "ViT-B-32": {"width": 24, "layers": 3, "head_width": 8, "image_size": 32, "patch_size": 16},
    "ViT-B-16": {"width": 24, "layers": 3, "head_width": 8, "image_size": 32, "patch_size": 8},
    "ViT-L-14": {"width": 32, "layers": 4, "head_width": 8, "image_size": 28, "patch_size": 7},
    "RN50": {"width": 4, "layers": [1, 2, 2, 1], "image_size": 32},
}


@pytest.fixture(params=SMALL)
def lab(request, tmp_path, monkeypatch) -> Lab:
    config = configs.model_config(request.param)
    config["embed_dim"] = 16
    config["vision_cfg"] |= SMALL[request.param]
    config["text_cfg"] = TEXT
    monkeypatch.setattr(configs, "model_config", lambda _: config)
    make_workspace(tmp_path, "w", Origin(request.param, seed=0), "float32")
    lab = Lab("w", tmp_path, "cpu", tiny_tasks())
    torch.manual_seed(1)
    near = {
        n: t + 0.1 * torch.randn(t.shape) if t.is_floating_point() else t + 1
        for n, t in lab.zoo.weights("base").items()
    }
    lab.zoo.add("near", near, tasks=("noisy",), start=lab.base)
    return lab


def test_every_tensor_of_the_image_tower_is_merged(lab):
    encoder = lab.encoder()
    before = {n: t.detach().clone() for n, t in encoder.weights.items()}
    lab.load(lerp(lab.base, single("near"), 0.25), encoder)
    base, near = lab.zoo.weights("base"), lab.zoo.weights("near")
    assert (
        encoder.weights.keys()
        == base.keys()
        == {n for n in clip.load(lab.folder / "base").state_dict() if n.startswith("visual.")}
    )
    for name, tensor in encoder.weights.items():
        if tensor.is_floating_point():
            assert torch.allclose(tensor, 0.75 * base[name] + 0.25 * near[name], atol=1e-6), name
            assert not torch.equal(tensor, before[name]), name
        else:
            assert torch.equal(tensor, base[name])  # a counter is the model's with the most say


def test_the_text_tower_is_untouched(lab):
    head, digest = lab.head("noisy").clone(), clip.text_digest(lab.folder / "base")
    text = {n: t.clone() for n, t in lab.heads.text_model.state_dict().items()}
    lab.evaluate(lerp(lab.base, single("near"), 0.5), "noisy", "val")
    assert text and not any(n.startswith("visual.") for n in text)
    assert all(torch.equal(t, lab.heads.text_model.state_dict()[n]) for n, t in text.items())
    assert torch.equal(lab.head("noisy"), head) and clip.text_digest(lab.folder / "base") == digest


def test_blocks_share_the_tower_out(lab):
    names = blocks(lab.zoo.weights("base"))
    layers = lab.encoder().tower.transformer.layers if hasattr(lab.encoder().tower, "transformer") else 6
    assert names[-1] == "" and sum("resblocks" in n or ".layer" in n for n in names) == layers
    encoder = lab.encoder()
    lab.load(lerp(lab.base, single("near"), {"": 0.0, names[1]: 1.0}), encoder)
    base, near = lab.zoo.weights("base"), lab.zoo.weights("near")
    for name, tensor in encoder.weights.items():
        assert torch.equal(tensor, (near if name.startswith(names[1] + ".") else base)[name]), name


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_is_cast_once_from_the_same_parents(lab, precision):
    exact, rough = lab.encoder(), lab.encoder(precision)
    for encoder in (exact, rough):
        lab.load(lerp(lab.base, single("near"), 0.5), encoder)
    for name, tensor in rough.weights.items():
        assert torch.equal(tensor, exact.weights[name].to(tensor.dtype)), name
    images = lab.pictures("plain", "val").images
    assert torch.allclose(exact.encode(images), rough.encode(images), atol=0.15)


def test_a_compiled_tower_follows_what_is_merged_into_it(lab):
    plain, compiled = lab.encoder(), lab.encoder(compiler="eager")
    images = lab.pictures("plain", "val").images[:4]
    for alpha in (0.0, 1.0):
        for encoder in (plain, compiled):
            lab.load(lerp(lab.base, single("near"), alpha), encoder)
        assert torch.allclose(plain.encode(images), compiled.encode(images), atol=1e-5)
