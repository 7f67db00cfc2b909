"""The parts of the export page: what to write and where to, the work itself, and what came of it."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.exchange import DTYPES, FORMATS, Exported, expected_bytes, export, pack_archive, trouble
from core.jobs import Jobs
from core.progress import Progress
from core.storage import megabytes
from core.workspace import Lab, Mix
from pages.shared.app import job_status
from pages.shared.exchange import result
from pages.shared.exchange.view import View
from pages.shared.widgets import pickers, recipe_picker
from pages.shared.widgets.escape import plain

FOR = {
    "open_clip": "A folder that `open_clip` loads: the whole CLIP, with its configuration.",
    "state_dict": "One file with open_clip's names: for code of your own.",
    "image_tower": "The image tower alone: the smallest; the text tower is the base's anyway.",
    "huggingface": "A folder that `transformers` loads as a `CLIPModel`; plain vision transformers only.",
    "onnx": "Image tower and heads for onnxruntime: runs without Python.",
}
TITLES = {
    "open_clip": "open_clip folder",
    "state_dict": "State dict",
    "image_tower": "Image tower",
    "huggingface": "Hugging Face CLIPModel",
    "onnx": "ONNX",
}
LARGEST_DOWNLOAD = 2**30  # bytes; a download passes through the server's memory, a folder does not


@dataclass(frozen=True)
class ExportRequest:
    """What the visitor asks for; ``folder`` None: a download. ``ending`` is of a single file, or empty."""

    mix: Mix
    fmt: str
    dtype: str
    tasks: tuple[str, ...] | None
    ending: str
    folder: Path | None
    overwrite: bool

    @property
    def target(self) -> str:
        """What a command writes to: a folder, or one file."""
        return str(self.within(self.folder or Path(self.name)))

    def within(self, folder: Path) -> Path:
        """The folder, or the one file in it that was asked for."""
        return folder / f"{self.fmt}.pt" if self.ending == ".pt" else folder

    @property
    def name(self) -> str:
        """What the files are called together, safe on any file system."""
        words = re.sub(r"[^A-Za-z0-9._]+", "-", self.mix.title.replace("α = ", "")).strip("-.")[:60]
        return f"{words or 'mix'}-{self.fmt}-{self.dtype}"


def pick(lab: Lab, view: View, anew: bool) -> ExportRequest:
    """The controls: which mix, format, dtype, whose classes, and where to."""
    pickers.seed({"export.mix": view.word, "export.format": view.fmt, "export.dtype": view.dtype}, anew)
    mix = recipe_picker.pick(lab, "Mix", "export.mix", view.word)
    fmt = st.selectbox("Format", list(FORMATS), key="export.format", format_func=TITLES.get, help=_help())
    st.caption(FOR[fmt])
    dtype = st.segmented_control(
        "Numbers",
        list(DTYPES),
        key="export.dtype",
        required=True,
        help="Sums run in float32 and are cast once. Half precision halves the files; the logits change a little.",
    )
    ending = ""
    if fmt in ("state_dict", "image_tower"):
        ending = st.segmented_control(
            "File", [".safetensors", ".pt"], key="export.ending", default=".safetensors", required=True
        )
    tasks = st.multiselect(
        "Classes and figures of",
        list(lab.tasks),
        key="export.tasks",
        format_func=lambda name: lab.task(name).title,
        placeholder="The tasks it is for or measured on",
        help="Whose class names, prompt templates and known accuracies are written beside; for ONNX, whose heads.",
    )
    folder, overwrite = _where(mix)
    return ExportRequest(mix, fmt, dtype, tuple(tasks) or None, ending or "", folder, overwrite)


def _help() -> str:
    return "\n".join(f"- **{TITLES[fmt]}**: {purpose}" for fmt, purpose in FOR.items())


def _where(mix: Mix) -> tuple[Path | None, bool]:
    where = st.segmented_control(
        "Where to",
        ["Download", "Folder"],
        key="export.where",
        default="Download",
        required=True,
        width="stretch",
        help="A folder is on the machine that runs Palette; the files appear there when all of them are whole.",
    )
    if where == "Download":
        return None, False
    text = st.text_input("Folder", key="export.folder", placeholder=str(Path.home() / "models" / "patched"))
    overwrite = st.checkbox("Overwrite what is there", key="export.overwrite")
    return (pickers.typed_path(text) if text.strip() else Path()), overwrite


def offer(lab: Lab, jobs: Jobs, order: ExportRequest) -> None:
    """Say what will be written, and write it; or show how far that is, or what came of it."""
    if complaint := trouble(lab, order.fmt, order.dtype):
        st.warning(plain(complaint), icon=":material/block:")
        return
    size = expected_bytes(lab, order.fmt, order.dtype)
    key = _key(lab, order)
    if job_status.watch(jobs, key):
        return
    _button(lab, jobs, order, size)
    if job := job_status.outcome(jobs, key):
        result.done(lab, jobs, job, order.folder)


def _button(lab: Lab, jobs: Jobs, order: ExportRequest, size: int) -> None:
    problem = _problem(order, size)
    label = "Write it" if order.folder else "Prepare the download"
    job = jobs.get(_key(lab, order))
    again = job is not None and job.state == "done"
    left, right = st.columns([1.5, 2], vertical_alignment="center")
    left.button(
        f"{label} again" if again else label,
        type="secondary" if again else "primary",
        icon=":material/save:",
        key="export.go",
        disabled=bool(problem),
        on_click=_start,
        args=(lab, jobs, order),
        width="stretch",
    )
    right.caption(problem or f"About {megabytes(size)} of weights, and beside them what is known of the mix.")


def _problem(order: ExportRequest, size: int) -> str:
    if order.folder == Path():
        return "Say which folder: a full path on the machine that runs Palette."
    if order.folder and not order.folder.is_absolute():
        return f"{order.folder} is no full path; begin with / or ~."
    if not order.folder and size > LARGEST_DOWNLOAD:
        return f"{megabytes(size)} is too much for a browser: choose a folder, or use the command below."
    return ""


def _key(lab: Lab, order: ExportRequest) -> str:
    tasks = "usual tasks" if order.tasks is None else "+".join(order.tasks)
    kind = f"{order.fmt}{order.ending} {order.dtype} {tasks}"
    return f"{lab.name}:export {lab.weights_key(order.mix.recipe)} {kind} {order.folder or _drawer()}"


def _start(lab: Lab, jobs: Jobs, order: ExportRequest) -> None:
    folder = order.folder or _drawer() / order.name
    overwrite = order.overwrite or order.folder is None

    def work(progress: Progress) -> tuple[Exported, Path | None]:
        recipe, tasks = order.mix.recipe, order.tasks
        done = export(
            lab,
            recipe,
            order.within(folder),
            order.fmt,
            order.dtype,
            tasks=tasks,
            overwrite=overwrite,
            progress=progress,
        )
        return done, None if order.folder else pack_archive(
            done.files, folder.with_name(f"{folder.name}.zip"), progress
        )

    jobs.submit(_key(lab, order), f"Exporting {order.mix.title}", work, urgent=True)


def _drawer() -> Path:
    """A temporary folder of this session's, which goes when the session does."""
    if "export.drawer" not in st.session_state:
        st.session_state["export.drawer"] = tempfile.TemporaryDirectory(prefix="palette-")
    return Path(st.session_state["export.drawer"].name)
