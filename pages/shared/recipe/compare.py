"""Two mixes side by side: how far their weights are apart, what they score, and what the one fixed and broke."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from core.jobs import Jobs
from core.workspace import Distance, Lab, Mix, distances
from pages.shared.recipe import measure
from pages.shared.widgets import colours, flips, tables
from pages.shared.widgets.chart_options import GRID, options
from pages.shared.widgets.coefficients import part
from pages.shared.widgets.escape import plain

FLIPS = ("fixed", "broken")


def draw(lab: Lab, jobs: Jobs, mix: Mix, other: Mix, task: str) -> str:
    """Draw the comparison; returns the task whose pictures are looked at, empty if there is none."""
    if lab.weights_key(mix.recipe) == lab.weights_key(other.recipe):
        st.info("These two are the same weights. Choose another mix to compare with.", icon=":material/equal:")
        return ""
    with st.spinner("Comparing the weights …"):
        by_block = distances(lab, other.recipe, mix.recipe)
    st.plotly_chart(
        _chart(by_block), key="recipe.distances", config=options("distances"), alt="Distance of the weights per block"
    )
    st.caption(
        f"How far each part of {plain(mix.title)} is from {plain(other.title)}: ‖difference‖ ÷ ‖{plain(other.title)}‖."
    )
    measure.row(lab, mix, other)
    st.subheader("Accuracy on test, with a paired test", anchor=False)
    measure.draw_table(lab, mix, other)
    measure.offer(lab, jobs, (mix, other), "recipe.both")
    return _flips(lab, mix, other, task)


def _chart(by_block: dict[str, Distance]) -> go.Figure:
    bars = {
        "type": "bar",
        "x": [part(p) for p in by_block],
        "y": [100 * d.relative for d in by_block.values()],
        "customdata": [(d.cosine, d.numbers) for d in by_block.values()],
        "marker": {"color": colours.PATCH},
        "hovertemplate": "%{x}<br>distance %{y:.2f} %<br>cosine %{customdata[0]:.5f}<br>"
        "n = %{customdata[1]:,} weights<extra></extra>",
    }
    layout = {
        "height": 260,
        "margin": {"l": 60, "r": 16, "t": 12, "b": 60},
        "yaxis": {"title": {"text": "distance (%)"}, "rangemode": "tozero", "gridcolor": GRID},
        "xaxis": {"type": "category"},
        "uirevision": "distances",
    }
    return go.Figure({"data": [bars], "layout": layout}, skip_invalid=True)


def _flips(lab: Lab, mix: Mix, other: Mix, task: str) -> str:
    measured = measure.known(lab, [mix.recipe, other.recipe])
    if not measured:
        return ""
    st.subheader(f"What {plain(mix.title)} fixed and broke against {plain(other.title)}", anchor=False)
    first = next((t for t in measure.tasks_of(lab, mix.recipe) if t in measured), measured[0])
    if st.session_state.get("recipe.task") not in measured:
        st.session_state["recipe.task"] = task if task in measured else first
    of, which = st.columns([1, 1.6])
    name = of.selectbox("On", measured, key="recipe.task", format_func=lambda n: lab.task(n).title)
    before, after = (lab.evaluate(m.recipe, name, "test") for m in (other, mix))
    table = tables.flips(lab, name, before, after)
    count = table["flip"].value_counts()
    flip = which.segmented_control(
        "Answers",
        FLIPS,
        key="recipe.flip",
        default="fixed",
        required=True,
        format_func=lambda f: f"{f} ({count.get(f, 0)})",
    )
    called = (other.title, mix.title)
    flips.grid(lab, name, table[table["flip"] == flip], flip, "", "recipe", called)
    flips.per_class(lab, name, other.recipe, mix.recipe, called)
    st.download_button(
        "All changes (CSV)",
        lambda: table.to_csv(index=False),
        file_name=f"changes-{name}.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
    )
    return name
