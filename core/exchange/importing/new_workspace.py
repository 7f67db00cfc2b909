"""Workspaces on disk: making one from any model, and what there is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch

from core import PaletteError
from core.exchange.importing.base_model import BaseModel, Origin, find
from core.models import CONFIG, WEIGHTS, check_precision, clip
from core.progress import SILENT, Progress
from core.storage import check_room, pieces, writing
from core.storage import files as disk
from core.workspace import OWN_HEAD

KEPT = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}


class WorkspaceError(PaletteError):
    """A workspace that cannot be made as asked; the message says what to do."""


@dataclass(frozen=True)
class Workspace:
    """What is known of a workspace without opening it; ``bytes`` is its size on disk."""

    name: str
    title: str
    model: str
    precision: str
    tasks: str
    checkpoints: int
    bytes: int


def make_workspace(
    cache: Path,
    name: str,
    origin: Origin,
    kept: str = "float16",
    precision: str = "float32",
    progress: Progress = SILENT,
    compiled: bool = False,
) -> Path:
    """Make the workspace ``name`` with the base model that ``origin`` says and no tasks yet; returns its folder.

    The weights are kept as ``kept`` (float16, bfloat16 or float32) and computed with at ``precision``, ``compiled`` by
    torch.compile (slow to begin, then faster on a GPU). All or nothing:
    whatever goes wrong, or a cancel, leaves no workspace; what was downloaded stays in the hub's cache. Raises
    WorkspaceError, ModelError, DownloadError, ForeignError, DeviceError or DiskError.
    """
    check_precision(precision)
    if kept not in KEPT:
        raise WorkspaceError(f"Weights cannot be kept as {kept!r}; choose one of {', '.join(KEPT)}.")
    folder = _free(cache, name)

    def busy() -> None:
        raise WorkspaceError(f"Another process is making the workspace {name!r} just now; wait for it.")

    with disk.locked(cache / "jobs" / f"new-{name}.lock", busy):
        _free(cache, name)
        found = find(origin, progress)
        layout = _layout(found, KEPT[kept])
        if found.question:
            raise WorkspaceError(found.question)
        check_room(cache, sum(prod(shape) * dtype.itemsize for dtype, shape in layout.values()))
        for left in folder.glob(".staging.*.tmp"):  # of a killed process: the lock is ours
            shutil.rmtree(left, ignore_errors=True)
        with disk.staging(folder) as stage:
            _write_base(stage / "base", found, layout, progress)
            if found.classifier:
                disk.write_tensors(stage / OWN_HEAD, found.classifier)
            facts = _facts(name, origin, found, precision) | ({"compile": "inductor"} if compiled else {})
            disk.write_json(stage / "workspace.json", facts)
    return folder


def _free(cache: Path, name: str) -> Path:
    try:
        folder = cache / disk.safe_name(name)
    except ValueError as error:
        raise WorkspaceError(str(error)) from None
    if name == "jobs":
        raise WorkspaceError("'jobs' is the name of the queue's own folder; choose another.")
    if (folder / "workspace.json").exists():
        raise WorkspaceError(f"There is a workspace {name!r} already; choose another name, or remove {folder}.")
    return folder


def _layout(found: BaseModel, kept: torch.dtype) -> dict[str, tuple[torch.dtype, tuple[int, ...]]]:
    """Dtypes and shapes of the weights to write. Raises WorkspaceError naming the first differences."""
    expected = clip.outline(found.config["model_cfg"])
    wrong = [
        f"{n} is missing" for n, (dtype, _) in expected.items() if n not in found.tensors and dtype.is_floating_point
    ]
    wrong += [f"{n} is not in the model" for n in found.tensors if n not in expected]
    for name, (_, shape) in expected.items():
        if name in found.tensors and tuple(found.tensors[name].shape) != shape:
            wrong.append(f"{name} is {tuple(found.tensors[name].shape)} instead of {shape}")
    if wrong:
        more = f"; and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise WorkspaceError(f"These weights do not fit {found.name}: {'; '.join(wrong[:10])}{more}.")
    return {n: (kept if dtype.is_floating_point else dtype, shape) for n, (dtype, shape) in expected.items()}


def _write_base(folder: Path, found: BaseModel, layout: Mapping[str, Any], progress: Progress) -> None:
    folder.mkdir(parents=True)
    origin: dict[str, Any] = {"model_cfg": found.config["model_cfg"]}
    with writing(folder / WEIGHTS, layout, origin) as writer:
        costs = [float(prod(shape) + 1) for _, (_, shape) in sorted(layout.items())]
        for name in progress(sorted(layout), "Writing the base", costs):
            dtype, shape = layout[name]
            tensor = found.tensors.get(name, torch.zeros(shape, dtype=dtype))  # a counter that was left out
            flat = tensor.detach().reshape(-1)
            for start, stop in pieces(0, prod(shape)):
                piece = flat[start:stop].to(dtype).contiguous()
                if piece.is_floating_point() and not torch.isfinite(piece).all():
                    raise WorkspaceError(
                        f"{name} holds what is no number, or none that {dtype} can hold; keep the weights as float32."
                    )
                writer.put(name, piece)
    disk.write_json(folder / CONFIG, dict(found.config))


def _facts(name: str, origin: Origin, found: BaseModel, precision: str) -> dict[str, Any]:
    return {
        "title": name,
        "base_model": origin.title,
        "model": found.name,
        "tasks": [],
        "supported": [],
        **({"reading": list(found.notes)} if found.notes else {}),
        "precision": precision,
        "finetune": {"default": {"precision": precision} if precision == "bfloat16" else {}},  # trained with, too
    }


def reading_notes(folder: Path) -> list[str]:
    """Lines on how the file that a workspace was made from was read: what was taken, and what was left out."""
    with suppress(OSError, ValueError, AttributeError):
        return [str(line) for line in json.loads((folder / "workspace.json").read_text("utf-8")).get("reading", [])]
    return []


def inventory(cache: Path) -> list[Workspace]:
    """Every workspace in ``cache``, the built-in one first; one whose ``workspace.json`` cannot be read says so."""
    found = []
    for path in sorted(cache.glob("*/workspace.json"), key=lambda p: (p.parent.name != "mini", p.parent.name)):
        folder = path.parent
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            tasks = facts.get("tasks", [])
            said = tasks if isinstance(tasks, str) else str(len(tasks))
            model = str(facts.get("base_model") or facts.get("title") or folder.name)
            precision = str(facts.get("precision", "float32"))
        except (OSError, ValueError, AttributeError) as error:
            model, precision, said = f"workspace.json cannot be read ({type(error).__name__})", "", ""
            facts = {}
        files = [p.stat() for p in folder.rglob("*") if p.is_file()]
        checkpoints = len(list((folder / "checkpoints").glob("*.safetensors")))
        title = str(facts.get("title", folder.name))
        size = sum(s.st_size for s in files)
        found.append(Workspace(folder.name, title, model, precision, said, checkpoints, size))
    return found
