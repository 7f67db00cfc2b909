"""Photographs of real attacks: a zip file or a folder goes in, and who follows the note comes out."""

from __future__ import annotations

import io
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, TypeVar

import pandas as pd
import streamlit as st

from core.attacks import PhotographResults, judge_photographs, photo_files
from core.cli import command_line
from core.jobs import Jobs
from core.metrics import paired
from core.progress import Progress
from core.recipes import Recipe
from core.workspace import Lab
from pages.shared.app import job_status
from pages.shared.app.frame import one_sentence
from pages.shared.classify.answers import refusals
from pages.shared.typographic import view as attack_view
from pages.shared.typographic.view import View
from pages.shared.widgets import metric_row, pickers
from pages.shared.widgets.formatting import alpha_text
from pages.shared.widgets.metric_row import Figure

AT_ONCE = 32  # photographs that are judged while the visitor waits; more become a job
READINGS, JUDGED, ASKED = "attack.readings", "attack.judged", "attack.asked"
T = TypeVar("T")


@dataclass(frozen=True)
class Given:
    """Photographs that a visitor gave: how to open them, what they are called, and what tells them from others."""

    open: Callable[[], Path | BinaryIO]
    called: str
    key: Hashable


def draw(lab: Lab, jobs: Jobs, view: View, alpha: float) -> None:
    """Take photographs named as PAINT's, and show what base, patch and fine-tuned answer to each."""
    st.markdown(
        "Photographs of things with a note on them, as in PAINT's test set of 110: a zip file or a folder of pictures "
        "that are named `label=dog_text=cat.png`. The classes are all labels and texts that occur."
    )
    given = _pick()
    command = command_line(lab, ["attack", "test", "RECIPE", "--photos", "FOLDER"])
    st.caption(f"Nothing is unpacked to disk. In a terminal: `{command}`.")
    if given is None:
        return
    with one_sentence():
        results = _judged(lab, jobs, given, [attack_view.mix(lab, view, a) for a in (0.0, alpha, 1.0)])
        if results is not None:
            _show(results, alpha)


def _pick() -> Given | None:
    left, right = st.columns(2)
    zipped = left.file_uploader("Zip file", ["zip"], key="attack.photos", max_upload_size=500)
    folder = right.text_input(
        "Folder or zip on the machine that runs Palette",
        key="attack.folder",
        placeholder="/home/me/photographs",
        disabled=zipped is not None,
        help="Every picture below it. A zip file that was uploaded comes first.",
    ).strip()
    unused = zipped is not None or not folder
    right.button("Read it again", disabled=unused, icon=":material/refresh:", key="attack.again", on_click=_again)
    if zipped is not None:
        return Given(lambda: io.BytesIO(zipped.getvalue()), zipped.name, zipped.file_id)
    if folder:
        return Given(lambda: pickers.typed_path(folder), "", (folder, st.session_state.get(READINGS, 0)))
    return None


def _again() -> None:
    st.session_state[READINGS] = st.session_state.get(READINGS, 0) + 1


def _judged(lab: Lab, jobs: Jobs, given: Given, recipes: Sequence[Recipe]) -> PhotographResults | None:
    """What the mixes answer: the session's last, or few photographs at once, or many by a job, and None till then."""
    asked = sha256(repr((given.key, [lab.weights_key(r) for r in recipes])).encode()).hexdigest()[:16]
    kept = st.session_state.get(JUDGED)
    if kept is not None and kept[0] == asked:
        return kept[1]
    count = len(photo_files.listed(given.open(), given.called))
    if count <= AT_ONCE:
        with st.spinner("Looking at the photographs …"):
            results = judge_photographs(lab, recipes, photo_files.read(given.open(), given.called))
    else:
        results = _by_job(lab, jobs, f"{lab.name}:photographs {asked}", given, recipes, count)
    if results is not None:
        st.session_state[JUDGED] = (asked, results)
    return results


def _by_job(
    lab: Lab, jobs: Jobs, key: str, given: Given, recipes: Sequence[Recipe], count: int
) -> PhotographResults | None:
    box, title = [given.open()], f"Judging {count:,} photographs"  # emptied by the job: a finished one holds no zip

    def work(progress: Progress) -> PhotographResults:
        return judge_photographs(
            lab,
            recipes,
            photo_files.read(box.pop(), given.called),
            progress=lambda one: _followed(one, count, progress),
        )

    before, st.session_state[ASKED] = st.session_state.get(ASKED), key
    if before is not None and before != key:
        jobs.cancel(before)  # nobody looks at another α's any more
    anew = ("cancelled",) if before != key else ()  # back at an α that was left
    job = job_status.at_once(jobs, key, title, work, anew=anew)
    return None if job is None else job.result


def _followed(items: Iterable[T], count: int, progress: Progress) -> Iterator[T]:
    """The same one by one, told as progress; a list of them all would be many large pictures in memory."""
    for i, one in enumerate(items):
        progress.at(min(1.0, i / count), f"photograph {i + 1:,} of {count:,}")
        yield one


def _show(results: PhotographResults, alpha: float) -> None:
    base, now, tuned = (results.outcome(i) for i in range(3))
    right = paired(base.right, now.right)
    metric_row.row(
        [
            metric_row.fooled(":red[✕] Fooled", now.fooled, paired(base.follows, now.follows)),
            Figure(":green[●] Right", now.accuracy.value, now.accuracy, right.difference, right),
            Figure(":orange[◆] Fine-tuned: fooled", tuned.fooled.value, tuned.fooled),
        ]
    )
    names = ["base", f"α = {alpha_text(alpha)}", "fine-tuned"]
    rows = {"file": results.names, "shows": [results.classes[i] for i in results.labels]}
    rows |= {"written": [results.classes[i] for i in results.written]}
    rows |= {name: [results.classes[i] for i in row] for name, row in zip(names, results.answers, strict=True)}
    table = pd.DataFrame(rows)
    st.dataframe(table, hide_index=True, height=280 if len(table) > 7 else "auto")
    st.download_button("Download (CSV)", lambda: table.to_csv(index=False), "attack-photographs.csv", "text/csv")
    refusals([trouble.why for trouble in results.troubles])
