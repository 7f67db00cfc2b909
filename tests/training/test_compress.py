from __future__ import annotations

import shutil
import stat

import pytest
import torch

from core.exchange import apply, export
from core.recipes import lerp, single
from core.storage import files
from core.training.compress import compress, cost
from core.workspace import BASE, CheckpointError, Lab
from tests.conftest import tiny_tasks


@pytest.mark.parametrize(("bits", "error", "ratio"), [(8, 0.01, 1.1), (4, 0.15, 1.2)])
def test_what_is_stored_is_the_checkpoint(tiny_lab, bits, error, ratio):
    done = compress(tiny_lab, "noisy", bits, "small")
    assert 0 < done.error < error and done.ratio > ratio
    weights = tiny_lab.zoo.weights("small")
    assert files.digest_tensors(weights) == tiny_lab.zoo["small"].digest != tiny_lab.zoo["noisy"].digest
    assert tiny_lab.zoo["small"].tasks == ("noisy",) and tiny_lab.zoo["small"].bits == bits
    assert list(weights) and all(weights[n].dtype == t.dtype for n, t in tiny_lab.zoo.weights(BASE).items())
    assert tiny_lab.zoo.verify("small") is None
    again = Lab("tiny", tiny_lab.folder.parent, "cpu", tiny_tasks())
    assert all(torch.equal(t, weights[n]) for n, t in again.zoo.weights("small").items())
    assert cost(tiny_lab, done, "noisy").n == 24


def test_it_is_evaluated_mixed_and_exported_as_any_other(tiny_lab, tmp_path):
    compress(tiny_lab, "noisy", 8, "small")
    base, small = tiny_lab.zoo.weights(BASE), tiny_lab.zoo.weights("small")
    with tiny_lab.encoders.holding(lerp(tiny_lab.base, single("small"), 0.5)) as encoder:
        for name, weight in encoder.weights.items():
            if weight.is_floating_point():
                assert torch.allclose(weight, 0.5 * (base[name].float() + small[name].float()), atol=1e-6)
    done = export(tiny_lab, single("small"), tmp_path / "out", "state_dict")
    there = files.read_tensors(tmp_path / "out" / "model.safetensors")
    assert all(torch.equal(there[n], t.to(there[n].dtype)) for n, t in small.items())
    assert apply(tiny_lab, tmp_path / "out" / "recipe.json", tmp_path / "again").as_promised and done.files


def test_damage_and_another_base_are_said(tiny_lab):
    compress(tiny_lab, "noisy", 8, "small")
    path = tiny_lab.zoo.path("small")
    whole = bytearray(path.read_bytes())
    whole[-3] ^= 1
    path.write_bytes(whole)
    lab = Lab("tiny", tiny_lab.folder.parent, "cpu", tiny_tasks())
    assert "digest" in lab.zoo.verify("small")
    assert files.digest_tensors(lab.zoo.weights("small")) == lab.zoo["small"].digest  # restored before the damage
    shutil.rmtree(lab.folder / "restored")
    lab = Lab("tiny", tiny_lab.folder.parent, "cpu", tiny_tasks())
    with pytest.raises(CheckpointError, match="set aside"):
        lab.zoo.weights("small")
    compress(lab, "noisy", 8, "other")
    stored = files.read_tensors(lab.zoo.path("other"))
    facts = {**files.read_facts(lab.zoo.path("other")), "base": "0" * 64}
    files.write_tensors(lab.zoo.path("other"), stored, facts)
    shutil.rmtree(lab.folder / "restored")
    with pytest.raises(CheckpointError, match="from another base"):
        lab.zoo.weights("other")


def test_a_workspace_that_cannot_be_written_restores_elsewhere(tiny_lab, monkeypatch):
    compress(tiny_lab, "noisy", 4, "small")
    shutil.rmtree(tiny_lab.folder / "restored")
    (tiny_lab.folder / "restored").write_text("in the way")  # no folder can be made there, whoever runs the test
    lab = Lab("tiny", tiny_lab.folder.parent, "cpu", tiny_tasks())
    assert files.digest_tensors(lab.zoo.weights("small")) == lab.zoo["small"].digest
    assert stat.S_ISREG((lab.folder / "restored").stat().st_mode)


@pytest.mark.parametrize(
    ("name", "bits", "into", "why"),
    [
        ("base", 8, "small", "counted from"),
        ("noisy", 3, "small", "8 or 4 bits, not 3"),
        ("noisy", 8, "noisy", "already"),
        ("nobody", 8, "small", "no checkpoint 'nobody'"),
    ],
)
def test_what_cannot_be_made_small_is_one_sentence(tiny_lab, name, bits, into, why):
    with pytest.raises(CheckpointError, match=why):
        compress(tiny_lab, name, bits, into)
