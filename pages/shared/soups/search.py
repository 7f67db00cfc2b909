"""A search: how it is set, how it is started, and what there is to watch while it goes."""

from __future__ import annotations

from functools import lru_cache

import streamlit as st

from core.cli import command_line
from core.jobs import Job, Jobs
from core.recipes import PrefixError
from core.soups import (
    Pool,
    SoupPlan,
    cut,
    evaluation_seconds,
    make_soup,
    most_evaluations,
    outcome_file,
    put_aside,
    trace_of,
)
from core.workspace import Lab
from pages.shared.app import job_status
from pages.shared.app.frame import one_sentence
from pages.shared.app.pace import machine
from pages.shared.soups import charts, search_charts, search_controls
from pages.shared.soups.tables import verdict_table
from pages.shared.soups.view import View
from pages.shared.widgets.chart_options import options
from pages.shared.widgets.escape import plain
from pages.shared.widgets.formatting import duration, percent


def key_of(lab: Lab, pool: Pool, plan: SoupPlan) -> str:
    """The key of the job that makes a plan's soup."""
    return f"{lab.name}:soup {outcome_file(lab, pool, plan).stem}"


@lru_cache(maxsize=8)
def _pace(lab: Lab, pool: Pool) -> float:
    return evaluation_seconds(lab, pool)


def start(lab: Lab, jobs: Jobs, pool: Pool, plan: SoupPlan) -> Job:
    """Begin, or go on; asking twice is one job."""
    return jobs.submit(
        key_of(lab, pool, plan), plan.title(), lambda progress: make_soup(lab, pool, plan, progress), True
    )


def discard(lab: Lab, jobs: Jobs, pool: Pool, plan: SoupPlan) -> None:
    """Stop for good: the trace is put aside once the work has stopped."""
    job = jobs.get(key_of(lab, pool, plan))
    if job is not None and job.active:
        jobs.cancel(job.key)
        job.finished.wait(30)
    put_aside(outcome_file(lab, pool, plan).with_suffix(".jsonl"))


def draw(lab: Lab, jobs: Jobs, pool: Pool, view: View) -> None:
    """The search that the controls describe."""
    follow(lab, jobs, pool, search_controls.plan_of(view))


def follow(lab: Lab, jobs: Jobs, pool: Pool, plan: SoupPlan) -> None:
    """One search: offered, under way, paused, or done."""
    try:
        groups = [group.title for group in cut(lab, pool, plan.partition).groups]
    except PrefixError as error:
        st.warning(plain(str(error)))
        return
    job = jobs.get(key_of(lab, pool, plan))
    if job is not None and job.active:
        st.fragment(_watch, run_every=job_status.BUSY)(lab, jobs, pool, plan, groups)
        return
    if outcome_file(lab, pool, plan).exists():
        st.success(
            f"**{plan.title()}** is made: see *Results*. Other settings make another soup.", icon=":material/check:"
        )
        _show(lab, pool, plan, groups)
        return
    if job is not None and job.error and job.state == "failed":
        st.warning(plain(job.error), icon=":material/error:")
    lines = trace_of(lab, pool, plan)
    _offer(lab, jobs, pool, plan, len([line for line in lines if "score" in line]))
    if lines:
        _show(lab, pool, plan, groups)
    else:
        _explain(plan, groups)


def _offer(lab: Lab, jobs: Jobs, pool: Pool, plan: SoupPlan, done: int) -> None:
    most = most_evaluations(lab, pool, plan)
    seconds = _pace(lab, pool) * max(most - done, 0)
    if done:
        st.info(
            f"**{plan.title()}** is paused after {done:,} of at most {most:,} evaluations.", icon=":material/pause:"
        )
    else:
        each = lab.task(pool.task).size("val")
        evaluations = f"at most {most:,} evaluations of {each:,} pictures each, " if most else ""
        st.info(
            f"**{plan.title()}** of {len(pool.ingredients)} ingredients: {evaluations}about {duration(seconds)} on "
            f"{machine(lab)} and less where τ skips candidates; it can be paused and goes on exactly where it was.",
            icon=":material/hourglass_empty:",
        )
    with st.container(horizontal=True):
        if st.button("Resume" if done else "Start", type="primary", icon=":material/play_arrow:", key="soups.start"):
            start(lab, jobs, pool, plan)
            st.rerun()
        if done:
            st.button(
                "Discard", icon=":material/delete:", key="soups.discard", on_click=discard, args=(lab, jobs, pool, plan)
            )
    if not done:
        st.code(command(lab, plan), language="bash")


