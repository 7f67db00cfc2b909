"""Several optimisers at once, over one set of checkpoints."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from core.__main__ import main
from core.patching.pieces import ranked, searches
from core.patching.plan import make_plan
from core.training.graph import InProcess, WorkspaceSpec, run_graph
from tests.conftest import Noisy, tiny_tasks


def two_tasks():
    """The tiny tasks, and a second one to patch."""
    tasks = tiny_tasks()
    return tasks | {"dim": replace(tasks["noisy"], name="dim", source=Noisy(3, 120))}


@pytest.fixture
def desk(tiny_cache) -> WorkspaceSpec:
    return WorkspaceSpec("tiny", tiny_cache, "cpu", 1, two_tasks)


def graph_of(desk, optimisers=("OnePlusOne", "CMA")):
    lab = desk.open()
    plan = make_plan(lab, ["noisy", "dim"], ["plain"], 8, trials=6, alphas=(0.0, 0.5, 1.0))
    return searches(lab, plan, optimisers)


def test_each_optimiser_is_a_piece_and_val_ranks_them(desk):
    graph = graph_of(desk)
    assert [len(p.needs) for p in graph] == [0, 0, 2, 2] and len({p.key for p in graph}) == 4
    with ThreadPoolExecutor(2) as pool:
        run_graph(graph, desk, pool)
    found = ranked(desk.open(), graph)
    assert {f["optimiser"] for f in found} == {"OnePlusOne", "CMA"}
    values = [f["val"]["value"] for f in found]
    assert values == sorted(values, reverse=True) and all(len(f["alphas"]) == 2 and f["test"]["n"] for f in found)
    assert not any(o.computed for o in run_graph(graph, desk, InProcess()))


def test_fine_tunes_may_be_augmented(desk):
    lab = desk.open()
    plan = make_plan(lab, ["noisy", "dim"], ["plain"], 4, trials=2, alphas=(0.0, 1.0), augment="light")
    first, *_ = graph = searches(lab, plan, ["OnePlusOne"])
    assert not {p.key for p in graph} & {p.key for p in searches(lab, replace(plan, augment=""), ["OnePlusOne"])}
    run_graph([first], desk, InProcess())
    assert first.done(lab) and not replace(first, augment="").done(lab)


def test_the_command(tiny_cache, capsys, monkeypatch):
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: two_tasks())
    words = [
        "--cache",
        str(tiny_cache),
        "--workspace",
        "tiny",
        "--device",
        "cpu",
        "searches",
        "--tasks",
        "noisy",
        "dim",
    ]
    assert main([*words, "--optimisers", "OnePlusOne", "--trials", "4", "--budget", "8", "--workers", "1"]) == 0
    out = capsys.readouterr().out
    assert "OnePlusOne" in out and "val" in out and "n =" in out and out.count("\n") == 2
