"""Waiting, honestly: what is being computed, how far, how long still, and how to stop it; for any tab that looks.

Work that takes long is a job. A page *offers* it with a button, or begins it *at once* because its result is what the
page shows; either way the job is followed where the visitor looks for its result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import streamlit as st

from core.jobs import Job, Jobs, State
from core.progress import Progress
from pages.shared.app.frame import one_sentence
from pages.shared.widgets.escape import plain
from pages.shared.widgets.formatting import duration

BUSY, IDLE = 0.7, 5.0  # seconds between looks at the queue
MOMENT = 0.5  # seconds that a visitor waits for a small job without being told
ENDS = {"done": ":material/check_circle:", "failed": ":material/error:", "cancelled": ":material/cancel:"}
SHOWN_WHEN_OVER = 3
OVER = "jobs.over"


def panel(jobs: Jobs) -> None:
    """Draw the queue of jobs. It looks often while something runs, and now and then for what other tabs began."""
    busy = any(job.active for job in jobs.all())
    st.session_state[OVER] = ended(jobs)
    st.fragment(_panel, run_every=BUSY if busy else IDLE)(jobs, busy)


def ended(jobs: Jobs) -> int:
    """How many jobs of the queue are over."""
    return sum(1 for job in jobs.all() if not job.active)


def _panel(jobs: Jobs, busy: bool) -> None:
    with one_sentence():
        every = jobs.all()
        active = [job for job in every if job.active]
        if bool(active) != busy or ended(jobs) != st.session_state.get(OVER):
            st.session_state[OVER] = ended(jobs)
            st.rerun()  # something began or ended: the page itself has news too
        if every:
            st.caption("Work in the background")
        for job in active:
            _progress(jobs, job, "panel")
        for job in [job for job in every if not job.active][: -SHOWN_WHEN_OVER - 1 : -1]:
            words = f"{job.title}: {job.state}" + (f". {job.error}" if job.error else "")
            st.caption(f"{ENDS[job.state]} {plain(words)}")


def bar(job: Job, left: str = "") -> None:
    """Draw how far a job is, what it does, and the time left; ``left`` is put before that time."""
    seconds = job.progress.seconds_left
    words = "waits for its turn"
    if job.state != "waiting":
        words = job.progress.what + (f", {left}{duration(seconds)} left" if seconds is not None else "")
    st.progress(min(1.0, max(0.0, job.progress.fraction)), f"**{plain(job.title)}** {plain(words)}")


def _progress(jobs: Jobs, job: Job, where: str) -> None:
    bar(job)
    st.button(
        "Cancel",
        key=f"{where}.cancel.{job.key}",
        icon=":material/cancel:",
        on_click=jobs.cancel,
        args=(job.key,),
        help="Stops at the next step. What can be kept of what was done is kept; the same request goes on from there.",
    )


def watch(jobs: Jobs, key: str, words: str = "") -> bool:
    """Whether the job of a key is under way; it is then followed here, below ``words``.

    When it ends, the page is drawn again.
    """
    job = jobs.get(key)
    if job is None or not job.active:
        return False
    if words:
        st.markdown(words)
    st.fragment(_watch, run_every=BUSY)(jobs, key)
    return True


def _watch(jobs: Jobs, key: str) -> None:
    with one_sentence():
        job = jobs.get(key)
        if job is not None and job.active:
            _progress(jobs, job, "here")
        else:
            st.rerun()


def outcome(jobs: Jobs, key: str) -> Job | None:
    """The job of a key if it is done; what went wrong with it is told."""
    job = jobs.get(key)
    if job is not None and job.error:
        st.warning(plain(job.error), icon=":material/error:")
    return job if job is not None and job.state == "done" else None


def offer(
    jobs: Jobs,
    key: str,
    title: str,
    work: Callable[[Progress], Any],
    label: str,
    /,
    *,
    command: str = "",
    done: Callable[[Any], None] | None = None,
    urgent: bool = True,
    **button: Any,
) -> None:
    """Offer work with a button and the command that does the same, follow it, or draw what came of it with ``done``.

    ``key``, ``title`` and ``work`` are the job's; ``button`` are further arguments of ``st.button``, with a ``key`` of
    its own.
    """
    if watch(jobs, key):
        return
    job = outcome(jobs, key)
    if job is not None and done is not None:
        done(job.result)
        return
    usual = {"key": f"button.{key}", "icon": ":material/play_arrow:", "type": "primary"}
    if st.button(label, **(usual | button)):
        jobs.submit(key, title, work, urgent)
        st.rerun()
    if command:
        st.caption("Or in a terminal:")
        st.code(command, language="bash", wrap_lines=True)


def at_once(
    jobs: Jobs,
    key: str,
    title: str,
    work: Callable[[Progress], Any],
    *,
    again: str = "Try again",
    anew: Collection[State] = (),
    words: str = "",
) -> Job | None:
    """The job of work that begins because somebody looks, once it is done; None while it is followed, or has failed.

    A job that ended in one of the states ``anew`` begins again by itself, any other that failed with the button
    ``again``. ``words`` stand above the progress.
    """
    job = jobs.get(key)
    if job is None or job.state in anew:
        job = jobs.submit(key, title, work, urgent=True)
        job.finished.wait(MOMENT)
    if watch(jobs, key, words) or outcome(jobs, key) is job:
        return job if job.state == "done" else None
    if st.button(again, icon=":material/refresh:", key=f"again.{key}"):
        jobs.submit(key, title, work, urgent=True)
        st.rerun()
    return None
