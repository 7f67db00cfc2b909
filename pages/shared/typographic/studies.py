"""Studies of a whole task: answered from what is kept, or offered with the time that they take; and their download."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from core.attacks import AttackOutcome, Study
from core.cli import command_line, words_of
from core.jobs import Jobs
from core.progress import Progress
from core.workspace import Lab
from pages.shared.app import job_status
from pages.shared.app.pace import time_for
from pages.shared.typographic import view as attack_view
from pages.shared.typographic.view import View
from pages.shared.widgets.formatting import alpha_text

COUNT = 300  # pictures of a task that are attacked at every α


@st.cache_resource(max_entries=48, show_spinner=False)
def _table(key: str, _lab: Lab, _study: Study) -> list[list[AttackOutcome]]:
    return _study.table(_lab)


def answered(lab: Lab, jobs: Jobs, study: Study, title: str, command: str = "") -> list[list[AttackOutcome]] | None:
    """The table of a study if all of it is there; else what it takes, a button, and None."""
    key = study.key(lab)
    if study.is_cached(lab):
        return _table(key, lab, study)

    def work(progress: Progress) -> None:
        progress.at(0.0, "Writing on the pictures")
        study.table(lab, progress)

    offer(lab, jobs, f"{lab.name}:attack {key[:24]}", title, study.cost, work, command)
    return None


def offer(
    lab: Lab, jobs: Jobs, key: str, title: str, cost: int, work: Callable[[Progress], None], command: str = ""
) -> None:
    """Offer work that looks at ``cost`` pictures, with its time and the command that does the same, if there is one."""
    if job_status.watch(jobs, key):
        return
    st.caption(f"{cost:,} pictures to look at; it can be stopped at any time, and what is done is kept.")
    job_status.offer(jobs, key, title, work, f"{title}: find out, {time_for(lab, cost)}", command=command)


def command(lab: Lab, view: View, alpha: float) -> str:
    """The same attack in a terminal, at one α; none for a mix that came from another page."""
    if not attack_view.is_checkpoint(lab, view):
        return ""
    words = ["--task", view.task, "--split", attack_view.split_of(lab, view.task), "--count", str(COUNT)]
    return command_line(lab, ["attack", "test", f"{view.patch}@{alpha_text(alpha)}", *words]) + words_of(view.look)


def download(
    view: View,
    name: str,
    rows: Sequence[object],
    head: str,
    table: Sequence[Sequence[AttackOutcome]],
    models: Sequence[str] = ("",),
) -> None:
    """What a chart shows as CSV: one row for each of its points, shares in [0, 1] with their intervals and n."""
    lines = []
    for row, outcomes in zip(rows, table, strict=True):
        for model, o in zip(models, outcomes, strict=True):
            clean = o.clean.value if o.clean else None
            f, a = o.fooled, o.accuracy
            lines.append((row, model, f.value, f.low, f.high, a.value, a.low, a.high, clean, a.n))
    columns = [head, "model", "fooled", "fooled_low_95", "fooled_high_95"]
    columns += ["accuracy", "accuracy_low_95", "accuracy_high_95", "clean_accuracy", "n"]
    st.download_button(
        "Download (CSV)",
        lambda: pd.DataFrame(lines, columns=columns).to_csv(index=False),
        f"attack-{view.task}-{name}.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        key=f"attack.csv.{name}",
    )
