"""What is not there yet: what it is, how long it takes, the button and the command that make it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.cli import command_line
from core.jobs import Job, Jobs
from core.patching import Curve, build_steps, sweep
from core.progress import Progress
from core.training import build
from core.workspace import Lab
from pages.shared.alpha.view import View
from pages.shared.app import job_status
from pages.shared.app.pace import machine, time_for
from pages.shared.widgets.formatting import alpha_text, listed
from pages.shared.widgets.pickers import patch_title


def curve_key(lab: Lab, task: str, supported: Sequence[str]) -> str:
    """The key of the job that builds a curve."""
    return f"{lab.name}:{task} with {'+'.join(supported)}"


def offer_rest(lab: Lab, jobs: Jobs, view: View, curve: Curve) -> None:
    """If a curve is shown without some of the supported tasks that were asked for: say so, and offer them."""
    if rest := [name for name in view.supported if name not in curve.supported]:
        st.caption(f"Shown with {listed([lab.task(name).title for name in curve.supported])} alone for now.")
        offer_curve(lab, jobs, view.task, [*curve.supported, *rest])


def with_alpha(lab: Lab, jobs: Jobs, view: View, curve: Curve) -> View:
    """The view with its α: the chosen one if none was asked for. One that was not evaluated becomes a job, once."""
    if view.alpha is None:
        return replace(view, alpha=curve.chosen)
    asked = (lab, jobs, view.task, view.alpha, curve.supported)
    if view.alpha not in curve.alphas and point_job(*asked) is None:
        evaluate_point(*asked)
    return view


def offer_curve(lab: Lab, jobs: Jobs, task: str, supported: Sequence[str]) -> None:
    """Say what a curve still lacks, how long that takes, and offer to make it; or show how far it is."""
    if not task:
        st.info(f"{lab.name} has no task to patch; its catalogue needs one with the role “patching”.")
        return
    key = curve_key(lab, task, supported)
    title = patch_title(lab, task)
    if job_status.watch(jobs, key, f"**{title}** is being made. You can look around meanwhile; what is done is kept."):
        return
    todo = [step for step in build_steps(lab, [task], supported) if not step.done()]
    if not todo:
        return
    st.info(
        f"Not there yet for {title}: {listed([step.title for step in todo])}. This takes "
        f"{time_for(lab, sum(step.cost for step in todo))} on {machine(lab)}; it can be stopped at any time and goes "
        "on where it was.",
        icon=":material/hourglass_empty:",
    )
    others = [] if list(supported) == lab.default_supported() else ["--supported", *supported]
    command = command_line(lab, ["build", "--tasks", task, *others])

    def work(progress: Progress) -> None:
        build(build_steps(lab, [task], supported), progress)

    job_status.offer(jobs, key, f"Patching {title}", work, "Build it now", command=command, key=f"build.{key}")


def point_key(lab: Lab, task: str, alpha: float, supported: Sequence[str]) -> str:
    """The key of the job that evaluates one α."""
    return f"{lab.name}:{task}@{alpha_text(alpha)} with {'+'.join(supported)}"


def point_job(lab: Lab, jobs: Jobs, task: str, alpha: float, supported: Sequence[str]) -> Job | None:
    """The latest job that evaluates this α, or None if nobody asked yet."""
    return jobs.get(point_key(lab, task, alpha, supported))


def evaluate_point(lab: Lab, jobs: Jobs, task: str, alpha: float, supported: Sequence[str]) -> Job:
    """Have one α evaluated, before anything that merely queues. Asking twice is one job."""
    title = f"{patch_title(lab, task)} at α = {alpha_text(alpha)}"
    key = point_key(lab, task, alpha, supported)
    return jobs.submit(key, title, lambda progress: sweep(lab, task, supported, [alpha], progress), urgent=True)
