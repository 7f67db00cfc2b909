"""The charts of a comparison: strategies as bars, tasks × strategies and tasks × steps as heat maps."""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.metrics import Accuracy
from core.patching import FORGETFUL, SEQUENTIAL, SPECIALISED, UNPATCHED, Comparison, OrderSummary, StrategyRow
from core.workspace import Lab
from pages.shared.strategies.view import SIDES
from pages.shared.widgets import colours
from pages.shared.widgets.chart_options import GRID
from pages.shared.widgets.formatting import alpha_text, interval, percent, points

HEIGHT = 340
NEUTRAL = {"light": "#f4f3f7", "dark": "#26242f"}
REACH = 50  # points of difference from the base at which a cell's colour is full
DRAWN = ("parallel", "parallel, searched", "parallel, exhaustive", FORGETFUL, SEQUENTIAL, "joint")
COLOURS = {UNPATCHED: colours.BASE, SPECIALISED: colours.TUNED}
SHORT = {FORGETFUL: "sequential,<br>α always 1"}


def in_order(outcome: Comparison) -> list[str]:
    """The strategies as PAINT Figure 5 shows them, what is one model between the two ends."""
    present = outcome.strategies()
    return [s for s in (UNPATCHED, *DRAWN, SPECIALISED) if s in present]


def bars(outcome: Comparison, side: str, selected: str) -> go.Figure:
    """PAINT Figure 5 on test: a bar per strategy with its 95 % interval; sequences as the mean of their orders."""
    names = in_order(outcome)
    spreads = [outcome.spread(s, side=side) for s in names]
    accuracies = [s.accuracy for s in spreads]
    labels = [_short(n) for n in names]
    start = accuracies[0].value
    wide = [3 if n == selected.rstrip("0123456789 ") else 0 for n in names]
    drawn = {
        "type": "bar",
        "x": labels,
        "y": [100 * a.value for a in accuracies],
        "marker": {
            "color": [colours.faint(COLOURS.get(n, colours.PATCH), 0.75) for n in names],
            "line": {"width": wide, "color": [COLOURS.get(n, colours.PATCH) for n in names]},
        },
        "error_y": _bars(accuracies),
        "hovertext": [_about(n, s, start) for n, s in zip(names, spreads, strict=True)],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "width": 0.62,
    }
    layout = {
        "height": HEIGHT,
        "margin": {"l": 56, "r": 12, "t": 18, "b": 54},
        "showlegend": False,
        "uirevision": "bars",
        "xaxis": {"tickangle": 0, "tickfont": {"size": 12}},
        "yaxis": {
            "title": {"text": f"{SIDES[side].lower()} accuracy (%)"},
            "range": [0, 105],
            "gridcolor": GRID,
            "zeroline": False,
        },
        "shapes": [_level(100 * start)],
        "dragmode": False,
    }
    tops = [max(s.highest, s.accuracy.high) for s in spreads]
    numbers = {"type": "scatter", "mode": "text", "x": labels, "y": [100 * top for top in tops], "hoverinfo": "skip"}
    numbers |= {
        "text": [f"{100 * a.value:.1f}" for a in accuracies],
        "textposition": "top center",
        "textfont": {"size": 14},
    }
    return go.Figure({"data": [drawn, *_each_order(outcome, names, labels, side), numbers], "layout": layout})


def _about(name: str, spread: OrderSummary, start: float) -> str:
    accuracy, several = spread.accuracy, spread.orders > 1
    lines = [
        f"<b>{name}</b>" + (f", mean of {spread.orders} orders" if several else ""),
        f"{percent(accuracy.value)} [{interval(accuracy)}], n = {accuracy.n}",
        f"{points(accuracy.value - start)} from unpatched",
    ]
    return "<br>".join([*lines, f"± {100 * spread.deviation:.1f} between orders"] if several else lines)


def _each_order(outcome: Comparison, names: list[str], labels: list[str], side: str) -> list[dict]:
    accuracies = []
    for name, label in zip(names, labels, strict=True):
        rows = outcome.of(name)
        if len(rows) > 1:
            dot = {"symbol": "circle-open", "size": 8, "color": colours.PATCH, "line": {"width": 2}}
            hovers = [
                f"order {i}: {' → '.join(r.order)}<br>{percent(outcome.on(r, side).value)}"
                for i, r in enumerate(rows, 1)
            ]
            values = [100 * outcome.on(r, side).value for r in rows]
            look = {"hovertext": hovers, "hovertemplate": "%{hovertext}<extra></extra>", "mode": "markers"}
            accuracies.append({"type": "scatter", "x": [label] * len(rows), "y": values, "marker": dot, **look})
    return accuracies


def _bars(accuracies: list[Accuracy]) -> dict:
    above, below = [100 * (a.high - a.value) for a in accuracies], [100 * (a.value - a.low) for a in accuracies]
    return {"type": "data", "array": above, "arrayminus": below, "thickness": 1.6, "width": 5, "color": colours.BASE}


def _level(at: float) -> dict:
    look = {"dash": "dash", "width": 1.5, "color": colours.BASE}
    return {"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": at, "y1": at, "line": look, "layer": "below"}


