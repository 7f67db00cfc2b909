"""The live part of the α page: slider, chart, figures. A fragment that holds no more than has to follow a drag."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.patching import Curve, against_base
from core.workspace import Lab
from pages.shared.app.frame import one_sentence
from pages.shared.components.live_slider import last_move, live_slider
from pages.shared.widgets import chart_options, metric_row
from pages.shared.widgets.formatting import alpha_text, listed, percent, points
from pages.shared.widgets.metric_row import Figure
from pages.shared.widgets.pickers import role_mark

VIEW, CURVE, SETTLED = "alpha.view", "alpha.curve", "alpha.settled"
SLIDER, TOLD, STAMP = "alpha.slider", "alpha.told", "alpha.stamp"


def draw(lab: Lab, found: Curve) -> None:
    """Draw the live part; it reads the view from the session, so that the slider can move it."""
    st.session_state[CURVE] = found
    st.session_state.pop(SETTLED, None)
    _live(lab)


@st.fragment
def _live(lab: Lab) -> None:
    with one_sentence():
        if st.session_state.pop(SETTLED, False):
            st.rerun()  # the hand has let go: the address and the details below follow now
        view, found = st.session_state[VIEW], st.session_state[CURVE]
        shown = found.nearest(view.alpha)
        if shown != st.session_state.get(TOLD):  # not the slider's own word, so the slider has to hear it
            st.session_state[TOLD], st.session_state[STAMP] = shown, st.session_state.get(STAMP, 0) + 1
        live_slider(SLIDER, shown, found.alphas, found.chosen, st.session_state[STAMP], _moved)
        st.plotly_chart(
            (chart_options.frontier if view.plot == "frontier" else chart_options.over_alpha)(found, shown),
            key=f"alpha.chart.{view.plot}",
            config=chart_options.options(f"{view.task}-alpha{alpha_text(shown)}-{view.plot}"),
            alt=f"Accuracy of {listed([lab.task(n).title for n in (*found.patching, *found.supported)])} over α",
        )
        metric_row.row(_row(lab, found, shown))


def _moved() -> None:
    move, view, found = last_move(SLIDER), st.session_state.get(VIEW), st.session_state.get(CURVE)
    if move is None or view is None or found is None or move.alpha not in found.alphas:
        return
    st.session_state[VIEW], st.session_state[TOLD] = replace(view, alpha=move.alpha), move.alpha
    st.session_state[SETTLED] = move.settled


def _row(lab: Lab, found: Curve, shown: float) -> list[Figure]:
    now, base = found.at(shown), found.test[0]

    def one(name: str) -> Figure:
        flips, accuracy = against_base(found, name, shown), now.accuracies[name]
        return Figure(role_mark(lab, name), accuracy.value, accuracy, flips.difference, flips)

    def side(tasks: tuple[str, ...], most: int, of, label: str) -> list[Figure]:
        if len(tasks) <= most:
            return [one(name) for name in tasks]
        mean, each = of(now), ", ".join(f"{lab.task(n).title} {percent(now.accuracies[n].value)}" for n in tasks)
        return [Figure(label.format(len(tasks)), mean.value, mean, mean.value - of(base).value, None, f"{each}.")]

    patching = side(found.patching, 1, found.patching_mean, ":green[●] Mean of {} patching")
    supported = side(found.supported, 2, found.supported_mean, ":blue[●] Mean of {} supported")
    better = found.at(found.chosen).combined - now.combined
    note = "α as chosen on val" if shown == found.chosen else f"{points(better)} at the chosen α"
    combined = Figure(":violet[●] Combined", now.combined, None, now.combined - base.combined, None, note)
    return [*patching, *supported, combined]
