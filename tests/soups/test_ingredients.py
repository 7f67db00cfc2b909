# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from core import PaletteError
from core.progress import CancelledError
from core.recipes.recipe import single
from core.soups.ingredients import PROBE, describe_ingredient, ingredients, plan_ingredients, sweep, train_ingredient
from core.training.augment import STRENGTHS, augment
from core.training.finetune import TrainingSet
from core.training.lp_ft import SweepSettings, finetune_with_head, linear_probe
from tests.conftest import Noisy, tiny_tasks
from tests.soups.soup_pool import soup_cache, soup_lab, soup_template  # noqa: F401


def test_the_sweep_is_seeded_wide_and_begins_with_the_probe_alone():
    found = sweep(12, 3)
    assert found == sweep(12, 3) != sweep(12, 4) and len(found) == 12
    assert (
        next(iter(found)) == PROBE
        and found[PROBE].steps == 0
        and describe_ingredient(found[PROBE]) == "linear probe alone"
    )
    rest = [s for name, s in found.items() if name != PROBE]
    for field in ("lr", "weight_decay", "steps", "augment", "mixup", "label_smoothing", "seed"):
        assert len({getattr(s, field) for s in rest}) > 1, field
    assert max(s.lr for s in rest) > 3 * min(s.lr for s in rest)


def test_ingredients_hold_a_head_and_say_what_they_are(soup_lab):
    for name in ingredients(soup_lab):
        kept, head = soup_lab.zoo[name], soup_lab.zoo.head(name)
        assert kept.classes == tiny_tasks()["plain"].class_names and kept.tasks == ("plain",)
        assert head["head.weight"].shape == (3, 16) and head["head.bias"].shape == (3,)
        assert kept.start == (soup_lab.base if name == PROBE else single(PROBE))
    tower = soup_lab.zoo.weights(PROBE)
    assert all(torch.equal(t, tower[n]) for n, t in soup_lab.zoo.weights("base").items())
    assert not soup_lab.zoo.head("base")
    assert all(step.done() for step in plan_ingredients(soup_lab))
    with pytest.raises(PaletteError, match="has no ingredient gone"):
        plan_ingredients(soup_lab, ["gone"])


def test_a_probe_beats_chance_and_ingredients_differ(soup_lab):
    found = {n: soup_lab.evaluate(single(n), "plain", "val").accuracy.value for n in ingredients(soup_lab)}
    assert found[PROBE] > 1 / 3 and len(set(found.values())) > 1


class Stop:
    """Progress that calls training off before a step."""

    def __init__(self, at: int) -> None:
        self.at = at

    def __call__(self, items):
        for i, item in enumerate(items):
            if i == self.at:
                raise CancelledError("stopped")
            yield item


def training(soup_lab):
    pictures = Noisy(1, 20).load("train")
    images, labels = torch.from_numpy(pictures.images), torch.from_numpy(pictures.labels)
    return TrainingSet(images, labels, soup_lab.head("plain"), "data")


SETTINGS = SweepSettings(
    steps=6, batch_size=24, lr=3e-3, warmup=1, augment="strong", mixup=0.4, label_smoothing=0.1, seed=5
)


def test_training_with_a_head_resumes_exactly(soup_lab, tmp_path, monkeypatch):
    monkeypatch.setattr("core.training.finetune.SAVE_EVERY_SECONDS", 0.0)
    head = {n: t.float() for n, t in soup_lab.zoo.head(PROBE).items()}
    whole = finetune_with_head(soup_lab.encoder(), training(soup_lab), head, SETTINGS)
    state = tmp_path / "state.safetensors"
    with pytest.raises(CancelledError):
        finetune_with_head(soup_lab.encoder(), training(soup_lab), head, SETTINGS, state, Stop(3))
    resumed = finetune_with_head(soup_lab.encoder(), training(soup_lab), head, SETTINGS, state)
    assert whole.keys() == resumed.keys() and all(torch.equal(whole[n], resumed[n]) for n in whole)
    assert not torch.equal(whole["head.weight"], head["head.weight"])
    assert not torch.equal(whole["visual.conv1.weight"], soup_lab.zoo.weights(PROBE)["visual.conv1.weight"].float())


def test_the_first_step_is_adamw_on_the_written_out_loss(soup_lab):
    """One step by hand: cross-entropy with label smoothing of scale · (features · Wᵀ + b), clipped, by AdamW."""
    settings = SweepSettings(steps=1, batch_size=96, lr=1e-3, warmup=0, label_smoothing=0.1, weight_decay=0.05)
    head, known, encoder = soup_lab.zoo.head(PROBE), training(soup_lab), soup_lab.encoder()
    weight, bias = (torch.nn.Parameter(head[n].float()) for n in ("head.weight", "head.bias"))
    every = [*encoder.tower.parameters(), weight, bias]
    adamw = torch.optim.AdamW(every, lr=1e-3, weight_decay=0.05)
    order = torch.randperm(96, generator=torch.Generator().manual_seed(0))
    logits = encoder.logit_scale * (encoder.features(encoder.prepare(known.images[order])) @ weight.T + bias)
    smooth = 0.9 * torch.nn.functional.one_hot(known.labels[order], 3) + 0.1 / 3
    (-(smooth * logits.log_softmax(1)).sum(1).mean()).backward()
    torch.nn.utils.clip_grad_norm_(every, 1.0)
    adamw.step()
    found = finetune_with_head(soup_lab.encoder(), known, {n: t.float() for n, t in head.items()}, settings)
    wanted = {"head.weight": weight, "head.bias": bias, **encoder.weights}
    for part in ("head.weight", "head.bias", "visual.conv1.weight"):
        assert torch.allclose(found[part], wanted[part], atol=1e-6)


def test_a_probe_separates_what_can_be_separated_and_knows_of_unseen_classes():
    draw = np.random.default_rng(0)
    labels = np.arange(60) % 2
    features = draw.normal(0, 0.1, (60, 4)) + np.eye(4)[labels]
    found = linear_probe((features, labels), (features, labels), 3, 10.0)
    logits = 10.0 * (torch.from_numpy(features).float() @ found["head.weight"].T + found["head.bias"])
    assert (logits.argmax(1).numpy() == labels).all()
    assert found["head.weight"].shape == (3, 4) and not found["head.weight"][2].any()


def test_augmentation_is_seeded_and_leaves_pictures_alone_where_it_is_none():
    pixels = torch.rand(5, 3, 16, 16)

    def made(name, seed):
        return augment(pixels, STRENGTHS[name], torch.Generator().manual_seed(seed))

    assert made("none", 1) is pixels
    for name in ("light", "strong"):
        assert made(name, 1).shape == pixels.shape and torch.equal(made(name, 1), made(name, 1))
        assert not torch.equal(made(name, 1), made(name, 2)) and not torch.equal(made(name, 1), pixels)
    blanked = (made("strong", 3) == 0).all(dim=1).flatten(1).sum(1)
    assert (blanked >= 9).all()


def test_training_again_is_a_look_at_the_disk(soup_lab, monkeypatch):
    module = sys.modules[train_ingredient.__module__]
    monkeypatch.setattr(module, "finetune_with_head", lambda *_: pytest.fail("trained again"))
    name = "ingredient-02"
    assert train_ingredient(soup_lab, name, ingredients(soup_lab)[name]).name == name
