"""Which checkpoint the import page looks at: a path or an upload, and which of its weights."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.exchange import ACTIVATIONS, SAFE, TORCH, Preflight
from core.storage import files
from pages.shared.widgets import pickers

LARGEST_UPLOAD = 2048  # MB; an upload passes through the server's memory, a path does not
CHOSEN = "import.chosen"  # part and activation, by path


@dataclass(frozen=True)
class CheckpointFile:
    """A file to look at: where it is, and what its owner calls it."""

    path: Path
    title: str
    subtree: str = ""
    activation: str = ""


def pick_file() -> CheckpointFile | None:
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


def _as_chosen(path: Path, title: str) -> CheckpointFile:
    """A file with what was said of it below its report."""
    part, act = st.session_state.get(CHOSEN, {}).get(str(path), ("", ""))
    return CheckpointFile(path, title, part, act)


def choose(file: CheckpointFile, report: Preflight) -> None:
    """Which of several sets of weights to take, and the activation where nothing says it."""
    part, act = f"import.part.{file.path}", f"import.activation.{file.path}"

    def keep() -> None:  # what a widget that is not drawn for a moment holds is forgotten
        taken = (st.session_state[part] or ".") if part in st.session_state else file.subtree
        said = st.session_state.get(act, file.activation) or ""
        st.session_state[CHOSEN] = {str(file.path): (taken, said)}

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
    if not report.activation or file.activation:
        pickers.seed({act: file.activation or None}, False)
        st.selectbox("Activation", ACTIVATIONS, index=None, key=act, on_change=keep, placeholder="Not said by the file")


def _drawer() -> Path:
    """A temporary folder of this session's, which goes when the session does."""
    if "import.drawer" not in st.session_state:
        st.session_state["import.drawer"] = tempfile.TemporaryDirectory(prefix="palette-")
    return Path(st.session_state["import.drawer"].name)
