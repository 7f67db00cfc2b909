from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from core import PaletteError
from core.storage import files
from core.training.augment import STRENGTHS, augment
from core.training.finetune import TrainingSet, batch_indices, finetune
from core.training.settings import Settings, describe_training
from core.training.train import train
from core.workspace.lab import Lab
from tests.conftest import tiny_tasks

SETTINGS = Settings(steps=8, batch_size=16, lr=1e-3, warmup=3, seed=7)


def training_set(lab, task="noisy"):
    pictures = lab.pictures(task, "train")
    images, labels = torch.from_numpy(pictures.images), torch.from_numpy(pictures.labels)
    return TrainingSet(images, labels, lab.head(task), lab.task(task).source.digest("train"))


def digest(weights):
    return files.digest_tensors(weights)


def test_against_the_papers_loop_written_out(tiny_lab):
    """PAINT §3: AdamW, warm-up then cosine, clipped at 1, frozen text head, whole image tower."""
    data, reference = training_set(tiny_lab), tiny_lab.encoder()
    tower = reference.tower
    optimizer = torch.optim.AdamW(tower.parameters(), lr=SETTINGS.lr, weight_decay=0.1)
    for step in range(8):
        rate = 1e-3 * (step + 1) / 3 if step < 3 else 1e-3 * 0.5 * (1 + math.cos(math.pi * (step - 3) / 5))
        optimizer.param_groups[0]["lr"] = rate
        rows = batch_indices(96, 16, step, 7)
        features = functional.normalize(tower(reference.prepare(data.images[rows])), dim=-1)
        loss = functional.cross_entropy(reference.logit_scale * features @ data.head.T, data.labels[rows])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
        optimizer.step()
    found = finetune(tiny_lab.encoder(), [data], SETTINGS)
    for name, tensor in reference.weights.items():
        if name.endswith("k_proj.bias"):
            continue  # softmax ignores it: its gradient is rounding noise, which AdamW blows up
        assert torch.allclose(found[name].float(), tensor.detach().float(), atol=1e-5), name


def test_batchnorm_statistics_stay_frozen(tiny_lab):
    found = finetune(tiny_lab.encoder(), [training_set(tiny_lab)], SETTINGS)
    base = tiny_lab.encoder().weights
    means = [n for n in found if n.endswith("running_mean")]
    assert means and all(torch.equal(found[n], base[n]) for n in means)
    assert not torch.equal(found["visual.conv1.weight"], base["visual.conv1.weight"])


@pytest.mark.parametrize("killed_at", [1, 4, 7])
def test_a_killed_run_resumes_exactly(tiny_lab, tmp_path, monkeypatch, killed_at):
    monkeypatch.setattr("core.training.finetune.SAVE_EVERY_SECONDS", 0.0)
    data = [training_set(tiny_lab)]
    whole = finetune(tiny_lab.encoder(), data, SETTINGS)

    def die(steps):
        for step in steps:
            if step == killed_at:
                raise KeyboardInterrupt
            yield step

    state = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        finetune(tiny_lab.encoder(), data, SETTINGS, state, die)
    seen = []
    rest = finetune(tiny_lab.encoder(), data, SETTINGS, state, lambda steps: (seen.append(s) or s for s in steps))
    assert seen[0] == killed_at and digest(rest) == digest(whole)


def test_a_state_of_other_settings_or_a_damaged_one_is_not_used(tiny_lab, tmp_path, monkeypatch):
    monkeypatch.setattr("core.training.finetune.SAVE_EVERY_SECONDS", 0.0)
    data, state = [training_set(tiny_lab)], tmp_path / "state.safetensors"
    finetune(tiny_lab.encoder(), data, SETTINGS, state)
    other = replace(SETTINGS, lr=2e-3)
    assert digest(finetune(tiny_lab.encoder(), data, other, state)) == digest(finetune(tiny_lab.encoder(), data, other))
    state.write_bytes(b"garbage")
    again = finetune(tiny_lab.encoder(), data, SETTINGS, state)
    assert digest(again) == digest(finetune(tiny_lab.encoder(), data, SETTINGS))


def test_joint_batches_weigh_tasks_equally(tiny_lab):
    """Two tasks: half of each batch from either, the loss their mean."""
    sets = [training_set(tiny_lab, "noisy"), training_set(tiny_lab, "plain")]
    settings = replace(SETTINGS, steps=1, warmup=0)
    reference = tiny_lab.encoder()
    optimizer = torch.optim.AdamW(reference.tower.parameters(), lr=settings.lr, weight_decay=0.1)
    losses = []
    for i, s in enumerate(sets):
        rows = batch_indices(96, 8, 0, 7 + i)
        features = reference.features(reference.prepare(s.images[rows]))
        losses.append(functional.cross_entropy(reference.logit_scale * features @ s.head.T, s.labels[rows]))
    (sum(losses) / 2).backward()
    torch.nn.utils.clip_grad_norm_(reference.tower.parameters(), 1.0)
    optimizer.step()
    found = finetune(tiny_lab.encoder(), sets, settings)
    assert torch.allclose(found["visual.conv1.weight"], reference.weights["visual.conv1.weight"].detach(), atol=1e-6)


