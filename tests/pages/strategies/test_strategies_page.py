# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
"""The page for many tasks, on a real comparison of a few steps."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.metrics import combined
from core.patching.comparison import compare
from core.patching.plan import make_plan, outcome_path
from core.patching.results import JOINT, SEQUENTIAL, SHARED, SPECIALISED
from core.progress import Progress
from core.recipes.recipe import combine, single
from core.tasks.task import Task
from core.workspace.lab import Lab
from pages.shared.widgets.formatting import percent
from tests.conftest import COLOURS, Noisy, tiny_tasks
from tests.pages.opening import page, wait  # noqa: F401


def many():
    """The tiny tasks, a second to patch, and one of four classes to cut."""
    noisy = tiny_tasks()["noisy"]
    turned = Task("turned", "patching", "Turned", "", tuple(COLOURS)[::-1], ("the opposite of {}",), Noisy(8, 60))
    four = Task("four", "ood", "Four", "", ("w", "x", "y", "z"), noisy.templates, Noisy(3, 50))
    return {**tiny_tasks(), "turned": turned, "four": four}


@pytest.fixture(scope="session")
def compared_template(tiny_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The tiny workspace with one comparison, made once, and the comparison's key; tests get copies."""
    cache = Path(shutil.copytree(tiny_template, tmp_path_factory.mktemp("many") / "cache"))
    lab = Lab("tiny", cache, "cpu", many())
    plan = make_plan(lab, ["noisy", "turned"], ["plain"], 80, orders=2, trials=6, exhaustive=3)
    compare(lab, plan)
    return cache, outcome_path(lab, plan).stem


@pytest.fixture
def cache(compared_template: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = Path(shutil.copytree(compared_template[0], tmp_path / "cache"))
    monkeypatch.setenv("PALETTE_CACHE", str(copy))
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: many())
    return copy


@pytest.fixture
def key(compared_template: tuple[Path, str]) -> str:
    return compared_template[1]


@pytest.fixture
def outcome(cache, key):
    from core.patching.plan import outcomes

    return outcomes(Lab("tiny", cache, "cpu", many()))[key]


def test_opens_on_the_newest_comparison_with_its_own_numbers(page, cache, key, outcome):
    at = page("strategies")
    assert at.title[0].value.endswith("?") and at.query_params["compare"] == key
    shown = [outcome.spread(s).accuracy.value for s in (SHARED, SEQUENTIAL, JOINT, SPECIALISED)]
    assert [m.value for m in at.metric] == [percent(v) for v in shown]
    assert not at.error and not at.warning
    assert any(outcome.contrasts[0].sentence() in c.value for c in at.caption)


@pytest.mark.parametrize("figure", ["bars", "tasks", "sequence", "mix"])
def test_a_link_brings_back_the_whole_view(page, key, figure):
    asked = {"compare": key, "figure": figure, "result": f"{SEQUENTIAL} 2"}
    if figure == "bars":
        asked["side"] = "supported"
    if figure == "sequence":
        asked["order"] = "2"
    if figure == "mix":
        asked["alphas"] = "0,0"
    at = page("strategies", **asked)
    assert not at.error and not at.warning and len(at.metric) == (0 if figure == "mix" else 4)
    again = page("strategies", **dict(at.query_params))
    assert [m.value for m in again.metric] == [m.value for m in at.metric]
    assert again.query_params == at.query_params
    assert {k: v for k, v in asked.items() if k != "figure" or v != "bars"}.items() <= _flat(at.query_params).items()


