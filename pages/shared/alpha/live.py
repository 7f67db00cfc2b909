"""The live part of the α page: slider, chart, figures. A fragment that holds no more than has to follow a drag."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.patching import Curve, against_base
from core.workspace import Lab
from pages.shared.app.frame import one_sentence
from pages.shared.components.live_control import LiveControl, Move
from pages.shared.components.live_slider import live_slider
from pages.shared.widgets import chart_options, metric_row
from pages.shared.widgets.formatting import alpha_text, listed, percent, points
from pages.shared.widgets.metric_row import Figure
from pages.shared.widgets.pickers import role_mark

VIEW, CURVE = "alpha.view", "alpha.curve"
SLIDER = LiveControl("alpha.slider")


def draw(lab: Lab, curve: Curve) -> None:
    """Draw the live part; it reads the view from the session, so that the slider can move it."""
    st.session_state[CURVE] = curve
    SLIDER.has_settled()  # the whole page is drawn anyway
    _live(lab)


@st.fragment
def _live(lab: Lab) -> None:
    with one_sentence():
        if SLIDER.has_settled():
            st.rerun()  # the hand has let go: the address and the details below follow now
        view, curve = st.session_state[VIEW], st.session_state[CURVE]
        shown = curve.nearest(view.alpha)
        live_slider(SLIDER, shown, curve.alphas, curve.chosen, _moved)
        st.plotly_chart(
            (chart_options.frontier if view.plot == "frontier" else chart_options.over_alpha)(curve, shown),
            key=f"alpha.chart.{view.plot}",
            config=chart_options.options(f"{view.task}-alpha{alpha_text(shown)}-{view.plot}"),
            alt=f"Accuracy of {listed([lab.task(n).title for n in (*curve.patching, *curve.supported)])} over α",
        )
        metric_row.row(_row(lab, curve, shown))


def _moved(move: Move) -> bool:
    view, curve = st.session_state.get(VIEW), st.session_state.get(CURVE)
    if view is None or curve is None or move.value not in curve.alphas:
        return False
    st.session_state[VIEW] = replace(view, alpha=move.value)
    return True


def _row(lab: Lab, curve: Curve, shown: float) -> list[Figure]:
    now, base = curve.at(shown), curve.test[0]

    def one(name: str) -> Figure:
        flips, accuracy = against_base(curve, name, shown), now.accuracies[name]
        return Figure(role_mark(lab, name), accuracy.value, accuracy, flips.difference, flips)

    def side(tasks: tuple[str, ...], most: int, of, label: str) -> list[Figure]:
        if len(tasks) <= most:
            return [one(name) for name in tasks]
        mean, each = of(now), ", ".join(f"{lab.task(n).title} {percent(now.accuracies[n].value)}" for n in tasks)
        return [Figure(label.format(len(tasks)), mean.value, mean, mean.value - of(base).value, None, f"{each}.")]

    patching = side(curve.patching, 1, curve.patching_mean, ":green[●] Mean of {} patching")
    supported = side(curve.supported, 2, curve.supported_mean, ":blue[●] Mean of {} supported")
    better = curve.at(curve.chosen).combined - now.combined
    note = "α as chosen on val" if shown == curve.chosen else f"{points(better)} at the chosen α"
    combined = Figure(":violet[●] Combined", now.combined, None, now.combined - base.combined, None, note)
    return [*patching, *supported, combined]
