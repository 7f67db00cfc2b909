# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
from __future__ import annotations

import json
import math
import shutil
import threading
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core import PaletteError
from core.attacks.study import AttackEvaluation
from core.exchange.exporting.export import apply, export
from core.models import Encoder, clip
from core.progress import CancelledError, Progress
from core.recipes import search
from core.recipes.recipe import Recipe, combine, lerp, single
from core.soups.judge import Judge
from core.soups.measure import individuals, pool_results, wise_ft
from core.soups.plan import METHODS, SoupPlan, make_pool, outcome_file, pool_folder, too_small
from core.soups.results import outcome_facts, outcome_from
from core.soups.run import make_soup
from core.storage import files
from core.tasks.task import Pictures, Task
from core.workspace.lab import Lab
from tests.conftest import COLOURS, Noisy, tiny_tasks
from tests.soups.soup_pool import pool, soup_cache, soup_lab, soup_template  # noqa: F401

QUICK = {"partition": "blocks", "budget": 9}


def beta(recipe: Recipe) -> np.ndarray:
    return np.array(recipe.coefficients)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_keeps_the_contract(soup_lab, pool, method):
    """A row on every split; a recipe whose columns sum to 1 and that survives JSON; no worse on val where promised."""
    outcome = make_soup(soup_lab, pool, SoupPlan(method, **QUICK))
    row = outcome.row
    assert row.val.n == 24 and row.test.n == 36 and row.shifts["noisy"].n == 36
    best = individuals(soup_lab, pool, Progress()).individuals[0]
    if "ensemble" in method:
        assert row.recipe is None and row.passes == len(row.members) >= 1
    else:
        assert row.passes == 1 and np.allclose(beta(row.recipe).sum(axis=0), 1)
        assert Recipe.from_json(row.recipe.to_json()) == row.recipe
        assert soup_lab.evaluate(row.recipe, "plain", "test").accuracy == row.test.accuracy
    if method in ("greedy", "manifold", "greedy ensemble"):
        assert row.val.accuracy.value >= best.val.accuracy.value
    assert outcome_from(json.loads(json.dumps(outcome_facts(outcome)))) == outcome
    assert pool_results(soup_lab)[0].row(row.name) == row


def test_the_tolerance_says_which_candidates_are_searched(soup_lab, pool):
    words = {}
    for tau in (0.0, 1.0):
        outcome = make_soup(soup_lab, pool, SoupPlan("manifold", tau=tau, **QUICK))
        words[tau] = [verdict["verdict"] for verdict in outcome.verdicts[1:]]
    assert "skipped" not in words[0.0] and "skipped" in words[1.0]
    usual, strict = (SoupPlan("manifold", tau=tau) for tau in (None, 0.998))
    assert outcome_file(soup_lab, pool, usual) != outcome_file(soup_lab, pool, strict)
    assert usual.settings() == strict.settings() and strict.title() == "ManifoldMixMS-C8 (τ 0.998)"


def test_a_mixed_head_is_the_mix_of_heads(soup_lab):
    mix = combine([single("ingredient-01"), single("ingredient-02")], [{"": 0.3, "head": 0.8}, {"": 0.7, "head": 0.2}])
    features = soup_lab.features(mix, "plain", "val").float()
    heads = [soup_lab.zoo.head(f"ingredient-0{i}") for i in (1, 2)]
    weight, bias = (0.8 * heads[0][n].float() + 0.2 * heads[1][n].float() for n in ("head.weight", "head.bias"))
    scale = soup_lab.encoder().logit_scale
    assert torch.allclose(soup_lab.logits(mix, "plain", "val").float(), scale * (features @ weight.T + bias), atol=0.05)


