"""What came out: the scatter of Figure 2, the numbers of one soup, Table 1, β, and the published table beside it."""

from __future__ import annotations

from collections.abc import Sequence
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
    published,
    too_small,
)
from core.training import SweepSettings
from core.workspace import Lab
from pages.shared.app import handover
from pages.shared.soups import charts, tables, wise_ft
from pages.shared.soups import view as soup_view
from pages.shared.soups.view import View
from pages.shared.widgets import metric_row
from pages.shared.widgets.chart_options import options
from pages.shared.widgets.metric_row import Figure
from pages.shared.widgets.pickers import seed


def settings_of(results: PoolResults) -> dict[str, str]:
    """What each ingredient was fine-tuned with, in a line."""
    known = SweepSettings.__dataclass_fields__
    return {
        name: describe_ingredient(SweepSettings(**{k: v for k, v in facts.items() if k in known})) if facts else ""
        for name, facts in results.facts["settings"].items()
    }


def pick(lab: Lab, known: Sequence[PoolResults], view: View, anew: bool) -> View:
    """Choose among the pools, if there are several, and the soup whose details are shown."""
    if not known:
        return view
    if len(known) > 1:
        names = {f.folder: f"{len(f.individuals)} models on {tables.title(lab, str(f.facts['task']))}" for f in known}
        seed({"soups.pool": view.pool}, anew or st.session_state.get("soups.pool") not in names)
        view = replace(view, pool=st.selectbox("Ingredients", list(names), key="soups.pool", format_func=names.get))
    results = soup_view.pool_of(known, view.pool)
    rows = [row.name for row in results.rows()]
    default = soup_view.default_row(results)
    if anew or st.session_state.get("soups.row") not in rows:
        st.session_state["soups.row"] = view.row if view.row in rows else default
    row = st.selectbox("Mix", rows, key="soups.row", help="Whose numbers and details are shown.")
    chosen = results.row(row)
    if chosen is not None:
        st.caption(_made_of(results, chosen))
    return replace(view, row=row)


def _made_of(results: PoolResults, row: SoupRow) -> str:
    if row.passes > 1:
        return f"The mean of {row.passes} models' answers: {row.passes} forward passes for each picture."
    count = len(row.recipe.models) if row.recipe else 1
    parts = f"{len(row.recipe.components)} components" if row.recipe and len(row.recipe.components) > 1 else "all alike"
    ingredients = f"{count} of {len(results.individuals)} ingredients, {parts}; one forward pass." if count > 1 else ""
    outcome = next((o for o in results.outcomes if o.row.name == row.name), None)
    searched = f" {outcome.evaluations:,} evaluations on val." if outcome and outcome.evaluations > 1 else ""
    return (ingredients + searched).strip() or f"{row.note or row.name}: one fine-tuned model."


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


def main(lab: Lab, results: PoolResults, view: View) -> None:
    """The scatter and the few numbers."""
    chosen = row_of(results, view)
    st.plotly_chart(
        charts.scatter(results, settings_of(results), chosen.name, tables.title_of(lab, results)),
        key="soups.scatter",
        config=options("soups"),
        alt="Accuracy in distribution against the mean over the shifts, for every ingredient and every mix",
    )
    greedy = results.row("Greedy soup") or results.rows()[0]
    tests = chosen.against(greedy) if chosen is not greedy else {}
    shown = [_figure(f":violet[★] {tables.title_of(lab, results)}", chosen.test.accuracy, tests.get("test"))]
    if chosen.ood:
        shown.append(_figure(":gray[▲] Average OOD", chosen.ood, tests.get("ood"), exact=False))
    shown.append(Figure(f"On val, n = {chosen.val.n:,}", chosen.val.accuracy.value, chosen.val.accuracy))
    reference = "the greedy soup" if greedy.name == "Greedy soup" else "the best ingredient"
    metric_row.row([replace(one, against=reference) for one in shown])
    if warning := too_small([row.val.accuracy for row in results.individuals]):
        st.caption(f":material/info: {warning}")


def _figure(label: str, accuracy: Accuracy, test: Paired | None, exact: bool = True) -> Figure:
    more = "" if exact else "The mean of the shifts; the test is over all of their pictures together."
    return Figure(label, accuracy.value, accuracy, test.difference if test else None, test, more)


def row_of(results: PoolResults, view: View) -> SoupRow:
    """The row whose details are open."""
    return results.row(view.row) or results.row(soup_view.default_row(results)) or results.individuals[0]


def details(lab: Lab, jobs: Jobs, results: PoolResults, view: View) -> None:
    """Everything below the fold."""
    chosen = row_of(results, view)
    tables.table(lab, results)
    outcome = next((o for o in results.outcomes if o.row.name == chosen.name), None)
    if chosen.recipe is not None:
        _beta(lab, chosen, outcome.groups if outcome else (), view)
    elif chosen.members:
        st.caption(f"{chosen.name} averages the logits of {', '.join(chosen.members)}: {chosen.passes} forward passes.")
    if outcome is not None and outcome.verdicts and outcome.facts["method"] != "wise":
        _verdicts(outcome)
    tables.ingredients(lab, results)
    wise_ft.offer(lab, jobs, results)
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
    st.dataframe(tables.verdict_table(outcome.verdicts), hide_index=True, width="content", placeholder="–")
    st.caption(f"On val. {ran}{outcome.evaluations:,} evaluations, {outcome.seconds:,.0f} s in the last run.")
    for note in outcome.notes:
        st.caption(f":material/warning: {note}")
