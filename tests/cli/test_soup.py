# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
from __future__ import annotations

import json

import pytest

from core.cli import main
from core.progress import CancelledError
from core.soups.judge import Judge
from tests.conftest import tiny_tasks
from tests.soups.soup_pool import soup_cache, soup_template  # noqa: F401


@pytest.fixture
def run(soup_cache, monkeypatch, capsys):
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tiny_tasks())

    def call(*words):
        status = main(["--cache", str(soup_cache), "--workspace", "tiny", "--device", "cpu", "soup", *words])
        out = capsys.readouterr()
        return status, out.out, out.err

    return call


def test_soups_from_a_terminal(run):
    status, out, _ = run("greedy")
    assert status == 0 and "Greedy soup: " in out and "first" in out and "Best individual model" in out
    search = ["manifold", "--partition", "blocks", "--budget", "9", "--optimizer", "Cobyla"]
    status, out, _ = run(*search)
    assert status == 0 and "ManifoldMixMS-blocks (budget 9): " in out and "against greedy" in out
    status, out, _ = run(*search)
    assert status == 0 and "made already" in out
    status, out, _ = run("uniform", "--ingredients", "ingredient-01", "ingredient-02", "--json")
    facts = json.loads(out[out.index("{") :])
    assert status == 0 and facts["ingredients"] == ["ingredient-01", "ingredient-02"] and len(facts["outcomes"]) == 1


def test_stopping_resuming_and_starting_anew(run, monkeypatch):
    judge, calls = Judge.judge, []

    def dies(self, recipe, racing=False):
        if len(calls) == 6:
            raise CancelledError("stopped")
        calls.append(recipe)
        return judge(self, recipe, racing)

    search = ["manifold", "--partition", "blocks", "--budget", "9"]
    status, _, err = run(*search, "--resume")
    assert status == 1 and "no stopped search" in err and err.count("\n") == 1
    monkeypatch.setattr(Judge, "judge", dies)
    status, _, err = run(*search)
    assert status == 130 and "goes on from here" in err
    monkeypatch.setattr(Judge, "judge", lambda self, r, racing=False: calls.append(r) or judge(self, r, racing))
    status, out, _ = run(*search, "--resume")
    assert status == 0 and f"{len(calls)} evaluations" in out and len(set(calls)) == len(calls)
    status, _, _ = run(*search, "--anew")
    assert status == 0 and len(calls) > len(set(calls))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["greedy", "--ingredients", "ingredient-01"], "at least two different ingredients"),
        (["greedy", "--ingredients", "ingredient-01", "base"], "need the same head"),
        (["manifold", "--partition", "C7"], "no partition 'C7'"),
        (["manifold", "--budget", "1"], "at least two evaluations"),
        (["ingredients", "--ingredients", "gone"], "has no ingredient gone"),
        (["wise", "--of", "base"], "no ingredient of this pool"),
    ],
)
def test_mistakes_are_one_sentence(run, words, said):
    status, _, err = run(*words)
    assert status == 1 and said in err.splitlines()[-1] and "Traceback" not in err


def test_ingredients_and_wise_ft(run):
    status, out, _ = run("ingredients")
    assert status == 0 and "0 of 4 ingredients to fine-tune" in out
    status, out, _ = run("wise", "--of", "ingredient-02")
    assert status == 0 and "WiSE-FT of ingredient-02" in out
