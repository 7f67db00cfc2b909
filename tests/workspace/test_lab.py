from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core import PaletteError, metrics
from core.models import clip
from core.patching import curves
from core.patching.build import build_steps
from core.progress import Progress
from core.recipes.paint import GRID
from core.recipes.recipe import combine, lerp, single
from core.storage import files
from core.training.steps import Step, build
from core.training.train import train
from core.workspace import named_recipes
from core.workspace.distance import similarity
from core.workspace.lab import Lab, workspaces
from tests.conftest import full_disk


def counted(lab, monkeypatch):
    """Counts forward passes over a task."""
    calls = []
    forward = lab.evaluation._forward
    monkeypatch.setattr(lab.evaluation, "_forward", lambda *a: calls.append(a) or forward(*a))
    return calls


def again(lab):
    return Lab(lab.name, lab.folder.parent, "cpu", lab.tasks)


def test_a_result_is_computed_once_then_read(tiny_lab, monkeypatch):
    calls = counted(tiny_lab, monkeypatch)
    recipe = tiny_lab.patch("noisy", 0.5)
    assert not tiny_lab.is_cached(recipe, "noisy", "test")
    first = tiny_lab.evaluate(recipe, "noisy", "test")
    assert tiny_lab.evaluate(recipe, "noisy", "test") is first and len(calls) == 1
    fresh = again(tiny_lab)
    calls = counted(fresh, monkeypatch)
    assert fresh.is_cached(recipe, "noisy", "test")
    assert np.array_equal(fresh.evaluate(recipe, "noisy", "test").top, first.top) and not calls


def test_other_routes_to_the_same_weights_share_a_result(tiny_lab, monkeypatch):
    calls = counted(tiny_lab, monkeypatch)
    base, tuned = tiny_lab.base, tiny_lab.tuned("noisy")
    tiny_lab.evaluate(lerp(base, tuned, 0.5), "plain", "val")
    tiny_lab.evaluate(combine([tuned, base], [0.5, 0.5]), "plain", "val")
    tiny_lab.evaluate(lerp(lerp(base, tuned, 1.0), base, {"": 0.5, "visual": 0.5}), "plain", "val")
    assert len(calls) == 1


def test_the_same_checkpoint_under_another_name_shares_a_result(tiny_lab):
    weights = tiny_lab.zoo.weights("noisy")
    tiny_lab.zoo.add("copy", weights)
    assert tiny_lab.weights_key(single("copy")) == tiny_lab.weights_key(single("noisy"))
    assert tiny_lab.weights_key(lerp(single("copy"), single("noisy"), 0.3)) == tiny_lab.weights_key(single("noisy"))


