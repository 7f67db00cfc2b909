# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import streamlit as st

from core.patching import curves
from core.recipes.paint import GRID
from core.workspace.lab import Lab
from pages.shared.widgets.formatting import percent
from tests.conftest import Noisy, tiny_tasks
from tests.pages.opening import cache, lab_of, page, swept_template, values, wait  # noqa: F401


def test_opens_on_the_chosen_alpha_with_the_labs_own_numbers(page, cache):
    at, lab = page(), lab_of(cache)
    chosen = curves.chosen_alpha(lab, "noisy", ["plain"])
    point = curves.point(lab, "noisy", chosen, ["plain"], "test")
    assert at.title[0].value.endswith("?")
    assert at.query_params["alpha"] == f"{chosen:.2f}"
    assert values(at) == [percent(x) for x in (*[a.value for a in point.accuracies.values()], point.combined)]
    assert not at.error and not at.warning


def test_a_link_brings_back_the_whole_view(page, cache):
    at = page(task="noisy", supported="plain", alpha="0.50", plot="curves", pictures="plain", flip="broken")
    point = curves.point(lab_of(cache), "noisy", 0.5, ["plain"], "test")
    assert values(at)[0] == percent(point.accuracies["noisy"].value)
    assert at.session_state["alpha.plot"] == "curves"
    assert at.selectbox(key="alpha.pictures").value == "plain"
    again = page(**dict(at.query_params))
    assert values(again) == values(at)
    assert again.query_params == at.query_params


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"task": "nonsense"}, "'nonsense'"),
        ({"alpha": "7"}, "between 0 and 1"),
        ({"alpha": "abc"}, "between 0 and 1"),
        ({"alpha": "nan"}, "between 0 and 1"),
        ({"alpha": "-0.1"}, "between 0 and 1"),
        ({"supported": "plain,gone"}, "'gone'"),
        ({"supported": "noisy"}, "'noisy'"),
        ({"plot": "pie"}, "'pie'"),
        ({"class": "purple"}, "'purple'"),
        ({"flip": "<script>"}, "script"),
        ({"workspace": "elsewhere"}, "'elsewhere'"),
    ],
)
def test_nonsense_in_the_address_is_one_sentence_and_the_page_goes_on(page, parameters, said):
    at = page(**parameters)
    assert [w for w in at.warning if said in w.value]
    assert len(at.warning) == 1 and not at.error
    assert len(values(at)) == 3


def test_complaints_go_when_the_view_changes(page):
    at = page(alpha="7")
    at.number_input(key="alpha.exact").set_value(0.5).run()
    assert not at.warning
    assert at.query_params["alpha"] == "0.50"


def test_choosing_on_validation_is_one_button(page, cache):
    at = page(alpha="0.00")
    at.button(key="alpha.choose").click().run()
    assert at.query_params["alpha"] == f"{curves.chosen_alpha(lab_of(cache), 'noisy', ['plain']):.2f}"


def test_the_most_patch_for_a_cost_is_one_button_too(page, cache):
    at, lab = page(alpha="0.00"), lab_of(cache)
    found = [(a, curves.point(lab, "noisy", a, ["plain"], "val").accuracies) for a in GRID]
    for cost in (0.0, 100.0):
        at.number_input(key="alpha.loss").set_value(cost).run()
        at.button(key="alpha.within").click().run()
        lost = [found[0][1]["plain"].value - point["plain"].value for _, point in found]
        kept = [(p["noisy"].value, -a) for (a, p), x in zip(found, lost, strict=True) if x <= cost / 100 + 1e-9]
        assert at.query_params["alpha"] == f"{-max(kept)[1]:.2f}" and not at.error


def test_an_alpha_that_was_not_evaluated_becomes_one_job_and_is_kept(page, cache):
    at, other = page(alpha="0.33"), page(alpha="0.33")
    wait(at, lambda at: 0.33 in at.session_state["alpha.curve"].alphas)
    other.run()
    point = curves.point(lab_of(cache), "noisy", 0.33, ["plain"], "test")
    assert values(at)[0] == values(other)[0] == percent(point.accuracies["noisy"].value)
    log = (cache / "jobs" / "log.jsonl").read_text().splitlines()
    assert sum('"running"' in line for line in log) == 1
    assert sorted([*GRID, 0.33]) == list(at.session_state["alpha.curve"].alphas)


def test_supported_tasks_that_are_not_there_are_offered_and_the_rest_stays(page, cache, monkeypatch):
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: {**tiny_tasks(), "extra": extra_task()})
    at = page(supported="plain,extra")
    assert len(values(at)) == 3
    assert any("extra" in i.value for i in at.info)
    next(b for b in at.button if "Build" in b.label).click().run()
    wait(at, lambda at: at.session_state["alpha.curve"].supported == ("plain", "extra"))
    assert len(values(at)) == 4


def extra_task():
    return replace(tiny_tasks()["plain"], name="extra", title="Extra", source=Noisy(3, 40))


