"""What the soup page lacks: ingredients, or results; what makes them, and how long that takes."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.cli import command_line
from core.jobs import Jobs
from core.soups import Pool, ingredients, make_pool, plan_ingredients
from core.training import build
from core.workspace import Lab
from pages.shared.app import job_status
from pages.shared.app.pace import machine, time_for


def here(lab: Lab) -> list[str]:
    """Names of the workspace's own ingredients whose weights are here."""
    return [name for name in ingredients(lab) if name in lab.zoo]


def pool_here(lab: Lab, names: list[str]) -> Pool | None:
    """The pool of these checkpoints, None if there are fewer than two. Raises PaletteError if they do not fit."""
    return make_pool(lab, names) if len(names) > 1 else None


def offer(lab: Lab, jobs: Jobs) -> None:
    """Say which ingredients are not here, and offer to fine-tune them; or show how far that is."""
    key = f"{lab.name}:ingredients"
    words = "**The ingredients** are being fine-tuned. You can look around meanwhile; what is done is kept."
    if job_status.watch(jobs, key, words):
        return
    steps = plan_ingredients(lab)
    todo = [step for step in steps if not step.done()]
    if not todo:
        return
    st.info(
        f"{len(todo)} of the {len(steps)} ingredients are not here: their weights (4.5 MB each in the mini world) are "
        f"not shipped. Fine-tuning them takes {time_for(lab, sum(step.cost for step in todo))} on {machine(lab)}; it "
        "can be stopped and goes on where it was.",
        icon=":material/hourglass_empty:",
    )
    job_status.offer(
        jobs,
        key,
        "Fine-tuning the ingredients",
        partial(build, steps),
        "Fine-tune them now",
        command=command_line(lab, ["soup", "ingredients"]),
        key="soups.build",
    )