def command(lab: Lab, plan: SoupPlan) -> str:
    """What makes the same soup in a terminal."""
    words = ["soup", plan.method.replace(" ", "-")]
    if plan.method in ("manifold", "learned"):
        words += ["--partition", plan.partition]
    if plan.method == "manifold":
        words += ["--preset", plan.preset] if plan.preset != "paper" else []
        words += [] if plan.budget is None else ["--budget", str(plan.budget)]
        words += [] if plan.tau is None else ["--tau", f"{plan.tau:g}"]
        words += ["--optimizer", plan.optimiser, *(["--seed", str(plan.seed)] if plan.seed else [])]
        words += ["--racing"] * plan.racing
    return command_line(lab, words)


def _explain(plan: SoupPlan, groups: list[str]) -> None:
    if plan.method in ("manifold", "learned"):
        unused = [g for g in groups if g.startswith("text tower")]
        st.markdown(f"**{plan.partition}** gives one factor to each of {len(groups)} components.")
        st.caption(" · ".join(charts.short(g) for g in groups))
        if unused:
            st.caption(
                f"As the paper's code cuts it: {len(unused)} of them belong to the text tower, which a classifier with "
                "a head never uses, so they change nothing and cost no evaluation here."
            )


def _watch(lab: Lab, jobs: Jobs, pool: Pool, plan: SoupPlan, groups: list[str]) -> None:
    with one_sentence():
        job = jobs.get(key_of(lab, pool, plan))
        if job is None or not job.active:
            st.rerun()
        job_status.bar(job, "at most ")
        with st.container(horizontal=True):
            st.button(
                "Pause",
                icon=":material/pause:",
                key="soups.pause",
                on_click=jobs.cancel,
                args=(job.key,),
                help="Stops after this evaluation and keeps everything; Resume goes on exactly there, tomorrow too.",
            )
            st.button(
                "Cancel",
                icon=":material/cancel:",
                key="soups.cancel",
                on_click=discard,
                args=(lab, jobs, pool, plan),
                help="Stops and puts the search aside.",
            )
        _show(lab, pool, plan, groups)


def _show(lab: Lab, pool: Pool, plan: SoupPlan, groups: list[str]) -> None:
    """The trace so far: the curve, λ now and at best, and the verdicts."""
    lines = trace_of(lab, pool, plan)
    tried = [line for line in lines if "score" in line]
    if not tried:
        st.caption("No evaluation yet: the ingredients themselves are being measured first.")
        return
    done = outcome_file(lab, pool, plan).exists()
    most = len(tried) if done else most_evaluations(lab, pool, plan)
    searched = [line for line in lines if "search" in line]
    st.plotly_chart(
        search_charts.progress(lines, most), key="soups.progress", config=options("search"), alt="Search so far"
    )
    best = max(tried, key=lambda line: (line["score"], line["tie"]))
    st.caption(
        (f"{len(tried):,} evaluations" if done else f"{len(tried):,} of at most {most:,} evaluations")
        + f"; best so far {percent(best['score'])} on val"
        + (f"; now mixing in {searched[-1]['candidate']}" if searched and not done else "")
        + "."
    )
    left, right = st.columns(2, gap="medium") if searched else (st.container(), st.container())
    with left:
        if searched:
            here = [line for line in lines[lines.index(searched[-1]) :] if "factors" in line and "score" in line]
            if here:
                top = max(here, key=lambda line: (line["score"], line["tie"]))
                chart = search_charts.factors(groups, here[-1]["factors"], top["factors"])
                st.plotly_chart(
                    chart, key="soups.factors", config=options("factors"), alt="Mixing factor per component"
                )
    with right:
        if verdicts := [line for line in lines if "verdict" in line]:
            st.dataframe(verdict_table(verdicts), hide_index=True, placeholder="–")
