"""The charts of the typographic lab. Axes are fixed, so nothing jumps while one types or drags."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.attacks import PLACES, SIZES, AttackOutcome
from core.metrics import Accuracy
from pages.shared.typographic.reading import Reading
from pages.shared.widgets import colours
from pages.shared.widgets.chart_options import GRID as GRID_COLOUR
from pages.shared.widgets.chart_options import literal
from pages.shared.widgets.formatting import alpha_text, interval, percent
from pages.shared.widgets.picture_grid import data_url

MODELS = (("base", colours.BASE, ""), ("α now", colours.PATCH, "/"), ("fine-tuned", colours.TUNED, "x"))
SAFE = "rgba(70,70,80,0.4)"  # over a place where a word fools nobody
LINES = {"accuracy": (colours.PATCHING, "circle", "solid"), "fooled": (colours.ATTACK, "x", "solid")}
LINES |= {"clean": (colours.SUPPORTED, "square", "dash")}
LINES |= {"accuracy seen": (colours.PATCHING, "circle-open", "dot"), "fooled seen": (colours.ATTACK, "x-open", "dot")}


def _axis(title: str, span: tuple[float, float] = (-2, 102), **more: object) -> dict:
    return {"title": {"text": title}, "range": list(span), "gridcolor": GRID_COLOUR, "zeroline": False, **more}


def _figure(traces: list[dict], height: int, rows: str, **layout: object) -> go.Figure:
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12}, "traceorder": "normal"}
    usual = {"height": height, "margin": {"l": 58, "r": 12, "t": 34, "b": 44}, "legend": legend, "uirevision": rows}
    return go.Figure({"data": traces, "layout": usual | {"hoverlabel": {"align": "left"}} | layout}, skip_invalid=True)


def bars(reading: Reading, alpha: float, most: int = 6) -> go.Figure:
    """Probabilities of the classes that matter, three models side by side."""
    shown = reading.shown(alpha, most)[::-1]
    marks = {reading.truth: "● ", reading.word: "✎ "}
    labels = [literal(marks.get(i, "") + reading.names[i][:24]) for i in shown]
    rows = (reading.table[0], reading.at(alpha), reading.table[-1])
    names = ("base", f"α = {alpha_text(alpha)}", "fine-tuned")
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": list(range(len(shown))),  # not the names: two may begin alike, and "3" would be taken for a number
            "text": labels,
            "textposition": "none",
            "x": [100 * float(row[i]) for i in shown],
            "marker": _marker(colour, pattern),
            "hovertemplate": f"%{{text}}: %{{x:.1f}} %<extra>{name}</extra>",
        }
        for name, row, (_, colour, pattern) in reversed(list(zip(names, rows, MODELS, strict=True)))
    ]
    axes = {"xaxis": _axis("probability (%)"), "yaxis": {"automargin": True, "ticksuffix": " ", "showgrid": False}}
    axes["yaxis"] |= {"tickmode": "array", "tickvals": list(range(len(shown))), "ticktext": labels}
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "reversed"}
    margin = {"l": 90, "r": 12, "t": 34, "b": 44}
    return _figure(traces, 270, "bars", bargap=0.22, bargroupgap=0.04, legend=legend, margin=margin, **axes)


def of_this_picture(reading: Reading, alpha: float) -> go.Figure:
    """What is there against what is written, over α, for one picture."""
    lines = [(reading.truth, colours.PATCHING, "circle", "●")]
    if reading.word is not None and reading.word != reading.truth:
        lines.append((reading.word, colours.ATTACK, "x", "✎"))
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": literal(f"{mark} {reading.names[i][:24]}"),
            "x": list(reading.alphas),
            "y": [100 * float(v) for v in reading.table[:, i]],
            "line": {"color": colour, "width": 2.5},
            "marker": {"symbol": symbol, "size": 6},
            "hovertemplate": "α = %{x:g}: %{y:.1f} %<extra></extra>",
        }
        for i, colour, symbol, mark in lines
    ]
    traces.append(_now(alpha))
    return _figure(traces, 200, "picture", xaxis=_alphas(), yaxis=_axis("probability (%)"))


def over_alpha(alphas: Sequence[float], lines: Sequence[tuple[str, str, Sequence[Accuracy]]], alpha: float, rows: str):
    """Shares over α with their intervals: (title, one of LINES, values) each; PAINT Figure 6."""
    traces = []
    for title, kind, values in lines:
        colour, symbol, dash = LINES[kind]
        around = [100 * v.high for v in values] + [100 * v.low for v in reversed(values)]
        band = {"fill": "toself", "fillcolor": colours.faint(colour), "line": {"width": 0}, "mode": "lines"}
        x = [*alphas, *reversed(alphas)]
        traces.append({"type": "scatter", "x": x, "y": around, "hoverinfo": "skip", "showlegend": False, **band})
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": title,
                "x": list(alphas),
                "y": [100 * v.value for v in values],
                "line": {"color": colour, "width": 2.5, "dash": dash},
                "marker": {"symbol": symbol, "size": 7},
                "text": [_hover(title, v) for v in values],
                "hovertemplate": "α = %{x:g}<br>%{text}<extra></extra>",
            }
        )
    traces.append(_now(alpha))
    return _figure(traces, 340, rows, xaxis=_alphas(), yaxis=_axis("share of pictures (%)"))


def by_size(names: Sequence[str], table: Sequence[Sequence[AttackOutcome]], size: float) -> go.Figure:
    """Fooled rate against the size of the text, a line a model."""
    symbols, dashes = ("square", "circle", "diamond"), ("dot", "solid", "dash")
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": [100 * s for s in SIZES],
            "y": [100 * o.fooled.value for o in row],
            "error_y": _bars([o.fooled for o in row], colour),
            "line": {"color": colour, "width": 2.5, "dash": dashes[i]},
            "marker": {"symbol": symbols[i], "size": 8},
            "text": [_hover("fooled", o.fooled) + "<br>" + _hover("right", o.accuracy) for o in row],
            "hovertemplate": f"<b>{name}</b>, text %{{x:.0f}} % of the side<br>%{{text}}<extra></extra>",
        }
        for i, (name, row, (_, colour, _p)) in enumerate(zip(names, table, MODELS, strict=True))
    ]
    line = {"type": "line", "x0": 100 * size, "x1": 100 * size, "y0": 0, "y1": 1, "yref": "paper"}
    line |= {"line": {"dash": "dot", "width": 1.5, "color": colours.PATCH}}
    across = _axis("size of the text (% of the picture's side)", (5, 43), ticksuffix="")
    return _figure(traces, 320, "size", xaxis=across, yaxis=_axis("fooled (%)"), shapes=[line])


def by_place(title: str, row: Sequence[AttackOutcome], picture: np.ndarray) -> go.Figure:
    """A heat map over a picture, uint8 (h, w, 3): how often the word fools the model when it stands there."""
    n = len(PLACES)
    cells = [[100 * o.fooled.value for o in row[i * n : (i + 1) * n]] for i in range(n)]
    hovers = [[_hover("fooled", o.fooled) for o in row[i * n : (i + 1) * n]] for i in range(n)]
    at = [round(100 * p) for p in PLACES]
    heat = {
        "type": "heatmap",
        "z": cells,
        "x": at,
        "y": at,
        "zmin": 0,
        "zmax": 100,
        "colorscale": [[0, SAFE], [1, colours.faint(colours.ATTACK, 0.85)]],
        "customdata": hovers,
        "hovertemplate": "%{x} % from the left, %{y} % from the top<br>%{customdata}<extra></extra>",
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
    }
    numbers = {  # in a trace of their own: the cells are seen through, the numbers are not
        "type": "scatter",
        "mode": "text",
        "x": at * n,
        "y": [p for p in at for _ in at],
        "text": [f"{value:.0f}" for line in cells for value in line],
        "textfont": {"color": "#ffffff", "size": 13, "shadow": "0 0 3px #000000"},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    under = {"source": data_url(picture), "x": 0, "y": 0, "sizex": 100, "sizey": 100, "xref": "x", "yref": "y"}
    under |= {"xanchor": "left", "yanchor": "top", "sizing": "stretch", "layer": "below"}
    height, width = picture.shape[:2]
    bare = {"visible": False, "constrain": "domain"}
    axes = {"xaxis": {"range": [0, 100], **bare}, "yaxis": {"range": [100, 0], **bare}}
    axes["yaxis"] |= {"scaleanchor": "x", "scaleratio": height / width}
    head = {"text": title, "font": {"size": 14}}
    return _figure(
        [heat, numbers], 260, "place", title=head, images=[under], margin={"l": 4, "r": 4, "t": 34, "b": 4}, **axes
    )


def transfer(names: Sequence[str], table: Sequence[Sequence[AttackOutcome]], groups: Sequence[str]) -> go.Figure:
    """Fooled rate of each model on what was trained on and what was not."""
    traces = [
        {
            "type": "bar",
            "name": name,
            "x": list(groups),
            "y": [100 * o.fooled.value for o in row],
            "error_y": _bars([o.fooled for o in row], "rgba(128,128,136,0.9)"),
            "marker": _marker(colour, pattern),
            "text": [_hover("fooled", o.fooled) + "<br>" + _hover("right", o.accuracy) for o in row],
            "textposition": "none",
            "hovertemplate": f"<b>{name}</b>, %{{x}}<br>%{{text}}<extra></extra>",
        }
        for name, row, (_, colour, pattern) in zip(names, table, MODELS, strict=True)
    ]
    return _figure(traces, 320, "transfer", yaxis=_axis("fooled (%)", (0, 102)), bargap=0.3, bargroupgap=0.05)


def costs(alphas: Sequence[float], lines: Sequence[tuple[str, str, Sequence[Accuracy]]], alpha: float) -> go.Figure:
    """Accuracy on the supported tasks over α, each its own marker and dash."""
    chart = over_alpha(alphas, lines, alpha, "cost")
    dashes, symbols = ("solid", "dash", "dot", "dashdot", "longdash"), ("square", "diamond", "cross", "x", "star")
    for i, trace in enumerate(chart.data[1:-1:2]):
        trace.update(line_dash=dashes[i % 5], marker_symbol=symbols[i % 5])
    return chart


def _marker(colour: str, pattern: str) -> dict:
    stripes = {"shape": pattern, "fillmode": "overlay", "fgcolor": "rgba(255,255,255,0.6)", "size": 5}
    return {"color": colour, "pattern": stripes}


def _now(alpha: float) -> dict:
    look = {"mode": "lines", "line": {"color": colours.PATCH, "width": 3}, "hoverinfo": "skip"}
    return {"type": "scatter", "x": [alpha, alpha], "y": [-2, 102], "name": "α now", **look}


def _alphas() -> dict:
    return _axis("α: 0 is the base, 1 the fine-tuned model", (-0.02, 1.02), dtick=0.1)


def _bars(accuracies: Sequence[Accuracy], colour: str) -> dict:
    above, below = ([100 * (a.high - a.value) for a in accuracies], [100 * (a.value - a.low) for a in accuracies])
    return {"type": "data", "array": above, "arrayminus": below, "thickness": 1.3, "width": 3, "color": colour}


def _hover(what: str, accuracy: Accuracy) -> str:
    return f"{what} {percent(accuracy.value)} [{interval(accuracy)}], n = {accuracy.n}"
