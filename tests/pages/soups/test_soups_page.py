# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from core.soups.ingredients import ingredients
from core.soups.judge import Judge
from core.soups.measure import pool_results
from core.soups.plan import SoupPlan, make_pool, outcome_file
from core.soups.run import make_soup
from pages.shared.widgets.formatting import percent
from tests.conftest import tiny_tasks
from tests.pages.opening import lab_of, page, values, wait  # noqa: F401
from tests.soups.soup_pool import soup_template  # noqa: F401

QUICK = {"partition": "blocks", "budget": "9"}


@pytest.fixture
def cache(soup_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny workspace with its ingredients, which the pages open."""
    copy = Path(shutil.copytree(soup_template, tmp_path / "cache"))
    monkeypatch.setenv("PALETTE_CACHE", str(copy))
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tiny_tasks())
    return copy


def button(at, key):
    return next((b for b in at.button if b.key == key), None)


def said(at) -> str:
    every = [*at.info, *at.success, *at.warning, *at.error, *at.markdown, *at.caption]
    return "\n".join(str(element.value) for element in every)


def made(cache: Path, *plans: SoupPlan):
    lab = lab_of(cache)
    pool = make_pool(lab, list(ingredients(lab)))
    return lab, pool, [make_soup(lab, pool, plan) for plan in plans]


def test_with_no_soup_yet_it_says_what_makes_one(page, cache):
    at = page("soups")
    assert at.title[0].value.endswith("?") and "No soup was made here yet" in said(at)
    assert "soup all" in at.code[0].value and not at.error and not at.metric


def test_results_open_with_the_engines_own_numbers(page, cache):
    _, _, (greedy, mixed) = made(cache, SoupPlan("greedy"), SoupPlan("manifold", partition="blocks", budget=9))
    at = page("soups")
    assert values(at) == [percent(a.value) for a in (mixed.row.test.accuracy, mixed.row.ood, mixed.row.val.accuracy)]
    table = at.dataframe[0].value
    assert list(table["Method"])[2:] == ["Greedy soup", mixed.row.name]
    assert any("★" in cell for cell in table["Average OOD"]) and table["OOD against greedy"][2] == "–"
    at.selectbox(key="soups.row").set_value("Greedy soup").run()
    assert values(at)[0] == percent(greedy.row.test.accuracy.value) and at.query_params["soup"] == "Greedy soup"
    again = page("soups", **dict(at.query_params))
    assert values(again) == values(at) and not again.error


def test_a_search_is_started_watched_and_done(page, cache):
    at = page("soups", show="search", **QUICK)
    assert "at most 34 evaluations of 24 pictures" in said(at) and "about" in said(at)
    assert "--partition blocks --budget 9 --optimizer Cobyla" in at.code[0].value
    button(at, "soups.start").click().run()
    wait(at, lambda at: "is made" in said(at))
    (found,) = pool_results(lab_of(cache))
    assert [o.row.name for o in found.outcomes] == ["ManifoldMixMS-blocks (budget 9)"]
    verdicts = next(d.value for d in at.dataframe if "Verdict" in d.value)
    assert len(verdicts) == 4 and not at.error


def test_a_search_pauses_resumes_and_is_the_same(page, cache, monkeypatch):
    judge = Judge.judge
    monkeypatch.setattr(Judge, "judge", lambda *a, **k: (time.sleep(0.4), judge(*a, **k))[1])
    at = page("soups", show="search", **QUICK)
    button(at, "soups.start").click().run()
    wait(at, lambda at: "best so far" in said(at))
    button(at, "soups.pause").click().run()
    wait(at, lambda at: "is paused after" in said(at))
    monkeypatch.setattr(Judge, "judge", judge)
    button(at, "soups.start").click().run()
    wait(at, lambda at: "is made" in said(at))
    assert pool_results(lab_of(cache))[0].outcomes[0].row.kind == "manifold" and not at.error


def test_a_search_is_cancelled_and_put_aside(page, cache, monkeypatch):
    judge = Judge.judge
    monkeypatch.setattr(Judge, "judge", lambda *a, **k: (time.sleep(0.4), judge(*a, **k))[1])
    at = page("soups", show="search", **QUICK)
    button(at, "soups.start").click().run()
    wait(at, lambda at: "best so far" in said(at))
    button(at, "soups.cancel").click().run()
    wait(at, lambda at: button(at, "soups.start") is not None)
    lab = lab_of(cache)
    plan = SoupPlan("manifold", partition="blocks", budget=9)
    path = outcome_file(lab, make_pool(lab, list(ingredients(lab))), plan)
    assert not path.with_suffix(".jsonl").exists() and list((path.parent / "stopped").iterdir())
    assert button(at, "soups.start").label == "Start"


def test_mixing_by_hand_moves_the_figures_and_undoes(page, cache):
    lab, _, _ = made(cache, SoupPlan("greedy"))
    at = page("soups", show="hand", partition="blocks")
    state = at.session_state["soups.hand"]
    assert state.hand.factors == (1.0,) * len(state.hand.partition)
    judge = Judge(lab, "plain")
    assert values(at)[0] == percent(judge.judge(state.hand.soup).score)
    button(at, "soups.preset.late").click().run()
    mixed = at.session_state["soups.hand"].hand
    assert set(mixed.factors) == {0.5, 1.0} and mixed.factors[0] == 1.0
    assert values(at)[0] == percent(judge.judge(mixed.recipe).score) and len(values(at)) == 3
    assert at.query_params["factors"].startswith("1,") and at.query_params["candidate"] == mixed.candidate
    again = page("soups", **dict(at.query_params))
    assert again.session_state["soups.hand"].hand == mixed
    button(at, "soups.undo").click().run()
    assert at.session_state["soups.hand"].hand.factors == (1.0,) * len(mixed.factors)
    assert button(at, "soups.undo").disabled and not at.error


def test_a_mix_by_hand_is_gone_on_with_by_search(page, cache):
    made(cache, SoupPlan("greedy"))
    at = page("soups", show="hand", **QUICK)
    button(at, "soups.preset.late").click().run()
    mixed = at.session_state["soups.hand"].hand
    button(at, "soups.start").click().run()
    wait(at, lambda at: "is made" in said(at))
    (found,) = [o for o in pool_results(lab_of(cache))[0].outcomes if o.facts["method"] == "manifold"]
    assert [v["candidate"] for v in found.verdicts] == [mixed.candidate] and "by hand" in found.row.name
    assert found.facts["budget"] == 9 and not at.error


def test_wise_ft_of_an_ingredient_is_drawn_from_the_page(page, cache):
    made(cache, SoupPlan("greedy"))
    at = page("soups")
    at.selectbox(key="soups.wise.name").set_value("ingredient-02").run()
    button(at, "soups.wise").click().run()
    wait(at, lambda at: any("WiSE-FT" in str(m) for m in at.dataframe[0].value["Method"]))
    curve = next(o for o in pool_results(lab_of(cache))[0].outcomes if o.facts["method"] == "wise")
    assert len(curve.verdicts) == 11 and curve.row.name == "WiSE-FT of ingredient-02" and not at.error


def test_without_the_ingredients_results_stay_and_the_rest_says_what_to_build(page, cache):
    made(cache, SoupPlan("greedy"))
    for path in (cache / "tiny" / "checkpoints").glob("ingredient-*"):
        path.unlink()
    at = page("soups")
    assert len(values(at)) == 3 and not at.error
    for show in ("search", "hand"):
        at = page("soups", show=show)
        assert "4 of the 4 ingredients are not here" in said(at) and button(at, "soups.build") is not None
        assert not at.error


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"show": "nothing"}, "'nothing'"),
        ({"method": "magic"}, "'magic'"),
        ({"budget": "-5"}, "'-5'"),
        ({"budget": "1e9"}, "'1e9'"),
        ({"partition": "C7"}, "'C7'"),
        ({"show": "hand", "factors": "1,x"}, "no numbers"),
        ({"show": "hand", "factors": "nan"}, "no numbers"),
        ({"show": "hand", "candidate": "../base"}, "'../base'"),
        ({"soup": "<b>"}, r"'\<b\>'"),
    ],
)
def test_nonsense_in_the_address_is_said_and_left_out(page, cache, parameters, word):
    made(cache, SoupPlan("uniform"))
    at = page("soups", **parameters)
    assert word in "\n".join(w.value for w in at.warning) and not at.error