@pytest.mark.parametrize("fmt", ["open_clip", "onnx"])
def test_an_export_takes_the_mixed_head_along(soup_lab, tmp_path, fmt):
    """What leaves with a soup answers as the soup does here; its card says whose head that is."""
    if fmt == "onnx":
        for name in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(name)
    mix = combine([single("ingredient-01"), single("ingredient-02")], [{"": 0.3, "head": 0.8}, {"": 0.7, "head": 0.2}])
    expected = soup_lab.logits(mix, "plain", "test").float()
    soup_lab.evaluate(mix, "plain", "test")
    done = export(soup_lab, mix, tmp_path / "out", fmt)
    encoder = Encoder(clip.load(soup_lab.folder / "base"), soup_lab.config["preprocess_cfg"])
    images = soup_lab.pictures("plain", "test").images
    if fmt == "onnx":
        from onnxruntime import InferenceSession

        pixels = encoder.prepare(images).contiguous().numpy()
        logits = torch.tensor(InferenceSession(str(done.files[0])).run(["logits_plain"], {"pixels": pixels})[0])
    else:
        encoder = Encoder(clip.load(tmp_path / "out"), soup_lab.config["preprocess_cfg"])
        heads = load_file(tmp_path / "out" / "heads.safetensors")
        logits = encoder.logit_scale * (encoder.encode(images) @ heads["plain.weight"].T + heads["plain.bias"])
        assert "`plain.weight`" in (tmp_path / "out" / "README.md").read_text()
        again = apply(soup_lab, tmp_path / "out", tmp_path / "again")
        assert again.as_promised and again.digests["heads_digest"] == done.digests["heads_digest"]
    assert torch.allclose(logits, expected, atol=0.05)
    assert "but for plain: by the mix of the models' own trained heads" in (tmp_path / "out" / "README.md").read_text()


def test_the_text_head_stands_in_for_the_base_and_answers_other_tasks(soup_lab):
    ends = lerp(soup_lab.base, single("ingredient-02"), 0.0), lerp(soup_lab.base, single("ingredient-02"), 1.0)
    for recipe, end in zip(ends, (soup_lab.base, single("ingredient-02")), strict=True):
        found, wanted = (soup_lab.evaluate(r, "plain", "val").predictions for r in (recipe, end))
        assert np.array_equal(found, wanted)
    names = ("round", "square", "tall")
    soup_lab.tasks["other"] = Task("other", "ood", "Other", "", names, ("a {} thing",), Noisy(5, 20))
    mine = soup_lab.logits(single("ingredient-02"), "other", "val").float()
    features = soup_lab.features(single("ingredient-02"), "other", "val").float()
    wanted = soup_lab.encoder().logit_scale * features @ soup_lab.head("other").T
    assert torch.allclose(mine, wanted, atol=0.05)


