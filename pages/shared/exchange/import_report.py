"""The parts of the import page: which file, the pre-flight report, and the registration."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core import PaletteError
from core.exchange import ACTIVATIONS, DESCENDS, SAFE, TORCH, Preflight, import_checkpoint, preflight
from core.jobs import Job, Jobs
from core.progress import Progress
from core.storage import files
from core.workspace import BASE, Checkpoint, Lab, named_recipes
from pages.shared.app import job_status
from pages.shared.widgets import colours, pickers
from pages.shared.widgets.chart_options import GRID, options
from pages.shared.widgets.coefficients import part
from pages.shared.widgets.escape import plain

LARGEST_UPLOAD = 2048  # MB; an upload passes through the server's memory, a path does not
FIRST = 10
CHOSEN = "import.chosen"  # part and activation, by path


@dataclass(frozen=True)
class Report:
    """A file to look at: where it is, and what its owner calls it."""

    path: Path
    title: str
    subtree: str = ""
    activation: str = ""


def pick_file() -> Report | None:
    """Choose a file or a folder on this machine, or upload a file; None as long as nothing is chosen."""
    how = st.segmented_control("From", ["Upload", "Path"], key="import.how", default="Upload", required=True)
    if how == "Path":
        text = st.text_input(
            "Path on this machine",
            key="import.path",
            placeholder=str(Path.home() / "theirs.safetensors"),
            help="A file, or a folder as open_clip, Hugging Face or mergekit write it. It is only read.",
        ).strip()
        path = pickers.typed_path(text)
        return _as_chosen(path, path.name or text) if text else None
    given = st.file_uploader(
        "Checkpoint",
        [ending.removeprefix(".") for ending in SAFE + TORCH],
        key="import.upload",
        max_upload_size=LARGEST_UPLOAD,
        help="Weights only: code inside a file is never run.",
    )
    if given is None:
        return None
    path = _drawer() / f"{re.sub('[^0-9A-Za-z-]', '', given.file_id)}{Path(given.name).suffix.lower()}"
    if not path.exists():  # under a name of ours: theirs is no path
        with files.replacing(path) as temporary, temporary.open("wb") as file:
            file.write(given.getbuffer())
    return _as_chosen(path, given.name)


def _as_chosen(path: Path, title: str) -> Report:
    """A file with what was said of it below its report."""
    part, act = st.session_state.get(CHOSEN, {}).get(str(path), ("", ""))
    return Report(path, title, part, act)


def choose(found: Report, report: Preflight) -> None:
    """Which of several sets of weights to take, and the activation where nothing says it."""
    part, act = f"import.part.{found.path}", f"import.activation.{found.path}"

    def keep() -> None:  # what a widget that is not drawn for a moment holds is forgotten
        taken = (st.session_state[part] or ".") if part in st.session_state else found.subtree
        said = st.session_state.get(act, found.activation) or ""
        st.session_state[CHOSEN] = {str(found.path): (taken, said)}

    if report.others:
        names = sorted({report.where, *report.others})
        pickers.seed({part: report.where}, False)
        st.selectbox(
            "Weights in the file",
            names,
            key=part,
            on_change=keep,
            format_func=lambda n: f"{n or 'outside of these'}{' (average)' if n in report.averages else ''}",
            help="Several parts of the file fit the base. An average of the weights (EMA) is often the better model.",
        )
    if not report.activation or found.activation:
        pickers.seed({act: found.activation or None}, False)
        st.selectbox("Activation", ACTIVATIONS, index=None, key=act, on_change=keep, placeholder="Not said by the file")


def _drawer() -> Path:
    """A temporary folder of this session's, which goes when the session does."""
    if "import.drawer" not in st.session_state:
        st.session_state["import.drawer"] = tempfile.TemporaryDirectory(prefix="palette-")
    return Path(st.session_state["import.drawer"].name)


def report_on(lab: Lab, jobs: Jobs, found: Report) -> Preflight | None:
    """The pre-flight report of a file, as soon as it is there. A path that changed is looked at anew."""
    try:
        stamp = found.path.stat().st_mtime_ns
    except (OSError, ValueError):
        stamp = 0
    key = f"{lab.name}:preflight {found.path} {stamp} {found.subtree} {found.activation}"
    job = jobs.get(key) or jobs.submit(key, f"Looking at {found.title}", _look(lab, found), urgent=True)
    if job.active:
        job_status.watch(jobs, key)
    elif job.state == "done":
        return job.result
    else:
        st.error(plain(job.error), icon=":material/error:")
        st.button("Look again", icon=":material/refresh:", on_click=jobs.submit, args=(key, job.title, job.work, True))
    return None


def _look(lab: Lab, found: Report):
    def work(progress: Progress) -> Preflight:
        try:
            report = preflight(lab, found.path, progress, found.subtree, found.activation)
        except PaletteError as error:  # an upload is kept under a name of ours, which nobody knows
            said = str(error).replace(str(found.path), found.title).replace(found.path.name, found.title)
            raise type(error)(said) from None
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
        for label, value, said in facts:
            st.metric(label, value, help=said, width="content")
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


def register(lab: Lab, jobs: Jobs, found: Report, report: Preflight) -> None:
    """Ask what to call it, what it was trained on and from, and keep it."""
    key = f"{lab.name}:import {found.path}"
    job = jobs.get(key)
    if job is not None and job.active:
        job_status.watch(jobs, key)
        return
    _form(lab, jobs, found, report, key)
    if job is not None and job.state == "done":
        _registered(lab, job)
    elif job is not None and job.error:
        st.error(plain(job.error), icon=":material/error:")


def _form(lab: Lab, jobs: Jobs, found: Report, report: Preflight, key: str) -> None:
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(found.title).stem).strip("-._")
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
            jobs.submit(
                key, f"Bringing in {called}", _work(lab, found, called, trained, parent, overwrite), urgent=True
            )
            st.rerun()


def _work(lab: Lab, found: Report, name: str, tasks: list[str], parent: str, overwrite: bool):
    def work(progress: Progress) -> Checkpoint:
        start = named_recipes.by_name(parent) if parent != BASE else lab.base
        return import_checkpoint(
            lab,
            found.path,
            name.strip(),
            start=start,
            tasks=tasks,
            overwrite=overwrite,
            progress=progress,
            title=found.title,
            subtree=found.subtree,
            activation=found.activation,
        )

    return work


def _registered(lab: Lab, job: Job) -> None:
    kept: Checkpoint = job.result
    st.success(f"It is here as {kept.name!r}, digest {kept.digest[:12]}.", icon=":material/check_circle:")
    try:
        patch = kept.name in named_recipes.patches(lab)
    except PaletteError:
        patch = False
    if patch and st.button("How much of it is right?", icon=":material/tune:", key="import.alpha"):
        st.switch_page("pages/alpha.py", query_params={"task": kept.name})
    st.caption(f"Everywhere a mix is asked for, `{kept.name}` and `{kept.name}@0.5` are understood.")
