"""The two charts of the α page. Axes depend on the curve alone, so nothing jumps while α moves."""

from __future__ import annotations

from functools import lru_cache
from html import escape

import plotly.graph_objects as go

from core.metrics import Accuracy
from core.patching import Curve, Point
from pages.shared.widgets import colours
from pages.shared.widgets.formatting import alpha_text, interval, listed, percent

HEIGHT = 400
GREY = "rgba(128,128,136,0.75)"
GRID = "rgba(128,128,136,0.18)"


def literal(name: str) -> str:
    """A name that somebody typed, as Plotly shows it unchanged: its texts know some HTML, links among it."""
    return escape(name, quote=False)


def options(name: str) -> dict:
    """Plotly's settings: a tidy bar, and a PNG named after what it shows."""
    picture = {"format": "png", "filename": name, "scale": 2}
    remove = ["select2d", "lasso2d", "autoScale2d"]
    return {"displaylogo": False, "toImageButtonOptions": picture, "modeBarButtonsToRemove": remove}


@lru_cache(maxsize=512)
def frontier(curve: Curve, alpha: float) -> go.Figure:
    """PAINT Figure 1: supported accuracy (x) against patching accuracy (y), a curve over α, four models marked."""
    base, tuned, chosen = curve.test[0], curve.test[-1], curve.at(curve.chosen)
    across = _span([_x(curve, p) for p in curve.test])
    names = {base.alpha: "base", tuned.alpha: "fine-tuned"}
    ends = [
        _marked(curve, base, "" if base is chosen else "base", "base", 12, "bottom", across),
        _marked(curve, tuned, "" if tuned is chosen else "fine-tuned", "tuned", 12, "top", across),
    ]
    best = " = ".join(filter(None, ["chosen on val", names.get(chosen.alpha)]))
    ends.append(_marked(curve, chosen, best, "chosen", 17, "top" if tuned is chosen else "bottom", across))
    current = _marked(curve, curve.at(alpha), "α now", "current", 22)
    current["marker"]["line"] = {"color": colours.PATCH, "width": 3.5}
    layout = _layout(curve) | {
        "showlegend": False,
        "margin": {"l": 64, "r": 16, "t": 30, "b": 50},
        "xaxis": _axis(f"{_mean_of(curve, curve.supported)} accuracy, supported (%)", across),
        "yaxis": _axis(
            f"{_mean_of(curve, curve.patching)} accuracy, patching (%)", _span([_y(curve, p) for p in curve.test])
        ),
        "shapes": [
            _dashed("x", 100 * _x(curve, base).value, colours.BASE),
            _dashed("y", 100 * _y(curve, tuned).value, colours.TUNED),
        ],
    }
    return go.Figure({"data": [_path(curve), *ends, current], "layout": layout}, skip_invalid=True)


@lru_cache(maxsize=512)
def over_alpha(curve: Curve, alpha: float) -> go.Figure:
    """Accuracy of every task against α, with interval bands; the current and the chosen α stand as verticals."""
    traces, alphas = [], list(curve.alphas)
    dashes = ["dash", "dot", "dashdot", "longdash", "longdashdot"]
    markers = ["circle", "square", "diamond", "cross", "x"]
    lines = [
        (name, colours.PATCHING, ["solid", *dashes][i % 6], markers[i % 5]) for i, name in enumerate(curve.patching)
    ]
    lines += [(name, colours.SUPPORTED, dashes[i % 5], markers[1 + i % 4]) for i, name in enumerate(curve.supported)]
    every: list[Accuracy] = []
    for name, colour, dash, marker in lines:
        accuracies = [p.accuracies[name] for p in curve.test]
        every += accuracies
        traces += [_band(alphas, accuracies, colour), _line(curve, name, alphas, accuracies, colour, dash, marker)]
    combined = [100 * p.combined for p in curve.test]
    look = {"color": colours.PATCH, "width": 2, "dash": "dot"}
    hover = "α = %{x:g}<br>combined %{y:.1f} %<extra></extra>"
    traces.append(_trace(alphas, combined, "combined accuracy", mode="lines", line=look, hovertemplate=hover))
    low, high = _span(every)
    star = {"symbol": "star", "size": 15, "color": colours.PATCH}
    best = f"chosen on val (α = {alpha_text(curve.chosen)})"
    hover = best + "<extra></extra>"
    height = [100 * curve.at(curve.chosen).combined]
    traces.append(_trace([curve.chosen], height, best, mode="markers", marker=star, hovertemplate=hover))
    upright = {"color": colours.PATCH, "width": 3}
    traces.append(_trace([alpha, alpha], [low, high], "α now", mode="lines", line=upright, hoverinfo="skip"))
    layout = _layout(curve) | {
        "xaxis": _axis("α: 0 is the base, 1 the fine-tuned model", (-0.02, 1.02)) | {"dtick": 0.1, "ticksuffix": ""},
        "yaxis": _axis("accuracy (%)", (low, high)),
    }
    return go.Figure({"data": traces, "layout": layout}, skip_invalid=True)


def _x(curve: Curve, point: Point) -> Accuracy:
    return curve.supported_mean(point)


def _y(curve: Curve, point: Point) -> Accuracy:
    return curve.patching_mean(point)