@dataclass(frozen=True)
class Some(Noisy):
    """Only the blue and the red pictures, in that order of labels: a shift that asks for two of the three classes."""

    def digest(self, split: str) -> str:
        return "some" + super().digest(split)

    def load(self, split: str) -> Pictures:
        every = Noisy(self.seed, self.noise).load(split)
        rows = np.flatnonzero(every.labels != 1)
        return Pictures(every.images[rows], (every.labels[rows] == 0).astype(np.int64))

    def sizes(self) -> dict[str, int]:
        return {split: n // 3 * 2 for split, n in super().sizes().items()}


def test_a_shift_with_some_of_the_classes_is_answered_by_their_rows(soup_lab):
    """ImageNet-R and -A ask for 200 of the 1,000 classes: the full logits with the other columns left out."""
    names, templates = ("blue", "red"), ("a {} picture",)
    whole = soup_lab.tasks["noisy"]
    soup_lab.tasks["some"] = Task("some", "ood", "Some", "", names, templates, Some(2, 90))
    mix = combine([single("ingredient-01"), single("ingredient-02")], [{"": 0.3, "head": 0.8}, {"": 0.7, "head": 0.2}])
    columns = [whole.class_names.index(name) for name in names]
    rows = soup_lab.pictures("noisy", "test").labels != 1
    for recipe in (mix, single("ingredient-02")):
        full = soup_lab.logits(recipe, "noisy", "test")[rows][:, columns]
        assert torch.allclose(soup_lab.logits(recipe, "some", "test").float(), full.float(), atol=0.05)
    own, text = (Judge(soup_lab, "some", "test").judge(r).score for r in (single("ingredient-02"), soup_lab.base))
    assert own == soup_lab.evaluate(single("ingredient-02"), "some", "test").accuracy.value != text


def test_a_soup_is_measured_on_a_shift_with_some_of_the_classes(soup_lab, tmp_path):
    soup_lab.tasks["some"] = Task("some", "ood", "Some", "", ("blue", "red"), ("a {}",), Some(2, 90))
    pool = make_pool(soup_lab, ["ingredient-01", "ingredient-02"], "plain", ["some"])
    uniform, both = (make_soup(soup_lab, pool, SoupPlan(method)).row for method in ("uniform", "ensemble"))
    assert np.array_equal(uniform.shifts["some"].right, soup_lab.evaluate(uniform.recipe, "some", "test").right)
    mean = sum(soup_lab.logits(single(n), "some", "test").float() for n in pool.ingredients).numpy()
    assert np.array_equal(both.shifts["some"].right, mean.argmax(1) == soup_lab.pictures("some", "test").labels)
    export(soup_lab, uniform.recipe, tmp_path / "out", tasks=["plain", "some"])
    heads = load_file(tmp_path / "out" / "heads.safetensors")
    for name in ("weight", "bias"):
        assert torch.equal(heads[f"some.{name}"], heads[f"plain.{name}"][[2, 0]])


def things(*groups: tuple[str, ...], name: str = "things") -> Task:
    """A shift whose two classes stand for those of plain, as ObjectNet's do for ImageNet's."""
    return Task(name, "ood", "Things", "", ("warm", "cold"), ("a {} thing",), Some(2, 90), stands_for=groups)


def test_a_class_that_stands_for_several_has_the_largest_of_their_logits(soup_lab):
    groups = (("green", "red"), ("blue",))
    soup_lab.tasks["things"] = things(*groups)
    first, second, scale = single("ingredient-01"), single("ingredient-02"), soup_lab.encoder().logit_scale
    mixes = [
        (combine([first, second], [{"": 0.3, "head": 0.8}, {"": 0.7, "head": 0.2}]), {0: 0.8, 1: 0.2}),
        (second, {1: 1.0}),
        (lerp(soup_lab.base, second, 0.6), {None: 0.4, 1: 0.6}),  # the text tower's rows stand in for the base's
    ]
    text, names = soup_lab.head("things"), soup_lab.task("plain").class_names
    heads = [soup_lab.zoo.head(recipe.models[0]) for recipe in (first, second)]
    for recipe, shares in mixes:
        found, features = soup_lab.logits(recipe, "things", "val"), soup_lab.features(recipe, "things", "val").float()
        assert found.shape == (16, 2)
        for picture in range(16):
            for label, group in enumerate(groups):
                theirs = []
                for row in map(names.index, group):
                    logit = 0.0
                    for which, share in shares.items():
                        weight = text[label] if which is None else heads[which]["head.weight"][row].float()
                        bias = 0.0 if which is None else float(heads[which]["head.bias"][row])
                        logit += share * (float(features[picture] @ weight) + bias)
                    theirs.append(scale * logit)
                assert float(found[picture, label]) == pytest.approx(max(theirs), abs=0.05)
    expected = scale * soup_lab.features(soup_lab.base, "things", "val").float() @ text.T
    assert torch.allclose(soup_lab.logits(soup_lab.base, "things", "val").float(), expected, atol=0.05)


def test_results_under_groups_are_kept_apart_and_others_where_they_were(soup_lab):
    """The same rows in other groups are other logits; the text tower's do not ask what classes stand for."""
    every = [(), (("red", "green"), ("blue",)), (("red",), ("green", "blue")), (("red", "green"), ("pink",))]
    names = [f"things{i}" for i in range(len(every))]
    soup_lab.tasks |= {name: things(*groups, name=name) for name, groups in zip(names, every, strict=True)}
    one = single("ingredient-02")
    keys = [soup_lab.evaluation.key("logits", one, soup_lab.task(name), "val") for name in names]
    assert len(set(keys[:3])) == 3 and keys[3] == keys[0], "a head that does not know pink is not asked"
    assert len({soup_lab.evaluation.key("logits", soup_lab.base, soup_lab.task(name), "val") for name in names}) == 1
    found = [soup_lab.logits(one, name, "val") for name in names]
    assert not torch.equal(found[1], found[2]) and torch.equal(found[3], found[0])
    scale = soup_lab.encoder().logit_scale
    expected = scale * soup_lab.features(one, "things0", "val").float() @ soup_lab.head("things0").T
    assert torch.allclose(found[0].float(), expected, atol=0.05)


def test_a_soup_is_measured_on_classes_that_stand_for_several(soup_lab, tmp_path):
    soup_lab.tasks["things"] = things(("green", "red"), ("blue",))
    pool = make_pool(soup_lab, ["ingredient-01", "ingredient-02"], "plain", ["things"])
    uniform, both = (make_soup(soup_lab, pool, SoupPlan(method)).row for method in ("uniform", "ensemble"))
    assert np.array_equal(uniform.shifts["things"].right, soup_lab.evaluate(uniform.recipe, "things", "test").right)
    mean = sum(soup_lab.logits(single(n), "things", "test").float() for n in pool.ingredients).numpy()
    assert np.array_equal(both.shifts["things"].right, mean.argmax(1) == soup_lab.pictures("things", "test").labels)
    export(soup_lab, uniform.recipe, tmp_path / "out", tasks=["plain", "things"])
    heads = load_file(tmp_path / "out" / "heads.safetensors")
    assert set(heads) == {"plain.weight", "plain.bias"}, "the largest of several logits is no head"
    facts = json.loads((tmp_path / "out" / "recipe.json").read_text())["export"]
    assert set(facts["tasks"]) == {"plain"} and "things" in {figure["task"] for figure in facts["figures"]}
    export(soup_lab, soup_lab.base, tmp_path / "base", tasks=["things"])
    facts = json.loads((tmp_path / "base" / "recipe.json").read_text())["export"]
    assert set(facts["tasks"]) == {"things"}, "the text tower's head goes along as ever"
    old = pool_folder(soup_lab, pool)
    soup_lab.tasks["things"] = things(("red",), ("green", "blue"))
    assert pool_folder(Lab("tiny", soup_lab.folder.parent, "cpu", soup_lab.tasks), pool) != old
    with pytest.raises(PaletteError, match="knows other classes than things"):
        make_pool(soup_lab, ["ingredient-01", "ingredient-02"], "things", [])


def test_a_head_that_knows_more_than_the_task_makes_a_soup_of_it(soup_lab):
    soup_lab.tasks["some"] = Task("some", "supported", "Some", "", ("blue", "red"), ("a {}",), Some(2, 90))
    pool = make_pool(soup_lab, ["ingredient-01", "ingredient-02"], "some", [])
    row = make_soup(soup_lab, pool, SoupPlan("learned", partition="whole")).row
    assert row.val.n == 16 and soup_lab.evaluate(row.recipe, "some", "val").accuracy == row.val.accuracy


@pytest.mark.parametrize("names", [["ingredient-01", "ingredient-02"], ["base", "other"]])
def test_a_shift_with_an_unknown_class_is_one_sentence(soup_lab, names):
    soup_lab.zoo.add("other", soup_lab.zoo.weights("ingredient-01"))
    soup_lab.tasks["more"] = Task("more", "ood", "More", "", ("blue", "red", "pink"), ("a {}",), Noisy(5, 20))
    with pytest.raises(PaletteError, match="may ask only for classes of plain itself, but more asks for 'pink'") as it:
        make_pool(soup_lab, names, "plain", ["more"])
    assert "\n" not in str(it.value)


def test_the_judge_says_what_the_lab_says(soup_lab, pool):
    judge = Judge(soup_lab, "plain")
    for alpha in (0.0, 0.3, 1.0):
        mix = lerp(single("ingredient-01"), single("ingredient-03"), alpha)
        answers = soup_lab.evaluate(mix, "plain", "val")
        found = judge.judge(mix)
        assert found.score == answers.accuracy.value and found.seen == 24
        assert found.tie == pytest.approx(float(answers.of_label.mean(dtype=float)), abs=2e-3)


def trace(lab, pool, plan) -> str:
    return outcome_file(lab, pool, plan).with_suffix(".jsonl").read_text()


def plain(outcome) -> dict:
    return {k: v for k, v in outcome_facts(outcome).items() if k != "seconds"}


@pytest.mark.parametrize("racing", [False, True])
@pytest.mark.parametrize("killed_at", [2, 7, 12])
def test_pause_kill_and_resume_give_the_identical_trace_and_result(
    soup_lab, pool, soup_template, tmp_path, monkeypatch, killed_at, racing
):
    monkeypatch.setattr("core.soups.judge.BATCH", 6)  # several batches, so that racing has something to spare
    plan = SoupPlan("manifold", racing=racing, **QUICK)
    whole = make_soup(soup_lab, pool, plan)
    other = Lab("tiny", shutil.copytree(soup_template, tmp_path / "again"), "cpu", tiny_tasks())
    judge, calls = Judge.judge, []

    def dies(self, recipe, racing=False):
        if len(calls) == killed_at:
            raise CancelledError("stopped")
        calls.append(recipe)
        return judge(self, recipe, racing)

    before = threading.active_count()
    monkeypatch.setattr(Judge, "judge", dies)
    with pytest.raises(CancelledError):
        make_soup(other, pool, plan)
    assert threading.active_count() == before
    written = outcome_file(other, pool, plan).with_suffix(".jsonl")
    written.write_text(written.read_text() + '{"cut off by a ki')
    again = []
    monkeypatch.setattr(
        Judge, "judge", lambda self, recipe, racing=False: again.append(recipe) or judge(self, recipe, racing)
    )
    resumed = make_soup(other, pool, plan)
    assert plain(resumed) == plain(whole)
    assert [json.loads(x) for x in trace(other, pool, plan).splitlines() if not x.endswith("ki")] == [
        json.loads(x) for x in trace(soup_lab, pool, plan).splitlines()
    ]
    assert len(again) + len(calls) == whole.evaluations and not set(again) & set(calls)


def test_a_trace_that_was_changed_is_refused(soup_lab, pool):
    plan = SoupPlan("greedy")
    make_soup(soup_lab, pool, plan)
    path = outcome_file(soup_lab, pool, plan).with_suffix(".jsonl")
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(first), "seen": 7}), *rest]) + "\n")
    path.with_suffix(".json").unlink()
    make_soup(soup_lab, pool, plan)  # a line's figures are taken as they are
    path.write_text("\n".join([*rest, first]) + "\n")
    with pytest.raises(PaletteError, match="belongs to another search"):
        make_soup(soup_lab, pool, plan)


