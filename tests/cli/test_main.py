from __future__ import annotations

import json
import subprocess
import sys

import pytest

from core.cli import main
from core.cli.main import COMMANDS
from core.progress import duration
from core.recipes.recipe import lerp, single
from core.workspace.lab import Lab
from core.workspace.named_recipes import parse_recipe
from tests.conftest import tiny_tasks

CLI_MODULES = {"core.cli.command_line", "core.cli.main", "core.cli.terminal"}


@pytest.fixture
def run(tiny_cache, monkeypatch, capsys):
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tiny_tasks())

    def call(*words):
        status = main(["--cache", str(tiny_cache), "--workspace", "tiny", "--device", "cpu", *words])
        out = capsys.readouterr()
        return status, out.out, out.err

    call.cache = tiny_cache
    return call


def test_build_then_nothing_to_do(run):
    status, out, _ = run("build", "--tasks", "noisy")
    assert status == 0 and "1 of 2 steps to do" in out and "done in" in out
    status, out, _ = run("build")
    assert status == 0 and "nothing to do" in out


def test_a_dry_run_does_nothing(run):
    before = sorted(run.cache.rglob("*"))
    status, out, _ = run("build", "--dry-run")
    assert status == 0 and "evaluate noisy" in out and sorted(run.cache.rglob("*")) == before


def test_a_build_may_change_its_training_pictures(run):
    plain = Lab("tiny", run.cache, "cpu", tiny_tasks()).zoo["noisy"]
    assert "augment" not in plain.settings and run("build", "--augment", "none", "--dry-run")[0] == 0
    status, _, err = run("build", "--augment", "light")
    assert status == 1 and "noisy with none" in err and err.count("\n") == 1
    plain.path.unlink()
    assert run("build", "--augment", "light")[0] == 0
    found = Lab("tiny", run.cache, "cpu", tiny_tasks()).zoo["noisy"]
    assert found.settings["augment"] == "light" and found.digest != plain.digest
    assert "nothing to do" in run("build")[1] and run("build", "--augment", "strong")[0] == 1
    status, _, err = run("build", "--augment", "wild")
    assert status == 1 and "no augmentation 'wild'; choose one of none, light, strong" in err and err.count("\n") == 1


def test_status_says_what_is_there_and_what_is_missing(run):
    status, out, _ = run("status")
    assert status == 0 and "noisy" in out and "missing (python -m core build" in out and "train 96" in out


def test_eval_gives_accuracy_n_and_interval(run):
    status, out, _ = run("eval", "noisy@0.5", "--task", "noisy", "--json")
    facts = json.loads(out)
    assert status == 0 and facts["n"] == 36 and facts["low"] < facts["accuracy"] < facts["high"]
    status, out, _ = run("eval", "base", "--task", "plain", "--split", "val")
    assert status == 0 and "n = 24" in out


def test_eval_of_a_recipe_file(run, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(single("base").to_json())
    assert run("eval", str(path), "--task", "plain")[0] == 0


def test_verify_counts_damage(run):
    run("eval", "base", "--task", "plain")
    assert run("verify")[0] == 0
    victim = run.cache / "tiny" / "checkpoints" / "noisy.safetensors"
    victim.write_bytes(victim.read_bytes()[:-9])
    status, out, _ = run("verify")
    assert status == 1 and "1 damaged" in out and "noisy.safetensors is damaged" in out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["eval", "base", "--task", "cats"], "no task 'cats'"),
        (["eval", "nobody", "--task", "plain"], "no checkpoint 'nobody'"),
        (["eval", "noisy@1.5", "--task", "plain"], "between 0"),
        (["eval", "noisy@x", "--task", "plain"], "not a number"),
        (["eval", "absent.json", "--task", "plain"], "Cannot read absent.json"),
        (["build", "--tasks", "cats"], "no task 'cats'"),
        (["--workspace", "big", "status"], "no workspace 'big'"),
    ],
)
def test_errors_are_one_line_and_status_1(run, words, complaint):
    status, _, err = run(*words)
    assert status == 1 and complaint in err and err.count("\n") == 1 and err.startswith("palette: ")


def test_wrong_use_is_status_2(run):
    with pytest.raises(SystemExit) as stop:
        run("eval", "base")
    assert stop.value.code == 2


def test_recipes_on_the_command_line():
    assert parse_recipe(None, "base") == single("base")
    assert parse_recipe(None, "noisy@0.25").column("") == {"base": 0.75, "noisy": 0.25}


def test_durations():
    assert [duration(s) for s in (5, 89, 100, 3600, 7300)] == ["5 s", "89 s", "2 min", "60 min", "2 h 2 min"]


def test_help_and_the_list_of_commands_load_no_room():
    """A command's module is imported when it is chosen; torch alone takes a second."""
    script = "import sys; from core.cli.main import parser; parser().format_help(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "core.cli.main" in loaded and "torch" not in loaded and "numpy" not in loaded
    assert {name for name in loaded if name.startswith("core.")} <= {"core.cli", "core.progress", *CLI_MODULES}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_says_what_it_takes(command, capsys):
    with pytest.raises(SystemExit) as left:
        main([command.name, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert left.value.code == 0 and command.about in shown and shown.startswith(f"usage: python -m core {command.name}")


@pytest.mark.parametrize("words", [["--help"], ["eval", "--help"]])
def test_help_is_printed(words, capsys):
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 0 and "95 % interval" in " ".join(capsys.readouterr().out.split())


def test_export_warns_of_a_column_that_changes_nothing_and_refuses_to_push_one_file(run, tmp_path):
    recipe = lerp(single("base"), single("noisy"), {"": 0.2, "visual.layer9": 1})
    (tmp_path / "mine.json").write_text(recipe.to_json())
    words = ("export", str(tmp_path / "mine.json"), "--to")
    status, out, err = run(*words, str(tmp_path / "out"))
    assert status == 0 and "recipe.json" in out and "No weight is called 'visual.layer9'" in err
    status, _, err = run(*words, str(tmp_path / "one.pt"), "--push", "me/model")
    assert status == 1 and "--to a folder" in err and not (tmp_path / "one.pt").exists()
