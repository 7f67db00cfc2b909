"""What the soup page lacks: ingredients, or results; what makes them, and how long that takes."""

from __future__ import annotations

from functools import lru_cache

import streamlit as st

from core.cli import command_line
from core.jobs import Jobs
from core.soups import Pool, ingredients, make_pool, plan_ingredients
from core.training import build, pictures_per_second
from core.workspace import Lab
from pages.shared.app import job_status
from pages.shared.widgets.escape import plain
from pages.shared.widgets.formatting import duration


@lru_cache(maxsize=8)
def _pace(lab: Lab) -> float:
    return pictures_per_second(lab)


def here(lab: Lab) -> list[str]:
    """Names of the workspace's own ingredients whose weights are here."""
    return [name for name in ingredients(lab) if name in lab.zoo]


def pool_here(lab: Lab, names: list[str]) -> Pool | None:
    """The pool of these checkpoints, None if there are fewer than two. Raises PaletteError if they do not fit."""
    return make_pool(lab, names) if len(names) > 1 else None


def offer(lab: Lab, jobs: Jobs) -> None:
    """Say which ingredients are not here, and offer to fine-tune them; or show how far that is."""
    key = f"{lab.name}:ingredients"
    job = jobs.get(key)
    if job is not None and job.active:
        st.markdown("**The ingredients** are being fine-tuned. You can look around meanwhile; what is done is kept.")
        job_status.watch(jobs, key)
        return
    steps = plan_ingredients(lab)
    todo = [step for step in steps if not step.done()]
    if not todo:
        return
    if job is not None and job.error:
        st.warning(plain(job.error))
    with st.spinner("Estimating how long that takes …"):
        seconds = sum(step.cost for step in todo) / _pace(lab)
    st.info(
        f"{len(todo)} of the {len(steps)} ingredients are not here: their weights (4.5 MB each in the mini world) are "
        f"not shipped. Fine-tuning them takes about {duration(seconds)} on "
        f"{'the GPU' if lab.device.type == 'cuda' else 'this machine'}; it can be stopped and goes on where it was.",
        icon=":material/hourglass_empty:",
    )
    if st.button("Fine-tune them now", type="primary", icon=":material/play_arrow:", key="soups.build"):
        jobs.submit(key, "Fine-tuning the ingredients", lambda progress: build(steps, progress), urgent=True)
        st.rerun()
    st.code(command_line(lab, ["soup", "ingredients"]), language="bash")