def test_logits_against_plain_open_clip(tiny_lab):
    """The base's logits are what open_clip gives for the same pixels and prompts."""
    model = clip.load(tiny_lab.folder / "base")
    pictures = tiny_lab.pictures("noisy", "test")
    pixels = (torch.from_numpy(pictures.images).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25
    with torch.no_grad():
        image = model.encode_image(pixels, normalize=True)
        rows = [
            model.encode_text(clip.tokenize(p, 12), normalize=True).mean(0) for p in tiny_lab.task("noisy").prompts()
        ]
        text = torch.nn.functional.normalize(torch.stack(rows), dim=-1)
        expected = model.logit_scale.exp() * image @ text.T
    found = tiny_lab.logits(tiny_lab.base, "noisy", "test")
    assert np.allclose(found, expected.numpy(), atol=2e-2)


def test_answers_hold_what_metrics_say_of_the_logits(tiny_lab):
    found = tiny_lab.evaluate(tiny_lab.tuned("noisy"), "noisy", "test")
    logits = tiny_lab.logits(tiny_lab.tuned("noisy"), "noisy", "test").numpy()
    every, rows = metrics.probabilities(logits), np.arange(36)
    assert np.array_equal(found.labels, tiny_lab.pictures("noisy", "test").labels)
    assert np.array_equal(found.predictions, metrics.predictions(logits))
    assert found.accuracy == metrics.accuracy(logits, found.labels)
    assert np.allclose(found.of_label, every[rows, found.labels], atol=1e-3)
    assert np.allclose(found.confidence, every.max(axis=1), atol=1e-3)


def test_a_workspace_may_keep_answers_alone(tiny_lab):
    tiny_lab.keeps.clear()
    tiny_lab.evaluate(tiny_lab.base, "noisy", "test")
    kept = [files.read_tensors(path).keys() for path in tiny_lab.store.files()]
    assert {frozenset(names) for names in kept} == {
        frozenset({"head"}),
        frozenset({"top", "probability", "of_label", "labels"}),
    }


def test_kept_features_need_no_second_forward_pass(tiny_lab, monkeypatch):
    recipe = tiny_lab.patch("noisy", 0.25)
    tiny_lab.features(recipe, "plain", "val")
    calls = counted(tiny_lab, monkeypatch)
    tiny_lab.evaluate(recipe, "plain", "val")
    assert not calls


def test_build_does_everything_once_and_a_patch_can_be_chosen(tiny_lab):
    steps = build_steps(tiny_lab)
    assert [s.done() for s in steps] == [True, False]
    build(steps, Progress())
    assert all(s.done() for s in build_steps(tiny_lab))
    assert curves.known_alphas(tiny_lab, "noisy", ["plain"]) == list(GRID)
    points = curves.curve(tiny_lab, "noisy", ["plain"], "val")
    alpha = curves.chosen_alpha(tiny_lab, "noisy", ["plain"])
    best = max(p.combined for p in points)
    assert alpha == min(p.alpha for p in points if p.combined == best)
    assert points[0].accuracies["noisy"] == tiny_lab.evaluate(tiny_lab.base, "noisy", "val").accuracy


def test_fine_tuning_teaches_the_patching_task(tiny_lab):
    before = tiny_lab.evaluate(tiny_lab.base, "noisy", "test")
    after = tiny_lab.evaluate(tiny_lab.tuned("noisy"), "noisy", "test")
    assert after.accuracy.value > before.accuracy.value + 0.2
    assert not metrics.paired(before.right, after.right).within_noise


def test_training_twice_gives_the_same_digest(tiny_lab):
    digest = tiny_lab.zoo["noisy"].digest
    tiny_lab.zoo.path("noisy").unlink()
    assert train(tiny_lab, ["noisy"], "noisy").digest == digest


def test_training_from_another_start_is_remembered(tiny_lab):
    start = tiny_lab.patch("noisy", 0.5)
    found = train(tiny_lab, ["plain"], "then-plain", start=start)
    assert found.start == start and tiny_lab.zoo["then-plain"].start == start


def test_build_skips_what_is_done():
    ran = []
    build([Step("a", 1, lambda: True, ran.append), Step("b", 1, lambda: False, ran.append)], Progress())
    assert len(ran) == 1


def test_similarity_of_a_model_with_itself_is_one(tiny_lab):
    same = similarity(tiny_lab, tiny_lab.base, tiny_lab.base, "noisy")
    assert all(value == pytest.approx(1) for kind in same.values() for value in kind.values())
    other = similarity(tiny_lab, tiny_lab.base, tiny_lab.tuned("noisy"), "noisy")
    assert 0 < other["cosine"][""] < 1 and 0 < other["cka"][""] < 1 and "visual.layer1.0" in other["cka"]


def test_results_survive_a_cache_that_refuses_writes(tiny_lab):
    with full_disk():
        found = tiny_lab.evaluate(tiny_lab.base, "plain", "val")
    assert found.accuracy.n == 24 and any("could not be kept" in notice for notice in tiny_lab.notices)


@pytest.mark.parametrize("ask", [lambda lab: lab.task("cats"), lambda lab: lab.evaluate(lab.base, "cats", "test")])
def test_an_unknown_task_is_one_sentence(tiny_lab, ask):
    with pytest.raises(PaletteError, match="no task 'cats' in tiny; its tasks are plain, noisy"):
        ask(tiny_lab)


def test_an_unknown_split_or_checkpoint_is_one_sentence(tiny_lab):
    with pytest.raises(PaletteError, match="no split 'dev'"):
        tiny_lab.evaluate(tiny_lab.base, "plain", "dev")
    with pytest.raises(PaletteError, match="has no checkpoint 'plain'"):
        tiny_lab.tuned("plain")


def test_workspaces_are_found_and_unknown_ones_named(tiny_cache):
    assert workspaces(tiny_cache) == ["tiny"]
    with pytest.raises(PaletteError, match=r"no workspace 'big'.*tiny"):
        Lab("big", tiny_cache)
    with pytest.raises(ValueError, match="cannot be a name"):
        Lab("../tiny", tiny_cache)


def test_a_joint_checkpoint_is_patched_like_any_other(tiny_lab):
    tiny_lab.facts = replace(tiny_lab.facts, zoo={"both": ("noisy", "plain")})
    assert tiny_lab.patches() == ["noisy", "both"] and tiny_lab.trained_on("both") == ["noisy", "plain"]
    steps = build_steps(tiny_lab, ["both"], ["plain"])
    build(steps, Progress())
    assert tiny_lab.zoo["both"].tasks == ("noisy", "plain") and all(s.done() for s in steps)
    point = curves.point(tiny_lab, "both", 1.0, ["plain"], "test")
    value = {name: a.value for name, a in point.accuracies.items()}
    assert point.combined == pytest.approx(((value["noisy"] + value["plain"]) / 2 + value["plain"]) / 2)


def test_a_checkpoint_says_itself_which_tasks_it_is_for(tiny_lab):
    weights, start = tiny_lab.zoo.weights("noisy"), lerp(tiny_lab.base, single("noisy"), 0.5)
    tiny_lab.zoo.add("theirs", weights, tasks=("noisy", "gone"), start=tiny_lab.base)
    tiny_lab.zoo.add("later", weights, tasks=("noisy",), start=start)
    tiny_lab.zoo.add("silent", weights, start=tiny_lab.base)
    assert tiny_lab.trained_on("theirs") == ["noisy"] and named_recipes.patches(tiny_lab) == ["noisy", "theirs"]
    with pytest.raises(PaletteError, match="'silent' does not say which of the tasks of tiny"):
        tiny_lab.trained_on("silent")
    assert tiny_lab.patch("silent", 0.5) == lerp(tiny_lab.base, single("silent"), 0.5)
    assert curves.point(tiny_lab, "theirs", 0.5, ["plain"], "val").combined == pytest.approx(
        curves.point(tiny_lab, "noisy", 0.5, ["plain"], "val").combined
    )


def test_reading_many_class_names_can_be_followed_and_cancelled(tiny_lab):
    many = tuple(f"thing {i}" for i in range(700))  # more than the text tower takes at once
    tiny_lab.tasks["many"] = replace(
        tiny_lab.task("plain"), name="many", class_names=many, templates=("a {}", "the {}")
    )
    followed = []
    assert len(tiny_lab.head("many", lambda items: [followed.append(1) or i for i in items])) == 700
    assert len(followed) == 3, "1,400 texts in batches of 512"
    again(tiny_lab).head("many", lambda items: pytest.fail("it was kept"))
