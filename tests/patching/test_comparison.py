"""Strategies end to end on the tiny workspace: real fine-tunes of a few steps."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
import torch

from core import PaletteError
from core.cli.command_line import comparison_command
from core.metrics import combined_accuracy, paired
from core.models.merge import merge
from core.patching.comparison import compare, parts, remaining
from core.patching.estimate import Estimate
from core.patching.finetunes import absent, name_of, remake, settings_for, tuned
from core.patching.parallel import Searched
from core.patching.parts import FineTuning
from core.patching.plan import (
    is_current,
    make_plan,
    outcome_of,
    outcome_path,
    outcomes,
    plan_of,
    tasks_named,
)
from core.patching.results import (
    COLUMNS,
    FORGETFUL,
    JOINT,
    SEARCHED,
    SEQUENTIAL,
    SHARED,
    SPECIALISED,
    UNPATCHED,
    Comparison,
)
from core.progress import CancelledError, Progress
from core.recipes import strategies
from core.recipes.recipe import lerp, single
from core.storage import files
from core.tasks.task import Task, TaskError
from core.training.train import train
from core.workspace.checkpoints import CheckpointError
from core.workspace.lab import Lab
from tests.conftest import COLOURS, Noisy, tiny_tasks

ALPHAS = (0.0, 0.5, 1.0)


def three_tasks():
    """The tiny tasks and two more to patch: colours under more noise, and four shades."""
    tasks, noisy = tiny_tasks(), tiny_tasks()["noisy"]
    dim = replace(noisy, name="dim", title="Dim", source=Noisy(7, 120))
    turned = Task("turned", "patching", "Turned", "", tuple(COLOURS)[::-1], ("the opposite of {}",), Noisy(8, 60))
    return {**tasks, "dim": dim, "turned": turned}


@pytest.fixture
def lab(tiny_cache):
    return Lab("tiny", tiny_cache, "cpu", three_tasks())


@pytest.fixture(scope="module")
def compared(tiny_template, tmp_path_factory):
    """A lab and the outcome of one comparison on it, made once."""
    import shutil

    cache = shutil.copytree(tiny_template, tmp_path_factory.mktemp("compared") / "cache")
    lab = Lab("tiny", cache, "cpu", three_tasks())
    plan = small_plan(lab)
    return lab, plan, compare(lab, plan)


def small_plan(lab, **more):
    asked = {"budget": 80, "orders": 2, "trials": 8, "exhaustive": 3, "alphas": ALPHAS, **more}
    return make_plan(lab, ["noisy", "turned"], ["plain"], **asked)


def again(lab):
    return Lab(lab.name, lab.folder.parent, "cpu", three_tasks())


def counted(lab, monkeypatch):
    calls = []
    forward = lab.evaluation._forward
    monkeypatch.setattr(lab.evaluation, "_forward", lambda *a: calls.append(a) or forward(*a))
    return calls


def test_every_strategy_has_its_rows_at_equal_budget(compared):
    _, plan, outcome = compared
    assert [len(outcome.of(s)) for s in (UNPATCHED, SHARED, SEARCHED, SEQUENTIAL, FORGETFUL, JOINT, SPECIALISED)] == [
        *(1, 1, 1, 2, 2, 1, 1)
    ]
    assert {row.steps for row in outcome.rows if row.strategy != UNPATCHED} == {80} and outcome.rows[0].steps == 0
    assert plan.steps_each == 40
    for row in outcome.rows:
        assert row.combined["val"].n == 72 and row.combined["test"].n == 108
        for split in ("val", "test"):
            a = {t: found.value for t, found in row.accuracies[split].items()}
            together = combined_accuracy([a["noisy"], a["turned"]], [a["plain"]])
            assert row.combined[split].value == pytest.approx(together)
            assert row.combined[split].low < row.combined[split].value <= row.combined[split].high
    assert [len(row.timeline) for row in outcome.of(FORGETFUL)] == [2, 2]
    assert all(m.alpha == 1 for row in outcome.of(FORGETFUL) for m in row.timeline)


def test_alpha_is_the_best_on_val_and_the_search_no_worse_than_the_line(compared):
    _, _, outcome = compared
    for strategy in (SHARED, SEARCHED, JOINT, "parallel, exhaustive"):
        (row,) = outcome.of(strategy)
        assert row.combined["val"].value == pytest.approx(max(score for _, score in row.tried))
        assert row.alphas in [x for x, _ in row.tried]
    value = {s: outcome.of(s)[0].combined["val"].value for s in outcome.strategies()}
    assert value[UNPATCHED] <= value[SHARED] <= value[SEARCHED]
    assert len(outcome.of("parallel, exhaustive")[0].tried) == 9 == outcome.of("parallel, exhaustive")[0].evaluations


def test_sequences_are_the_papers_loop_on_the_checkpoints(compared):
    """θ_zs ← (1 - α)·θ_zs + α·θ_ft, written out on the raw weights of the checkpoints (PAINT §2)."""
    lab, _, outcome = compared
    for row in [*outcome.of(SEQUENTIAL), *outcome.of(FORGETFUL)]:
        theta = {n: t.double() for n, t in lab.zoo.weights("base").items()}
        start = lab.base
        for moment in row.timeline:
            assert lab.weights_key(lab.zoo[moment.tuned].start) == lab.weights_key(start)
            theta_ft = {n: t.double() for n, t in lab.zoo.weights(moment.tuned).items()}
            theta = {n: (1 - moment.alpha) * theta[n] + moment.alpha * theta_ft[n] for n in theta}
            start = lerp(start, single(moment.tuned), moment.alpha)
        into = {n: torch.empty_like(t) for n, t in lab.zoo.weights("base").items()}
        merge({m: lab.zoo.weights(m) for m in row.recipes[""].models}, row.recipes[""], into)
        floating = [n for n, t in into.items() if t.is_floating_point()]
        assert all(torch.allclose(into[n].double(), theta[n], atol=1e-5) for n in floating)


def test_the_figures_of_a_sequence_are_those_of_its_timeline(compared):
    _, _, outcome = compared
    for row in [*outcome.of(SEQUENTIAL), *outcome.of(FORGETFUL)]:
        first = row.order[0]
        after = [{t: a.value for t, a in m.accuracies.items()} for m in row.timeline]
        assert row.forgetting == pytest.approx(after[0][first] - after[1][first]) == -row.backward_transfer
        assert after[-1] == {t: a.value for t, a in row.accuracies["test"].items()}


def test_orders_that_begin_alike_share_checkpoints_and_the_first_is_the_parallel_one(compared):
    _, _, outcome = compared
    firsts = {row.order[0]: row.timeline[0].tuned for row in outcome.of(SEQUENTIAL)}
    assert firsts == {row.order[0]: row.timeline[0].tuned for row in outcome.of(FORGETFUL)}
    assert firsts["noisy"] == "noisy" and firsts["turned"] == "turned"
    assert set(firsts.values()) == {outcome.of(SPECIALISED)[0].recipes[t].models[0] for t in ("noisy", "turned")}


def test_asking_again_trains_and_evaluates_nothing(compared, monkeypatch):
    lab, plan, outcome = compared
    fresh, before = again(lab), sorted(lab.folder.rglob("*.safetensors"))
    calls = counted(fresh, monkeypatch)
    monkeypatch.setattr("core.patching.finetunes.train", lambda *a: pytest.fail("trained again"))
    assert compare(fresh, plan, may_train=False) == outcome
    assert not calls and sorted(lab.folder.rglob("*.safetensors")) == before


def test_the_outcome_is_kept_as_json_and_csv(compared):
    lab, plan, outcome = compared
    path = outcome_path(lab, plan)
    kept = outcome_of(again(lab), plan)
    assert kept.rows == outcome.rows and json.loads(path.read_text())["facts"]["budget"] == 80
    assert Comparison.from_json(outcome.to_json()).to_json() == outcome.to_json() == path.read_text().strip()
    lines = list(csv.DictReader(io.StringIO(path.with_suffix(".csv").read_text())))
    assert tuple(lines[0]) == COLUMNS and len(lines) == 2 * sum(len(r.accuracies["val"]) + 1 for r in outcome.rows)
    joint = next(x for x in lines if (x["strategy"], x["split"], x["task"]) == (JOINT, "test", "combined"))
    assert float(joint["accuracy"]) == pytest.approx(outcome.of(JOINT)[0].combined["test"].value, abs=1e-6)
    shown = outcome.table()
    assert "sequential (2 orders)" in shown and "forgetting" in shown and len(shown.splitlines()) == 9 + 5


def test_the_spread_over_orders(compared):
    _, _, outcome = compared
    found, values = outcome.spread(SEQUENTIAL), [r.combined["test"].value for r in outcome.of(SEQUENTIAL)]
    assert found.orders == 2 and found.accuracy.value == pytest.approx(sum(values) / 2)
    assert (found.lowest, found.highest) == (min(values), max(values))
    assert found.deviation == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert outcome.spread(JOINT).deviation == 0 and outcome.spread(JOINT).forgetting is None


def test_outcomes_are_found_and_damaged_ones_passed_over(compared):
    lab, plan, outcome = compared
    fresh = again(lab)
    (fresh.folder / "strategies" / "broken.json").write_text('{"rows": []}')
    assert {key: o.rows for key, o in outcomes(fresh).items()} == {outcome_path(lab, plan).stem: outcome.rows}
    assert any("broken.json cannot be read" in notice for notice in fresh.notices)
    (fresh.folder / "strategies" / "broken.json").unlink()


class StopAt(Progress):
    """Cancels itself after so many checks."""

    def __init__(self, checks):
        super().__init__()
        self.left = checks

    def check(self):
        self.left -= 1
        if self.left == 0:
            self.cancel()
        super().check()


def test_a_cancelled_comparison_keeps_what_it_did_and_goes_on(lab):
    plan = small_plan(lab, budget=12, orders=1, exhaustive=0)
    checks, stops, done = 15, 0, None
    while done is None:
        try:
            done = compare(again(lab), plan, StopAt(checks))
        except CancelledError:
            stops, checks = stops + 1, checks + 40
    assert stops > 2 and compare(again(lab), plan, may_train=False) == done


def test_a_killed_search_evaluates_nothing_twice(lab, monkeypatch):
    plan = small_plan(lab, orders=1, exhaustive=0, budget=8, trials=12)
    compare(lab, plan)
    log = next((lab.folder / "searches").glob("*.jsonl"))
    lines = files.read_lines(log)
    assert len({tuple(line["x"]) for line in lines}) == len(lines) <= 12
    log.write_text("".join(json.dumps(line) + "\n" for line in lines[:5]) + '{"x": [0.')  # as a kill leaves it
    asked = []
    look = files.append_line
    monkeypatch.setattr(files, "append_line", lambda path, facts: asked.append(facts["x"]) or look(path, facts))
    compare(again(lab), plan)
    assert [tuple(x) for x in asked] == [tuple(line["x"]) for line in lines[5:]]
    assert files.read_lines(log) == lines


def test_a_sequential_checkpoint_refuses_another_start(lab):
    """Neither by the name that its content gives, nor when somebody asks for its name."""
    start, other = lab.patch("noisy", 0.5), lab.patch("noisy", 0.25)
    recipe = tuned(lab, ["turned"], start, 4, Progress())
    assert tuned(lab, ["turned"], other, 4, Progress()) != recipe == tuned(lab, ["turned"], start, 4, Progress())
    with pytest.raises(CheckpointError, match="was fine-tuned from other weights than these"):
        train(lab, ["turned"], recipe.models[0], other)
    path = lab.zoo.path(recipe.models[0])
    path.rename(lab.zoo.path(name_of(lab, ["turned"], other, settings_for(lab, ["turned"], 4))))
    with pytest.raises(CheckpointError, match="was fine-tuned from other weights than these"):
        tuned(again(lab), ["turned"], other, 4, Progress())


def test_the_same_weights_by_another_route_are_the_same_start(lab):
    start, settings = lab.patch("noisy", 0.5), settings_for(lab, ["dim"], 4)
    lab.zoo.add("copy", lab.zoo.weights("noisy"))
    route = lerp(lab.base, single("copy"), 0.5)
    assert name_of(lab, ["dim"], route, settings) == name_of(lab, ["dim"], start, settings)
    assert name_of(lab, ["dim"], lab.base, settings) != name_of(lab, ["dim"], start, settings)


def test_the_workspaces_own_checkpoints_are_used_where_they_were_trained_just_so(lab):
    assert tuned(lab, ["noisy"], lab.base, 40, Progress(), may_train=False) == single("noisy")
    with pytest.raises(CheckpointError, match="no checkpoint of noisy fine-tuned for 20 steps"):
        tuned(lab, ["noisy"], lab.base, 20, Progress(), may_train=False)
    lab.facts = replace(lab.facts, zoo={"both": ("turned", "noisy")})
    assert name_of(lab, ["noisy", "turned"], lab.base, settings_for(lab, ["noisy", "turned"], 40)) == "both"
    assert settings_for(lab, ["noisy"], 20).warmup == 2


@pytest.mark.parametrize(
    ("tasks", "supported", "more", "complaint"),
    [
        (["noisy", "noisy"], ["plain"], {}, "named twice: noisy"),
        (["noisy", "turned"], [], {}, "at least one supported task"),
        (["noisy"], ["plain"], {}, "from two patching tasks on"),
        (["noisy", "plain"], ["plain"], {}, "patched or supported, not both: plain"),
        (["noisy", "cats"], ["plain"], {}, "no task 'cats'"),
        (["noisy", "turned"], ["plain"], {"budget": 1}, "too small for 2 tasks"),
        (["noisy", "turned"], ["plain"], {"total": -1.0}, "a number above 0, not by -1"),
        (["noisy", "turned"], ["plain"], {"total": float("nan")}, "a number above 0, not by nan"),
        (["noisy", "turned"], ["plain"], {"optimiser": "Magic"}, "one of Cobyla"),
        (["noisy", "turned"], ["plain"], {"orders": -1}, "no negative orders"),
        (["noisy", "turned"], ["plain"], {"exhaustive": 1}, "two or three tasks"),
        (["noisy", "turned"], ["plain"], {"augment": "wild"}, "no augmentation 'wild'"),
    ],
)
def test_bad_input_is_one_sentence_before_anything_is_trained(lab, tasks, supported, more, complaint):
    with pytest.raises(PaletteError, match=complaint):
        make_plan(lab, tasks, supported, **more)


def test_a_missing_checkpoint_is_one_sentence_if_nothing_may_be_trained(lab):
    with pytest.raises(CheckpointError, match="no checkpoint of turned fine-tuned for 40 steps"):
        compare(lab, small_plan(lab), may_train=False)


def test_groups_of_classes_are_tasks_like_any_other(lab):
    four = Task("four", "supported", "Four", "", ("w", "x", "y", "z"), ("{}",), Noisy(3, 50))
    lab.tasks["four"] = four
    names = tasks_named(lab, ["four/2", "noisy"])
    assert names == ["four.1of2", "four.2of2", "noisy"]
    plan = make_plan(lab, names[:2], ["plain"], budget=8, orders=2, trials=2, alphas=ALPHAS)
    outcome = compare(lab, plan)
    assert {row.order for row in outcome.of(SEQUENTIAL)} == set(strategies.orders(names[:2], 2))
    with pytest.raises(PaletteError, match="no task 'five'"):
        tasks_named(lab, ["five/2"])


def test_a_sequence_goes_in_the_order_that_is_asked_for(lab):
    outcome = compare(lab, make_plan(lab, ["turned", "noisy"], ["plain"], budget=4, orders=0, trials=1, alphas=ALPHAS))
    assert [row.order for row in outcome.of(SEQUENTIAL)] == [("turned", "noisy")]


def test_trying_a_vector_is_one_merge_however_many_tasks(lab, monkeypatch):
    plan = make_plan(lab, ["noisy", "dim", "turned"], ["plain"], budget=6, orders=1, trials=5, alphas=ALPHAS)
    compare(lab, plan)
    fresh, merges = again(lab), []
    (fresh.folder / "strategies" / outcome_path(fresh, plan).name).unlink()
    for path in [*(fresh.folder / "searches").glob("*.jsonl"), *fresh.store.files()]:
        path.unlink()
    load = fresh.load
    monkeypatch.setattr(fresh, "load", lambda recipe, into: merges.append(recipe) or load(recipe, into))
    row = Searched(plan, SEARCHED, 0).run(fresh, Progress(), may_train=False)
    tried = {fresh.weights_key(recipe) for recipe in merges}
    # two more: the answer and the base that it is tested against, on test
    assert len(merges) <= row.evaluations + 2 and len(tried) >= len(merges) - 2


def test_contrasts_are_paired_differences_of_what_is_shown(compared):
    _, _, outcome = compared
    found = {(c.better, c.worse): c for c in outcome.contrasts}
    assert list(found)[:3] == [(SHARED, UNPATCHED), (SEQUENTIAL, SHARED), (JOINT, SEQUENTIAL)]
    for (better, worse), contrast in found.items():
        apart = outcome.spread(better).accuracy.value - outcome.spread(worse).accuracy.value
        assert contrast.difference.value == pytest.approx(apart)
        assert contrast.difference.low <= apart <= contrast.difference.high
        assert (" does not reach " in contrast.sentence()) == (apart < 0)
        assert contrast.sentence() in outcome.table()


def test_each_task_is_tested_against_the_unpatched_model(compared):
    lab, _, outcome = compared
    for row in outcome.rows:
        for task, test in row.against_base.items():
            recipe = row.recipes.get(task) or row.recipes.get("") or lab.base
            before, after = (lab.evaluate(r, task, "test").right for r in (lab.base, recipe))
            assert test == paired(before, after)
    assert all(test.p == 1 for test in outcome.rows[0].against_base.values())


def test_an_outcome_knows_its_plan_and_whether_it_still_holds(compared):
    lab, plan, outcome = compared
    key = outcome_path(lab, plan).stem
    assert plan_of(outcome) == plan and is_current(lab, key, outcome)
    other = again(lab)
    other.tasks["plain"] = replace(other.tasks["plain"], source=Noisy(9, 20))
    assert not is_current(other, key, outcome)
    del other.tasks["plain"]
    assert not is_current(other, key, outcome)


def test_what_remains_is_what_is_not_there(compared):
    lab, plan, _ = compared
    assert remaining(again(lab), plan) == []
    more = replace(plan, budget=88)
    assert remaining(again(lab), more) == [part for part in parts(lab, more) if part.title != UNPATCHED]
    for other in (replace(plan, trials=12), replace(plan, seed=plan.seed + 1, orders=0, optimiser="OnePlusOne")):
        assert SEARCHED in [part.title for part in remaining(again(lab), other)]
    assert [part.title for part in remaining(again(lab), replace(plan, trials=12))] == [SEARCHED]


def test_each_part_leaves_what_remains_when_it_is_run(lab, monkeypatch):
    """One lab throughout: what an evaluation adds counts at once, though no checkpoint is new."""
    plan = small_plan(lab, budget=8, orders=1, trials=4)
    left = remaining(lab, plan)
    assert {SHARED, SEARCHED, JOINT, SPECIALISED} <= {part.title for part in left}
    for part in left:
        part.run(lab, Progress())
        before, left = left, remaining(lab, plan)
        assert part.done(lab) and part not in left and set(left) < set(before) | {part}
    calls = counted(lab, monkeypatch)
    assert remaining(lab, plan) == [] and not calls


def test_what_is_damaged_is_not_taken_for_work_to_do(lab):
    plan = small_plan(lab, budget=8, orders=1, trials=4)
    for task in plan.tasks:
        FineTuning(plan, "", 0, (task,)).run(lab, Progress())
    (victim,) = (lab.folder / "checkpoints").glob("turned.*")
    victim.write_bytes(b"no weights")
    with pytest.raises(PaletteError, match="damaged"):
        remaining(again(lab), plan)


def test_remaining_waits_for_nobody(compared):
    lab, plan, _ = compared
    log = next((lab.folder / "searches").glob("*.jsonl"))
    with files.locked(lab.folder / "locks" / f"search-{log.stem}.lock"):
        assert remaining(again(lab), plan) == []


def test_checkpoints_that_are_gone_are_trained_again_the_same(compared):
    lab, _, outcome = compared
    for strategy in (JOINT, SEQUENTIAL):
        rows = outcome.of(strategy)
        digests = {m: lab.zoo[m].digest for row in rows for m in row.recipes[""].models if "." in m}
        for name in digests:
            lab.zoo.path(name).unlink()
        assert digests and all(set(absent(lab, row)) <= set(digests) for row in rows)
        remake(again(lab), outcome, strategy, Progress())
        assert digests == {name: again(lab).zoo[name].digest for name in digests}
    with pytest.raises(CheckpointError, match="no strategy 'magic' here; there is unpatched"):
        remake(lab, outcome, "magic", Progress())


def test_a_sketch_of_all_pictures_is_the_evaluation_and_a_small_one_says_its_n(compared):
    lab, _, outcome = compared
    recipe, tasks = outcome.of(JOINT)[0].recipes[""], ["noisy", "turned", "plain"]
    whole = Estimate(lab, tasks, pictures=10_000)(recipe)
    assert whole == {task: lab.evaluate(recipe, task, "val").accuracy for task in tasks}
    small = [Estimate(lab, tasks, pictures=30) for _ in range(2)]
    assert small[0](recipe) == small[1](recipe) and {a.n for a in small[0](recipe).values()} == {10}


def test_a_group_of_classes_is_there_by_its_name_alone(lab):
    lab.tasks["four"] = Task("four", "supported", "Four", "", ("w", "x", "y", "z"), ("{}",), Noisy(3, 50))
    names = tasks_named(lab, ["four/2"])
    fresh = again(lab)
    fresh.tasks["four"] = lab.tasks["four"]
    assert [fresh.task(n).class_names for n in names] == [("w", "x"), ("y", "z")]
    assert fresh.task(names[0]).source.digest("val") == lab.task(names[0]).source.digest("val")
    assert not set(names) & set(fresh.tasks) and fresh.task("four.2of2.whole").class_names == ("w", "x", "y", "z")
    for wrong, said in (("four.3of2", "no task 'four.3of2'"), ("four.1of9", "2 to 2 groups"), ("gone.1of2", "'gone'")):
        with pytest.raises(TaskError, match=said):
            fresh.task(wrong)


def test_augmentation_is_part_of_a_plan_and_of_what_its_checkpoints_are_called(lab):
    usual, plan = small_plan(lab), small_plan(lab, augment="light")
    assert small_plan(lab, augment="none") == usual and "augment" not in usual.facts
    assert outcome_path(lab, plan) != outcome_path(lab, usual)
    assert (
        comparison_command(lab, plan).replace(" --augment light", "")
        == comparison_command(lab, usual)
        != comparison_command(lab, plan)
    )
    settings = [settings_for(lab, ["turned"], 4, augment) for augment in ("", "none", "light")]
    plain, same, light = (name_of(lab, ["turned"], lab.base, s) for s in settings)
    assert plain == same != light
    assert tuned(lab, ["turned"], lab.base, 4, Progress(), augment="light") == single(light)
    assert lab.zoo[light].settings["augment"] == "light" and plain not in lab.zoo
    lab.facts = replace(lab.facts, finetune={**lab.facts.finetune, "turned": {"augment": "light"}})
    assert name_of(lab, ["turned"], lab.base, settings_for(lab, ["turned"], 4)) == light


def test_a_comparison_with_augmentation_is_found_again_and_its_checkpoints_remade(lab):
    plan = small_plan(lab, budget=4, orders=1, trials=3, exhaustive=0, augment="strong")
    outcome = compare(lab, plan)
    assert plan_of(outcome) == plan and outcome_of(again(lab), plan).rows == outcome.rows
    names = {m for row in outcome.rows for r in row.recipes.values() for m in r.models if "." in m}
    assert names and all(lab.zoo[name].settings["augment"] == "strong" for name in names)
    for row in outcome.of(JOINT):
        gone = next(name for name in row.recipes[""].models if name != "base")
        digest = lab.zoo[gone].digest
        lab.zoo.path(gone).unlink()
        remake(again(lab), outcome, JOINT, Progress())
        assert again(lab).zoo[gone].digest == digest
