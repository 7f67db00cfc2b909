"""The controls of the page for many tasks: which comparison, which figure, and what to take away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from core.cli import comparison_command
from core.jobs import Jobs
from core.patching import SEQUENTIAL, Comparison, is_current, plan_of
from core.workspace import Lab
from pages.shared.strategies import charts, mix, results
from pages.shared.strategies.alphas import start, tasks_of
from pages.shared.strategies.view import FIGURES, NEW, SIDES, View
from pages.shared.widgets.chart_options import options
from pages.shared.widgets.copy_link import copy_link
from pages.shared.widgets.formatting import listed
from pages.shared.widgets.pickers import seed

SHOWN = "many.shown"


def titles(kept: Mapping[str, Comparison]) -> dict[str, str]:
    """A comparison in a few words, by key; those that read alike get a piece of their key."""
    names = {k: f"{len(tasks_of(o))} tasks, {o.facts['budget']:,} steps" for k, o in kept.items()}
    alike = [words for words in names.values() if list(names.values()).count(words) > 1]
    return {key: f"{words} · {key[:4]}" if words in alike else words for key, words in names.items()}


def pick(kept: Mapping[str, Comparison], view: View, anew: bool) -> View:
    """Which comparison."""
    names = titles(kept) | {NEW: "Compare others …"}
    seed({"many.compare": view.key}, anew or st.session_state.get(SHOWN) != view.key)
    st.session_state[SHOWN] = view.key  # a comparison that was made just now is shown without anybody picking it
    key = st.selectbox("Comparison", list(names), key="many.compare", format_func=names.get)
    if key != view.key:
        view = View(key, request=view.request)
    if key == NEW:
        st.caption("Pick tasks and a budget; what is missing is trained and evaluated in the background, and kept.")
        copy_link("many.copy.new")
    return view


def look(outcome: Comparison, view: View, anew: bool) -> View:
    """Which figure of it, and which side or order."""
    seed({"many.figure": view.figure, "many.side": view.side, "many.order": view.order}, anew)
    with st.container(horizontal=True, gap="medium"):
        figure = st.segmented_control(
            "Figure",
            list(FIGURES),
            key="many.figure",
            required=True,
            format_func=FIGURES.get,
            help="*Strategies*: PAINT Figure 5. *Tasks*: every task under every strategy. *Sequence*: what was learnt "
            "and forgotten, step by step. *Mix*: steer the α_i of parallel patching yourself.",
        )
        view = replace(view, figure=figure)
        if figure == "bars":
            names = {"label": "Accuracy", "options": list(SIDES), "format_func": SIDES.get}
            return replace(view, side=st.segmented_control(key="many.side", required=True, **names))
        if figure == "sequence":
            return replace(view, order=_order(outcome))
    return view


def _order(outcome: Comparison) -> int:
    rows = outcome.of(SEQUENTIAL)
    if st.session_state["many.order"] not in range(len(rows)):
        st.session_state["many.order"] = 0
    return st.selectbox(
        "Order",
        range(len(rows)),
        key="many.order",
        format_func=lambda i: f"{i + 1}: {' → '.join(rows[i].order)}",
        help="Orders of the same tasks; the numbers are means over all of them.",
    )


def facts(lab: Lab, view: View, outcome: Comparison) -> None:
    """What is compared, and what can be taken away."""
    patching, supported = (
        [lab.task(name).title for name in tasks_of(outcome, side)] for side in ("tasks", "supported")
    )
    drawn = outcome.facts["orders"]
    orders = "in this order" if drawn == 0 else f"{drawn} order{'s' if drawn != 1 else ''}"
    st.caption(
        f"{listed(patching)} to patch, with {listed(supported)} as supported; "
        f"{outcome.facts['steps_each']:,} steps for each task; {orders}. α chosen on *val*, "
        "shown on *test*."
    )
    if not is_current(lab, view.key, outcome):
        st.warning("Made with another base or other pictures than this workspace has now; compare again.")
    share, take = st.columns([1, 1.25])
    with share:
        copy_link("many.copy")
    with take.popover("Download", icon=":material/download:", width="stretch"):
        name = f"strategies-{view.key}"
        for label, make, mime in (("CSV", outcome.to_csv, "text/csv"), ("JSON", outcome.to_json, "application/json")):
            file = f"{name}.{label.lower()}"
            st.download_button(
                f"Everything ({label})", make, file_name=file, mime=mime, on_click="ignore", width="stretch"
            )
        st.caption("The command that repeats it:")
        st.code(comparison_command(lab, plan_of(outcome)), language="bash", wrap_lines=True)


def theme() -> str:
    """Whether the visitor looks at a light or a dark page."""
    return st.context.theme.type or "light"


def figure(lab: Lab, jobs: Jobs, view: View, outcome: Comparison) -> View:
    """The main figure, the numbers that answer, and the way on; returns the view with the result that was picked."""
    if view.figure == "mix":
        alphas = view.alphas or start(outcome)
        results.weights_of_tasks(lab, jobs, outcome)
        mix.draw(lab, jobs, outcome, alphas)
        results.go_on_with_mix(lab, outcome, view, alphas)
        return view
    if view.figure == "bars":
        drawn, alt = charts.bars(outcome, view.side, view.result), "Accuracy of each strategy"
    elif view.figure == "tasks":
        drawn, alt = charts.tasks(lab, outcome, theme()), "Accuracy of each task under each strategy"
    else:
        drawn, alt = charts.sequence(lab, outcome, view.order, theme()), "Accuracy of each task after each step"
    st.plotly_chart(drawn, key=f"many.chart.{view.figure}", config=options(f"many-tasks-{view.figure}"), alt=alt)
    if view.figure == "sequence":
        results.forgotten(outcome)
    else:
        results.numbers(outcome, view.side if view.figure == "bars" else "combined")
    results.verdicts(outcome)
    return replace(view, result=results.go_on_with(lab, jobs, outcome, view))
