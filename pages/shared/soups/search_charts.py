"""The charts of a search: every evaluation as it goes, and λ per component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from pages.shared.soups.charts import axis, figure, short
from pages.shared.widgets import colours
from pages.shared.widgets.chart_options import GRID


def progress(lines: Sequence[Mapping], most: int) -> go.Figure:
    """A search as it goes: every evaluation of a mix on val, and the best so far; candidates begin at the verticals."""
    tried = [line for line in lines if "score" in line]
    best, running = 0.0, list[float]()
    for line in tried:
        best = max(best, line["score"])
        running.append(100 * best)
    numbers = list(range(1, len(tried) + 1))
    ranked = [100 * line["score"] for line in tried if "factors" not in line]
    top = max(ranked, default=50.0)
    low, high = max(0.0, 5 * int((top - 6) / 5)), min(100.0, 5 * int((max(running, default=top) + 6) / 5))
    starts, count = [], 0
    for line in lines:
        count += "score" in line
        starts += [(count + 1, line["candidate"])] if "search" in line else []
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "one mix",
            "x": numbers,
            "y": [max(low, 100 * line["score"]) for line in tried],
            "marker": {"size": 4, "color": colours.BASE, "symbol": "circle"},
            "hovertemplate": "evaluation %{x}: %{y:.1f} %<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "name": "best so far",
            "x": numbers,
            "y": running,
            "line": {"color": colours.PATCH, "width": 2.5, "shape": "hv"},
            "hovertemplate": "best after %{x} evaluations: %{y:.1f} %<extra></extra>",
        },
    ]
    shapes = [
        {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": GRID, "dash": "dot"}}
        for x, _ in starts
    ]
    notes = [
        {
            "x": x,
            "y": 1,
            "yref": "paper",
            "text": name.removeprefix("ingredient-"),
            "showarrow": False,
            "yanchor": "bottom",
        }
        for x, name in starts
    ]
    wide = max(most, len(tried), 2)
    return figure(
        traces,
        "progress",
        height=300,
        margin={"l": 64, "r": 16, "t": 40, "b": 46},
        xaxis=axis("evaluations", (0, wide)),
        yaxis=axis("val accuracy (%)", (low, high)),
        shapes=shapes,
        annotations=notes,
        showlegend=False,
    )


def factors(groups: Sequence[str], now: Sequence[float], best: Sequence[float]) -> go.Figure:
    """λ per component: bars of the mix being evaluated, markers of the best one; 1 is all soup, 0 all candidate."""
    names = [short(group) for group in groups]
    traces: list[dict] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": "λ now",
            "x": list(now),
            "y": names,
            "marker": {"color": colours.faint(colours.PATCH, 0.45)},
            "hovertemplate": "%{y}: λ = %{x:.3f}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "name": "best of this search",
            "x": list(best),
            "y": names[: len(best)],
            "marker": {"symbol": "line-ns-open", "size": 14, "color": colours.PATCH, "line": {"width": 3}},
            "hovertemplate": "%{y}: best λ = %{x:.3f}<extra></extra>",
        },
    ]
    return figure(
        traces,
        "factors",
        height=max(220, 90 + 17 * len(groups)),
        margin={"l": 10, "r": 16, "t": 40, "b": 46},
        xaxis=axis("λ: 0 all candidate, 1 all soup so far", (0, 1)),
        yaxis=axis("", autorange="reversed", automargin=True, tickfont={"size": 11}),
    )