def test_no_checkpoint_says_what_is_missing_and_builds_it(page, cache):
    shutil.rmtree(cache / "tiny" / "checkpoints")
    shutil.rmtree(cache / "tiny" / "results")
    at = page()
    assert any("fine-tune noisy" in i.value for i in at.info)
    assert any("python -m core --workspace tiny build --tasks noisy" in c.value for c in at.code)
    next(b for b in at.button if "Build" in b.label).click().run()
    wait(at, lambda at: len(at.metric) == 3)
    assert len(values(at)) == 3


def test_no_base_is_one_sentence(page, cache):
    shutil.rmtree(cache / "tiny" / "base")
    at = page()
    assert len(at.error) == 1 and "base" in at.error[0].value


def test_a_truncated_checkpoint_is_one_sentence(page, cache):
    path = cache / "tiny" / "checkpoints" / "noisy.safetensors"
    path.write_bytes(path.read_bytes()[:200])
    at = page()
    assert len(at.error) == 1 and "noisy" in at.error[0].value


def test_no_workspace_is_one_sentence(page, cache):
    shutil.rmtree(cache / "tiny")
    assert len(page().error) == 1


def test_flips_are_those_of_the_lab(page, cache):
    at, lab = page(alpha="1.00"), lab_of(cache)
    before, after = lab.evaluate(lab.base, "noisy", "test"), lab.evaluate(lab.patch("noisy", 1), "noisy", "test")
    labels = at.get("button_group")
    shown = str(labels)
    assert f"fixed ({int((~before.right & after.right).sum())})" in shown
    assert f"broken ({int((before.right & ~after.right).sum())})" in shown


def test_another_patching_task_starts_at_its_own_chosen_alpha(page, cache, monkeypatch):
    more = replace(tiny_tasks()["noisy"], name="second", title="Second")
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: {**tiny_tasks(), "second": more})
    at = page(alpha="0.10")
    at.selectbox(key="alpha.task").set_value("second").run()
    assert at.query_params["task"] == "second"
    assert "alpha" not in at.query_params
    assert any("fine-tune second" in i.value for i in at.info)


def test_damaged_results_are_computed_again_and_the_visitor_is_told(page, cache):
    before = values(page(alpha="0.50"))
    st.cache_resource.clear()
    for path in (cache / "tiny" / "results").rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-7])
    at = page(alpha="0.50")
    assert values(at) == before
    assert not at.error
    assert at.toast


def test_weights_and_activations_can_be_compared(page):
    at = page(alpha="0.50")
    next(b for b in at.button if b.label.startswith("Compare")).click().run()
    wait(at, lambda at: any("Cosine of weights" in d.value for d in at.dataframe))
    table = next(d.value for d in at.dataframe if "Cosine of weights" in d.value)
    assert table.iloc[0, 0] == "whole"
    assert 0.5 < table.iloc[0, 1] <= 1


def test_a_failure_that_nobody_foresaw_is_one_sentence(page, monkeypatch):
    def broken(*_):
        raise RuntimeError("flood")

    monkeypatch.setattr("pages.shared.alpha.live.metric_row.row", broken)
    at = page()
    assert len(at.error) == 1 and "RuntimeError" in at.error[0].value and "flood" not in at.error[0].value
    assert at.number_input(key="alpha.exact")


def test_a_loss_is_shown_as_a_loss(page, monkeypatch):
    from pages.shared.alpha import live
    from pages.shared.widgets.metric_row import Figure

    monkeypatch.setattr(live, "_row", lambda *_: [Figure("a", 0.5, difference=-0.1), Figure("b", 0.5, difference=0.1)])
    worse, better = page().metric
    assert (worse.delta, better.delta) == ("-10.0 points", "+10.0 points")
    assert worse.proto.color != better.proto.color


def test_a_joint_patch_counts_the_mean_of_its_tasks(page, cache, monkeypatch):
    tasks = {**tiny_tasks(), "extra": extra_task()}
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tasks)
    lab = Lab("tiny", cache, "cpu", tasks)
    lab.zoo.add("pair", lab.zoo.weights("noisy"), tasks=("noisy", "extra"), start=lab.base)
    points = {(a, s): curves.point(lab, "pair", a, ["plain"], s) for a in (0.0, 1.0) for s in ("val", "test")}
    at = page(task="pair", alpha="1.00")
    found = points[1.0, "test"]
    mean = (found.accuracies["noisy"].value + found.accuracies["extra"].value) / 2
    assert values(at) == [percent(mean), percent(found.accuracies["plain"].value), percent(found.combined)]
    assert at.selectbox(key="alpha.pictures").options == ["Noisy", "Extra", "Plain"]
    assert not at.error and not at.warning
    at.button_group(key="alpha.plot").set_value("curves").run()
    assert not at.error
    assert any("'extra'" in w.value for w in page(task="pair", supported="extra").warning)
