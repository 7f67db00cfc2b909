"""What two mixes score: what is known of both, with paired tests, and the job that measures the rest."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.jobs import Job, Jobs
from core.metrics import paired
from core.progress import Progress
from core.recipes import Recipe
from core.workspace import Lab, Mix
from pages.shared.app import job_status
from pages.shared.app.pace import time_for
from pages.shared.widgets import metric_row
from pages.shared.widgets.formatting import interval, listed, percent
from pages.shared.widgets.metric_row import Figure
from pages.shared.widgets.pickers import by_role, role_mark

PLACES = 4


def tasks_of(lab: Lab, recipe: Recipe) -> list[str]:
    """The tasks that matter first for a mix: those that its models were trained on, then the usual supported ones."""
    trained = [t for model in recipe.models for t in lab.zoo[model].tasks if t in lab.tasks]
    return list(dict.fromkeys([*trained, *lab.default_supported()]))


def known(lab: Lab, recipes: Sequence[Recipe]) -> list[str]:
    """The tasks whose test results are there for all of these recipes."""
    tested = [name for name in by_role(lab) if "test" in lab.task(name).source.sizes()]
    return [name for name in tested if all(lab.is_cached(recipe, name, "test") for recipe in recipes)]


def row(lab: Lab, mix: Mix, other: Mix) -> None:
    """The few numbers: accuracy of ``mix`` on the tasks that matter first, against ``other``."""
    measured = known(lab, [mix.recipe, other.recipe])
    shown = [name for name in tasks_of(lab, mix.recipe) if name in measured][:PLACES] or measured[:PLACES]
    figures = []
    for name in shown:
        after, before = (lab.evaluate(recipe, name, "test") for recipe in (mix.recipe, other.recipe))
        flips, title = paired(before.right, after.right), role_mark(lab, name)
        one = Figure(title, after.accuracy.value, after.accuracy, flips.difference, flips, against=other.title)
        figures.append(one)
    if figures:
        metric_row.row(figures, PLACES)


def table(lab: Lab, mix: Recipe, other: Recipe) -> pd.DataFrame:
    """Test accuracy of both in per cent with intervals, n, the difference in points, and McNemar's exact test."""
    rows = []
    for name in known(lab, [mix, other]):
        after, before = (lab.evaluate(recipe, name, "test") for recipe in (mix, other))
        flips = paired(before.right, after.right)
        sure = "within noise" if flips.within_noise else "real"
        rows.append(
            (
                lab.task(name).title,
                *(f"{percent(a.accuracy.value)} [{interval(a.accuracy)}]" for a in (before, after)),
                100 * flips.difference,
                flips.p,
                sure,
                flips.fixed,
                flips.broken,
                flips.n,
                lab.task(name).role,
            )
        )
    columns = ["Task", "Other [95 %]", "This mix [95 %]", "Difference", "p", "It is", "Fixed", "Broken", "n", "Role"]
    return pd.DataFrame(rows, columns=columns)


def draw_table(lab: Lab, mix: Mix, other: Mix) -> None:
    """The table with its download."""
    frame = table(lab, mix.recipe, other.recipe)
    if frame.empty:
        st.info(f"No task was measured with both {mix.title} and {other.title} yet.", icon=":material/straighten:")
        return
    number = st.column_config.NumberColumn
    st.dataframe(
        frame,
        hide_index=True,
        column_config={
            "Task": st.column_config.TextColumn(pinned=True),
            "Other [95 %]": st.column_config.TextColumn(f"{other.title} [95 %]", width=142),
            "This mix [95 %]": st.column_config.TextColumn(f"{mix.title} [95 %]", width=142),
            "Difference": number("Points", format="%+.1f", width=62, help="Difference in percentage points."),
            "p": number(format="%.2g", width=72, help="McNemar's exact test, on the same pictures."),
            "Fixed": number(width=58, help="Wrong before, right now."),
            "Broken": number(width=62, help="Right before, wrong now."),
            "n": number(width=58),
        },
    )
    st.download_button(
        "Table (CSV)",
        lambda: frame.to_csv(index=False),
        file_name="accuracies.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
    )


def offer(lab: Lab, jobs: Jobs, mixes: Sequence[Mix], key: str) -> None:
    """Offer to measure mixes on val and test of some tasks; what is known already costs nothing."""
    name = f"{lab.name}:measure {' and '.join(lab.weights_key(mix.recipe)[:16] for mix in mixes)}"
    if job_status.watch(jobs, name):
        return
    measured = known(lab, [mix.recipe for mix in mixes])
    first = [t for t in tasks_of(lab, mixes[0].recipe) if t not in measured]
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    tasks = left.multiselect(
        "Measure on",
        [t for t in by_role(lab) if t not in measured],
        default=first,
        key=f"{key}.tasks.{name}.{len(measured)}",
        format_func=lambda n: lab.task(n).title,
        placeholder="Everything is measured" if len(measured) == len(lab.tasks) else "Choose tasks",
    )
    todo = sum(_pictures(lab, mix.recipe, t) for mix in mixes for t in tasks)
    right.button(
        "Measure",
        icon=":material/straighten:",
        key=f"{key}.measure",
        disabled=not tasks,
        width="stretch",
        on_click=_start,
        args=(lab, jobs, name, mixes, tasks),
        help=f"{todo:,} pictures on val and test, {time_for(lab, todo)}." if tasks else None,
    )
    job_status.outcome(jobs, name)


def _pictures(lab: Lab, recipe: Recipe, task: str) -> int:
    sizes = lab.task(task).source.sizes()
    return sum(sizes.get(s, 0) for s in ("val", "test") if s in sizes and not lab.is_cached(recipe, task, s))


def _start(lab: Lab, jobs: Jobs, key: str, mixes: Sequence[Mix], tasks: Sequence[str]) -> Job:
    splits = [(t, s) for t in tasks for s in ("val", "test") if s in lab.task(t).source.sizes()]

    def work(progress: Progress) -> None:
        for mix in progress(mixes):
            for task, split in progress(splits, costs=[lab.task(t).size(s) for t, s in splits]):
                lab.evaluate(mix.recipe, task, split, progress)

    return jobs.submit(key, f"Measuring {listed([mix.title for mix in mixes])}", work, urgent=True)
