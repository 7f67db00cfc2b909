"""One pool of encoders: never mixed up, bounded, at the workspace's precision, with the model's own transform."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
import torch
from PIL import Image

from core import PaletteError
from core.attacks.study import AttackEvaluation, pictures_of
from core.classify.album import picture
from core.classify.classifier import Classifier
from core.models import clip, logits
from core.models.preprocess import pixel_steps
from core.patching.estimate import Estimate
from core.soups.judge import Judge
from core.workspace.lab import Lab
from tests.conftest import CONFIG, tiny_tasks

VIT = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 224, "layers": 1, "width": 64, "patch_size": 32},
        "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {
        "size": [224, 224],
        "mean": [0.48, 0.45, 0.4],
        "std": [0.27, 0.26, 0.27],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    },
}


def lab_of(cache, config=CONFIG, **facts) -> Lab:
    torch.manual_seed(0)
    clip.save(clip.create(config["model_cfg"]), config, cache / "w" / "base")
    (cache / "w" / "workspace.json").write_text(json.dumps({"tasks": "tiny", "supported": ["plain"], **facts}))
    return Lab("w", cache, "cpu", tiny_tasks())


def photograph() -> np.ndarray:
    """300 × 200: noise, an edge and a disc, so that a crop or another interpolation shows."""
    y, x = np.mgrid[:200, :300]
    noise = np.random.default_rng(0).integers(0, 90, (200, 300, 3))
    shapes = 90 * (x > 2 * y)[..., None] + 75 * ((x - 90) ** 2 + (y - 120) ** 2 < 50**2)[..., None]
    return np.clip(noise + shapes, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("config", [CONFIG, VIT], ids=["squash", "shortest"])
def test_both_pages_see_the_pixels_of_the_models_own_transform(tmp_path, config):
    desk, image = Classifier(lab_of(tmp_path, config)), photograph()
    lab_page, classify_page = desk.prepared(image), picture(image, desk.fit, "photograph").pixels
    theirs = Image.fromarray(image)
    for step in pixel_steps(config["preprocess_cfg"]):
        theirs = step(theirs)
    assert lab_page.shape == (desk.size, desk.size, 3)
    assert np.array_equal(lab_page, classify_page) and np.array_equal(lab_page, np.asarray(theirs))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_evaluation_gives_the_same_logits(tiny_cache, precision):
    path = tiny_cache / "tiny" / "workspace.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "precision": precision}))
    lab = Lab("tiny", tiny_cache, "cpu", tiny_tasks())
    recipe, task, images = lab.patch("noisy", 0.4), lab.task("noisy"), lab.pictures("noisy", "val").images
    expected = lab.logits(recipe, "noisy", "val")
    desk = Classifier(lab)
    assert np.array_equal(desk.logits(recipe, images, lab.head("noisy")), expected.numpy())
    fitted = tuple(picture(image, desk.fit, "x") for image in images)
    seen = desk.features(recipe, fitted)
    assert torch.equal(logits(seen, lab.head("noisy"), lab.encoders.logit_scale), expected)
    answers = lab.evaluate(recipe, "noisy", "val")
    lab.evaluation._answers = type(lab.evaluation._answers)(1)
    assert np.array_equal(pictures_of(lab, task, "val").images, images)
    for file in lab.store.files():
        file.unlink()
    (other,) = AttackEvaluation(lab).run([(recipe, task, "val")])
    assert np.array_equal(other.top, answers.top) and np.array_equal(other.probability, answers.probability)
    assert Estimate(lab, ["noisy"])(recipe)["noisy"] == answers.accuracy
    assert Judge(lab, "noisy").judge(recipe).score == answers.accuracy.value


def test_few_encoders_are_kept_and_never_mixed_up(tiny_lab):
    pool, images = tiny_lab.encoders, tiny_lab.pictures("plain", "test").images[:4]
    pool.room = 2

    def seen(recipe):
        with pool.holding(recipe) as encoder:
            return encoder.encode(images)

    recipes = [tiny_lab.patch("noisy", a) for a in (0.0, 0.4, 1.0)]
    first = [seen(r) for r in recipes]
    again = [seen(r) for r in reversed(recipes)][::-1]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True)) and not torch.equal(first[0], first[2])
    with pytest.raises(PaletteError), pool.holding(tiny_lab.patch("plain", 0.5)):
        pass
    assert torch.equal(seen(recipes[1]), first[1]) and pool._made == 2, "a failed merge leaves nothing behind"


def test_one_that_is_held_can_hold_more_and_the_pool_shrinks_again(tiny_lab):
    pool = tiny_lab.encoders
    pool.room = 1
    with pool.holding(tiny_lab.base) as one, pool.holding(tiny_lab.tuned("noisy")) as other:
        assert one is not other and pool._made == 2
        assert any(not torch.equal(t, other.weights[n]) for n, t in one.weights.items())
    assert pool._made == 1 and len(pool._idle) + len(pool._unmerged) == 1


def test_whoever_asks_for_one_too_many_waits(tiny_lab):
    pool, held, go = tiny_lab.encoders, threading.Event(), threading.Event()
    pool.room = 1
    got: list[object] = []

    def hold() -> None:
        with pool.holding(tiny_lab.base) as encoder:
            got.append(encoder)
            held.set()
            go.wait(30)

    def ask() -> None:
        with pool.holding(tiny_lab.tuned("noisy")) as encoder:
            got.append(encoder)

    threads = [threading.Thread(target=hold), threading.Thread(target=ask)]
    threads[0].start()
    assert held.wait(30)
    threads[1].start()
    threads[1].join(0.3)
    assert len(got) == 1, "the only one is held"
    go.set()
    for thread in threads:
        thread.join(30)
    assert len(got) == 2 and got[0] is got[1] and pool._made == 1
