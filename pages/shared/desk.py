"""The live part of the α page: controls, the main figure, the row of figures. A fragment, so that it can follow a drag.

``prepare`` runs once per page run and finds what is known; ``_live`` runs for every value that the slider sends, and
only reads what ``prepare`` found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.jobs import Jobs
from core.lab import Lab
from core.metrics import Paired
from pages.shared import address, alpha_view, charts, figures, live_slider, missing, pickers, tables, waiting
from pages.shared.alpha_view import View
from pages.shared.copy_link import copy_link
from pages.shared.curve import Curve, against_base, curve, known_alphas
from pages.shared.figures import Figure
from pages.shared.frame import controls_and_main, one_sentence
from pages.shared.wording import alpha_text, listed, percent, points

CURVE, VIEW, FULL = "alpha.curve", "alpha.view", "alpha.full"
SLIDER, EXACT, TOLD, STAMP = "alpha.slider", "alpha.exact", "alpha.told", "alpha.stamp"


def prepare(lab: Lab, jobs: Jobs, view: View) -> tuple[View, Curve | None]:
    """What can be shown of a view now: its curve over those supported tasks whose results are there, or None.

    An α in the view that was not evaluated yet becomes an urgent job, once.
    """
    st.session_state.pop(FULL, None)
    if not view.task:
        st.session_state[CURVE] = None
        return view, None
    found = _known_curve(lab, view.task, view.supported)
    if found is not None:
        if view.alpha is None:
            view = replace(view, alpha=found.chosen)
        if (
            view.alpha not in found.alphas
            and missing.point_job(lab, jobs, view.task, view.alpha, found.supported) is None
        ):
            missing.evaluate_point(lab, jobs, view.task, view.alpha, found.supported)
    st.session_state[CURVE] = found
    return view, found


def _known_curve(lab: Lab, task: str, supported: Sequence[str]) -> Curve | None:
    if task not in lab.zoo:
        return None
    known = {name: known_alphas(lab, task, name) for name in (task, *supported)}
    usable = [name for name in supported if {0.0, 1.0} <= known[name] & known[task]]
    alphas = sorted(known[task].intersection(*(known[name] for name in usable)))
    return curve(lab, task, usable, alphas) if usable else None


def draw(lab: Lab, jobs: Jobs, anew: bool) -> None:
    """Draw the live part."""
    view = st.session_state[VIEW]
    keys = {"alpha.task": view.task, "alpha.supported": list(view.supported), "alpha.plot": view.plot}
    pickers.seed(keys, anew)
    _live(lab, jobs)


@st.fragment
def _live(lab: Lab, jobs: Jobs) -> None:
    with one_sentence():
        if st.session_state.pop(FULL, False):
            st.rerun()
        controls, main = controls_and_main()
        with controls:
            _pick(lab)
        view, found = st.session_state[VIEW], st.session_state[CURVE]
        if found is None:
            with main:
                _nothing_yet(lab, jobs, view)
            return
        shown = found.nearest(view.alpha)
        with controls:
            _steer(lab, jobs, view, found, shown)
        with main:
            _show(lab, jobs, view, found, shown)


def _pick(lab: Lab) -> None:
    view = st.session_state[VIEW]
    if not view.task:
        return
    task = pickers.patching_task(lab, "alpha.task")
    supported = pickers.supported_tasks(lab, task, "alpha.supported") or view.supported
    if task != view.task:
        view = View(task, supported, None, view.plot, task)
    picked = replace(view, supported=supported)
    if picked != st.session_state[VIEW]:
        address.save("alpha", picked, alpha_view.write)
        st.rerun()


def _steer(lab: Lab, jobs: Jobs, view: View, found: Curve, shown: float) -> None:
    if shown != st.session_state.get(TOLD):  # not the slider's own word, so the slider has to hear it
        st.session_state[TOLD], st.session_state[STAMP] = shown, st.session_state.get(STAMP, 0) + 1
    live_slider.live_slider(SLIDER, shown, found.alphas, found.chosen, st.session_state[STAMP], _slid)
    st.session_state[EXACT] = view.alpha
    choose = st.container(gap="xsmall")
    choose.button(
        "Choose α on validation",
        icon=":material/star:",
        key="alpha.choose",
        on_click=_set,
        args=(found.chosen,),
        width="stretch",
        help=f"α = {alpha_text(found.chosen)}, chosen among the {len(found.alphas)} evaluated ones on *val* pictures. "
        "Test pictures only show, and never choose.",
    )
    choose.caption("Highest combined accuracy on val; the smallest of equals.")
    st.number_input(
        "Exact α",
        min_value=0.0,
        max_value=1.0,
        step=0.01,
        format="%.2f",
        key=EXACT,
        on_change=_typed,
        help="Any hundredth. If it was not evaluated yet, that is done then, and kept: the slider stops there, too.",
    )
    if view.alpha != shown:
        _pending(lab, jobs, view, found, shown)
    share, take = st.columns([1, 1.25])
    with share:
        copy_link("alpha.copy")
    with take.popover("Download", icon=":material/download:", width="stretch"):
        _downloads(lab, view, found, shown)


def _nothing_yet(lab: Lab, jobs: Jobs, view: View) -> None:
    if view.task:
        missing.offer_curve(lab, jobs, view.task, view.supported)
    else:
        st.info(f"{lab.name} has no task to patch; add one with the role “patching” to its catalogue.")


def _pending(lab: Lab, jobs: Jobs, view: View, found: Curve, shown: float) -> None:
    job = missing.point_job(lab, jobs, view.task, view.alpha, found.supported)
    if job is not None and job.active:
        st.caption(f"α = {alpha_text(view.alpha)} is being evaluated; what you see is α = {alpha_text(shown)}.")
        waiting.watch(jobs, job.key)
        return
    if job is not None and job.error:
        st.caption(f":material/error: {job.error}")
    again = {"args": (lab, jobs, view.task, view.alpha, found.supported), "on_click": missing.evaluate_point}
    if st.button(f"Evaluate α = {alpha_text(view.alpha)}", key="alpha.again", width="stretch", **again):
        st.rerun()


def _downloads(lab: Lab, view: View, found: Curve, shown: float) -> None:
    def button(label: str, make, name: str, mime: str) -> None:
        st.download_button(label, make, file_name=name, mime=mime, on_click="ignore", width="stretch")

    recipe = lab.patch(view.task, shown)
    button("Curve (CSV)", lambda: tables.curve_csv(found), f"{view.task}-curve.csv", "text/csv")
    name = f"{view.task}-alpha{alpha_text(shown)}-recipe.json"
    button("Recipe (JSON)", recipe.to_json, name, "application/json")
    st.caption("The picture (PNG): the camera above the chart.")


def _slid() -> None:
    move = live_slider.last_move(SLIDER)
    view, found = st.session_state.get(VIEW), st.session_state.get(CURVE)
    if move is None or view is None or found is None or move.alpha not in found.alphas:
        return
    st.session_state[VIEW], st.session_state[TOLD] = replace(view, alpha=move.alpha), move.alpha
    st.session_state[FULL] = move.settled


def _typed() -> None:
    value = st.session_state.get(EXACT)
    if value is not None:
        _set(round(value, 2))


def _set(alpha: float) -> None:
    st.session_state[VIEW], st.session_state[FULL] = replace(st.session_state[VIEW], alpha=alpha), True


def _show(lab: Lab, jobs: Jobs, view: View, found: Curve, shown: float) -> None:
    _plot_toggle(view)
    draw_chart = charts.frontier if st.session_state["alpha.plot"] == "frontier" else charts.over_alpha
    st.plotly_chart(
        draw_chart(found, shown),
        key=f"alpha.chart.{st.session_state['alpha.plot']}",
        config=charts.options(f"{view.task}-alpha{alpha_text(shown)}-{st.session_state['alpha.plot']}"),
        alt=f"Accuracy of {listed([lab.task(n).title for n in (view.task, *found.supported)])} over α",
    )
    figures.row(_row(lab, found, shown))
    if rest := [name for name in view.supported if name not in found.supported]:
        st.caption(f"Shown with {listed([lab.task(n).title for n in found.supported])} alone for now.")
        missing.offer_curve(lab, jobs, view.task, [*found.supported, *rest])


def _plot_toggle(view: View) -> None:
    plots = alpha_view.PLOTS
    st.segmented_control(
        "Chart", list(plots), key="alpha.plot", required=True, format_func=plots.get, label_visibility="collapsed"
    )
    if st.session_state["alpha.plot"] != view.plot:
        address.save("alpha", replace(view, plot=st.session_state["alpha.plot"]), alpha_view.write)


def _row(lab: Lab, found: Curve, shown: float) -> list[Figure]:
    now, base = found.at(shown), found.test[0]

    def one(name: str) -> Figure:
        flips: Paired = against_base(found, name, shown)
        accuracy = now.accuracies[name]
        return Figure(pickers.role_mark(lab, name), accuracy.value, accuracy, flips.difference, flips)

    supported = [one(name) for name in found.supported]
    if len(supported) > 2:
        mean, before = found.supported_mean(now), found.supported_mean(base)
        each = ", ".join(f"{lab.task(n).title} {percent(now.accuracies[n].value)}" for n in found.supported)
        label = f":blue[●] Mean of {len(supported)} supported"
        supported = [Figure(label, mean.value, mean, mean.value - before.value, None, f"{each}.")]
    lost = found.at(found.chosen).combined - now.combined
    note = "the chosen α" if shown == found.chosen else f"{points(lost)} at the chosen α"
    combined = Figure(":violet[●] Combined", now.combined, None, now.combined - base.combined, None, note)
    return [one(found.task), *supported, combined]