def test_an_optimiser_that_throws_costs_its_search_and_nothing_else(soup_lab, pool, monkeypatch):
    def broken(*_):
        raise TypeError("unsupported operand")

    monkeypatch.setattr(search, "_engine", broken)
    outcome = make_soup(soup_lab, pool, SoupPlan("manifold", **QUICK))
    searched = [v for v in outcome.verdicts if v["evaluations"]]
    assert searched and len(outcome.notes) == len(searched)
    assert "Cobyla failed (TypeError" in outcome.notes[0] and "kept" in outcome.notes[0]
    best = individuals(soup_lab, pool, Progress()).individuals[0]
    assert outcome.row.val.accuracy.value >= best.val.accuracy.value


def test_an_optimiser_that_throws_half_way_keeps_the_best_until_then(soup_lab, pool, monkeypatch):
    made = search._engine

    def dying(*settings):
        engine, asked = made(*settings), iter(range(3))
        ask = engine.ask
        engine.ask = lambda: ask() if next(asked, None) is not None else 1 / 0
        return engine

    monkeypatch.setattr(search, "_engine", dying)
    plan = SoupPlan("manifold", tau=0.0, optimiser="OnePlusOne", **QUICK)
    outcome = make_soup(soup_lab, pool, plan)
    assert len(outcome.notes) == len(outcome.verdicts) - 1 and "ZeroDivisionError" in outcome.notes[0]
    seen = [
        line for line in files.read_lines(outcome_file(soup_lab, pool, plan).with_suffix(".jsonl")) if "score" in line
    ]
    assert outcome.row.val.accuracy.value >= max(line["score"] for line in seen[-4:])


