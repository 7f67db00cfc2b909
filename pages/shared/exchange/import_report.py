"""The parts of the import page: which file, the pre-flight report, and the registration."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core import PaletteError
from core.exchange import DESCENDS, Preflight, import_checkpoint, preflight
from core.jobs import Jobs
from core.progress import Progress
from core.workspace import BASE, Checkpoint, Lab, named_recipes
from pages.shared.app import job_status
from pages.shared.exchange.checkpoint_file import CheckpointFile
from pages.shared.widgets import colours
from pages.shared.widgets.chart_options import GRID, options
from pages.shared.widgets.coefficients import part
from pages.shared.widgets.escape import plain

FIRST = 10


def report_on(lab: Lab, jobs: Jobs, file: CheckpointFile) -> Preflight | None:
    """The pre-flight report of a file, as soon as it is there. A path that changed is looked at anew."""
    try:
        stamp = file.path.stat().st_mtime_ns
    except (OSError, ValueError):
        stamp = 0
    key = f"{lab.name}:preflight {file.path} {stamp} {file.subtree} {file.activation}"
    job = job_status.at_once(jobs, key, f"Looking at {file.title}", _look(lab, file), again="Look again")
    return None if job is None else job.result


def _look(lab: Lab, file: CheckpointFile):
    def work(progress: Progress) -> Preflight:
        try:
            report = preflight(lab, file.path, progress, file.subtree, file.activation)
        except PaletteError as error:  # an upload is kept under a name of ours, which nobody knows
            message = str(error).replace(str(file.path), file.title).replace(file.path.name, file.title)
            raise type(error)(message) from None
        return replace(report, tower=dict.fromkeys(report.tower))  # the queue keeps no weights alive

    return work


def show(lab: Lab, report: Preflight, title: str) -> None:
    """The report: verdict, cosines to the base, facts, and the first ten of whatever is wrong."""
    if not report.fits:
        st.error(plain(f"{title} does not fit {lab.name}: {report.problems[0]}"), icon=":material/block:")
    if report.fits:
        descends = f", and descends from the base of {lab.name}" if report.descends else ""
        st.success(f"{plain(title)} fits{descends}.", icon=":material/check_circle:")
    for warning in report.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    for line in report.reading():
        st.caption(plain(line))
    if report.cosines:
        st.plotly_chart(_cosines(report), key="import.cosines", config=options("cosines"), alt="Cosine per block")
    kinds = ", ".join(f"{n} {dtype}" for dtype, n in report.dtypes.items()) or "none"
    facts = (
        ("Names", report.kind, "Whose names its weights carry."),
        (
            "Tensors",
            str(len(report.tower)),
            f"Of an image tower: {kinds}; {report.left_out} more of the text side.",
        ),
        ("Activation", report.activation or "not said", "Of its transformers, as far as the file says."),
        ("Cosine", "–" if report.cosine is None else f"{report.cosine:.3f}", "Of all weight matrices to the base's."),
    )
    with st.container(horizontal=True, gap="large"):  # as wide as their words, in as many rows as that takes
        for label, value, tooltip in facts:
            st.metric(label, value, help=tooltip, width="content")
    _lists(report)


def _cosines(report: Preflight) -> go.Figure:
    blocks = sorted(report.cosines, key=lambda prefix: (not prefix, prefix))
    names, values = [part(prefix) for prefix in blocks], [report.cosines[prefix] for prefix in blocks]
    bars = {
        "type": "bar",
        "x": names,
        "y": values,
        "marker": {"color": [_colour(v) for v in values]},
        "hovertemplate": "%{x}<br>cosine %{y:.4f}<extra></extra>",
    }
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": DESCENDS, "y1": DESCENDS}
    layout = {
        "height": 260,
        "margin": {"l": 60, "r": 16, "t": 12, "b": 60},
        "uirevision": "cosines",
        "yaxis": {
            "title": {"text": "cosine to the base"},
            "range": [min(0.0, *values) - 0.02, 1.02],
            "gridcolor": GRID,
        },
        "shapes": [line | {"line": {"dash": "dash", "width": 1.5, "color": colours.BASE}}],
    }
    return go.Figure({"data": [bars], "layout": layout}, skip_invalid=True)


def _colour(cosine: float) -> str:
    return colours.TUNED if cosine >= DESCENDS else colours.ATTACK


def _lists(report: Preflight) -> None:
    wrong = {
        "missing": report.missing,
        "extra": report.extra,
        "another shape": report.misshapen,
        "not finite": report.not_finite,
    }
    rows = [(kind, name) for kind, names in wrong.items() for name in names[:FIRST]]
    if rows:
        counts = ", ".join(f"{len(names)} {kind}" for kind, names in wrong.items() if names)
        st.caption(f"{counts}; the first {FIRST} of each:")
        st.dataframe(pd.DataFrame(rows, columns=["What", "Weight"]), hide_index=True)
    if report.merged:
        st.caption(plain(f"Merged by mergekit: {report.merged}."))
    if report.recipe is not None:
        st.caption(plain(f"It carries its recipe: {named_recipes.title_of(report.recipe)}."))


def register(lab: Lab, jobs: Jobs, file: CheckpointFile, report: Preflight) -> None:
    """Ask what to call it, what it was trained on and from, and keep it."""
    key = f"{lab.name}:import {file.path}"
    if job_status.watch(jobs, key):
        return
    _form(lab, jobs, file, report, key)
    if job := job_status.outcome(jobs, key):
        _registered(lab, job.result)


def _form(lab: Lab, jobs: Jobs, file: CheckpointFile, report: Preflight, key: str) -> None:
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(file.title).stem).strip("-._")
    with st.form("import.form", border=True):
        name, tasks, start = st.columns([1, 1.4, 1])
        called = name.text_input("Call it", stem, key=f"import.name.{stem}", help="Letters, digits, '.', '_' and '-'.")
        trained = tasks.multiselect(
            "It was trained on",
            list(lab.tasks),
            key="import.tasks",
            format_func=lambda n: lab.task(n).title,
            help="The α page patches these tasks with it. Without any it can be mixed, but is no patch of a task.",
        )
        parent = start.selectbox("It started from", lab.zoo.names(), key="import.start")
        overwrite = st.checkbox("Replace a checkpoint of that name", key="import.overwrite")
        if st.form_submit_button("Bring it in", icon=":material/login:", type="primary", disabled=not report.fits):
            jobs.submit(key, f"Bringing in {called}", _work(lab, file, called, trained, parent, overwrite), urgent=True)
            st.rerun()


def _work(lab: Lab, file: CheckpointFile, name: str, tasks: list[str], parent: str, overwrite: bool):
    def work(progress: Progress) -> Checkpoint:
        start = named_recipes.by_name(parent) if parent != BASE else lab.base
        return import_checkpoint(
            lab,
            file.path,
            name.strip(),
            start=start,
            tasks=tasks,
            overwrite=overwrite,
            progress=progress,
            title=file.title,
            subtree=file.subtree,
            activation=file.activation,
        )

    return work


def _registered(lab: Lab, kept: Checkpoint) -> None:
    st.success(f"It is here as {kept.name!r}, digest {kept.digest[:12]}.", icon=":material/check_circle:")
    try:
        patch = kept.name in named_recipes.patches(lab)
    except PaletteError:
        patch = False
    if patch and st.button("How much of it is right?", icon=":material/tune:", key="import.alpha"):
        st.switch_page("pages/alpha.py", query_params={"task": kept.name})
    st.caption(f"Everywhere a mix is asked for, `{kept.name}` and `{kept.name}@0.5` are understood.")
