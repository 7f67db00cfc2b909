"""Closed vocabularies (PAINT, appendix H): no texts, so a task's head is trained once on the base, and then frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch

from core.models import BIAS, WEIGHT, features
from core.progress import SILENT, Progress
from core.storage import files
from core.tasks import Task, TaskError
from core.training.lp_ft import linear_probe
from core.workspace import OWN_HEAD, CheckpointError, Lab, trained_path


@dataclass(frozen=True)
class Probe:
    """How a head is fitted: multinomial logistic regression on the base's features, with this inverse penalty."""

    inverse_penalty: float = 1.0
    iterations: int = 500


def train_head(lab: Lab, task: str, probe: Probe | None = None, progress: Progress = SILENT) -> torch.Tensor:
    """Fit a linear probe on the train pictures of a task through the base, and keep it as the task's head.

    Returns float32 (classes, features + 1); the last column is the bias. A head that is there already is the answer.
    Raises TaskError for an open vocabulary, which needs none, or for a class without train pictures.
    """
    probe = probe or Probe()
    lab.task(task).check_one_head()
    if not lab.closed:
        raise TaskError(f"{lab.name} has an open vocabulary: its heads come from class names, and none is trained.")
    path = trained_path(lab.folder, task)
    with files.locked(lab.folder / "locks" / f"head-{files.safe_name(task)}.lock", progress.check):
        if path.exists():
            return lab.head(task)
        classes = len(lab.task(task).class_names)
        pictures = lab.pictures(task, "train")
        if absent := sorted(set(range(classes)) - set(pictures.labels.tolist())):
            missing = lab.task(task).class_names[absent[0]]
            raise TaskError(f"No train picture of {task} shows {missing!r}, so a head cannot learn it.")
        encoder = lab.encoder()
        seen = features(encoder, pictures.images, progress.titled(f"Looking at {task}"))[:, :-1].float().numpy()
        progress.at(progress.fraction, f"Fitting a head for {task}")
        unit = float(seen.std()) or 1.0  # features are scaled as one, so that the fit converges
        train, penalties = (seen / unit, pictures.labels), (probe.inverse_penalty,)
        head = linear_probe(train, None, classes, inverse_penalties=penalties, iterations=probe.iterations)
        facts = {"task": task, "probe": asdict(probe), "base": lab.zoo["base"].digest}
        files.write_tensors(path, {"weight": head[WEIGHT] / unit, "bias": head[BIAS]}, facts)
    return lab.head(task)


def without_head(lab: Lab) -> list[str]:
    """The tasks of a closed vocabulary that have no head yet; none for an open one, whose heads are class names."""
    tasks = [name for name, task in lab.tasks.items() if lab.closed and not task.per_picture]
    return [name for name in tasks if not trained_path(lab.folder, name).exists()]


def train_heads(lab: Lab, tasks: Sequence[str], progress: Progress) -> None:
    """``train_head`` for several tasks."""
    for task in progress(tasks):
        train_head(lab, task, None, progress)


def own_head(lab: Lab, task: str) -> torch.Tensor:
    """Give a task the classifier that the model was trained with: its classes must be that model's, in its order.

    Raises CheckpointError if the model came without one, TaskError if the number of classes differs.
    """
    known: Task = lab.task(task)
    try:
        tensors = files.read_tensors(lab.folder / OWN_HEAD)
    except (FileNotFoundError, files.DamagedError):
        raise CheckpointError(f"The base of {lab.name} came without a classifier of its own; train a head.") from None
    if len(tensors["weight"]) != len(known.class_names):
        raise TaskError(
            f"The base's own classifier tells {len(tensors['weight'])} classes apart, but {task} has "
            f"{len(known.class_names)}; train a head."
        )
    files.write_tensors(trained_path(lab.folder, task), tensors, {"task": task, "from": "the model's own classifier"})
    return lab.head(task)
