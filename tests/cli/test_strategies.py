from __future__ import annotations

import json
import shlex

import pytest

from core.cli import main
from core.cli.command_line import comparison_command
from core.patching.plan import outcomes, plan_of
from core.storage import files
from core.tasks.task import Task
from core.workspace.lab import Lab
from tests.conftest import Noisy, tiny_tasks

SMALL = ["--budget", "8", "--orders", "2", "--trials", "3", "--supported", "plain"]


def tasks():
    noisy = tiny_tasks()["noisy"]
    four = Task("four", "patching", "Four", "", ("w", "x", "y", "z"), noisy.templates, Noisy(3, 50))
    return {**tiny_tasks(), "four": four}


@pytest.fixture
def run(tiny_cache, monkeypatch, capsys):
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tasks())

    def call(*words):
        status = main(["--cache", str(tiny_cache), "--workspace", "tiny", "--device", "cpu", "strategies", *words])
        out = capsys.readouterr()
        return status, out.out, out.err

    call.folder = tiny_cache / "tiny"
    return call


def test_a_table_then_the_same_from_what_is_kept(run):
    status, out, _ = run(*SMALL)
    assert status == 0 and "2 tasks with plain, 8 optimiser steps" in out and "done in" in out
    table = out[out.index("combined accuracy") :]
    assert all(
        word in table for word in ("unpatched", "parallel, searched", "sequential (2 orders)", "joint", "points")
    )
    assert len(list((run.folder / "strategies").glob("*.csv"))) == 1
    status, again, _ = run(*SMALL)
    assert status == 0 and "done in" not in again and again.endswith(table)
    facts = json.loads(run(*SMALL, "--json")[1])
    assert facts["facts"]["tasks"] == ["noisy", "four"] and len(facts["rows"]) == 9


def test_the_command_that_a_page_shows_repeats_the_comparison(run):
    run("--tasks", "noisy", "four", *SMALL, "--exhaustive", "2", "--seed", "1", "--values", "5")
    (path,) = (run.folder / "strategies").glob("*.json")
    lab = Lab("tiny", run.folder.parent, "cpu", tasks())
    words = shlex.split(comparison_command(lab, plan_of(outcomes(lab)[path.stem])))
    status, out, _ = run(*words[words.index("strategies") + 1 :])
    assert status == 0 and "done in" not in out and "parallel, exhaustive" in out


def test_again_and_remake(run):
    run(*SMALL)
    status, out, _ = run(*SMALL, "--again")
    assert status == 0 and "done in" in out
    (joint,) = (run.folder / "checkpoints").glob("joint.*")
    joint.unlink()
    assert run(*SMALL, "--remake", "joint")[0] == 0 and joint.exists()


def test_a_search_stopped_half_way_is_one_line_and_goes_on(run, monkeypatch):
    append, asked = files.append_line, []

    def stop_at_the_second(path, facts):
        asked.append(facts["x"])
        if len(asked) == 2:
            raise KeyboardInterrupt
        append(path, facts)

    monkeypatch.setattr(files, "append_line", stop_at_the_second)
    status, _, err = run(*SMALL)
    said = "palette: stopped; what can be kept is kept, and the same command goes on from here."
    assert status == 130 and err.splitlines()[-1] == said
    assert run(*SMALL)[0] == 0
    assert asked[1] == asked[2] and len({tuple(x) for x in asked}) == len(asked) - 1


def test_a_dry_run_says_what_would_be_done_and_does_nothing(run):
    before = sorted(run.folder.rglob("*"))
    status, out, _ = run("--tasks", "four/2", "noisy", *SMALL, "--dry-run")
    assert status == 0 and "3 tasks with plain, 6 optimiser steps" in out and "joint fine-tuning" in out
    assert "four.2of2" in out and [p for p in run.folder.rglob("*") if p not in before and p.suffix == ".json"] == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--tasks", "noisy"], "from two patching tasks on"),
        (["--tasks", "noisy", "noisy"], "named twice: noisy"),
        (["--tasks", "noisy", "cats"], "no task 'cats'"),
        (["--tasks", "noisy/2", "four"], "too few to cut"),
        (["--tasks", "noisy", "four", "--supported", "four"], "not both: four"),
        (["--remake", "magic"], "no strategy 'magic' here; there is unpatched"),
        (["--no-training"], "no checkpoint of noisy fine-tuned for 4 steps"),
    ],
)
def test_errors_are_one_line(run, words, complaint):
    status, _, err = run(*SMALL, *words)
    assert status == 1 and complaint in err.splitlines()[-1] and err.splitlines()[-1].startswith("palette: ")
