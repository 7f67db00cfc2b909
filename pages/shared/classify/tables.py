"""All answers as one sortable table, and who is taken for whom."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.classify import Result
from pages.shared.widgets import chart_options, colours

MOST_CLASSES = 60  # on a side of the confusion matrix


def draw(result: Result) -> None:
    """The table, and the confusion matrix where labels are known."""
    with st.expander("All answers as a table", icon=":material/table:"):
        share = st.column_config.ProgressColumn
        config = {"Picture": st.column_config.TextColumn(pinned=True)} | {
            f"{title}: how sure": share(format="%.1f %%", min_value=0, max_value=100) for title in result.rankings
        }
        st.dataframe(table(result), hide_index=True, height=320, column_config=config, placeholder="–")
    if result.labelled.any():
        with st.expander("Who is taken for whom (confusion matrix)", icon=":material/grid_on:"):
            _confusion(result)


def table(result: Result) -> pd.DataFrame:
    """One row per picture: name, label, first answer and its probability in per cent of each model, notes."""
    columns: dict[str, object] = {"Picture": [p.name for p in result.album.pictures], "Label": result.album.labels}
    if len(result.rankings) > 1:
        columns["They differ"] = result.differ
    for title, ranking in result.rankings.items():
        columns[title] = [result.class_names[c] for c in ranking.top[:, 0]]
        columns[f"{title}: how sure"] = 100 * ranking.probability[:, 0].astype(float)
    columns["Notes"] = ["; ".join(p.notes) for p in result.album.pictures]
    return pd.DataFrame(columns)


def _confusion(result: Result) -> None:
    titles = list(result.rankings)
    title = st.segmented_control("Model", titles, default=titles[-1], required=True, key="classify.confusion")
    counts = result.confusion(title if title in titles else titles[-1])
    used = np.flatnonzero(counts.sum(0) + counts.sum(1))
    if len(used) > MOST_CLASSES:
        used = np.sort(used[np.argsort(-(counts.sum(0) + counts.sum(1))[used], kind="stable")[:MOST_CLASSES]])
        st.caption(f"The {MOST_CLASSES} classes with the most pictures; the CSV has them all.")
    names, shown = [result.class_names[c] for c in used], counts[np.ix_(used, used)]
    st.plotly_chart(
        _heatmap(names, shown), key="classify.matrix", config=chart_options.options("confusion"), alt=_HOVER
    )
    st.caption(f"n = {int(shown.sum()):,} labelled pictures. Rows: the label. Columns: the first answer.")


_HOVER = "Rows are labels, columns first answers"


def _heatmap(names: list[str], counts: np.ndarray) -> go.Figure:
    names = [chart_options.literal(name) for name in names]
    cells = {"type": "heatmap", "z": counts.tolist(), "x": names, "y": names, "showscale": False, "xgap": 1, "ygap": 1}
    cells["colorscale"] = [[0, "rgba(128,128,136,0.10)"], [1, colours.PATCH]]
    cells["hovertemplate"] = "%{y}, taken for %{x}: %{z}<extra></extra>"
    if len(names) <= 20:
        cells["texttemplate"] = "%{z}"
    side = max(300, min(640, 30 * len(names) + 120))
    layout = {"height": side, "margin": {"l": 110, "r": 10, "t": 10, "b": 90}, "uirevision": "confusion"}
    layout["yaxis"] = {"showgrid": False, "autorange": "reversed", "type": "category", "title": {"text": "label"}}
    layout["xaxis"] = {"showgrid": False, "type": "category", "title": {"text": "first answer"}}
    return go.Figure({"data": [cells], "layout": layout})
