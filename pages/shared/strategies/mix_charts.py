"""Where a parallel mix stands among those that were tried on val: over the sum of α, or on the plane of two."""

from __future__ import annotations

from math import fsum

import plotly.graph_objects as go

from core.metrics import Accuracy
from core.patching import EXHAUSTIVE, SEARCHED, SHARED, Comparison
from core.workspace import Lab
from pages.shared.widgets import colours
from pages.shared.widgets.chart_options import GRID
from pages.shared.widgets.formatting import percent

HEIGHT = 290
Alphas = tuple[float, ...]


def _points(outcome: Comparison, strategy: str) -> list[tuple[Alphas, float]]:
    """Each vector that a strategy tried, with its combined accuracy on val; a shared α as a vector, too."""
    k = len(outcome.facts["tasks"])  # type: ignore[arg-type]
    pairs = [pair for row in outcome.of(strategy) for pair in row.tried]
    return [(x if len(x) == k else tuple(a / k for a in x) * k, score) for x, score in pairs]


def _hover(alphas: Alphas, score: float) -> str:
    return f"α = {', '.join(f'{a:.2f}' for a in alphas)}<br>combined {percent(score)} on val"


def _trace(name: str, x: list, y: list, **look: object) -> dict:
    return {"type": "scatter", "name": name, "x": x, "y": y, "hovertemplate": "%{hovertext}<extra></extra>", **look}


def _layout(**more: object) -> dict:
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12}}
    return {
        "height": HEIGHT,
        "margin": {"l": 56, "r": 10, "t": 34, "b": 46},
        "legend": legend,
        "uirevision": "mix",
        **more,
    }


def _axis(title: str, low: float, high: float) -> dict:
    return {"title": {"text": title}, "range": [low, high], "gridcolor": GRID, "zeroline": False}


def line(outcome: Comparison, alphas: Alphas, now: Accuracy, best: Alphas) -> go.Figure:
    """Combined accuracy on val over Σ α_i: the line of one shared α, what the search tried, and this mix."""
    shared, tried = _points(outcome, SHARED), _points(outcome, SEARCHED)
    every = [*shared, *tried]
    low, high = 100 * min(s for _, s in every), 100 * max(s for _, s in every)
    room = max(3.0, 0.12 * (high - low))
    widest = max([1.0, *(fsum(x) for x, _ in every)])
    others = [
        _trace(
            "one shared α",
            [fsum(x) for x, _ in shared],
            [100 * s for _, s in shared],
            mode="lines+markers",
            line={"color": colours.BASE, "width": 2},
            marker={"symbol": "square", "size": 5, "color": colours.BASE},
            hovertext=[_hover(x, s) for x, s in shared],
        ),
        _trace(
            "tried by the search",
            [fsum(x) for x, _ in tried],
            [100 * s for _, s in tried],
            mode="markers",
            marker={"symbol": "x-thin", "size": 6, "line": {"width": 1.2, "color": colours.faint(colours.PATCH, 0.7)}},
            hovertext=[_hover(x, s) for x, s in tried],
        ),
    ]
    stars = [(x, s) for x, s in every if tuple(round(a, 4) for a in x) == best][:1]
    look = {"symbol": "star", "size": 15, "color": colours.PATCH}
    x, y, hovers = [fsum(v) for v, _ in stars], [100 * s for _, s in stars], [_hover(*star) for star in stars]
    others.append(_trace("best found", x, y, mode="markers", marker=look, hovertext=hovers))
    ring = {"symbol": "circle-open", "size": 19, "color": colours.PATCH, "line": {"width": 3.5}}
    bar = {"type": "data", "array": [100 * (now.high - now.value)], "arrayminus": [100 * (now.value - now.low)]}
    bar |= {"color": colours.faint(colours.PATCH, 0.6), "thickness": 1.5, "width": 4}
    hovers = [f"{_hover(alphas, now.value)}, n = {now.n}"]
    place = {"x": [fsum(alphas)], "y": [100 * now.value]}
    others.append(_trace("this mix", **place, mode="markers", marker=ring, error_y=bar, hovertext=hovers))
    axes = {
        "xaxis": _axis("Σ αᵢ", -0.03, max(widest, fsum(alphas)) * 1.03),
        "yaxis": _axis("combined (val, %)", min(low, 100 * now.value) - room, max(high, 100 * now.value) + room),
    }
    return go.Figure({"data": others, "layout": _layout(**axes)})


def plane(lab: Lab, outcome: Comparison, alphas: Alphas, best: Alphas) -> go.Figure:
    """Combined accuracy on val over (α_1, α_2): contours through every mix of the grid; each can be clicked."""
    grid, shared, tried = (_points(outcome, s) for s in (EXHAUSTIVE, SHARED, SEARCHED))
    traces: list[dict] = []
    if grid:
        traces.append(
            {
                "type": "contour",
                "x": [x[0] for x, _ in grid],
                "y": [x[1] for x, _ in grid],
                "z": [100 * s for _, s in grid],
                "colorscale": [[0, "rgba(128,128,136,0.06)"], [1, colours.faint(colours.PATCH, 0.75)]],
                "contours": {"showlabels": True, "coloring": "heatmap", "labelfont": {"color": colours.BASE}},
                "line": {"width": 1, "color": GRID},
                "showscale": False,
                "hoverinfo": "skip",
            }
        )
    dot = {"symbol": "circle", "size": 7, "color": colours.faint(colours.BASE, 0.55)}
    cross = {"symbol": "x-thin", "size": 7, "line": {"width": 1.4, "color": colours.PATCH}}
    square = {"symbol": "square", "size": 5, "color": colours.BASE}
    for name, points, look, mode in (
        ("every mix: click one", grid, dot, "markers"),
        ("tried by the search", tried, cross, "markers"),
        ("one shared α", shared, square, "lines+markers"),
    ):
        x, y = [v[0] for v, _ in points], [v[1] for v, _ in points]
        hovers = [_hover(*point) for point in points]
        keep = {"unselected": {"marker": {"opacity": 1}}} if mode == "markers" else {}
        rule = {"line": {"color": colours.BASE, "dash": "dash", "width": 1.5}} if mode != "markers" else {}
        traces.append(_trace(name, x, y, mode=mode, marker=look, hovertext=hovers, **keep, **rule))
    star = {"symbol": "star", "size": 15, "color": colours.PATCH}
    ring = {"symbol": "circle-open", "size": 19, "color": colours.PATCH, "line": {"width": 3.5}}
    for name, at, look in (("best found", best, star), ("this mix", alphas, ring)):
        hovers = [f"{name}: α = {', '.join(f'{a:.2f}' for a in at)}"]
        keep = {"unselected": {"marker": {"opacity": 1}}}
        traces.append(_trace(name, [at[0]], [at[1]], mode="markers", marker=look, hovertext=hovers, **keep))
    titles = [lab.task(str(t)).title for t in outcome.facts["tasks"]]  # type: ignore[attr-defined]
    axes = {
        "xaxis": _axis(f"α of {titles[0]}", -0.03, 1.03),
        "yaxis": _axis(f"α of {titles[1]}", -0.05, 1.05),
        "clickmode": "event+select",
        "dragmode": False,
        "legend": {"x": 1.02, "y": 1, "font": {"size": 12}},
        "margin": {"l": 56, "r": 10, "t": 10, "b": 46},
    }
    return go.Figure({"data": traces, "layout": _layout(**axes)})
