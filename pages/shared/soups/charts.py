"""The charts of a soup: Figure 2's scatter, and β as a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from core.metrics import Accuracy
from core.recipes import Recipe
from core.soups import PoolResults, SoupRow
from pages.shared.widgets import colours
from pages.shared.widgets.chart_options import GREY, GRID, HEIGHT
from pages.shared.widgets.formatting import interval, percent

SHAPES = {
    "individual": "diamond",
    "uniform": "circle",
    "greedy": "square",
    "manifold": "star",
    "learned": "triangle-up",
    "wise": "cross",
    "ensemble": "hexagon-open",
}
"""Plotly's marker of each method: all mixes are violet, so that the shape tells them apart."""


def axis(title: str, span: tuple[float, float] | None = None, **more: object) -> dict:
    """An axis as all charts of this page have it; ``span`` is its range."""
    return {
        "title": {"text": title},
        "gridcolor": GRID,
        "zeroline": False,
        **({"range": list(span)} if span else {}),
    } | more


def figure(traces: list[dict], name: str, height: int = HEIGHT, **layout: object) -> go.Figure:
    """A figure as all charts of this page are; ``name`` tells it from others, so that a zoom stays."""
    usual = {
        "height": height,
        "margin": {"l": 64, "r": 16, "t": 44, "b": 50},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12}},
        "uirevision": name,
        "hoverlabel": {"align": "left"},
    }
    return go.Figure({"data": traces, "layout": usual | layout}, skip_invalid=True)


def _bar(accuracy: Accuracy) -> dict:
    above, below = 100 * (accuracy.high - accuracy.value), 100 * (accuracy.value - accuracy.low)
    faint = colours.faint(colours.PATCH, 0.4)
    return {"type": "data", "array": [above], "arrayminus": [below], "color": faint, "thickness": 1.2, "width": 3}


def hover(row: SoupRow, more: str = "") -> str:
    """What a point says: where it is, with intervals and n, and what it is made of."""
    test, ood = row.test.accuracy, row.ood
    text = f"<b>{row.name}</b><br>test {percent(test.value)} [{interval(test)}], n = {test.n:,}"
    if ood:
        text += f"<br>average OOD {percent(ood.value)} [{interval(ood)}], n = {ood.n:,}"
    text += f"<br>val {percent(row.val.accuracy.value)}, n = {row.val.n:,}"
    if row.passes > 1:
        text += f"<br>{row.passes} forward passes for each picture"
    return text + (f"<br>{more}" if more else "")


def scatter(
    results: PoolResults, settings: Mapping[str, str], chosen: str, title: str, more: Sequence[dict] = ()
) -> go.Figure:
    """Figure 2 of the paper: accuracy in distribution (x, test) against the mean over the shifts (y), every model.

    ``more`` are traces of other mixes; the axes hold all that is drawn.
    """
    rows = [row for row in results.rows() if row.kind != "individual" and row.ood]
    alone = [row for row in results.individuals if row.ood]
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "ingredients",
            "x": [100 * r.test.accuracy.value for r in alone],
            "y": [100 * r.ood.value for r in alone if r.ood],
            "marker": {"symbol": "diamond", "size": 11, "color": colours.TUNED, "opacity": 0.85},
            "text": [hover(r, settings.get(r.name, "")) for r in alone],
            "hovertemplate": "%{text}<extra></extra>",
        }
    ]
    traces += [_curve(o.verdicts, o.row.name) for o in results.outcomes if o.facts["method"] == "wise"]
    traces += [*(_point(row, row.name == chosen) for row in rows), *more]
    across, up = ([value for trace in traces for value in trace[axis]] for axis in "xy")
    return figure(
        traces,
        f"scatter {results.folder}",
        xaxis=axis(f"{title}, test accuracy (%)", _span(across)),
        yaxis=axis(f"mean of {len(results.facts['shifts'])} shifts (%)", _span(up)),
        legend={"orientation": "v", "x": 1.01, "y": 1, "font": {"size": 12}},
        margin={"l": 64, "r": 10, "t": 16, "b": 50},
    )


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = max(1.5, 0.08 * (high - low))
    return low - room, high + room


def _point(row: SoupRow, chosen: bool) -> dict:
    kind = "ensemble" if row.passes > 1 else row.kind
    assert row.ood is not None
    return {
        "type": "scatter",
        "mode": "markers",
        "name": row.name,
        "x": [100 * row.test.accuracy.value],
        "y": [100 * row.ood.value],
        "marker": {
            "symbol": SHAPES.get(kind, "circle"),
            "size": 17 if chosen else 12,
            "color": colours.PATCH,
            "line": {"width": 2 if chosen else 1, "color": colours.PATCH if "open" in SHAPES.get(kind, "") else GREY},
        },
        "error_x": _bar(row.test.accuracy) if chosen else None,
        "error_y": _bar(row.ood) if chosen else None,
        "text": [hover(row, row.note)],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _curve(points: Sequence[Mapping], name: str) -> dict:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"{name}, over α",
        "x": [100 * p["test"]["value"] for p in points],
        "y": [100 * p["ood"]["value"] for p in points if p["ood"]],
        "line": {"color": colours.BASE, "width": 1.5, "dash": "dot"},
        "marker": {"size": 4, "color": colours.BASE},
        "text": [f"α = {p['alpha']:g}" for p in points],
        "hovertemplate": "%{text}<br>test %{x:.1f} %, OOD %{y:.1f} %<extra></extra>",
    }


def short(group: str) -> str:
    """A component's name as charts show it."""
    return group.removeprefix("visual.").removeprefix("transformer.resblocks.").replace("text tower: ", "(text) ")


def beta(recipe: Recipe, groups: Sequence[str]) -> go.Figure:
    """β, the coefficients of a soup: ingredients × components; every column sums to 1.

    ``groups`` names the components in the order of the network; the first owns what no other one names.
    """
    rest = next((g for g in groups if g == "stem"), groups[0] if groups else "whole")
    order = {name: i for i, name in enumerate(groups)}
    titles = {c: c or rest for c in recipe.components}
    components = sorted(recipe.components, key=lambda c: order.get(titles[c], len(order)))
    models = list(recipe.models)
    shown = [[row[recipe.components.index(c)] for c in components] for row in recipe.coefficients]
    trace = {
        "type": "heatmap",
        "z": shown,
        "x": [short(titles[c]) for c in components],
        "y": models,
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, colours.faint(colours.PATCH, 0.04)], [1, colours.PATCH]],
        "text": [[f"{v:.2f}" for v in row] for row in shown],
        "texttemplate": "%{text}" if len(components) <= 14 else "",
        "hovertemplate": "%{y} in %{x}: β = %{z:.3f}<extra></extra>",
        "colorbar": {"title": {"text": "β"}, "thickness": 12},
    }
    return figure(
        [trace],
        "beta",
        height=140 + 26 * len(models),
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={"automargin": True, "side": "bottom"},
        yaxis={"automargin": True, "autorange": "reversed"},
    )
