"""Mixing in parallel by hand: live sliders α_i, what the mix is worth on val, and where it stands among others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.jobs import Job, Jobs
from core.metrics import Accuracy, combined, mean
from core.patching import (
    EXHAUSTIVE,
    SEARCHED,
    SHARED,
    UNPATCHED,
    Comparison,
    evaluate_on,
)
from core.workspace import Lab
from pages.shared.app import job_status
from pages.shared.app.frame import one_sentence
from pages.shared.components.alpha_sliders import Line, Preset, alpha_sliders
from pages.shared.components.live_control import LiveControl, Move
from pages.shared.strategies import mix_charts
from pages.shared.strategies.alphas import (
    Alphas,
    TaskEstimate,
    estimator,
    kept,
    named,
    recipe,
    start,
    tasks_of,
    tuned_of,
    worth,
)
from pages.shared.widgets import colours
from pages.shared.widgets.chart_options import options
from pages.shared.widgets.escape import plain
from pages.shared.widgets.formatting import interval, percent, points

VIEW, PLANE = "many.view", "many.plane"
SLIDERS = LiveControl("many.mixer", digits=4)
JOB, LEFT = "many.job", "many.left"


def draw(lab: Lab, jobs: Jobs, outcome: Comparison, alphas: Alphas) -> None:
    """Draw the sliders and what follows them; the view in the session holds the α_i."""
    enabled = tuned_of(lab, outcome).here
    job = _whole_val(lab, jobs, outcome, alphas) if enabled else None
    busy = job is not None and job.active
    SLIDERS.has_settled()  # the whole page is drawn anyway
    st.fragment(_live, run_every=job_status.BUSY if busy else None)(lab, jobs, outcome, enabled, job.key if job else "")
    if enabled:  # after all that is drawn already, and before somebody drags
        estimator(lab, lab.name, (*tasks_of(outcome), *tasks_of(outcome, "supported")))


def _whole_val(lab: Lab, jobs: Jobs, outcome: Comparison, alphas: Alphas) -> Job | None:
    """The job that evaluates a mix on the whole of val, asked for once; the one of the last mix is called off."""
    every, mix = [*tasks_of(outcome), *tasks_of(outcome, "supported")], recipe(lab, outcome, alphas)
    if kept(lab, outcome, alphas) or all(lab.is_cached(mix, task, "val") for task in every):
        return None
    key = f"{lab.name}:mix {lab.weights_key(mix)[:16]} {'+'.join(every)}"
    left = st.session_state.setdefault(LEFT, set())  # called off because somebody went on, not because they said so
    if (last := st.session_state.get(JOB)) and last != key and last not in left:
        jobs.cancel(last)
        left.add(last)
    known = jobs.get(key)
    if known is not None and known.state != "done" and key not in left:
        return known
    left.discard(key)
    st.session_state[JOB] = key
    return jobs.submit(key, "This mix on val", lambda p: evaluate_on(lab, mix, every, "val", p), urgent=True)


def _live(lab: Lab, jobs: Jobs, outcome: Comparison, enabled: bool, job_key: str) -> None:
    with one_sentence():
        job = jobs.get(job_key)
        if SLIDERS.has_settled() or (job_key and (job is None or job.state == "done")):
            st.rerun()  # the hand has let go, or the whole of val is there: the address and the rest follow
        alphas = st.session_state[VIEW].alphas or start(outcome)
        moving = SLIDERS.held_at(alphas)
        if not enabled and kept(lab, outcome, alphas) is None:
            alphas = start(outcome)
        estimates = worth(lab, outcome, alphas, not moving)
        together = combined(*([estimates[t].now for t in tasks_of(outcome, side)] for side in ("tasks", "supported")))
        alpha_sliders(SLIDERS, _lines(lab, outcome, estimates), alphas, _presets(outcome), _moved, enabled)
        _summary(outcome, estimates, job, moving)
        _chart(lab, outcome, alphas, together)


def _chart(lab: Lab, outcome: Comparison, alphas: Alphas, together: Accuracy) -> None:
    if len(alphas) != 2:
        figure = mix_charts.line(outcome, alphas, together, start(outcome))
        st.plotly_chart(figure, key="many.line", config=options("parallel"), alt="Combined accuracy over the sum of α")
        return
    st.plotly_chart(
        mix_charts.plane(lab, outcome, alphas, start(outcome)),
        key=PLANE,
        config=options("parallel"),
        on_select=_picked,
        selection_mode="points",
        alt="Combined accuracy on val over both α",
    )


def _summary(outcome: Comparison, estimates: dict[str, TaskEstimate], job: Job | None, moving: bool) -> None:
    last = _means(outcome, estimates)["Combined"]
    shown = f"Combined {percent(last.now.value)} [{interval(last.now)}], "
    shown += f"{points(last.now.value - last.base.value)} from the base"
    whole = sum(w.whole for w in estimates.values())
    if whole == len(estimates):
        st.caption(f"{shown}, on the whole of val, n = {last.now.n:,}. α is chosen there; test only shows.")
    elif moving or job is None:
        st.caption(f"{shown}: an estimate from {last.now.n} val pictures, always the same. Let go for all of val.")
    elif job.active:
        st.caption(f"{shown}: {whole} of {len(estimates)} tasks on the whole of val so far; the rest is an estimate.")
    else:
        st.caption(f":material/error: {plain(job.error)} {shown}: in part an estimate from few pictures.")


def _means(outcome: Comparison, estimates: dict[str, TaskEstimate]) -> dict[str, TaskEstimate]:
    """The means over patching and over supported tasks, and the combined accuracy."""
    sides = [[estimates[task] for task in tasks_of(outcome, side)] for side in ("tasks", "supported")]
    whole = all(w.whole for w in estimates.values())
    rows = {}
    if len(sides[0]) > 1:
        rows["Mean of patching"] = TaskEstimate(
            mean([w.now for w in sides[0]]), mean([w.base for w in sides[0]]), whole
        )
    if len(sides[1]) > 1:
        rows["Mean of supported"] = TaskEstimate(
            mean([w.now for w in sides[1]]), mean([w.base for w in sides[1]]), whole
        )
    now, base = (combined(*([getattr(w, when) for w in side] for side in sides)) for when in ("now", "base"))
    return {**rows, "Combined": TaskEstimate(now, base, whole)}


def _lines(lab: Lab, outcome: Comparison, estimates: dict[str, TaskEstimate]) -> list[Line]:
    patching = tasks_of(outcome)
    lines = [_line(lab.task(t).title, colours.ROLES[lab.task(t).role], t in patching, w) for t, w in estimates.items()]
    marks = {"Mean of patching": colours.PATCHING, "Mean of supported": colours.SUPPORTED, "Combined": colours.PATCH}
    return [*lines, *(_line(name, marks[name], False, w) for name, w in _means(outcome, estimates).items())]


def _line(title: str, colour: str, slider: bool, w: TaskEstimate) -> Line:
    about, estimate = ("", "") if w.whole else ("≈ ", ", an estimate")
    difference = points(w.now.value - w.base.value).removesuffix(" points")
    tooltip = f"n = {w.now.n:,} val pictures{estimate}; 95 %: {interval(w.now)}"
    base, mix = percent(w.base.value), about + percent(w.now.value)
    return Line(title, colour, slider, base, mix, interval(w.now), difference, w.whole, tooltip)


def _presets(outcome: Comparison) -> Sequence[Preset]:
    titles = {
        UNPATCHED: "Unpatched",
        SHARED: "Best shared α",
        SEARCHED: "Searched αᵢ",
        EXHAUSTIVE: "Best of every mix",
    }
    return [Preset(titles[row.strategy], row.note or row.strategy, alphas) for alphas, row in named(outcome).items()]


def _moved(move: Move) -> bool:
    if (view := st.session_state.get(VIEW)) is None:
        return False
    st.session_state[VIEW] = replace(view, alphas=move.value)
    return True


def _picked() -> None:
    chosen = (st.session_state.get(PLANE) or {}).get("selection", {}).get("points", [])
    if chosen:
        alphas = tuple(round(min(1.0, max(0.0, float(chosen[0][axis]))), 4) for axis in "xy")
        st.session_state[VIEW] = replace(st.session_state[VIEW], alphas=alphas)
        SLIDERS.settle()
