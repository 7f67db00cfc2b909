from __future__ import annotations

from tests.cli.test_main import run  # noqa: F401


def test_a_checkpoint_is_made_small_and_measured(run):  # noqa: F811
    status, out, _ = run("compress", "noisy", "--bits", "4", "--measure")
    assert status == 0 and "noisy-4bit" in out and "times smaller" in out
    assert "noisy (val): " in out and "plain (val): " in out and "of 24" in out
    status, out, _ = run("eval", "noisy-4bit@0.5", "--task", "noisy")
    assert status == 0 and "noisy-4bit" in out
    status, _, err = run("compress", "noisy", "--bits", "4")
    assert status == 1 and "already" in err and err.count("\n") == 1
