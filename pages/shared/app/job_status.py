"""Waiting, honestly: what is being computed, how far, how long still, and how to stop it; for any tab that looks."""

from __future__ import annotations

import streamlit as st

from core.jobs import Job, Jobs
from pages.shared.app.frame import one_sentence
from pages.shared.widgets.escape import plain
from pages.shared.widgets.formatting import duration

BUSY, IDLE = 0.7, 5.0  # seconds between looks at the queue
ENDS = {"done": ":material/check_circle:", "failed": ":material/error:", "cancelled": ":material/cancel:"}
SHOWN_WHEN_OVER = 3


def panel(jobs: Jobs) -> None:
    """The queue of jobs. It looks often while something runs, and now and then to see what other tabs began."""
    busy = any(job.active for job in jobs.all())
    st.session_state["waiting.over"] = _over(jobs)
    st.fragment(_panel, run_every=BUSY if busy else IDLE)(jobs, busy)


def _over(jobs: Jobs) -> int:
    return sum(1 for job in jobs.all() if not job.active)


def _panel(jobs: Jobs, busy: bool) -> None:
    with one_sentence():
        every = jobs.all()
        active = [job for job in every if job.active]
        if bool(active) != busy or _over(jobs) != st.session_state.get("waiting.over"):
            st.session_state["waiting.over"] = _over(jobs)
            st.rerun()  # something began or ended: the page itself has news too
        if active or any(not job.active for job in every):
            st.caption("Work in the background")
        for job in active:
            progress(jobs, job, "panel")
        for job in [job for job in every if not job.active][: -SHOWN_WHEN_OVER - 1 : -1]:
            said = f"{job.title}: {job.state}" + (f". {job.error}" if job.error else "")
            st.caption(f"{ENDS[job.state]} {plain(said)}")


def progress(jobs: Jobs, job: Job, where: str) -> None:
    """One job: its bar, what it does, the time left, and a button that stops it."""
    left = job.progress.seconds_left
    if job.state == "waiting":
        said = "waits for its turn"
    else:
        said = job.progress.what + (f", {duration(left)} left" if left is not None else "")
    st.progress(min(1.0, max(0.0, job.progress.fraction)), f"**{plain(job.title)}** {plain(said)}")
    st.button(
        "Cancel",
        key=f"{where}.cancel.{job.key}",
        icon=":material/cancel:",
        on_click=jobs.cancel,
        args=(job.key,),
        help="Stops at the next step. What can be kept of what was done is kept; the same request goes on from there.",
    )


def under_way(jobs: Jobs, key: str) -> bool:
    """Whether the job of a key is under way, which is shown; what went wrong with it last is said if it is not."""
    job = jobs.get(key)
    if job is not None and job.active:
        watch(jobs, key)
        return True
    if job is not None and job.error:
        st.warning(plain(job.error))
    return False


def watch(jobs: Jobs, key: str) -> None:
    """Follow one job where the visitor looks for its result; when it ends, the page is drawn again."""
    job = jobs.get(key)
    if job is not None and job.active:
        st.fragment(_watch, run_every=BUSY)(jobs, key)


def _watch(jobs: Jobs, key: str) -> None:
    with one_sentence():
        job = jobs.get(key)
        if job is not None and job.active:
            progress(jobs, job, "here")
        else:
            st.rerun()
