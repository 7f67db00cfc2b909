"""Which part of a file is taken, whatever a training loop put around it; and what is left out is said."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.exchange.importing.formats.foreign import ForeignError
from core.exchange.importing.preflight import preflight
from core.exchange.importing.reader import read
from core.exchange.importing.register import ImportRefused, import_checkpoint
from core.exchange.importing.subtrees import Subtree
from core.storage import files
from tests.exchange.exporting.test_export import vit_lab  # noqa: F401 - a fixture
from tests.exchange.importing.test_register import renamed, tower

CASES = Path(__file__).parents[4] / "shared" / "cases"


def before(weights, lead: str):
    return renamed(weights, "", lead)


def in_the_middle(weights, word: str):
    return {n.replace("visual.", f"visual.{word}.", 1): t for n, t in weights.items()}


ONE = {
    "net": lambda w: ({"net": w, "epoch": 3}, "net"),
    "params": lambda w: ({"params": w}, "params"),
    "deep": lambda w: ({"a": {"b": {"c": {"state_dict": w}}}}, "a.b.c.state_dict"),
    "list": lambda w: ({"models": [w]}, "models.0"),
    "lightning": lambda w: ({"state_dict": before(w, "model.clip."), "hparams": {"lr": 1}}, "state_dict.model.clip"),
    "compiled within": lambda w: (in_the_middle(w, "_orig_mod"), ""),
    "deepspeed": lambda w: ({"module": before(w, "_forward_module.")}, ""),
    "ddp within": lambda w: (in_the_middle(w, "module"), ""),
    "fsdp": lambda w: (in_the_middle(w, "_fsdp_wrapped_module._checkpoint_wrapped_module"), ""),
    "bare tower in a backbone": lambda w: ({"m": renamed(w, "visual.", "backbone.")}, "m.backbone"),
    "settings of a parser": lambda w: (
        {"state_dict": w, "args": argparse.Namespace(lr=1.0, model="RN50")},
        "state_dict",
    ),
}


@pytest.mark.parametrize("which", ONE)
def test_weights_are_found_by_structure(tiny_lab, tmp_path, which):
    content, where = ONE[which](tower(tiny_lab))
    torch.save(content, tmp_path / "x.pt")
    report = preflight(tiny_lab, tmp_path / "x.pt")
    assert report.fits and report.where == where and not report.others
    assert import_checkpoint(tiny_lab, tmp_path / "x.pt", "x", report=report).digest == tiny_lab.zoo["noisy"].digest
    assert any(where in line for line in report.lines() if line.startswith("weights: ")) is bool(where)


TWO = {
    "timm": (("state_dict", "state_dict_ema"), "state_dict"),
    "ema first": (("ema_state_dict", "model"), "model"),
    "model_ema": (("model", "model_ema"), "model"),
    "distilled": (("teacher", "student"), "student"),
}


@pytest.mark.parametrize("which", TWO)
def test_an_average_beside_the_weights_is_offered(tiny_lab, tmp_path, which):
    (first, second), taken = TWO[which]
    other = second if taken == first else first
    content = {
        taken: tower(tiny_lab),
        other: tower(tiny_lab, "base"),
        "optimizer": {"state": {0: {"m": torch.ones(2)}}},
    }
    torch.save({name: content[name] for name in (first, second, "optimizer")}, tmp_path / "x.pt")
    report = preflight(tiny_lab, tmp_path / "x.pt")
    said = "\n".join(report.lines())
    assert report.where == taken and report.others == report.averages == (other,)
    assert f"also there: {other}, an average of the weights (EMA); take it with --subtree {other}" in said
    assert "optimizer" in said and f"under {other}" in said
    average = import_checkpoint(tiny_lab, tmp_path / "x.pt", "average", subtree=other)
    assert average.digest == tiny_lab.zoo["base"].digest and average.settings["imported"]["subtree"] == other
    with pytest.raises(ForeignError, match=f"under 'nothing'; they lie under '{taken}', '{other}'"):
        preflight(tiny_lab, tmp_path / "x.pt", subtree="nothing")


def test_an_average_within_the_same_table(tiny_lab, tmp_path):
    save_file({**tower(tiny_lab), **before(tower(tiny_lab, "base"), "ema.")}, tmp_path / "x.safetensors")
    report = preflight(tiny_lab, tmp_path / "x.safetensors")
    assert report.fits and report.where == "" and report.others == ("ema",)
    assert files.digest_tensors(dict(report.tower)) == tiny_lab.zoo["noisy"].digest
    inner = preflight(tiny_lab, tmp_path / "x.safetensors", subtree="ema")
    assert files.digest_tensors(dict(inner.tower)) == tiny_lab.zoo["base"].digest and inner.others == ("",)
    again = preflight(tiny_lab, tmp_path / "x.safetensors", subtree=".")
    assert files.digest_tensors(dict(again.tower)) == tiny_lab.zoo["noisy"].digest


def test_a_student_of_the_bases_shape_is_taken_before_a_larger_teacher(tiny_lab, tmp_path):
    larger = {n: torch.zeros([2 * s for s in t.shape]) for n, t in tower(tiny_lab).items()}
    torch.save({"model": larger, "teacher": tower(tiny_lab)}, tmp_path / "x.pt")
    report = preflight(tiny_lab, tmp_path / "x.pt")
    assert report.fits and report.where == "teacher" and report.others == ("model",)


def test_names_that_say_average():
    assert Subtree("state_dict_ema.", "clip", 1, 1).average and Subtree("a.teacher.", "clip", 1, 1).average
    assert not Subtree("schema.", "clip", 1, 1).average and not Subtree("", "clip", 1, 1).average


def test_nothing_is_left_out_without_a_line(tiny_lab, tmp_path):
    content = {
        "state_dict": {
            **tower(tiny_lab),
            "ln_final.weight": torch.ones(2),
            "classification_head.weight": torch.ones(3),
        },
        "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]},
        "scaler": {"scale": 65536.0},
        "epoch": 7,
    }
    torch.save(content, tmp_path / "x.pt")
    report = preflight(tiny_lab, tmp_path / "x.pt")
    given = set(read(tmp_path / "x.pt").tensors) | set(read(tmp_path / "x.pt").beside)
    assert len(given) == len(report.tower) + report.left_out + len(report.aside)
    said = "\n".join(report.lines())
    assert all(word in said for word in ("head.weight", "optimizer", "scaler.scale", "epoch", "text side"))


def test_layers_of_a_deeper_tower_are_refused_by_name(vit_lab, tmp_path):  # noqa: F811
    weights = tower(vit_lab, "near")
    deeper = {n.replace("resblocks.0", "resblocks.7"): t.clone() for n, t in weights.items() if "resblocks.0" in n}
    for lead in ("visual.", "encoder."):
        torch.save({"model": renamed({**weights, **deeper}, "visual.", lead)}, tmp_path / "x.pt")
        with pytest.raises(ImportRefused, match=r"weights are not in the base: visual\.transformer\.resblocks\.7"):
            import_checkpoint(vit_lab, tmp_path / "x.pt", "x")


def test_weights_that_are_elsewhere_are_said(tiny_lab, tmp_path):
    weights = tower(tiny_lab)
    for change, said in (
        ({n: torch.empty(0) for n in weights}, "zero_to_fp32"),
        ({**weights, "visual.conv1.weight_scale_inv": torch.ones(1)}, "quantised, with scales beside them"),
        ({**weights, "visual.attnpool.q_proj.lora_A.weight": torch.ones(1)}, "adapter that is not merged"),
    ):
        save_file(change, tmp_path / "x.safetensors")
        with pytest.raises(ForeignError, match=said):
            preflight(tiny_lab, tmp_path / "x.safetensors")


def test_a_text_tower_alone_and_another_size_are_said(vit_lab, tmp_path):  # noqa: F811
    words = ("embeddings.token_embedding.weight", "final_layer_norm.bias")
    theirs = {f"text_model.{n}": torch.ones(4, 2) for n in words}
    ours = {n: torch.ones(3, 2) for n in ("token_embedding.weight", "ln_final.weight")}
    save_file(ours, tmp_path / "t.safetensors")
    assert "text tower alone" in preflight(vit_lab, tmp_path / "t.safetensors").problems[0]
    for lead in ("", "m."):
        save_file({f"{lead}{n}": t for n, t in theirs.items()}, tmp_path / "h.safetensors")
        assert "no image tower" in preflight(vit_lab, tmp_path / "h.safetensors").problems[0]
    weights = tower(vit_lab, "near")
    weights["visual.positional_embedding"] = torch.zeros(65, weights["visual.positional_embedding"].shape[1])
    save_file(weights, tmp_path / "large.safetensors")
    assert "pictures of another size" in preflight(vit_lab, tmp_path / "large.safetensors").problems[-1]


@pytest.mark.skipif(not (CASES / "00-base").is_dir(), reason="the small inputs are not here")
def test_the_small_inputs(tmp_path):
    from core.exchange.importing.base_model import Origin
    from core.exchange.importing.new_workspace import make_workspace
    from core.workspace.lab import Lab

    make_workspace(tmp_path, "vit", Origin(checkpoint=CASES / "00-base" / "vit"), "float32")
    make_workspace(tmp_path, "quick", Origin(checkpoint=CASES / "04-hf-v5-clipmodel" / "quick"), "float32")
    vit, quick = Lab("vit", tmp_path, "cpu"), Lab("quick", tmp_path, "cpu")
    net = import_checkpoint(vit, CASES / "01-wrapper-names" / "net.pt", "net")
    middle = import_checkpoint(vit, CASES / "02-wrapper-in-the-middle" / "visual._orig_mod.pt", "middle")
    number = import_checkpoint(vit, CASES / "08-safetensors-header" / "number.safetensors", "number")
    assert net.digest == middle.digest == number.digest
    report = preflight(vit, CASES / "01-wrapper-names" / "timm_ema.pt")
    assert report.where == "state_dict" and report.averages == ("state_dict_ema",)
    vision = preflight(quick, CASES / "05-hf-vision-only" / "vision")
    assert vision.fits and "the base's is taken" in vision.warnings[0] and vision.activation == "quick_gelu"
    eight = preflight(vit, CASES / "07-dtypes" / "f8_e4m3.safetensors")
    assert eight.fits and eight.cosine > 0.99 and "float8_e4m3fn" in json.dumps(eight.notes)