def _title(curve: Curve, name: str) -> str:
    return curve.lab.task(name).title


def _mean_of(curve: Curve, tasks: tuple[str, ...]) -> str:
    titles = [_title(curve, name) for name in tasks]
    return titles[0] if len(titles) == 1 else f"Mean of {listed(titles) if len(titles) < 5 else f'{len(titles)} tasks'}"


def _trace(x: list, y: list, name: str, **more: object) -> dict:
    return {"type": "scatter", "x": x, "y": y, "name": name, **more}


def _hover(curve: Curve, point: Point) -> str:
    x, y = _x(curve, point), _y(curve, point)
    gained, kept = _mean_of(curve, curve.patching), _mean_of(curve, curve.supported)
    return (
        f"<b>α = {alpha_text(point.alpha)}</b><br>{gained} {percent(y.value)} [{interval(y)}], n = {y.n}"
        f"<br>{kept} {percent(x.value)} [{interval(x)}], n = {x.n}<br>combined {percent(point.combined)}"
    )


def _path(curve: Curve) -> dict:
    return _trace(
        [100 * _x(curve, p).value for p in curve.test],
        [100 * _y(curve, p).value for p in curve.test],
        "patches, 0 < α < 1",
        mode="lines+markers",
        line={"color": colours.PATCH, "width": 2.5},
        marker={"size": 5, "color": colours.PATCH},
        text=[_hover(curve, p) for p in curve.test],
        hovertemplate="%{text}<extra></extra>",
    )


def _marked(
    curve: Curve,
    point: Point,
    name: str,
    kind: str,
    size: int,
    label: str = "",
    across: tuple[float, float] = (0.0, 100.0),
) -> dict:
    """One model on the frontier, with error bars; its name is written above or below it, if ``label`` says so."""
    x, y, colour = _x(curve, point), _y(curve, point), colours.MODELS[kind]
    side = "left" if 100 * x.value > across[0] + 0.25 * (across[1] - across[0]) else "right"
    look = {"text": [f"  {name}  "], "textposition": f"{label} {side}", "textfont": {"color": colour, "size": 13}}
    return _trace(
        [100 * x.value],
        [100 * y.value],
        name,
        **({"mode": "markers+text", "cliponaxis": False, **look} if label else {"mode": "markers"}),
        marker={"symbol": colours.MARKERS[kind], "size": size, "color": colour},
        error_x=_bar(x, colour),
        error_y=_bar(y, colour),
        hovertext=[f"{_hover(curve, point)}<br>({name or kind})"],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _bar(accuracy: Accuracy, colour: str) -> dict:
    above, below = 100 * (accuracy.high - accuracy.value), 100 * (accuracy.value - accuracy.low)
    faint = colours.faint(colour, 0.55)
    return {"type": "data", "array": [above], "arrayminus": [below], "color": faint, "thickness": 1.5, "width": 3}


def _band(alphas: list[float], accuracies: list[Accuracy], colour: str) -> dict:
    around = [100 * a.high for a in accuracies] + [100 * a.low for a in reversed(accuracies)]
    look = {"fill": "toself", "fillcolor": colours.faint(colour), "line": {"width": 0}, "mode": "lines"}
    return _trace([*alphas, *reversed(alphas)], around, "95 % interval", hoverinfo="skip", showlegend=False, **look)


def _line(
    curve: Curve, name: str, alphas: list, accuracies: list[Accuracy], colour: str, dash: str, marker: str
) -> dict:
    title = _title(curve, name)
    hovers = [
        f"α = {alpha_text(a)}<br>{title} {percent(f.value)} [{interval(f)}], n = {f.n}"
        for a, f in zip(alphas, accuracies, strict=True)
    ]
    return _trace(
        alphas,
        [100 * f.value for f in accuracies],
        title,
        mode="lines+markers",
        line={"color": colour, "width": 2.5, "dash": dash},
        marker={"symbol": marker, "size": 6, "color": colour},
        text=hovers,
        hovertemplate="%{text}<extra></extra>",
    )


def _span(accuracies: list[Accuracy]) -> tuple[float, float]:
    low, high = 100 * min(a.low for a in accuracies), 100 * max(a.high for a in accuracies)
    room = max(2.0, 0.06 * (high - low))
    return max(-2.0, low - room), min(102.0, high + room)


def _axis(title: str, span: tuple[float, float]) -> dict:
    return {"title": {"text": title}, "range": list(span), "gridcolor": GRID, "zeroline": False, "automargin": False}


def _dashed(axis: str, at: float, colour: str) -> dict:
    other = {"x": "y", "y": "x"}[axis]
    ends = {f"{axis}0": at, f"{axis}1": at, f"{other}0": 0, f"{other}1": 1, f"{other}ref": "paper"}
    return {"type": "line", "line": {"dash": "dash", "width": 1.5, "color": colour}, "layer": "below", **ends}


def _layout(curve: Curve) -> dict:
    return {
        "height": HEIGHT,
        "margin": {"l": 64, "r": 16, "t": 44, "b": 50},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12}},
        "uirevision": f"{curve.task} {curve.supported}",
        "hoverlabel": {"align": "left"},
    }
