"""The coefficients of a recipe, models × components, as a picture and as a table."""

from __future__ import annotations

import math
from functools import lru_cache

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.recipes import Recipe
from pages.shared.widgets import colours
from pages.shared.widgets.chart_options import literal, options

REST = "everything else"
LIGHT, DARK = "#ffffff", "#23212b"
SCALE = [[0.0, colours.ATTACK], [0.5, "rgba(128,128,136,0.10)"], [1.0, colours.PATCH]]


def part(prefix: str) -> str:
    """A component as people read it: without the tower's own name."""
    return prefix.removeprefix("visual.").removeprefix("transformer.") or REST


def table(recipe: Recipe) -> pd.DataFrame:
    """Coefficients, one row a model, one column a component (by prefix; the last one owns the rest)."""
    columns = sorted(recipe.components, key=lambda p: (not p, p))
    rows = {m: [recipe.column(p)[m] for p in columns] for m in recipe.models}
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


@lru_cache(maxsize=64)
def picture(recipe: Recipe, dark: bool = False) -> go.Figure:
    """A heat map with the numbers written in, for a light or a dark page: violet adds, red takes away."""
    frame = table(recipe)
    names = [literal(part(p)) for p in frame.columns] if len(frame.columns) > 1 else ["the whole network"]
    reach = max(1.0, float(frame.abs().to_numpy().max()))
    heat = {
        "type": "heatmap",
        "z": frame.to_numpy(),
        "x": names,
        "y": list(frame.index),
        "text": [[_number(c) for c in row] for row in frame.to_numpy()],
        "hovertemplate": "%{text} × %{y}<br>in %{x}<extra></extra>",
        "colorscale": SCALE,
        "zmin": -reach,
        "zmax": reach,
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
    }
    layout = {
        "height": min(420, 70 + 34 * len(frame.index) + (70 if len(names) > 4 else 0)),
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "yaxis": {"autorange": "reversed", "automargin": True, "type": "category", "showgrid": False},
        "xaxis": {"automargin": True, "type": "category", "showgrid": False, "tickangle": -35 if len(names) > 4 else 0},
        "uirevision": "matrix",
    }
    numbers = _numbers(frame, names, math.inf, LIGHT) if dark else _numbers(frame, names, 0.8 * reach, DARK)
    return go.Figure({"data": [heat, *numbers], "layout": layout}, skip_invalid=True)


def _number(coefficient: float) -> str:
    return f"{coefficient:.3g}".replace("-", "−")


def _numbers(frame: pd.DataFrame, names: list[str], strong: float, ink: str) -> list[dict]:
    """The numbers over the cells, in ``ink``; light where a cell's colour is ``strong``."""
    cells = [(names[j], m, c) for m, row in zip(frame.index, frame.to_numpy(), strict=True) for j, c in enumerate(row)]
    traces = []
    for font, chosen in (({"color": LIGHT}, True), ({"color": ink}, False)):
        mine = [cell for cell in cells if (abs(cell[2]) >= strong) == chosen]
        x, y, numbers = ([cell[i] for cell in mine] for i in range(3))
        text = [_number(c) for c in numbers]
        trace = {"type": "scatter", "mode": "text", "x": x, "y": y, "text": text, "textfont": font}
        traces.append(trace | {"hoverinfo": "skip", "showlegend": False})
    return traces


def draw(recipe: Recipe, key: str) -> None:
    """Draw the heat map."""
    chart = picture(recipe, st.context.theme.type == "dark")
    st.plotly_chart(chart, key=key, config=options("recipe"), alt=f"Coefficients of {', '.join(recipe.models)}")
