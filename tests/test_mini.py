"""What ships in cache/mini/ is whole, and shows what the README promises. Nothing here computes a result."""

from __future__ import annotations

from statistics import median

import pytest
import torch
from safetensors.torch import load_file

from core.exchange.exporting.base_card import patched
from core.models import clip, features, torchvision_shim
from core.patching import curves
from core.patching.finetunes import name_of, settings_for
from core.patching.pieces import pieces
from core.patching.plan import is_current, outcome_path, outcomes, plan_of
from core.patching.results import FORGETFUL, JOINT, SEARCHED, SEQUENTIAL, SHARED, SPECIALISED
from core.recipes import Recipe
from core.recipes.paint import GRID
from core.soups.measure import pool_results
from core.storage import files
from core.training.settings import settings_of
from core.workspace.lab import CACHE, Lab

TIE = 1e-6  # between cosines


@pytest.fixture(scope="module")
def mini():
    return Lab("mini", CACHE, "cpu")


def test_every_file_is_what_its_digest_says(mini):
    assert [mini.zoo.verify(name) for name in mini.zoo.names()] == [None] * len(mini.zoo.names())
    for path in mini.store.files():
        files.read_tensors(path)


def test_every_answer_that_ships_is_found(mini):
    """No answer is lost to a changed key: each file is asked for by the recipe, task and split in its header.

    Those of models that do not ship (the soups' ingredients) cannot be asked for, nor tasks from outside.
    """
    asked = 0
    for path in mini.store.files():
        facts = files.read_facts(path)
        if "recipe" not in facts or facts["task"] not in mini.tasks:
            continue
        recipe = Recipe.from_json(facts["recipe"])
        if all(model in mini.zoo for model in recipe.models):
            assert mini.is_cached(recipe, facts["task"], facts["split"]), facts
            asked += 1
    assert asked >= 1200


@pytest.mark.parametrize(
    ("name", "alpha", "task", "split", "right"),
    [
        ("digits", 0.0, "icons", "test", 1863),
        ("digits", 0.5, "icons", "test", 1840),
        ("digits", 0.5, "digits", "test", 280),
        ("digits", 0.75, "digits", "val", 337),
        ("signs", 0.5, "signs", "test", 421),
        ("aerial", 1.0, "aerial", "test", 362),
        ("clocks", 0.25, "clocks", "val", 64),
        ("joint", 0.5, "textures", "test", 382),
        ("typographic", 0.5, "typographic", "test", 71),
        ("counting", 1.0, "icons", "val", 858),
        ("distance", 0.8, "distance", "test", 406),
        ("land_use", 0.5, "land_use", "val", 111),
        ("house_numbers", 0.4, "house_numbers", "test", 483),
    ],
)
def test_what_ships_says_the_same_as_ever(mini, name, alpha, task, split, right):
    assert mini.is_cached(mini.patch(name, alpha), task, split)
    assert int(mini.evaluate(mini.patch(name, alpha), task, split).right.sum()) == right


def test_plain_open_clip_loads_the_base(mini):
    torchvision_shim.prepare()
    import open_clip

    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{mini.folder / 'base'}")
    ours = clip.load(mini.folder / "base").state_dict()
    assert all((tensor == ours[name]).all() for name, tensor in model.state_dict().items())
    assert transform is not None


@pytest.mark.parametrize(
    "name",
    "digits house_numbers land_use aerial textures signs distance clocks counting joint typographic".split(),
)
def test_the_page_has_all_that_it_shows_at_once(mini, name):
    assert name in mini.zoo
    assert set(GRID) <= set(curves.known_alphas(mini, name, mini.default_supported()))


def test_digits_are_gained_and_icons_kept(mini):
    """At an α found on validation, digits rise by at least 30 points on test while icons lose at most 4."""
    val = curves.curve(mini, "digits", ["icons"], "val")
    kept = [p.alpha for p in val if val[0].accuracies["icons"].value - p.accuracies["icons"].value <= 0.03]
    before, after = (curves.point(mini, "digits", a, ["icons"], "test").accuracies for a in (0.0, max(kept)))
    assert after["digits"].value - before["digits"].value >= 0.30
    assert after["icons"].value - before["icons"].value >= -0.04