def test_going_on_from_a_mix_by_hand(soup_lab, pool):
    order = individuals(soup_lab, pool, Progress()).individuals
    factors = (0.9,) * 7
    plan = SoupPlan("manifold", start=order[0].recipe, candidate=order[1].name, factors=factors, **QUICK)
    outcome = make_soup(soup_lab, pool, plan)
    assert len(outcome.verdicts) == 1 and outcome.verdicts[0]["candidate"] == order[1].name
    assert outcome.row.val.accuracy.value >= order[0].val.accuracy.value
    assert order[1].name in outcome.row.name


def test_ensembles_average_logits(soup_lab, pool):
    row = make_soup(soup_lab, pool, SoupPlan("ensemble")).row
    mean = sum(soup_lab.logits(single(n), "plain", "test").float() for n in pool.ingredients).numpy()
    assert np.array_equal(row.test.right, mean.argmax(1) == soup_lab.pictures("plain", "test").labels)
    assert row.passes == 4 and set(row.members) == set(pool.ingredients)


def test_the_learned_soup_lowers_cross_entropy_on_val(soup_lab, pool):
    learned = make_soup(soup_lab, pool, SoupPlan("learned", partition="whole")).row.recipe
    uniform = combine([single(n) for n in pool.ingredients], [0.25] * 4)
    judge = Judge(soup_lab, "plain")
    assert np.allclose(beta(learned).sum(axis=0), 1) and (beta(learned) >= 0).all()
    assert judge.judge(learned).tie > judge.judge(uniform).tie


