"""Fine-tuning of a part of the tower only, and learning without forgetting."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from core import PaletteError
from core.models.predict import features
from core.patching.finetunes import name_of, settings_for
from core.progress import CancelledError, Progress
from core.storage import files
from core.training.finetune import TrainingSet, _State, batch_indices, finetune
from core.training.lwf import held_rows, holding
from core.training.settings import Settings, patch_settings, settings_of
from core.training.train import train

SETTINGS = Settings(steps=6, batch_size=16, lr=1e-3, warmup=2, seed=7)
POOL = "visual.attnpool"


@pytest.fixture
def data(tiny_lab):
    pictures = tiny_lab.pictures("noisy", "train")
    images, labels = torch.from_numpy(pictures.images), torch.from_numpy(pictures.labels)
    return TrainingSet(images, labels, tiny_lab.head("noisy"), "noisy")


def test_only_what_a_component_owns_is_trained(tiny_lab, data):
    before = tiny_lab.encoder().weights
    found = finetune(tiny_lab.encoder(), [data], replace(SETTINGS, only=(POOL, "visual.conv1")))
    changed = {n for n, tensor in found.items() if not torch.equal(tensor, before[n])}
    assert changed and all(n.startswith((POOL + ".", "visual.conv1.")) for n in changed)
    assert f"{POOL}.c_proj.weight" in changed and "visual.conv1.weight" in changed


def test_a_component_that_owns_nothing_is_said(tiny_lab, data):
    with pytest.raises(PaletteError, match=r"No weight is under visual\.att; there is nothing to train"):
        finetune(tiny_lab.encoder(), [data], replace(SETTINGS, only=(POOL, "visual.att")))


def test_settings_say_what_is_trained_and_held_only_where_it_differs_from_the_paper():
    assert "only" not in Settings().facts and "hold" not in Settings().facts
    assert Settings(only=[POOL], hold=1.0) == Settings(only=(POOL,), hold=1.0)
    assert {"only": [POOL], "hold": 1.0}.items() <= Settings(only=(POOL,), hold=1.0).facts.items()


def test_the_loss_against_its_formula(tiny_lab, data):
    """PAINT's cross-entropy and λ Σ p log(p / q) over the held names, p the start's answers and q those now."""
    encoder, held = tiny_lab.encoder(), held_rows(tiny_lab)
    start = features(encoder, data.images).float()
    loss = holding(encoder, [data], held, 0.5)
    projection = encoder.weights[f"{POOL}.c_proj.weight"]
    with torch.no_grad():
        projection.mul_(torch.linspace(0.5, 1.5, projection.shape[1]))
    rows = batch_indices(96, 16, 0, 7)
    pixels = encoder.prepare(data.images[rows])
    now = functional.normalize(encoder.tower(pixels), dim=-1)
    p, q = (torch.softmax(encoder.logit_scale * f @ held.T, 1) for f in (start[rows], now))
    expected = functional.cross_entropy(encoder.logit_scale * now @ data.head.T, data.labels[rows])
    expected = expected + 0.5 * (p * (p / q).log()).sum(1).mean()
    found = loss(encoder, data, rows, pixels, 0)
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)
    found.backward()
    assert projection.grad.abs().sum() > 0


def test_what_is_held_changes_less(tiny_lab, data):
    def divergence(hold):
        encoder = tiny_lab.encoder()
        held, before = held_rows(tiny_lab) * encoder.logit_scale, features(encoder, data.images).float()
        finetune(encoder, [data], SETTINGS, loss_of=holding(encoder, [data], held_rows(tiny_lab), hold))
        now = features(encoder, data.images).float()
        p, q = ((f @ held.T).log_softmax(1) for f in (before, now))
        return functional.kl_div(q, p, reduction="batchmean", log_target=True).item()

    assert divergence(10.0) < 0.5 * divergence(0.0)


@pytest.fixture
def untrained(tiny_lab):
    """A workspace whose own patch of ``noisy`` is gentler than PAINT's, and not there yet."""
    tiny_lab.facts = replace(tiny_lab.facts, patches={"noisy": {"only": [POOL], "hold": 1.0, "lr": 5e-4}})
    tiny_lab.zoo.path("noisy").unlink()
    return tiny_lab


def test_a_workspace_s_own_patches_may_be_gentler_than_what_it_compares(untrained):
    usual, own = settings_of(untrained, "noisy"), patch_settings(untrained, "noisy")
    assert usual.only == () and own == replace(usual, only=(POOL,), hold=1.0, lr=5e-4)
    assert patch_settings(untrained, "plain") == settings_of(untrained, "plain")
    compared = name_of(untrained, ["noisy"], untrained.base, settings_for(untrained, ["noisy"], usual.steps))
    assert compared.startswith("noisy.")  # which is another model than the workspace's own
    assert dict(train(untrained, ["noisy"], "noisy").settings) == own.facts
    base, found = untrained.zoo.weights("base"), untrained.zoo.weights("noisy")
    changed = {n for n in found if not torch.equal(base[n], found[n])}
    assert changed and all(n.startswith(POOL) for n in changed)


def test_null_is_as_the_workspace_trains_otherwise(tiny_lab):
    tiny_lab.facts = replace(tiny_lab.facts, patches={"default": {"steps": 3}, "noisy": None})
    assert patch_settings(tiny_lab, "plain").steps == 3
    assert patch_settings(tiny_lab, "noisy") == settings_of(tiny_lab, "noisy") != patch_settings(tiny_lab, "plain")


def test_a_killed_run_that_holds_goes_on_exactly(untrained, monkeypatch):
    monkeypatch.setattr("core.training.finetune.SAVE_EVERY_SECONDS", 0.0)
    whole = files.digest_tensors(untrained.zoo.weights(train(untrained, ["noisy"], "noisy").name))
    untrained.zoo.path("noisy").unlink()
    progress, steps = Progress(), itertools.count()

    def stop(state, step, *rest, save=_State.save):
        save(state, step, *rest)
        if next(steps) == 8:
            progress.cancel()

    monkeypatch.setattr(_State, "save", stop)
    with pytest.raises(CancelledError):
        train(untrained, ["noisy"], "noisy", progress=progress)
    assert (untrained.folder / "partial" / "noisy.safetensors").exists()
    assert files.digest_tensors(untrained.zoo.weights(train(untrained, ["noisy"], "noisy").name)) == whole


def test_there_must_be_something_to_hold(untrained):
    del untrained.tasks["plain"]
    with pytest.raises(PaletteError, match='tiny has no supported task whose answers to "hold"; add one'):
        train(untrained, ["noisy"], "noisy")
    assert "noisy" not in untrained.zoo
