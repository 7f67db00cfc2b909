"""What a person types for the same in a terminal: pages and commands print it, ready to be copied."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.patching import ComparisonPlan
    from core.workspace import Lab

USUAL = "mini"  # the workspace that a command opens if nobody names another


def command_line(lab: Lab, words: Sequence[str]) -> str:
    """The command line of ``words`` (the command, then its arguments) in a lab's workspace, quoted for a shell."""
    workspace = [] if lab.name == USUAL else ["--workspace", lab.name]
    return shlex.join(["python", "-m", "core", *workspace, *words])


def comparison_command(lab: Lab, plan: ComparisonPlan, *more: str) -> str:
    """The command line that runs the plan of a comparison; ``more`` are further words."""
    usual = type(plan)(plan.tasks, plan.supported, plan.budget)
    words = ["--tasks", *plan.tasks, "--supported", *plan.supported, "--budget", str(plan.budget)]
    for name in ("orders", "seed", "optimiser", "trials", "total", "exhaustive", "augment"):
        if (value := getattr(plan, name)) != getattr(usual, name):
            words += [f"--{name}", str(value)]
    if plan.alphas != usual.alphas:
        words += ["--values", str(len(plan.alphas))]
    return command_line(lab, ["strategies", *words, *more])
