"""Where the pictures come from: uploads, a zip, a folder of this machine; a task's pictures until there are any."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.classify import Album, Incoming, classifier, from_path, from_zip, picture, take_in
from core.jobs import Jobs
from core.progress import Progress
from core.workspace import Lab
from pages.shared.app import job_status
from pages.shared.classify import class_names
from pages.shared.classify.view import View
from pages.shared.tasks.gallery import in_turn
from pages.shared.widgets.pickers import by_role, seed

SAMPLES = 12
MEGABYTES = 500
READINGS = "classify.readings"


@dataclass(frozen=True)
class Sent:
    """What a visitor offers: uploaded files, the path of a folder or zip, and the task that stands in without them.

    ``readings`` counts how often the folder was asked to be read again.
    """

    files: tuple[Any, ...]
    folder: str
    sample: str
    readings: int = 0

    @property
    def own(self) -> bool:
        """Whether there is anything of the visitor's own."""
        return bool(self.files or self.folder)

    @property
    def paths(self) -> list[str]:
        """What to write in a script for these pictures."""
        return [*([self.folder] if self.folder else []), *(file.name for file in self.files)] or ["my-pictures"]


def pick(lab: Lab, view: View, anew: bool) -> Sent:
    """The upload, the folder, the sample."""
    seed({"classify.sample": view.sample}, anew)
    files = st.file_uploader(
        "Your images",
        accept_multiple_files=True,
        key="classify.files",
        max_upload_size=MEGABYTES,
        on_change=class_names.leave_sample,
        args=(lab,),
        help="PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF or JPEG 2000, any number, or a zip; folders inside a zip are "
        "labels. Pictures are kept in memory only.",
    )
    folder = _folder(lab)
    options = [n for n in by_role(lab) if "test" in lab.task(n).source.sizes()]
    sample = view.sample
    if not files and not folder:
        sample = st.selectbox(
            "Until then, test pictures of",
            options,
            key="classify.sample",
            format_func=lambda n: lab.task(n).title,
            on_change=class_names.follow_sample,
            args=(lab,),
        )
    return Sent(tuple(files or ()), folder, sample, st.session_state.get(READINGS, 0))


def _folder(lab: Lab) -> str:
    with st.popover("From a folder", icon=":material/folder_open:", width="stretch"):
        folder = st.text_input(
            "Folder or zip on the machine that runs Palette",
            key="classify.folder",
            placeholder="/home/me/pictures",
            on_change=class_names.leave_sample,
            args=(lab,),
            help="Every picture below it; the folder that a picture lies in is its label.",
        )
        st.button("Read it again", disabled=not folder, icon=":material/refresh:", on_click=_again)
    return folder.strip()


def _again() -> None:
    st.session_state[READINGS] = st.session_state.get(READINGS, 0) + 1


def album(lab: Lab, jobs: Jobs, sent: Sent) -> Album:
    """The pictures that are ready: loose files at once, zips and folders by a job that the visitor can watch."""
    if not sent.own:
        return _sample(lab, sent.sample)
    zips = [file for file in sent.files if bytes(file.getbuffer()[:4]) == b"PK\x03\x04"]
    parts = [_loose(lab, [file for file in sent.files if file not in zips])]
    for file in zips:
        box = [file.getvalue()]  # emptied by the job, so that a finished one holds no zip
        work = partial(_unpack, box, file.name)
        parts.append(_by_job(lab, jobs, ("zip", file.file_id), f"Reading {file.name}", work))
    if sent.folder:
        key = ("folder", sent.folder, sent.readings)
        parts.append(_by_job(lab, jobs, key, f"Reading {sent.folder}", partial(from_path, Path(sent.folder))))
    return Album.joined(parts)


def _sample(lab: Lab, task: str) -> Album:
    desk, key = classifier(lab), ("sample", task)
    if (known := desk.albums.get(key)) is not None:
        return known
    with st.spinner(f"Getting the test pictures of {lab.task(task).title} (only the first time takes a moment) …"):
        shown, names = lab.pictures(task, "test"), lab.task(task).class_names
    rows = in_turn(shown.labels, list(range(len(names))), np.random.default_rng(0), SAMPLES)
    pictures = (picture(shown.images[i], desk.fit, f"{task} {i}", names[shown.labels[i]]) for i in rows)
    return desk.albums.put(key, Album(tuple(pictures)))


def _loose(lab: Lab, files: Sequence[Any]) -> Album:
    """Each file is an album of one, kept as long as there is room: adding a file decodes that one only."""
    desk = classifier(lab)
    albums = {file.file_id: desk.albums.get(("file", file.file_id)) for file in files}
    todo = [file for file in files if albums[file.file_id] is None]
    bar = st.progress(0.0, "Reading pictures") if len(todo) > 4 else None
    for i, file in enumerate(todo):
        one = take_in([Incoming(file.name, None, file.getvalue)], desk.fit)
        albums[file.file_id] = desk.albums.put(("file", file.file_id), one)
        if bar is not None:
            bar.progress((i + 1) / len(todo), f"Reading pictures: {i + 1} of {len(todo)}")
    if bar is not None:
        bar.empty()
    return Album.joined(one for one in albums.values() if one is not None)


def _unpack(box: list[bytes], name: str) -> list[Incoming]:
    return from_zip(BytesIO(box.pop()), name)


def _by_job(lab: Lab, jobs: Jobs, key: Hashable, title: str, find: Callable[[], list[Incoming]]) -> Album:
    """What a job has read, or nothing yet while it works."""
    desk, name = classifier(lab), f"{lab.name}:{key}"

    def read(progress: Progress) -> None:
        desk.albums.put(key, take_in(find(), desk.fit, progress))

    if (known := desk.albums.get(key)) is not None:
        return known
    job_status.at_once(jobs, name, title, read, anew=("done",))  # done, and forgotten since
    return desk.albums.get(key) or Album(())