def test_wise_ft_runs_from_the_base_to_the_ingredient(soup_lab, pool):
    outcome = wise_ft(soup_lab, pool, "ingredient-01")
    assert [p["alpha"] for p in outcome.verdicts] == [i / 10 for i in range(11)]
    ends = [soup_lab.evaluate(r, "plain", "test").accuracy.value for r in (soup_lab.base, single("ingredient-01"))]
    assert [outcome.verdicts[i]["test"]["value"] for i in (0, -1)] == ends
    assert outcome.row.val.accuracy.value == max(p["val"] for p in outcome.verdicts)
    with pytest.raises(PaletteError, match="no ingredient of this pool"):
        wise_ft(soup_lab, pool, "base")


@pytest.mark.parametrize(
    ("names", "task", "said"),
    [
        (["ingredient-01"], None, "at least two different ingredients"),
        (["ingredient-01", "ingredient-01"], None, "at least two different ingredients"),
        (["ingredient-01", "gone"], None, "no checkpoint 'gone'"),
        (["ingredient-01", "base"], None, "need the same head"),
        (["ingredient-01", "ingredient-02"], "other", "knows other classes"),
        (["ingredient-01", "ingredient-02"], "nonsense", "no task 'nonsense'"),
    ],
)
def test_ingredients_that_make_no_soup_are_one_sentence(soup_lab, names, task, said):
    soup_lab.tasks["other"] = Task("other", "ood", "Other", "", ("round", "flat"), ("a {}",), Noisy(5, 20))
    with pytest.raises(PaletteError, match=said) as caught:
        make_pool(soup_lab, names, task)
    assert str(caught.value).count("\n") == 0


def test_ingredients_of_another_architecture_are_refused(soup_lab):
    like = soup_lab.zoo.weights("ingredient-01") | soup_lab.zoo.head("ingredient-01")
    wide = {n: torch.zeros(3, 2) if n == "visual.conv1.weight" else t for n, t in like.items()}
    soup_lab.zoo.add("wide", wide, classes=tuple(COLOURS))
    with pytest.raises(PaletteError, match=r"'wide' cannot be mixed .* visual.conv1.weight is \(3, 2\)"):
        make_pool(soup_lab, ["ingredient-01", "wide"])


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"method": "magic"}, "no method 'magic'"),
        ({"method": "manifold", "optimiser": "Luck"}, "an optimiser among"),
        ({"method": "manifold", "budget": 1}, "at least two evaluations"),
        ({"method": "manifold", "tau": 1.5}, "from 0 .every candidate is searched. to 1"),
        ({"method": "manifold", "partition": "C7"}, "no partition 'C7'"),
    ],
)
def test_a_plan_that_makes_no_sense_is_one_sentence(soup_lab, pool, facts, said):
    with pytest.raises(PaletteError, match=said):
        make_soup(soup_lab, pool, SoupPlan(**facts))


def test_a_validation_set_that_cannot_tell_says_so(soup_lab, pool):
    from core.metrics import accuracy_of

    def found(right, n):
        return accuracy_of(np.arange(n) < right)

    assert "With 24 validation pictures" in too_small([found(20, 24), found(18, 24)])
    assert not too_small([found(900, 1000), found(700, 1000)])
    assert math.isclose(found(900, 1000).value, 0.9)


def test_text_heads_work_as_well(soup_lab):
    tower = soup_lab.zoo.weights("ingredient-02")
    soup_lab.zoo.add("text-1", tower)
    soup_lab.zoo.add("text-2", soup_lab.zoo.weights("ingredient-03"))
    pool = make_pool(soup_lab, ["text-1", "text-2"], "noisy", ["plain"])
    row = make_soup(soup_lab, pool, SoupPlan("manifold", **QUICK)).row
    assert row.val.n == 24 and set(row.recipe.models) <= {"text-1", "text-2"}


def test_a_text_heads_answers_are_not_taken_for_a_trained_heads(soup_lab):
    """Attacks ask the text head; the lab, for the same weights and pictures, the ingredient's own."""
    recipe, task = single("ingredient-02"), soup_lab.task("plain")
    (by_text,) = AttackEvaluation(soup_lab).run([(recipe, task, "test")])
    mine = soup_lab.evaluate(recipe, "plain", "test")
    features = soup_lab.features(recipe, "plain", "test").float()
    expected = (features @ soup_lab.head("plain").T).argsort(1, descending=True).numpy()
    assert np.array_equal(by_text.top, expected) and not np.array_equal(mine.top, expected)
