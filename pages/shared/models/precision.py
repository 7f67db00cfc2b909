"""What lower precision does: measured on a task of the open workspace, as a job."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.cli import command_line
from core.jobs import Jobs
from core.workspace import Lab, precision
from pages.shared.app import job_status
from pages.shared.widgets.formatting import interval, percent, points
from pages.shared.widgets.pickers import by_role


def draw(lab: Lab, jobs: Jobs) -> None:
    """Pick a task, measure, and see accuracy, changed answers and speed at every precision."""
    with st.expander("What lower precision does"):
        tasks = by_role(lab)
        if not tasks:
            st.caption(f"{lab.name} has no tasks to measure on yet.")
            return
        left, right = st.columns([2, 1], vertical_alignment="bottom")
        task = left.selectbox("Task", tasks, key="models.task", format_func=lambda n: lab.task(n).title)
        key = f"{lab.name}:precision on {task}"
        job = jobs.get(key)
        right.button(
            "Measure",
            key="models.measure",
            icon=":material/speed:",
            width="stretch",
            disabled=job is not None and job.active,
            on_click=jobs.submit,
            args=(
                key,
                f"Precisions on {lab.task(task).title}",
                lambda p: precision.compare(lab, lab.base, task, "val", p),
                True,
            ),
            help=f"The base on the {lab.task(task).size('val'):,} val pictures, once at each precision.",
        )
        if job_status.watch(jobs, key):
            return
        if job := job_status.outcome(jobs, key):
            _table(job.result)
        else:
            st.caption(f"Or `{command_line(lab, ['precision', '--task', task])}`.")


def _table(rows: list[precision.PrecisionRow]) -> None:
    table = pd.DataFrame(
        [
            (
                row.precision,
                f"{percent(row.accuracy.value)} [{interval(row.accuracy)}]",
                "–" if row.flips is None else points(row.flips.difference),
                "–" if row.flips is None else f"{row.changed} ({row.flips.fixed} fixed, {row.flips.broken} broken)",
                "–" if row.flips is None else f"{row.flips.p:.2g}",
                row.pace,
            )
            for row in rows
        ],
        columns=["Precision", "Accuracy [95 %]", "Against float32", "Answers changed", "p", "Pictures a second"],
    )
    form = {
        "p": st.column_config.TextColumn(help="McNemar's exact test on the same pictures."),
        "Pictures a second": st.column_config.NumberColumn(format="%.0f", help="As measured just now, on this device."),
    }
    st.dataframe(table, hide_index=True, column_config=form)
    st.caption(f"n = {rows[0].accuracy.n:,} val pictures.")
