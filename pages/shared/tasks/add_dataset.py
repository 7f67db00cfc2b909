"""Adding data to a workspace: choose them, look at samples, classes and counts, give them a role, and add."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core import PaletteError
from core.jobs import Jobs
from core.storage import megabytes
from core.tasks import ROLES, entries, fetch
from core.workspace import Lab, datasets
from pages.shared.app import job_status, workspace
from pages.shared.tasks import datasets_view
from pages.shared.tasks.datasets_view import MARKS, OWN, View
from pages.shared.tasks.gallery import ROLE_MEANS
from pages.shared.widgets import picture_grid
from pages.shared.widgets.escape import plain
from pages.shared.widgets.formatting import duration
from pages.shared.widgets.pickers import seed

OUTCOME = "data.outcome"


def pick(view: View, anew: bool) -> View:
    """Which data to look at: one of the papers', or one's own by path or upload."""
    seed({"data.pick": view.data or None, "data.path": view.path, "data.state": view.state or None}, anew)
    titles = {key: entry.title for key, entry in entries().items()}
    data = st.selectbox(
        "Data set",
        [OWN, *titles],
        key="data.pick",
        index=None,
        format_func=lambda key: "Your own data …" if key == OWN else titles[key],
        placeholder="Choose one to add it",
        help="A data set of the papers, or data of your own: a folder per class, parquet, CSV or zip.",
    )
    path = _own_path() if data == OWN else ""
    state = st.selectbox(
        "List those that are",
        list(MARKS),
        key="data.state",
        index=None,
        format_func=lambda s: MARKS[s],
        placeholder="all",
    )
    return View(data or "", path, state or "")


def _own_path() -> str:
    path = st.text_input(
        "Path on the machine that runs Palette",
        key="data.path",
        placeholder="/home/me/pets",
        help="A folder with a folder for each class (perhaps below train, val and test), a parquet file or a folder of "
        "them, a CSV file with image and label columns, or a zip file with a folder for each class.",
    )
    sent = st.file_uploader("or upload zip or parquet", type=["zip", "parquet"], key="data.upload", max_upload_size=500)
    if sent is not None:
        path = str(datasets.keep_upload(sent.name, sent.getvalue()))
    return path.strip()


def outcome(lab: Lab) -> None:
    """What was just added, and where to go from there."""
    name = st.session_state.get(OUTCOME)
    if name in lab.tasks:
        st.success(
            f"**{lab.task(name).title}** is a task of {lab.name} now. See its pictures in the gallery"
            + (", or patch it on the α page." if lab.task(name).role == "patching" else "."),
            icon=":material/check_circle:",
        )


def offer(lab: Lab, jobs: Jobs, view: View) -> None:
    """What the chosen data are, and the button that adds them; or how to get them."""
    try:
        with st.spinner("Looking at the data …"):
            facts = datasets.facts_of(view.asked)
    except PaletteError as error:
        st.warning(plain(str(error)), icon=":material/info:")
        if view.data != OWN:
            _get(jobs, view.data)
        return
    words = _words(facts, view.asked)
    try:
        shown = datasets.preview(lab, words)
    except PaletteError as error:
        st.warning(plain(str(error)), icon=":material/error:")
        return
    _facts(shown)
    _add(lab, jobs, shown)
    picture_grid.grid([picture_grid.Captioned(image, (name,)) for image, name in datasets.sample(shown)], 84)


def _words(facts: dict[str, Any], asked: str) -> dict[str, Any]:
    """The table with the role, the name, the class names and the templates that the visitor gave it."""
    name_at, role_at = st.columns(2)
    name = name_at.text_input("Called", facts["name"], key=f"data.name.{asked}", help="Letters, digits, '.', '_', '-'.")
    role = role_at.selectbox(
        "Role",
        ROLES,
        index=ROLES.index(facts["role"]),
        key=f"data.role.{asked}",
        help="; ".join(f"{role}: {means}" for role, means in ROLE_MEANS.items()),
    )
    with st.expander(f"The words: {len(facts['class_names'])} class names and {len(facts['templates'])} templates"):
        st.caption("Class names, in the order of the labels; they decide what the text tower looks for.")
        edited = st.data_editor(
            pd.DataFrame({"Class": facts["class_names"]}),
            key=f"data.classes.{asked}",
            height=220,
            column_config={"Class": st.column_config.TextColumn(required=True)},
        )
        templates = st.text_area(
            "Templates, one a line, with {} for the class name",
            "\n".join(facts["templates"]),
            key=f"data.templates.{asked}",
        )
    lines = [line.strip() for line in templates.splitlines() if line.strip()]
    return {**facts, "name": name.strip(), "role": role, "class_names": [*edited["Class"]], "templates": lines}


def _facts(shown: datasets.Preview) -> None:
    sizes = ", ".join(f"{n:,} {split}" for split, n in shown.sizes.items())
    expected = duration(datasets.seconds_to_decode(sum(shown.sizes.values())))
    number = shown.facts.get("seed", 0)
    st.markdown(
        f"**{shown.task.title}**: {len(shown.task.class_names)} classes; {sizes}, cut by seed {number}. "
        f"Decoded once for this model: {megabytes(shown.space)}, very roughly {expected}."
    )
    for sentence in shown.said:
        st.caption(f":material/info: {plain(sentence)}")
    if short := [n for n, *c in zip(shown.task.class_names, *shown.counts.values(), strict=True) if not all(c)]:
        more = f" and {len(short) - 5} more" if len(short) > 5 else ""
        st.caption(f":material/info: No image in some split for {', '.join(short[:5])}{more}.")


def _add(lab: Lab, jobs: Jobs, shown: datasets.Preview) -> None:
    name, job = shown.task.name, f"{lab.name}:decode {shown.task.name}"
    exists = name in lab.tasks
    with st.container(horizontal=True):
        with st.popover("Images of each class"):
            st.dataframe(pd.DataFrame({"Class": shown.task.class_names, **shown.counts}), hide_index=True)
        st.button(
            f"Add to {lab.name}",
            type="primary",
            icon=":material/add:",
            key="data.add",
            disabled=exists,
            help="There is a task of that name; call this one otherwise." if exists else None,
            on_click=_add_now,
            args=(lab, shown),
        )
    if exists:
        work = partial(datasets.decode, lab, [name])
        title, icon = f"Decoding {shown.task.title}", ":material/bolt:"
        job_status.offer(
            jobs, job, title, work, "Decode it now", key="data.decode", icon=icon, type="secondary", urgent=False
        )


def _add_now(lab: Lab, shown: datasets.Preview) -> None:
    try:
        datasets.add(lab, shown.facts)
    except PaletteError as error:
        st.session_state[OUTCOME] = None
        st.toast(plain(str(error)), icon=":material/error:")
        return
    st.session_state[OUTCOME] = shown.task.name
    workspace.reopen()


def _get(jobs: Jobs, key: str) -> None:
    """The button and the command that download a data set, if anything can."""
    entry = entries()[key]
    if any(way.downloadable for way in entry.ways):
        job = f"download {key}"
        if (last := jobs.get(job)) is not None and last.state == "done":
            datasets_view.look_again()
        job_status.offer(
            jobs,
            job,
            f"Downloading {entry.title}",
            partial(fetch, entry),
            f"Download {entry.title}",
            command=f"python -m core data get {key}",
            urgent=False,
            icon=":material/download:",
            type="secondary",
            key=f"data.get.{key}",
        )
