"""What came out, as tables: Table 1 with its tests, what became of candidates, and what went in."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from core.metrics import Accuracy, Paired
from core.soups import (
    PoolResults,
    marks,
    outcome_facts,
    row_facts,
    value,
)
from core.workspace import Lab
from pages.shared.widgets.formatting import percent

STARS = {"best": "★", "second": "☆"}


VERDICTS = {"first": "the best, taken first", "kept": "kept", "dropped": "dropped", "skipped": "skipped by τ"}


def title_of(lab: Lab, results: PoolResults) -> str:
    """The title of the task that a pool was fine-tuned on."""
    return title(lab, str(results.facts["task"]))


def title(lab: Lab, task: str) -> str:
    """The title of a task; its name where the workspace does not have it any more."""
    return lab.tasks[task].title if task in lab.tasks else task


def table(lab: Lab, results: PoolResults) -> None:
    """Table 1: every method on the test split and on each shift, marked, with intervals and paired tests."""
    st.subheader("Who wins, and by more than noise?", anchor=False)
    rows, shifts = results.rows(), list(results.facts["shifts"])
    columns = ["test", *shifts, *(["ood"] if shifts else [])]
    best = {c: marks(rows, c) for c in columns}
    greedy = results.row("Greedy soup")
    names = {"test": title(lab, str(results.facts["task"])), "ood": "Average OOD"} | {s: title(lab, s) for s in shifts}
    lines = []
    for row in rows:
        line: dict[str, object] = {"Method": row.name + (f" ({row.note})" if row.kind == "wise" else "")}
        for c in columns:
            accuracy = row.ood if c == "ood" else (row.test if c == "test" else row.shifts[c]).accuracy
            line[names[c]] = _cell(accuracy, best[c].get(row.name, ""))
        tests = row.against(greedy) if greedy is not None and row is not greedy else {}
        for key, name in (("test", "Test against greedy"), ("ood", "OOD against greedy")):
            line[name] = _test(tests.get(key))
        lines.append(line | {"Val": f"{100 * row.val.accuracy.value:.1f}", "Forward passes": row.passes})
    pinned = {"Method": st.column_config.TextColumn(pinned=True, width=230)}
    st.dataframe(pd.DataFrame(lines), hide_index=True, column_config=pinned, placeholder="–")
    n = rows[0].test.n
    st.caption(
        f"Accuracies in % ± the larger half of their 95 % interval, n = {n:,} on test"
        + (f" and {next(iter(rows[0].shifts.values())).n:,} on each shift" if shifts else "")
        + ". ★ best and ☆ second-best of those that take one forward pass. Against the greedy soup: points, and "
        "McNemar's exact p on the same pictures; “noise” where p ≥ 0.05. Chosen on val alone."
    )
    csv, everything = st.columns(2)
    csv.download_button(
        "Table (CSV)",
        lambda: table_csv(results),
        "soups.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
    )
    everything.download_button(
        "Everything (JSON)",
        lambda: json.dumps(
            {
                **results.facts,
                "individuals": [row_facts(r) for r in results.individuals],
                "outcomes": [outcome_facts(o) for o in results.outcomes],
            },
            indent=1,
        ),
        "soups.json",
        "application/json",
        on_click="ignore",
        icon=":material/download:",
    )


def _cell(accuracy: Accuracy | None, mark: str) -> str:
    if accuracy is None:
        return "–"
    half = max(accuracy.high - accuracy.value, accuracy.value - accuracy.low)
    return f"{STARS.get(mark, '')} {100 * accuracy.value:.1f} ±{100 * half:.1f}".strip()


def _test(test: Paired | None) -> str:
    if test is None:
        return "–"
    certainty = "noise" if test.within_noise else f"p {test.p:.2g}"
    return f"{100 * test.difference:+.1f}".replace("-", "−") + f" ({certainty})"


def table_csv(results: PoolResults) -> str:
    """One row per model and split: accuracy with interval and n, and the paired test against the greedy soup."""
    greedy, lines = results.row("Greedy soup"), []
    for row in [*results.individuals, *results.rows()]:
        tests = row.against(greedy) if greedy is not None else {}
        splits: Mapping[str, Accuracy] = {
            "val": row.val.accuracy,
            "test": row.test.accuracy,
            **{s: a.accuracy for s, a in row.shifts.items()},
            **({"ood": row.ood} if row.ood else {}),
        }
        for split, a in splits.items():
            test = tests.get(split)
            more = (test.difference, test.p) if test else (None, None)
            lines.append((row.name, row.kind, split, a.value, a.low, a.high, a.n, *more, row.passes))
    columns = "model kind split accuracy low_95 high_95 n difference_from_greedy p_mcnemar forward_passes".split()
    return pd.DataFrame(lines, columns=columns).to_csv(index=False)


def verdict_table(verdicts) -> pd.DataFrame:
    """Verdicts as people read them; ``verdicts`` are lines of a trace or of an outcome."""
    rows = []
    for v in verdicts:
        delta = "" if v["verdict"] == "first" else f"{100 * (v['after'] - v['before']):+.1f}"
        approximate = None if v["approximate"] is None else percent(v["approximate"])
        searched = v["evaluations"] or None
        rows.append((v["candidate"], VERDICTS[v["verdict"]], percent(v["after"]), delta, approximate, searched))
    return pd.DataFrame(
        rows, columns=["Candidate", "Verdict", "Best with it", "Delta (points)", "Approximate average", "Evaluations"]
    )


def ingredients(lab: Lab, results: PoolResults) -> None:
    """Every ingredient: its settings, and how it does alone."""
    st.subheader("What goes in?", anchor=False)
    rows = []
    for row in results.individuals:
        numbers = [100 * value(row, c) if value(row, c) is not None else None for c in ("val", "test", "ood")]
        settings = results.facts["settings"].get(row.name, {})
        here = row.name in lab.zoo and lab.zoo[row.name].digest == results.facts["digests"][row.name]
        names = ("lr", "weight_decay", "steps", "augment", "mixup", "label_smoothing", "seed")
        rows.append((row.name, *numbers, *(settings.get(n) for n in names), here))
    columns = ["Ingredient", "Val", "Test", "Average OOD"]
    columns += ["lr", "Weight decay", "Steps", "Augmentation", "Mixup", "Label smoothing", "Seed", "Here"]
    form = {c: st.column_config.NumberColumn(format="%.1f %%") for c in ("Val", "Test", "Average OOD")}
    form |= {
        "lr": st.column_config.NumberColumn(format="%.1e"),
        "Weight decay": st.column_config.NumberColumn(format="%.1e"),
    }
    form["Ingredient"] = st.column_config.TextColumn(pinned=True)
    form["Here"] = st.column_config.CheckboxColumn(help="Whether its weights are in this workspace now.")
    st.dataframe(pd.DataFrame(rows, columns=columns), hide_index=True, column_config=form, placeholder="–")
    head = (
        "with a head of their own, from a linear probe"
        if results.facts["trained_head"]
        else "against the text tower's head"
    )
    st.caption(f"Fine-tuned on {title(lab, str(results.facts['task']))} {head}; best on val first.")
