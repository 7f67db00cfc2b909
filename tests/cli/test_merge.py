"""python -m core merge."""

from __future__ import annotations

import pytest
import torch

from core.cli import main
from core.workspace.lab import Lab
from tests.conftest import tiny_tasks


@pytest.fixture
def run(tiny_cache, monkeypatch, capsys):
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tiny_tasks())
    lab = Lab("tiny", tiny_cache, "cpu", tiny_tasks())
    halved = {n: (t / 2 if t.is_floating_point() else t.clone()) for n, t in lab.zoo.weights("noisy").items()}
    lab.zoo.add("half", halved, tasks=("plain",), start=lab.base)

    def call(*words):
        status = main(["--cache", str(tiny_cache), "--workspace", "tiny", "--device", "cpu", *words])
        out = capsys.readouterr()
        return status, out.out, out.err

    call.lab = lab
    return call


def test_a_merge_is_evaluated_and_exported_as_any_patch(run, tmp_path):
    words = ["merge", "ties", "--of", "noisy", "half", "--name", "two", "--keep", "0.5", "--scale", "0.5"]
    status, out, _ = run(*words)
    assert status == 0 and "two: TIES-Merging of noisy, half" in out
    facts = run.lab.zoo["two"].settings["merged"]
    assert facts["parameters"] == {"ties": {"keep": 0.5}, "shared": {"scale": 0.5, "pictures": 256}}
    status, out, _ = run("eval", "two@0.5", "--task", "plain")
    assert status == 0 and "n = 36" in out
    assert run("export", "two@0.5", "--to", str(tmp_path / "out"))[0] == 0 and any((tmp_path / "out").iterdir())


def test_post_steps_have_options_of_their_own(run):
    status, out, _ = run("merge", "sum", "--of", "noisy", "half", "--name", "two", "--then", "svc", "--least", "1")
    assert status == 0 and "Task arithmetic + Singular Value Calibration" in out
    assert run.lab.zoo["two"].settings["merged"]["parameters"]["svc"] == {"least": 1.0}


def test_what_is_wrong_is_said_in_one_line(run):
    for words, sentence in (
        (("tie", "--of", "noisy", "half"), "no merge method 'tie'"),
        (("ties", "--of", "noisy"), "two checkpoints or more"),
        (("ties", "--of", "noisy", "half", "--drop", "0.5"), "no parameter 'drop'"),
        (("dare", "--of", "noisy", "half", "--drop", "1.5"), "drop must be a number from 0 to 0.999"),
    ):
        status, _, err = run("merge", *words, "--name", "two")
        assert status == 1 and sentence in err and err.count("\n") == 1 and "two" not in run.lab.zoo


def test_the_seed_is_a_whole_number_and_makes_the_same_again(run):
    for name, seed in (("one", "1"), ("same", "1"), ("other", "2")):
        assert run("merge", "dare", "--of", "noisy", "half", "--name", name, "--seed", seed)[0] == 0
    weights = [run.lab.zoo.weights(name) for name in ("one", "same", "other")]
    assert all(torch.equal(weights[0][n], weights[1][n]) for n in weights[0])
    assert not all(torch.equal(weights[0][n], weights[2][n]) for n in weights[0])
