"""A direction as one more checkpoint of a workspace: base + δ, with its makers in the header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch

from core.methods.method import Method, Parameter
from core.methods.registry import METHODS, POST_STEPS, method_named
from core.methods.statistics import measure, measured_on
from core.methods.task_vectors import MethodError, TaskVector, Tensors
from core.progress import SILENT, Progress
from core.workspace import BASE, Checkpoint, Lab

PARAMETERS = {
    "scale": Parameter(1.0, 0.01, 10.0, "the coefficient λ that α = 1 stands for"),
    "pictures": Parameter(256, 1, 100000, "val pictures per parent, for methods that need some", whole=True),
}


def merge_checkpoints(
    lab: Lab,
    method: str,
    parents: Sequence[str],
    name: str,
    parameters: Mapping[str, float] | None = None,
    *,
    then: Sequence[str] = (),
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Checkpoint:
    """Merge fine-tuned checkpoints into the direction δ, and keep base + scale·δ as the checkpoint ``name``.

    ``then`` are post-steps, in order. ``parameters`` holds those of the method and the post-steps, ``scale`` and
    ``pictures``; a recipe's α in [0, 1] between the base and the checkpoint is then a coefficient λ = α·scale. The
    header says method, parameters, parents' and base's digests; asking again for the same gives what is there. Peak
    memory: one model and a tensor of every parent. Raises MethodError (fewer than two parents, another start, a
    parameter outside its range, numbers that are not finite), CheckpointError, TaskError or DiskError; nothing is kept
    then.
    """
    steps = {method: method_named(method, METHODS), **{one: method_named(one, POST_STEPS) for one in then}}
    settings = _settings(steps, dict(parameters or {}))
    check_parents(lab, parents)
    facts = {
        "method": method,
        "then": list(then),
        "parameters": settings,
        "parents": {one: lab.zoo[one].digest for one in parents},
        "base": lab.zoo[BASE].digest,
    }
    if found := _kept(lab, name, facts, overwrite):
        return found
    base = lab.zoo.weights(BASE)
    vectors = [TaskVector(base, lab.zoo.weights(one)) for one in parents]
    direction = _direction(lab, steps, settings, parents, vectors, progress)
    scale = settings["shared"]["scale"]
    weights = {n: _moved(n, t, direction, scale) for n, t in progress(list(base.items()), f"Merging with {method}")}
    tasks = tuple(dict.fromkeys(task for one in parents for task in lab.zoo[one].tasks))
    return lab.zoo.add(name, weights, tasks=tasks, settings={"merged": facts}, start=lab.base)


def check_parents(lab: Lab, parents: Sequence[str]) -> None:
    """Raise MethodError unless there are two or more different checkpoints, all fine-tuned from the workspace's base.

    Raises CheckpointError for one that is not there.
    """
    if len(parents) < 2:
        raise MethodError("A merge needs two checkpoints or more: one alone is a patch already.")
    if twice := sorted({one for one in parents if list(parents).count(one) > 1}):
        raise MethodError(f"A merge takes each checkpoint once; named twice: {', '.join(twice)}.")
    for one in parents:
        start = lab.zoo[one].start
        if one == BASE:
            raise MethodError("The base changes nothing, so it cannot be merged; name fine-tuned checkpoints.")
        if start is not None and start != lab.base and lab.weights_key(start) != lab.weights_key(lab.base):
            raise MethodError(
                f"{one!r} was fine-tuned from other weights than the base, so they share no task vectors."
            )


def _settings(steps: Mapping[str, Method], given: dict[str, float]) -> dict[str, dict[str, float]]:
    """Every parameter of every step, and those of any merge under ``shared``."""
    shared = {name: one.check(name, given.pop(name, one.default)) for name, one in PARAMETERS.items()}
    known = {p for step in steps.values() for p in step.parameters}
    if unknown := [p for p in given if p not in known]:
        raise MethodError(f"{' + '.join(steps)} has no parameter {unknown[0]!r}; it has {', '.join(known) or 'none'}.")
    own = {n: step.complete({p: v for p, v in given.items() if p in step.parameters}) for n, step in steps.items()}
    return {**own, "shared": shared}


def _kept(lab: Lab, name: str, facts: dict[str, Any], overwrite: bool) -> Checkpoint | None:
    """The checkpoint of that name, if it was made just so. Raises MethodError for one that was not."""
    if name == BASE or name.endswith(".json") or name in facts["parents"]:
        raise MethodError(f"A direction cannot be called {name}; choose another name.")
    if name not in lab.zoo:
        return None
    if lab.zoo[name].settings.get("merged") == facts:
        return lab.zoo[name]
    if not overwrite:
        raise MethodError(f"{lab.name} has another checkpoint {name!r} already; choose another name or overwrite it.")
    return None


def _direction(
    lab: Lab,
    steps: Mapping[str, Method],
    settings: Mapping[str, dict[str, float]],
    parents: Sequence[str],
    vectors: Sequence[TaskVector],
    progress: Progress,
) -> Tensors:
    (name, first), *then = steps.items()
    function = partial(first.function, **settings[name])
    if first.needs == "pictures":
        for one in parents:  # before the first is measured, which takes its time
            measured_on(lab, one)
        pictures = int(settings["shared"]["pictures"])
        function = partial(
            function,
            statistics=[measure(lab, first.statistics, one, pictures, progress.unshown()) for one in progress(parents)],
        )
    direction: Tensors = function(vectors)
    for name, step in then:
        direction = step.function(direction, vectors, **settings[name])
    return direction


@torch.no_grad()
def _moved(name: str, weight: torch.Tensor, direction: Tensors, scale: float) -> torch.Tensor:
    if name not in direction:
        return weight.clone()
    moved = (weight.float() + scale * direction[name]).to(weight.dtype)
    if not torch.isfinite(moved).all():
        raise MethodError(f"The weight {name} would get numbers that are not finite: choose a smaller scale.")
    return moved
