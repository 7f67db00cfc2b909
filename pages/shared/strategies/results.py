"""What a comparison says: its few numbers, where the paper's order holds, each result, and going on with one."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from core.cli import comparison_command
from core.jobs import Jobs
from core.patching import (
    FORGETFUL,
    JOINT,
    SEQUENTIAL,
    SHARED,
    SPECIALISED,
    Comparison,
    StrategyRow,
    absent,
    cost_of,
    plan_of,
    remake,
)
from core.recipes import Recipe
from core.training import TRAINING_COST
from core.workspace import Lab
from pages.shared.app import job_status
from pages.shared.app.handover import go_on
from pages.shared.app.pace import time_for
from pages.shared.strategies.alphas import recipe, tasks_of, tuned_of
from pages.shared.strategies.view import View, results, write
from pages.shared.widgets import metric_row
from pages.shared.widgets.formatting import alpha_text, interval, listed, percent, points
from pages.shared.widgets.metric_row import Figure

PATH = "strategies"


def numbers(outcome: Comparison, side: str) -> None:
    """The strategies that give one model, and what specialised models can do."""
    start = outcome.on(outcome.rows[0], side).value
    shown = [s for s in (SHARED, SEQUENTIAL, JOINT, SPECIALISED) if outcome.of(s)]
    marks = {SPECIALISED: ":orange[◆] Specialised models"}
    row = []
    for strategy in shown:
        summary = outcome.spread(strategy, side=side)
        between = f"± {100 * summary.deviation:.1f} between {summary.orders} orders." if summary.orders > 1 else ""
        label = marks.get(strategy, f":violet[●] {strategy.capitalize()}")
        row.append(
            Figure(label, summary.accuracy.value, summary.accuracy, summary.accuracy.value - start, None, between)
        )
    metric_row.row(row, places=4)


def verdicts(outcome: Comparison) -> None:
    """Where joint ≥ sequential ≥ parallel ≥ unpatched holds, and where not, paired on the same test pictures."""
    if not outcome.contrasts:
        st.caption("This comparison was kept without paired tests; `--again` on its command adds them.")
    marks = {True: ":green[✓]", False: ":red[✗]"}
    lines = [f"{marks[c.difference.value >= 0]} {c.sentence()}" for c in outcome.contrasts]
    for column, some, said_of in zip(st.columns([1.1, 1]), (lines[:3], lines[3:]), (_PAIRED, None), strict=True):
        if some:
            column.caption("  \n".join(some), help=said_of)
    if any(c.worse == SHARED and c.better == SEQUENTIAL and c.difference.value < 0 for c in outcome.contrasts):
        st.caption(f":material/info: {_why(outcome)}")


def _why(outcome: Comparison) -> str:
    """Why sequences fall short, as far as their own figures tell."""
    rows = outcome.of(SEQUENTIAL)
    alphas, ends = [a for row in rows for a in row.alphas], [row.combined["test"].value for row in rows]
    return (
        f"Why sequences fall short here: each α is chosen with only the tasks seen so far in view. {alphas.count(0)} "
        f"of {len(alphas)} times it was 0, so that task was given up for those before it; the orders end at "
        f"{percent(min(ends))} to {percent(max(ends))}. *Sequence* shows it step by step."
    )


_PAIRED = (
    "Combined accuracy on the same test pictures, paired picture by picture: difference, 95 % interval; within noise: "
    "p ≥ 0.05. Sequences count as the mean of their orders."
)


def forgotten(outcome: Comparison) -> None:
    """Forgetting and backward transfer of the sequences, with interpolation and without, as means over the orders."""
    columns = st.columns(4)
    for i, strategy in enumerate(s for s in (SEQUENTIAL, FORGETFUL) if outcome.of(s)):
        summary, words = outcome.spread(strategy), "with" if strategy == SEQUENTIAL else "without"
        pairs = (
            ("Forgetting", summary.forgetting, _FORGETTING),
            ("Backward transfer", summary.backward_transfer, _BACKWARD),
        )
        for column, (label, value, hint) in zip(columns[2 * i :], pairs, strict=False):
            with column:
                shown = points(value or 0.0).removeprefix("+" if label == "Forgetting" else "")
                st.metric(f"{label}, {words}", shown, help=f"{hint} Mean of {summary.orders} orders, on test.")
                st.caption(f"ends at {percent(summary.accuracy.value)} combined")


_FORGETTING = (
    "For every task but the last: the best accuracy it had after an earlier task, minus what it has at the end."
)
_BACKWARD = "For every task but the last: its accuracy at the end minus its accuracy when it had just been learnt."


def go_on_with(lab: Lab, jobs: Jobs, outcome: Comparison, view: View) -> str:
    """One result, and the ways to go on with it; returns which result is chosen."""
    rows = {name: row for name, row in results(outcome).items() if "" in row.recipes}
    preset = view.result if view.result in rows else _best(outcome, rows)
    if st.session_state.get("many.result") not in rows or st.session_state.get("many.result.of") != (
        view.key,
        view.result,
    ):
        st.session_state["many.result"], st.session_state["many.result.of"] = preset, (view.key, view.result)
    pick, act = st.columns([1, 2.2], vertical_alignment="bottom")
    with pick:
        name = st.selectbox("Go on with", list(rows), key="many.result", format_func=str.capitalize)
    with act:
        if lost := absent(lab, rows[name]):
            _absent(lab, jobs, outcome, rows[name], lost)
        else:
            title = f"{name.capitalize()}: {len(tasks_of(outcome))} tasks, {outcome.facts['budget']} steps"
            go_on(lab, rows[name].recipes[""], title, PATH, write(view), "many")
    return name


def _best(outcome: Comparison, rows: dict[str, StrategyRow]) -> str:
    return max(rows, key=lambda name: rows[name].combined["val"].value)


def go_on_with_mix(lab: Lab, outcome: Comparison, view: View, alphas: tuple[float, ...]) -> None:
    """Go on with the mix that somebody steered to, if its weights can be mixed here."""
    mix: Recipe = recipe(lab, outcome, alphas)
    if all(model in lab.zoo for model in mix.models):
        words = ", ".join(f"{t} {a:.2f}" for t, a in zip(tasks_of(outcome), alphas, strict=True))
        go_on(lab, mix, f"In parallel: {words}", PATH, write(view), "many.mix")


def weights_of_tasks(lab: Lab, jobs: Jobs, outcome: Comparison) -> None:
    """Say which of the models fine-tuned on one task each are not here, if any, and offer to train them."""
    (row,), instead = outcome.of(SPECIALISED), tuned_of(lab, outcome)
    if not (lost := absent(lab, row)):
        return
    if not instead.own:
        steps = [int(str(lab.zoo[m].settings.get("steps", 0))) for r in instead.recipes.values() for m in r.models]
        counts = " to ".join(str(n) for n in sorted({min(steps), max(steps)}))
        st.info(
            f"These sliders mix the workspace's own fine-tuned models ({counts} steps each): those of the comparison "
            f"({outcome.facts['steps_each']} steps each) are not here. So the figures differ from the comparison's, "
            "whose search and shared α the chart shows.",
            icon=":material/swap_horiz:",
        )
        with st.expander("Mix the comparison's own models instead"):
            _absent(lab, jobs, outcome, row, lost)
        return
    _absent(lab, jobs, outcome, row, lost)


def _absent(lab: Lab, jobs: Jobs, outcome: Comparison, row: StrategyRow, lost: list[str]) -> None:
    key = f"{lab.name}:remake {row.strategy} {'+'.join(lost)}"
    if job_status.watch(jobs, key):
        return
    count = f"{len(lost)} checkpoint{'s' if len(lost) > 1 else ''}"
    st.caption(
        f":material/hourglass_empty: The figures are kept, but {count} of these weights "
        f"({listed(lost[:3])}{' …' if len(lost) > 3 else ''}) {'are' if len(lost) > 1 else 'is'} not here. "
        f"Training them again takes {time_for(lab, cost_of(lab, outcome, row))}: with this button, or "
        f"`{comparison_command(lab, plan_of(outcome), '--remake', row.strategy)}`."
    )
    job_status.offer(
        jobs,
        key,
        f"Training the weights of {row.strategy} again",
        partial(remake, lab, outcome, row.strategy),
        "Train them again",
        icon=":material/model_training:",
        type="secondary",
        key=f"many.remake.{row.strategy}",
    )


def table(outcome: Comparison) -> pd.DataFrame:
    """Every result on test in per cent, its difference from the unpatched model in points, and what it cost."""
    start = outcome.rows[0].combined["test"].value
    lines = []
    for name, row in results(outcome).items():
        whole = row.combined["test"]
        sides = [100 * outcome.on(row, side).value for side in ("patching", "supported")]
        chosen = ", ".join(alpha_text(a) for a in row.alphas)
        lost = None if row.forgetting is None else 100 * row.forgetting
        gain = 100 * (whole.value - start)
        order = " → ".join(row.order)
        lines.append(
            (name, 100 * whole.value, interval(whole), gain, *sides, lost, row.steps, row.evaluations, chosen, order)
        )
    titles = "Result,Combined,95 %,Difference,Patching,Supported,Forgetting,Steps,Evaluations,α,Order".split(",")
    return pd.DataFrame(lines, columns=titles)


def details(outcome: Comparison) -> None:
    """The table of every result, and how all of it was computed."""
    number = st.column_config.NumberColumn
    form = {n: number(n, format="%.1f") for n in ("Combined", "Patching", "Supported", "Forgetting")}
    form |= {
        "Difference": number("Difference (points)", format="%+.1f"),
        "Result": st.column_config.TextColumn(pinned=True),
    }
    st.subheader("Every result, on test", anchor=False)
    st.dataframe(table(outcome), hide_index=True, column_config=form, placeholder="–")
    with st.expander("How this was computed"):
        facts = outcome.facts
        (search,) = outcome.of("parallel, searched") or [None]
        augmented = f" Training pictures had {facts['augment']} augmentation." if facts.get("augment") else ""
        st.markdown(
            f"- **Equal budget**: {facts['budget']:,} optimiser steps for every strategy that trains: "
            f"{facts['steps_each']:,} on each of {len(tasks_of(outcome))} tasks, or all of them on the union. Joint "
            f"batches are drawn so that every task weighs equally, each with its own frozen head.{augmented}\n"
            f"- **Choosing**: every α on *val*, by combined accuracy with {listed(tasks_of(outcome, 'supported'))} as "
            "supported; sequences look at the tasks seen so far alone. Everything in bars and tables is on *test*.\n"
            f"- **Parallel, searched**: {search.note if search else 'not done'}.\n"
            "- **Sequences**: fine-tuned from the patched weights so far; without interpolation every α is 1. Orders "
            f"are seeded ({facts['seed']}).\n"
            "- **Combined accuracy**: mean of (mean over patching tasks, mean over supported tasks); its interval is "
            "that of a weighted sum of independent accuracies. Orders share their pictures, so their mean "
            "keeps the mean of their intervals.\n"
            f"- **Costs**: an optimiser step counts as {TRAINING_COST:g} forward passes where times are estimated."
        )
