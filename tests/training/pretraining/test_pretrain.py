"""Pre-training in miniature: a stopped run goes on exactly, the base loads."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
import torch
from PIL import Image

from core.models import clip
from core.storage import files
from core.training.pretraining import photos, pretrain
from core.training.pretraining.mixture import Mixture
from core.world import WorldError
from core.world.concepts import PHOTO_NAMES

PICO = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 4, "patch_size": None},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
SETTINGS = pretrain.PretrainSettings(
    pictures=32 * 6, batch=32, warm_up=2, looking=64, reading=128, captions_from=96, captions=8, hold=128
)


@pytest.fixture(scope="module")
def mixture() -> Mixture:
    return Mixture(32, None)


@pytest.fixture(autouse=True)
def pico(monkeypatch):
    monkeypatch.setattr(pretrain, "MODEL_CONFIG", PICO)


def parquet(path, n=24):
    import pyarrow as pa
    import pyarrow.parquet as pq

    def png(i):
        file = io.BytesIO()
        Image.new("RGB", (32, 32), (i * 9, 90, 120)).save(file, "png")
        return {"bytes": file.getvalue(), "path": None}

    pq.write_table(pa.table({"image": [png(i) for i in range(n)], "label": [i % 10 for i in range(n)]}), path)
    return path


def test_the_mixture_repeats_and_says_what_it_shows(mixture):
    first, again, other = mixture.draw(1, 5, 8), mixture.draw(1, 5, 8), mixture.draw(1, 6, 8)
    assert torch.equal(first.images, again.images) and first.captions == again.captions
    assert not torch.equal(first.images, other.images)
    assert first.images.shape == (32, 64, 64, 3) and len(first.captions) == 8
    assert all(sum(counts.values()) == 32 for counts in mixture.counts.values())
    for name, labels in mixture.vocabularies.items():
        assert first.targets[name].shape == (32,) and first.targets[name].max() < len(labels)
    known = torch.stack(list(first.targets.values())) >= 0
    assert known.any(dim=0).all()


def test_photographs_join_the_mixture(tmp_path):
    mixture = Mixture(64, parquet(tmp_path / "photos.parquet"))
    assert mixture.counts["looking"]["photos"] > 10
    assert mixture.draw(0, 0).images.shape[0] == 64
    images, labels = photos.read(tmp_path / "photos.parquet")
    assert images.shape == (24, 32, 32, 3) and labels.max() < len(PHOTO_NAMES)
    assert photos.enlarge(images).shape == (24, 64, 64, 3)


def test_a_file_that_is_no_photographs_is_said(tmp_path):
    (tmp_path / "photos.parquet").write_text("no")
    with pytest.raises(WorldError, match="no parquet file"):
        photos.read(tmp_path / "photos.parquet")


def test_shortened_texts_mean_the_same(mixture, tmp_path):
    training = pretrain.Training(SETTINGS, mixture, tmp_path / "base")
    training.model.eval()
    texts = ["a photo of a cat", 'the word "umbrella"', "a red heart on a blue background"]
    short = training.texts(texts)
    assert short.shape[1] < 24
    whole = training.model.encode_text(clip.tokenize(texts, 24), normalize=True)
    assert torch.allclose(pretrain.encode_text(training.model, short), whole, atol=1e-5)


def test_a_stopped_run_goes_on_exactly(mixture, tmp_path):
    def train(folder, stops):
        for stop in stops:
            training = pretrain.Training(SETTINGS, mixture, folder / "base", say=lambda text: None)
            training.resume()
            while training.step < stop:
                training.advance(training.batch(training.step))
            training.keep()
        training.share()
        return files.read_tensors(folder / "base" / clip.WEIGHTS)

    whole, parts = train(tmp_path / "a", [6]), train(tmp_path / "b", [3, 6])
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_a_damaged_or_foreign_state_is_said_and_left(mixture, tmp_path):
    said = []
    training = pretrain.Training(SETTINGS, mixture, tmp_path / "base", say=said.append)
    assert not training.resume()
    training.keep()
    other = replace(SETTINGS, seed=8)
    assert not pretrain.Training(other, mixture, tmp_path / "base", say=said.append).resume()
    changed = pretrain.Training(other, mixture, tmp_path / "base", say=lambda text: None)
    assert changed.resume(changed=True) and changed.earlier[0]["settings"]["seed"] == SETTINGS.seed
    training.kept.write_bytes(training.kept.read_bytes()[:5000])
    assert not pretrain.Training(SETTINGS, mixture, tmp_path / "base", say=said.append).resume()
    assert len(said) == 2 and all("Starting afresh" in text for text in said)


def test_the_rate_rises_holds_and_falls(mixture, tmp_path):
    training = pretrain.Training(SETTINGS, mixture, tmp_path / "base")
    rates = []
    for step in range(training.steps):
        training.step = step
        rates.append(training.rate() / SETTINGS.rate)
    assert rates[0] == 0.5 and rates[1:5] == [1.0] * 4 and 0 < rates[5] < 1


def test_another_budget_keeps_the_schedule():
    default = pretrain.PretrainSettings()
    half = default.scaled(default.pictures // 2)
    assert default.scaled(default.pictures) == default
    assert half.hold == default.hold // 2 and half.looking < half.reading < half.hold < half.pictures


@pytest.fixture
def base(mixture, tmp_path):
    training = pretrain.Training(SETTINGS, mixture, tmp_path / "base", say=lambda text: None)
    training.advance(training.batch(training.step))
    training.share()
    return tmp_path / "base"


def test_the_base_loads_and_unseen_tokens_are_zero(base):
    model = clip.load(base)
    rows = model.token_embedding.weight.detach().abs().sum(dim=1)
    seen = clip.tokenize(["a photo of a cat"], 24)[0, :6]
    assert (rows[seen] > 0).all() and (rows == 0).float().mean() > 0.98
    made = json.loads((base / "pretraining.json").read_text())
    assert made["pictures"] == 32 and not made["complete"] and made["settings"]["seed"] == SETTINGS.seed


def test_the_command_line_says_what_is_wrong(tmp_path, capsys):
    assert pretrain.main(["--out", str(tmp_path / "b"), "--photos", str(tmp_path / "none.parquet")]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
