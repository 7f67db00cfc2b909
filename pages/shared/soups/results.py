"""What came out: the scatter of Figure 2, the numbers of one soup, Table 1, β, and the published table beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from core.cli import command_line
from core.jobs import Jobs
from core.metrics import Accuracy, Paired
from core.soups import (
    PUBLISHED_COLUMNS,
    PUBLISHED_NOTE,
    PoolResults,
    SoupOutcome,
    SoupRow,
    describe_ingredient,
    marks,
    outcome_facts,
    published,
    row_facts,
    too_small,
    value,
)
from core.training import SweepSettings
from core.workspace import Lab
from pages.shared.app import handover
from pages.shared.soups import charts, wise_ft
from pages.shared.soups import view as soup_view
from pages.shared.soups.view import View
from pages.shared.widgets import metric_row
from pages.shared.widgets.chart_options import options
from pages.shared.widgets.formatting import percent
from pages.shared.widgets.metric_row import Figure
from pages.shared.widgets.pickers import seed

STARS = {"best": "★", "second": "☆"}
VERDICTS = {"first": "the best, taken first", "kept": "kept", "dropped": "dropped", "skipped": "skipped by τ"}


def settings_of(found: PoolResults) -> dict[str, str]:
    """What each ingredient was fine-tuned with, in a line."""
    known = SweepSettings.__dataclass_fields__
    return {
        name: describe_ingredient(SweepSettings(**{k: v for k, v in facts.items() if k in known})) if facts else ""
        for name, facts in found.facts["settings"].items()
    }


def pick(lab: Lab, known: Sequence[PoolResults], view: View, anew: bool) -> View:
    """Choose among the pools, if there are several, and the soup whose details are shown."""
    if not known:
        return view
    if len(known) > 1:
        names = {f.folder: f"{len(f.individuals)} models on {_title(lab, str(f.facts['task']))}" for f in known}
        seed({"soups.pool": view.pool}, anew or st.session_state.get("soups.pool") not in names)
        view = replace(view, pool=st.selectbox("Ingredients", list(names), key="soups.pool", format_func=names.get))
    found = soup_view.pool_of(known, view.pool)
    rows = [row.name for row in found.rows()]
    default = soup_view.default_row(found)
    if anew or st.session_state.get("soups.row") not in rows:
        st.session_state["soups.row"] = view.row if view.row in rows else default
    row = st.selectbox("Mix", rows, key="soups.row", help="Whose numbers and details are shown.")
    chosen = found.row(row)
    if chosen is not None:
        st.caption(_made_of(found, chosen))
    return replace(view, row=row)


def _made_of(found: PoolResults, row: SoupRow) -> str:
    if row.passes > 1:
        return f"The mean of {row.passes} models' answers: {row.passes} forward passes for each picture."
    count = len(row.recipe.models) if row.recipe else 1
    parts = f"{len(row.recipe.components)} components" if row.recipe and len(row.recipe.components) > 1 else "all alike"
    describe_ingredient = (
        f"{count} of {len(found.individuals)} ingredients, {parts}; one forward pass." if count > 1 else ""
    )
    outcome = next((o for o in found.outcomes if o.row.name == row.name), None)
    searched = f" {outcome.evaluations:,} evaluations on val." if outcome and outcome.evaluations > 1 else ""
    return (describe_ingredient + searched).strip() or f"{row.note or row.name}: one fine-tuned model."


def nothing(lab: Lab, here: Sequence[str]) -> None:
    """No results yet: say what makes them."""
    st.info(
        "No soup was made here yet. Set one up under *Search*, or make the whole of Table 1 in a terminal; that takes "
        "minutes to hours, depending on the machine, and goes on where it was stopped.",
        icon=":material/hourglass_empty:",
    )
    if not here:
        st.caption("The ingredients, the fine-tuned models to mix, come first.")
    commands = [command_line(lab, ["soup", word]) for word in ("ingredients", "all")]
    st.code("\n".join(commands), language="bash")


def main(lab: Lab, found: PoolResults, view: View) -> None:
    """The scatter and the few numbers."""
    chosen = row_of(found, view)
    st.plotly_chart(
        charts.scatter(found, settings_of(found), chosen.name, title_of(lab, found)),
        key="soups.scatter",
        config=options("soups"),
        alt="Accuracy in distribution against the mean over the shifts, for every ingredient and every mix",
    )
    greedy = found.row("Greedy soup") or found.rows()[0]
    tests = chosen.against(greedy) if chosen is not greedy else {}
    shown = [_figure(f":violet[★] {title_of(lab, found)}", chosen.test.accuracy, tests.get("test"))]
    if chosen.ood:
        shown.append(_figure(":gray[▲] Average OOD", chosen.ood, tests.get("ood"), exact=False))
    shown.append(Figure(f"On val, n = {chosen.val.n:,}", chosen.val.accuracy.value, chosen.val.accuracy))
    reference = "the greedy soup" if greedy.name == "Greedy soup" else "the best ingredient"
    metric_row.row([replace(one, against=reference) for one in shown])
    if warning := too_small([row.val.accuracy for row in found.individuals]):
        st.caption(f":material/info: {warning}")


def _figure(label: str, accuracy: Accuracy, test: Paired | None, exact: bool = True) -> Figure:
    more = "" if exact else "The mean of the shifts; the test is over all of their pictures together."
    return Figure(label, accuracy.value, accuracy, test.difference if test else None, test, more)


def row_of(found: PoolResults, view: View) -> SoupRow:
    """The row whose details are open."""
    return found.row(view.row) or found.row(soup_view.default_row(found)) or found.individuals[0]


def details(lab: Lab, jobs: Jobs, found: PoolResults, view: View) -> None:
    """Everything below the fold."""
    chosen = row_of(found, view)
    table(lab, found)
    outcome = next((o for o in found.outcomes if o.row.name == chosen.name), None)
    if chosen.recipe is not None:
        _beta(lab, chosen, outcome.groups if outcome else (), view)
    elif chosen.members:
        st.caption(f"{chosen.name} averages the logits of {', '.join(chosen.members)}: {chosen.passes} forward passes.")
    if outcome is not None and outcome.verdicts and outcome.facts["method"] != "wise":
        _verdicts(outcome)
    ingredients(lab, found)
    wise_ft.offer(lab, jobs, found)
    with st.expander("The paper's own Table 1, beside ours"):
        rows = [(name, *numbers) for name, numbers in published()]
        form = {c: st.column_config.NumberColumn(format="%.2f") for c in PUBLISHED_COLUMNS}
        st.dataframe(
            pd.DataFrame(rows, columns=["Method (published)", *PUBLISHED_COLUMNS]),
            hide_index=True,
            column_config=form,
            placeholder="–",
        )
        st.caption(PUBLISHED_NOTE)


def title_of(lab: Lab, found: PoolResults) -> str:
    """The title of the task that a pool was fine-tuned on."""
    return _title(lab, str(found.facts["task"]))


def _title(lab: Lab, task: str) -> str:
    return lab.tasks[task].title if task in lab.tasks else task


def table(lab: Lab, found: PoolResults) -> None:
    """Table 1: every method on the test split and on each shift, marked, with intervals and paired tests."""
    st.subheader("Who wins, and by more than noise?", anchor=False)
    rows, shifts = found.rows(), list(found.facts["shifts"])
    columns = ["test", *shifts, *(["ood"] if shifts else [])]
    best = {c: marks(rows, c) for c in columns}
    greedy = found.row("Greedy soup")
    names = {"test": _title(lab, str(found.facts["task"])), "ood": "Average OOD"} | {s: _title(lab, s) for s in shifts}
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
        "Table (CSV)", lambda: table_csv(found), "soups.csv", "text/csv", on_click="ignore", icon=":material/download:"
    )
    everything.download_button(
        "Everything (JSON)",
        lambda: json.dumps(
            {
                **found.facts,
                "individuals": [row_facts(r) for r in found.individuals],
                "outcomes": [outcome_facts(o) for o in found.outcomes],
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
    describe_ingredient = "noise" if test.within_noise else f"p {test.p:.2g}"
    return f"{100 * test.difference:+.1f}".replace("-", "−") + f" ({describe_ingredient})"


def table_csv(found: PoolResults) -> str:
    """One row per model and split: accuracy with interval and n, and the paired test against the greedy soup."""
    greedy, lines = found.row("Greedy soup"), []
    for row in [*found.individuals, *found.rows()]:
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


def _beta(lab: Lab, chosen: SoupRow, groups: Sequence[str], view: View) -> None:
    assert chosen.recipe is not None
    st.subheader(f"What is in {chosen.name}?", anchor=False)
    st.plotly_chart(charts.beta(chosen.recipe, groups), key="soups.beta", config=options("beta"), alt="Coefficients")
    st.caption("β: how much of each ingredient is in each component; every column sums to 1.")
    if all(name in lab.zoo for name in chosen.recipe.models):
        handover.go_on(lab, chosen.recipe, chosen.name, "soups", soup_view.write(view), "soups")
    else:
        st.caption("Its weights can be used once the ingredients are here: see *Search*.")


def _verdicts(outcome: SoupOutcome) -> None:
    st.subheader("What became of each candidate?", anchor=False)
    ran = f"{outcome.optimiser}, " if outcome.optimiser else ""
    st.dataframe(verdict_table(outcome.verdicts), hide_index=True, width="content", placeholder="–")
    st.caption(f"On val. {ran}{outcome.evaluations:,} evaluations, {outcome.seconds:,.0f} s in the last run.")
    for note in outcome.notes:
        st.caption(f":material/warning: {note}")


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


def ingredients(lab: Lab, found: PoolResults) -> None:
    """Every ingredient: its settings, and how it does alone."""
    st.subheader("What goes in?", anchor=False)
    rows = []
    for row in found.individuals:
        numbers = [100 * value(row, c) if value(row, c) is not None else None for c in ("val", "test", "ood")]
        settings = found.facts["settings"].get(row.name, {})
        here = row.name in lab.zoo and lab.zoo[row.name].digest == found.facts["digests"][row.name]
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
        if found.facts["trained_head"]
        else "against the text tower's head"
    )
    st.caption(f"Fine-tuned on {_title(lab, str(found.facts['task']))} {head}; best on val first.")
