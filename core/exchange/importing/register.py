"""Bringing a checkpoint in: looked over, then registered in the zoo with digest, parent and origin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from core import PaletteError
from core.exchange.importing.preflight import preflight
from core.exchange.importing.report import Preflight
from core.progress import SILENT, Progress
from core.recipes import Recipe
from core.storage import files
from core.workspace import BASE, Checkpoint, CheckpointError, Lab


class ImportRefused(PaletteError):  # noqa: N818 - a refusal, as the person reads it
    """A checkpoint that does not fit; the message is the first problem of its pre-flight report."""


def import_checkpoint(
    lab: Lab,
    path: Path,
    name: str,
    *,
    start: Recipe | None = None,
    tasks: Sequence[str] = (),
    overwrite: bool = False,
    report: Preflight | None = None,
    progress: Progress = SILENT,
    title: str = "",
    subtree: str = "",
    activation: str = "",
) -> Checkpoint:
    """Register the image tower in ``path`` as the checkpoint ``name``, in the base's dtype.

    ``start`` is the recipe that it was fine-tuned from (the base unless said otherwise), ``tasks`` what it was trained
    on, ``report`` its pre-flight report if there is one already, ``title`` what its owner calls the file, ``subtree``
    and ``activation`` as for ``preflight``. Raises ForeignError, ImportRefused, CheckpointError for a name that is
    taken or no name, TaskError, DiskError; nothing is kept then.
    """
    start = start or lab.base
    tasks = check_checkpoint(lab, name, start, tasks, overwrite)
    report = report or preflight(lab, path, progress, subtree, activation)
    if not report.fits:
        raise ImportRefused(f"{title or report.path.name} does not fit {lab.name}: {report.problems[0]}")
    like = lab.zoo.weights(BASE)
    weights = {n: report.tower[n].to(t.dtype) if n in report.tower else torch.clone(t) for n, t in like.items()}
    origin: dict[str, object] = {
        "file": title or report.path.name,
        "sha256": [files.digest_file(f, progress.check) for f in report.files],
        "kind": report.kind,
        "cosine_to_base": report.cosine,
        **({"subtree": report.where} if report.where else {}),
    }
    if report.recipe is not None:
        origin["recipe"] = report.recipe.to_json()
    return lab.zoo.add(name, weights, tasks=tasks, settings={"imported": origin}, start=start)


def check_checkpoint(
    lab: Lab, name: str, start: Recipe, tasks: Sequence[str] = (), overwrite: bool = False
) -> tuple[str, ...]:
    """The names of the tasks, if a checkpoint may be kept under that name with that start; nothing is read for it.

    Raises CheckpointError for a name that is taken or no name and for a start that is not here, TaskError.
    """
    path = lab.zoo.path(name)
    if name == BASE:
        raise CheckpointError("An imported checkpoint cannot be the base; choose another name.")
    if name.endswith(".json"):
        raise CheckpointError(f"A checkpoint cannot be called {name}: commands would read a recipe from that file.")
    if path.exists() and not overwrite:
        raise CheckpointError(f"{lab.name} has a checkpoint {name!r} already; choose another name or overwrite.")
    if name in start.models:
        raise CheckpointError(f"{name!r} cannot have started from itself; choose another name.")
    for model in start.models:
        lab.zoo[model]
    return tuple(lab.task(t).name for t in tasks)
