"""The controls of the α page: which tasks, which chart, which α, and what to take away."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.jobs import Jobs
from core.patching import Curve
from core.workspace import Lab
from pages.shared.alpha import build_offer
from pages.shared.alpha import view as alpha_view
from pages.shared.alpha.view import View
from pages.shared.app import job_status
from pages.shared.widgets import pickers, tables
from pages.shared.widgets.copy_link import copy_link
from pages.shared.widgets.formatting import alpha_text

VIEW, EXACT = "alpha.view", "alpha.exact"


def pick(lab: Lab, view: View, anew: bool) -> View:
    """Which task to patch, with which supported tasks, on which chart."""
    if not view.task:
        return view
    keys = {"alpha.task": view.task, "alpha.supported": list(view.supported), "alpha.plot": view.plot}
    pickers.seed(keys, anew)
    task = pickers.patch(lab, "alpha.task")
    supported = pickers.supported_tasks(lab, task, "alpha.supported") or tuple(lab.default_supported())
    plots = alpha_view.PLOTS
    plot = st.segmented_control(
        "Chart",
        list(plots),
        key="alpha.plot",
        required=True,
        format_func=plots.get,
        width="stretch",
        help="*Frontier*: the patching task against the supported ones, as in PAINT Figure 1. *Over α*: every task's "
        "accuracy at each α.",
    )
    if task != view.task:
        return View(task, supported, None, plot, lab.trained_on(task)[0])
    return replace(view, supported=supported, plot=plot)


def choose(lab: Lab, jobs: Jobs, view: View, curve: Curve) -> None:
    """Which α: the one that validation chooses, or any hundredth."""
    st.session_state[EXACT] = view.alpha
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
    if view.alpha not in curve.alphas:
        _pending(lab, jobs, view, curve)
    rule = st.container(gap="xsmall")
    rule.button(
        "Choose α on validation",
        icon=":material/star:",
        key="alpha.choose",
        on_click=_set,
        args=(curve.chosen,),
        width="stretch",
        help=f"α = {alpha_text(curve.chosen)}, chosen among the {len(curve.alphas)} evaluated ones on *val* pictures. "
        "Test pictures only show, and never choose.",
    )
    rule.caption("Highest combined accuracy on val; the smallest of equals.")
    _within(curve)


def _within(curve: Curve) -> None:
    """The other rule: the most of the patch that costs the supported tasks no more than one says."""
    points = st.number_input(
        "May cost (points)",
        min_value=0.0,
        max_value=100.0,
        value=1.0,
        step=0.5,
        format="%.1f",
        key="alpha.loss",
        help="Points of accuracy that the supported tasks may lose on val, against the base.",
    )
    alpha = curve.chosen_within(points / 100)
    st.button(
        f"Most patch for that: {alpha_text(alpha)}",
        icon=":material/shield:",
        key="alpha.within",
        on_click=_set,
        args=(alpha,),
        width="stretch",
        help="The α that is best at the patching task on *val* pictures, of those that cost the supported tasks no "
        "more than that. Test pictures only show, and never choose.",
    )


def take_away(lab: Lab, view: View, curve: Curve) -> None:
    """The link, the curve and the recipe."""
    shown = curve.nearest(view.alpha)
    share, take = st.columns([1, 1.25])
    with share:
        copy_link("alpha.copy")
    with take.popover("Download", icon=":material/download:", width="stretch"):
        recipe, name = lab.patch(view.task, shown), f"{view.task}-alpha{alpha_text(shown)}"
        _download("Curve (CSV)", lambda: tables.curve_csv(curve), f"{view.task}-curve.csv", "text/csv")
        _download("Recipe (JSON)", recipe.to_json, f"{name}-recipe.json", "application/json")
        st.caption("The picture (PNG): the camera above the chart.")


def _download(label: str, make, name: str, mime: str) -> None:
    st.download_button(label, make, file_name=name, mime=mime, on_click="ignore", width="stretch")


def _pending(lab: Lab, jobs: Jobs, view: View, curve: Curve) -> None:
    asked, shown = alpha_text(view.alpha), alpha_text(curve.nearest(view.alpha))
    point = (lab, jobs, view.task, view.alpha, curve.supported)
    key = build_offer.point_key(lab, *point[2:])
    if job_status.watch(jobs, key, f":small[α = {asked} is being evaluated; what you see is α = {shown}.]"):
        return
    job_status.outcome(jobs, key)
    st.caption(f"What you see is α = {shown}.")
    st.button(
        f"Evaluate α = {asked}", key="alpha.again", width="stretch", on_click=build_offer.evaluate_point, args=point
    )


def _typed() -> None:
    value = st.session_state.get(EXACT)
    if value is not None:
        _set(round(value, 2))


def _set(alpha: float) -> None:
    st.session_state[VIEW] = replace(st.session_state[VIEW], alpha=alpha)
