"""The question that the classify page asks the engine, and how it waits for an answer that takes long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import streamlit as st

from core.classify import Album, Result, classifier
from core.jobs import Jobs
from core.progress import SILENT, Progress
from core.recipes import Recipe
from core.workspace import Lab
from pages.shared.app import job_status

AT_ONCE = 128  # pictures that are looked at while the visitor waits; more become a job
PROMPTS_AT_ONCE = 2000


@dataclass(frozen=True, eq=False)
class Asked:
    """These pictures, by these recipes, in these words."""

    album: Album
    recipes: Mapping[str, Recipe]
    names: tuple[str, ...]
    templates: tuple[str, ...]
    top: int

    def key(self, lab: Lab) -> str:
        """The name of the job that answers it, by content."""
        facts = [p.digest for p in self.album.pictures], [lab.weights_key(r) for r in self.recipes.values()]
        return f"{lab.name}:classify {sha256(repr((facts, self.names, self.templates)).encode()).hexdigest()[:16]}"


def result(lab: Lab, jobs: Jobs, asked: Asked) -> Result | None:
    """The answer: at once if little is left to compute, else by a job to watch; None while there is none."""
    desk, pictures = classifier(lab), asked.album.pictures
    if not pictures:
        _nothing(asked.album)
        return None
    unseen = sum(desk.unseen(recipe, pictures) for recipe in asked.recipes.values())
    unread = len(asked.templates) * desk.unread(asked.names, asked.templates)

    def answer(progress: Progress = SILENT) -> Result:
        return desk.classify(asked.recipes, asked.album, asked.names, asked.templates, asked.top, progress)

    def work(progress: Progress) -> None:
        answer(progress)  # what it has seen and read stays with the classifier, which then answers at once

    if unseen <= AT_ONCE and unread <= PROMPTS_AT_ONCE:
        return answer()
    job = job_status.at_once(
        jobs,
        asked.key(lab),
        f"Classifying {len(pictures):,} pictures",
        work,
        again="Go on",
        anew=("done",),
        words=f"{len(pictures):,} pictures are ready, and {unseen:,} looks at them are to come.",
    )
    return None if job is None else answer()


def _nothing(album: Album) -> None:
    if album.refused:
        refusals(album.refused)
        st.info("None of these files could be read. Send PNG, JPEG, WebP, GIF, BMP or TIFF.", icon=":material/image:")


def refusals(refused: Sequence[str], rest: str = "") -> None:
    """One sentence for each file that was left out; plain text, for anybody may have named them."""
    count = len(refused)
    if count:
        many = "One file was" if count == 1 else f"{count:,} files were"
        with st.expander(f"{many} left out", icon=":material/warning:", expanded=count <= 3):
            st.text("\n".join(refused[:200]))
            if count > 200:
                st.caption(f"And {count - 200:,} more{rest}.")