def _flat(parameters):
    return {k: v[0] if isinstance(v, list) else v for k, v in parameters.items()}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"compare": "../../etc"}, "'../../etc'"),
        ({"figure": "pie"}, "'pie'"),
        ({"side": "dark"}, "'dark'"),
        ({"result": "magic"}, "'magic'"),
        ({"order": "99"}, "from 1 to 2"),
        ({"order": "²"}, "from 1 to 2"),
        ({"alphas": "1"}, "2 numbers"),
        ({"alphas": "nan,0"}, "2 numbers"),
        ({"alphas": "0.5,<b>"}, "2 numbers"),
        ({"compare": "new", "tasks": "noisy,noisy"}, "named twice: noisy"),
        ({"compare": "new", "tasks": "noisy,gone"}, "no task 'gone'"),
        ({"compare": "new", "tasks": "noisy,turned/2"}, "too few to cut"),
        ({"compare": "new", "tasks": "noisy,turned/99999"}, "no task 'turned/99999'"),
        ({"compare": "new", "budget": "1e9"}, "from 1 to 10,000,000"),
        ({"compare": "new", "optimiser": "Magic"}, "'Magic'"),
    ],
)
def test_nonsense_in_the_address_is_one_sentence_and_the_page_goes_on(page, parameters, said):
    at = page("strategies", **parameters)
    link = [w for w in at.warning if said in w.value]
    assert len(link) == 1 and not at.error
    assert at.metric or at.multiselect


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"tasks": "noisy"}, "from two patching tasks on"),
        ({"tasks": "noisy,turned", "supported": "turned"}, "not both: turned"),
        ({"tasks": "noisy,turned,four/2", "exhaustive": "5"}, "two or three tasks"),
        ({"tasks": "noisy,turned", "budget": "1"}, "too small for 2 tasks"),
    ],
)
def test_a_request_that_cannot_be_is_one_sentence(page, parameters, said):
    at = page("strategies", compare="new", **parameters)
    assert [w for w in at.warning if said in w.value] and len(at.warning) == 1 and not at.error
    assert not [b for b in at.button if b.key == "many.run"]


def test_no_supported_task_is_one_sentence(page):
    at = page("strategies", compare="new")
    at.multiselect(key="many.supported").set_value([]).run()
    assert ["at least one supported task" in w.value for w in at.warning] == [True] and not at.error


def test_without_any_outcome_the_page_offers_one_and_makes_it(page, cache):
    shutil.rmtree(cache / "tiny" / "strategies")
    at = page("strategies", compare="new", tasks="noisy,turned", budget="8", orders="1", trials="2")
    assert any(
        "16 " not in i.value and "8 optimiser steps" in i.value and "takes at most about" in i.value for i in at.info
    )
    assert any("python -m core --workspace tiny strategies --tasks noisy turned" in c.value for c in at.code)
    at.button(key="many.run").click().run()
    wait(at, lambda at: len(at.metric) == 4)
    (kept,) = (cache / "tiny" / "strategies").glob("*.json")
    assert at.query_params["compare"] in (kept.stem, [kept.stem])


def test_a_cancelled_comparison_says_so_and_goes_on(page, cache, monkeypatch):
    at = page("strategies", compare="new", tasks="noisy,turned", budget="4000", orders="1", trials="2")
    at.button(key="many.run").click().run()
    wait(at, lambda at: [b for b in at.button if b.label == "Cancel"])
    next(b for b in at.button if b.label == "Cancel").click().run()
    wait(at, lambda at: [w for w in at.warning if "goes on from there" in w.value])
    assert at.button(key="many.run") and not at.error


def test_a_missing_checkpoint_is_said_and_trained_again(page, cache, key, outcome):
    lost = outcome.of(JOINT)[0].recipes[""].models[-1]
    path = cache / "tiny" / "checkpoints" / f"{lost}.safetensors"
    path.unlink()
    at = page("strategies", compare=key, result=JOINT)
    assert len(at.metric) == 4 and not at.error
    assert any("not here" in c.value and lost in c.value and "--remake joint" in c.value for c in at.caption)
    at.button(key="many.remake.joint").click().run()
    wait(at, lambda at: path.exists() and not [c for c in at.caption if "not here" in c.value])
    assert not at.warning and not at.error