def test_every_task_is_gained_at_a_cost_of_at_most_a_point_and_a_half_at_the_median(mini):
    """Shipped results alone: at the α that validation chooses by PAINT's rule, figures of test."""
    found = [patched(mini, name, "icons") for name in mini.by_role("patching")]
    assert len(found) == 9 and min(one.patched - one.base for one in found) >= 0.10
    assert median(one.cost.difference for one in found) >= -0.015


def test_nine_tasks_by_every_strategy_ship(mini):
    """The page of many tasks opens with a comparison of three orders, in which interpolation forgets less."""
    found = next(o for o in outcomes(mini).values() if o.facts["orders"] == 3 and len(o.facts["tasks"]) == 9)
    assert {SHARED, SEARCHED, SEQUENTIAL, FORGETFUL, JOINT, SPECIALISED} <= {row.strategy for row in found.rows}
    assert found.spread(SEQUENTIAL).forgetting < found.spread(FORGETFUL).forgetting
    assert is_current(mini, outcome_path(mini, plan_of(found)).stem, found)
    assert found.contrasts and all(row.combined["test"].n > 10_000 for row in found.rows)


def test_what_was_trained_before_is_still_called_so(mini):
    """A new setting must not rename what was made without it: these names were given by earlier versions."""
    for name in ("joint", "typographic"):
        tasks = mini.trained_on(name)
        assert name_of(mini, tasks, mini.base, settings_for(mini, tasks, settings_of(mini, name).steps)) == name
    assert name_of(mini, ["digits"], mini.base, settings_for(mini, ["digits"], 100)) == "digits.66f1debc5025"
    assert pieces(mini, ["digits"], ["icons"])[0].key.startswith("19a35737e3944d7f")


def test_soups_ship_and_manifold_mixing_is_no_worse_on_val(mini):
    whole = max(pool_results(mini), key=lambda found: len(found.individuals))
    rows = {row.name: row.val.accuracy.value for row in whole.rows()}
    searched = [value for name, value in rows.items() if name.startswith("ManifoldMixMS")]
    assert len(whole.individuals) == 12 and max(searched) >= rows["Greedy soup"] >= rows["Best individual model"]
    assert {"Uniform soup", "Ensemble", "Greedy ensemble", "Learned soup"} <= set(rows)


@pytest.mark.parametrize(
    "name",
    "digits house_numbers land_use aerial textures signs distance clocks counting joint typographic".split(),
)
def test_accuracy_is_that_of_a_plain_merge_with_plain_open_clip(mini, name, few=200):
    """To the last picture, at five α: dicts of fp32 weights, open_clip's own model, fp32 from end to end.

    Classes whose head rows are the same (this base has some) are told apart by the last bit alone: those are ties.
    """
    torchvision_shim.prepare()
    import open_clip

    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{mini.folder / 'base'}", precision="fp32")
    task = mini.task(mini.trained_on(name)[0])
    pictures, preprocess = mini.pictures(task.name, "val"), mini.config["preprocess_cfg"]
    mean, std = (torch.tensor(preprocess[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    pixels = (torch.from_numpy(pictures.images[:few]).permute(0, 3, 1, 2).float() / 255 - mean) / std
    base = {n: t.float() for n, t in load_file(mini.folder / "base" / clip.WEIGHTS).items() if n.startswith("visual.")}
    tuned = {n: t.float() for n, t in load_file(mini.zoo.path(name)).items()}
    tokenize = open_clip.get_tokenizer(f"local-dir:{mini.folder / 'base'}")
    with torch.inference_mode():
        rows = [model.eval().encode_text(tokenize(p), normalize=True).mean(dim=0) for p in task.prompts()]
        head = torch.nn.functional.normalize(torch.stack(rows), dim=-1)
        for alpha in (0.0, 0.25, 0.5, 0.75, 1.0):
            merged = {n: (1 - alpha) * t + alpha * tuned[n] for n, t in base.items()}
            model.load_state_dict(merged, strict=False)
            theirs = model.encode_image(pixels, normalize=True) @ head.T
            with mini.encoders.holding(mini.patch(name, alpha)) as encoder:
                seen = features(encoder, pictures.images[:few])
            ours = mini.classified(mini.patch(name, alpha), task.name, "val", seen).argmax(dim=1)
            lost = theirs.amax(dim=1) - theirs.gather(1, ours[:, None])[:, 0]
            assert (lost <= TIE).all(), alpha