def tasks(lab: Lab, outcome: Comparison, theme: str) -> go.Figure:
    """Tasks × strategies on test: accuracy in each cell, its colour the difference from the unpatched model."""
    names = in_order(outcome)
    sides = [str(t) for key in ("tasks", "supported") for t in outcome.facts[key]]  # type: ignore[attr-defined]
    first = outcome.rows[0].accuracies["test"]
    values, gains, hovers = [], [], []
    for task in sides:
        line = [_mean(outcome.of(s), task) for s in names]
        values.append(
            [f"{100 * v:.1f}<br>{_signed(v - first[task].value, s)}" for v, s in zip(line, names, strict=True)]
        )
        gains.append([100 * (v - first[task].value) for v in line])
        hovers.append([_said(lab, outcome, s, task) for s in names])
    columns = [_short(s) for s in names]
    figure = go.Figure(_heat(columns, [_label(lab, t) for t in sides], gains, values, hovers, theme))
    figure.update_layout(
        height=max(240, 70 + 36 * len(sides)),
        margin={"l": 150, "r": 12, "t": 52, "b": 10},
        uirevision="tasks",
        xaxis={"side": "top", "tickangle": 0, "showgrid": False},
        yaxis={"autorange": "reversed", "showgrid": False},
    )
    return figure


def _short(strategy: str) -> str:
    return SHORT.get(strategy, strategy.replace(", ", ",<br>"))


def _heat(x: list, y: list, z: list, text: list, hovers: list, theme: str) -> dict:
    scale = [[0, colours.TUNED], [0.5, NEUTRAL[theme]], [1, colours.PATCH]]
    look = {"colorscale": scale, "zmin": -REACH, "zmax": REACH, "showscale": False, "xgap": 2, "ygap": 2}
    hover = {"hovertext": hovers, "hovertemplate": "%{hovertext}<extra></extra>"}
    return {"type": "heatmap", "x": x, "y": y, "z": z, "text": text, "texttemplate": "%{text}", **look, **hover}


def _label(lab: Lab, task: str) -> str:
    """A task's title with the mark of its role."""
    return f"{lab.task(task).title} <span style='color:{colours.ROLES[lab.task(task).role]}'>●</span>"


def _mean(rows: list[StrategyRow], task: str) -> float:
    return sum(row.accuracies["test"][task].value for row in rows) / len(rows)


def _signed(difference: float, strategy: str) -> str:
    return "" if strategy == UNPATCHED else points(difference).removesuffix(" points")


def _said(lab: Lab, outcome: Comparison, strategy: str, task: str) -> str:
    rows = outcome.of(strategy)
    a = rows[0].accuracies["test"][task]
    test = rows[0].against_base.get(task)
    lines = [f"<b>{lab.task(task).title}, {strategy}</b>"]
    if len(rows) > 1:
        each = ", ".join(percent(r.accuracies["test"][task].value) for r in rows)
        return "<br>".join([*lines, f"mean of {len(rows)} orders: {each}", f"n = {a.n} each"])
    lines.append(f"{percent(a.value)} [{interval(a)}], n = {a.n}")
    if test is not None and strategy != UNPATCHED:
        noise = ", within noise" if test.within_noise else ""
        lines.append(f"{test.fixed} fixed, {test.broken} broken, p = {test.p:.2g}{noise}")
    return "<br>".join(lines)


def sequence(lab: Lab, outcome: Comparison, order: int, theme: str) -> go.Figure:
    """Accuracy of every task after every step of one order, on test: with interpolation and without, side by side."""
    present = [s for s in (SEQUENTIAL, FORGETFUL) if outcome.of(s)]
    titles = {SEQUENTIAL: "with interpolation: patched", FORGETFUL: "without: fine-tuned (α = 1)"}
    figure = make_subplots(
        1, len(present), subplot_titles=[titles[s] for s in present], shared_yaxes=True, horizontal_spacing=0.02
    )
    start = outcome.rows[0].accuracies["test"]
    supported = [str(t) for t in outcome.facts["supported"]]  # type: ignore[attr-defined]
    for i, strategy in enumerate(present, 1):
        row = outcome.of(strategy)[order]
        lines = [*row.order, *supported]
        after = [start, *(m.accuracies for m in row.timeline)]
        steps = ["base", *(f"{lab.task(m.task).title}" + f"<br>α = {alpha_text(m.alpha)}" for m in row.timeline)]
        gains = [[100 * (a[t].value - start[t].value) for a in after] for t in lines]
        values = [[f"{100 * a[t].value:.0f}" for a in after] for t in lines]
        hovers = [[_moment(lab, t, s, a[t], start[t]) for s, a in zip(steps, after, strict=True)] for t in lines]
        places = list(range(len(steps)))
        labels = [f"{k}. {_label(lab, t)}" if k <= len(row.order) else _label(lab, t) for k, t in enumerate(lines, 1)]
        figure.add_trace(_heat(places, labels, gains, values, hovers, theme), 1, i)
        ticks = ["base", *(f"{k}<br>{alpha_text(m.alpha)}" for k, m in enumerate(row.timeline, 1))]
        title = {"text": "task learnt last, and its α", "font": {"size": 12}, "standoff": 6}
        figure.update_xaxes(tickvals=places, ticktext=ticks, tickangle=0, title=title, showgrid=False, row=1, col=i)
        for k in range(len(row.order)):  # the cell of the task that was learnt just now
            box = {
                "x0": k + 0.5,
                "x1": k + 1.5,
                "y0": k - 0.5,
                "y1": k + 0.5,
                "line": {"color": colours.PATCHING, "width": 2},
            }
            figure.add_shape(type="rect", **box, row=1, col=i)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    room = 64
    tall = 34 * (len(supported) + len(outcome.facts["tasks"]))  # type: ignore[arg-type]
    figure.update_layout(height=tall + 40 + room, margin={"l": 130, "r": 8, "t": 28, "b": room}, uirevision="sequence")
    return figure


def _moment(lab: Lab, task: str, step: str, accuracy: Accuracy, start: Accuracy) -> str:
    return (
        f"<b>{lab.task(task).title}</b> after {step.replace('<br>', ', ')}<br>{percent(accuracy.value)} "
        f"[{interval(accuracy)}], n = {accuracy.n}<br>{points(accuracy.value - start.value)} from the base"
    )