def test_what_is_missing_is_asked_anew_after_an_evaluation(cache):
    """A cancelled comparison may have evaluated much and trained nothing."""
    from pages.shared.strategies import request

    lab = Lab("tiny", cache, "cpu", many())
    plan = make_plan(lab, ["noisy", "turned"], ["plain"], 80, orders=2, trials=6, alphas=(0.0, 0.125, 1.0))
    before, names = request.left(lab, plan), lab.zoo.names()
    line = next(part for part in before if part.title == SHARED)
    line.run(lab, Progress(), may_train=False)
    assert line not in request.left(lab, plan) and lab.zoo.names() == names


def test_a_mix_by_hand_is_evaluated_on_the_whole_of_val(page, cache, key, outcome):
    at = page("strategies", compare=key, figure="mix", alphas="0.3,0.2")
    wait(at, lambda at: any("whole of val" in c.value for c in at.caption))
    lab = Lab("tiny", cache, "cpu", many())
    from pages.shared.strategies.alphas import recipe

    mix = recipe(lab, outcome, (0.3, 0.2))
    assert mix.column("") == pytest.approx({"base": 0.5, "noisy": 0.3, "turned": 0.2})
    found = {t: lab.evaluate(mix, t, "val").accuracy for t in ("noisy", "turned", "plain")}
    together = combined([found["noisy"], found["turned"]], [found["plain"]])
    assert any(c.value.startswith(f"Combined {percent(together.value)} ") for c in at.caption)


def test_sliders_without_the_weights_stay_at_the_mixes_that_are_known(page, cache, key, outcome):
    for path in (cache / "tiny" / "checkpoints").glob("turned*"):
        path.unlink()
    at = page("strategies", compare=key, figure="mix", alphas="0.3,0.2")
    assert any("not here" in c.value for c in at.caption) and not at.error
    kept = percent(outcome.of("parallel, searched")[0].combined["val"].value)
    assert any(c.value.startswith(f"Combined {kept} ") and "whole of val" in c.value for c in at.caption)


def test_sliders_mix_the_workspaces_own_models_where_the_comparisons_are_not_here(page, cache):
    lab, names = Lab("tiny", cache, "cpu", many()), ["noisy", "turned"]
    plan = make_plan(lab, names, ["plain"], 40, orders=1, trials=3)
    searched = compare(lab, plan).of("parallel, searched")[0].alphas
    for path in (cache / "tiny" / "checkpoints").glob("*.????????????.safetensors"):
        path.unlink()
    for alphas in ((0.3, 0.2), tuple(round(a, 4) for a in searched)):  # of the other models, no kept figure
        at = page("strategies", compare=outcome_path(lab, plan).stem, figure="mix", alphas=",".join(map(str, alphas)))
        wait(at, lambda at: any("whole of val" in c.value for c in at.caption))
        assert any("own fine-tuned models (40 steps each)" in i.value for i in at.info) and not at.error
        mix = combine([lab.base, single("noisy"), single("turned")], [1 - sum(alphas), *alphas])
        found = {t: lab.evaluate(mix, t, "val").accuracy for t in (*names, "plain")}
        together = combined([found[n] for n in names], [found["plain"]])
        assert any(c.value.startswith(f"Combined {percent(together.value)} ") for c in at.caption)


def test_groups_of_classes_open_on_a_fresh_server(page, cache):
    lab = Lab("tiny", cache, "cpu", many())
    from core.patching.plan import tasks_named

    plan = make_plan(lab, tasks_named(lab, ["four/2"]), ["plain"], 8, orders=1, trials=2)
    compare(lab, plan)
    for figure in ("bars", "tasks", "sequence", "mix"):
        at = page("strategies", compare=outcome_path(lab, plan).stem, figure=figure)
        assert not at.error and not at.warning and at.dataframe
    assert "four.1of2" not in lab.tasks


def test_an_outcome_of_other_pictures_says_so(page, cache, key, monkeypatch):
    other = many() | {"plain": replace(many()["plain"], source=Noisy(9, 20))}
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: other)
    at = page("strategies", compare=key)
    assert any("other pictures" in w.value for w in at.warning) and len(at.metric) == 4