@pytest.mark.parametrize(("n", "size"), [(10, 4), (5, 12), (8, 8)])
def test_batches_walk_through_seeded_epochs_without_a_gap(n, size):
    rows = torch.cat([batch_indices(n, size, step, 3) for step in range(10)])
    assert len(rows) == 10 * size
    for epoch in range(len(rows) // n):
        assert sorted(rows[epoch * n : (epoch + 1) * n].tolist()) == list(range(n))


def test_the_learning_rate_warms_up_and_falls_to_nothing():
    rates = [Settings().lr_at(step) for step in range(2000)]
    assert rates[0] == pytest.approx(1e-5 / 200) and max(rates) == pytest.approx(1e-5) == pytest.approx(rates[199])
    assert rates[-1] < 1e-10 and rates[200:] == sorted(rates[200:], reverse=True)


def test_a_loss_that_is_not_a_number_stops_at_once(tiny_lab):
    data = training_set(tiny_lab)
    broken = replace(data, head=data.head * float("nan"))
    with pytest.raises(PaletteError, match=r"at step 1 of .*Try a lower learning rate than"):
        finetune(tiny_lab.encoder(), [broken], SETTINGS)


@pytest.mark.parametrize("steps", [2, 12])
def test_a_learning_rate_that_is_far_too_high_is_one_sentence_and_keeps_what_was_there(tiny_lab, steps):
    """The last step's weights are looked at, too: no loss is computed of them any more."""
    before = tiny_lab.zoo["noisy"].digest
    settings = Settings(steps=steps, batch_size=8, lr=3e38, warmup=0)
    with pytest.raises(PaletteError, match="what was there before is kept") as error:
        finetune(tiny_lab.encoder(), [training_set(tiny_lab)], settings)
    with pytest.raises(PaletteError, match="Training diverged"):
        train(tiny_lab, ["noisy"], "another", settings=settings)
    assert "another" not in tiny_lab.zoo
    assert "\n" not in str(error.value) and f"of {steps}" in str(error.value)
    assert Lab("tiny", tiny_lab.folder.parent, "cpu", tiny_tasks()).zoo["noisy"].digest == before


def test_augmented_pictures_are_what_is_learnt_from(tiny_lab):
    """One step by hand on pictures that are changed as the seed and the step say."""
    settings, data = replace(SETTINGS, steps=1, warmup=0, augment="strong"), training_set(tiny_lab)
    reference = tiny_lab.encoder()
    optimizer = torch.optim.AdamW(reference.tower.parameters(), lr=settings.lr, weight_decay=0.1)
    draw = torch.Generator().manual_seed(7 * 1_000_003)
    pixels = augment(reference.prepare(data.images[batch_indices(96, 16, 0, 7)]), STRENGTHS["strong"], draw)
    labels = data.labels[batch_indices(96, 16, 0, 7)]
    functional.cross_entropy(reference.logit_scale * reference.features(pixels) @ data.head.T, labels).backward()
    torch.nn.utils.clip_grad_norm_(reference.tower.parameters(), 1.0)
    optimizer.step()
    found = finetune(tiny_lab.encoder(), [data], settings)
    assert torch.allclose(found["visual.conv1.weight"], reference.weights["visual.conv1.weight"].detach(), atol=1e-6)
    plain = finetune(tiny_lab.encoder(), [data], replace(settings, augment="none"))
    assert digest(plain) != digest(found) == digest(finetune(tiny_lab.encoder(), [data], settings))


def test_settings_say_their_augmentation_only_where_there_is_one():
    """So that what was trained before there was a choice keeps its name and its keys."""
    assert "augment" not in Settings().facts and list(Settings().facts) == [
        "steps", "batch_size", "lr", "warmup", "weight_decay", "clip_norm", "seed", "precision"
    ]  # fmt: skip
    assert replace(SETTINGS, augment="light").facts == {**SETTINGS.facts, "augment": "light"}
    with pytest.raises(PaletteError, match="no augmentation 'wild'; choose one of none, light, strong"):
        Settings(augment="wild")


def test_how_a_checkpoint_was_trained_is_one_phrase():
    gentle = Settings(steps=300, only=("visual.layer4", "visual.attnpool"), hold=10, augment="light")
    assert describe_training(Settings().facts) == "2000 steps, the whole image tower"
    assert describe_training(gentle.facts) == (
        "300 steps, only layer4 and attnpool, its answers about the supported tasks' classes held (10 ×), "
        "pictures lightly augmented"
    )
