"""A mix by its α_i, one for each task: which recipe that is, and what it is worth on val."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from core.metrics import Accuracy
from core.patching import (
    EXHAUSTIVE,
    SEARCHED,
    SHARED,
    SPECIALISED,
    UNPATCHED,
    Comparison,
    Estimate,
    StrategyRow,
    absent,
)
from core.recipes import Recipe, mixed
from core.workspace import Lab

Alphas = tuple[float, ...]


@dataclass(frozen=True)
class TaskEstimate:
    """What a mix is worth on one task, the base on the same pictures, and whether that is the whole of val."""

    now: Accuracy
    base: Accuracy
    whole: bool


def named(outcome: Comparison) -> dict[Alphas, StrategyRow]:
    """The mixes that have a name, by their α_i to 4 decimals: unpatched, best shared α, searched, best of all."""
    k, rows = len(tasks_of(outcome)), {}
    for strategy in (UNPATCHED, SHARED, SEARCHED, EXHAUSTIVE):
        for row in outcome.of(strategy):
            alphas = row.alphas or (0.0,)
            each = alphas if len(alphas) == k else tuple(a / k for a in alphas) * k
            rows[tuple(round(a, 4) for a in each)] = row
    return rows


def tasks_of(outcome: Comparison, side: str = "tasks") -> list[str]:
    """The patching tasks of an outcome, or its supported ones."""
    return [str(task) for task in outcome.facts[side]]  # type: ignore[attr-defined]


def start(outcome: Comparison) -> Alphas:
    """The mix to begin with: the searched one."""
    (row,) = outcome.of(SEARCHED)
    return tuple(round(a, 4) for a in row.alphas)


@dataclass(frozen=True)
class Tuned:
    """The model of each task that the sliders mix: the comparison's ``own``, or the workspace's in their place."""

    recipes: Mapping[str, Recipe]
    own: bool
    here: bool


def tuned_of(lab: Lab, outcome: Comparison) -> Tuned:
    """What the sliders mix: the comparison's own models where they are here, else the workspace's of the same tasks."""
    (row,), tasks = outcome.of(SPECIALISED), tasks_of(outcome)
    if absent(lab, row) and all(task in lab.zoo for task in tasks):
        return Tuned({task: lab.tuned(task) for task in tasks}, own=False, here=True)
    return Tuned({task: row.recipes[task] for task in tasks}, own=True, here=not absent(lab, row))


def kept(lab: Lab, outcome: Comparison, alphas: Alphas) -> StrategyRow | None:
    """The result of the comparison that these α_i are, if they mix its own models."""
    return named(outcome).get(alphas) if tuned_of(lab, outcome).own else None


def recipe(lab: Lab, outcome: Comparison, alphas: Alphas) -> Recipe:
    """The recipe of α_i, one for each task."""
    if (row := kept(lab, outcome, alphas)) is not None:
        return row.recipes[""]
    return mixed(lab.base, [tuned_of(lab, outcome).recipes[task] for task in tasks_of(outcome)], alphas)


@st.cache_resource(max_entries=2, show_spinner="Getting ready to follow the sliders (the first time takes a moment) …")
def estimator(_lab: Lab, name: str, tasks: tuple[str, ...]) -> Estimate:
    """The quick estimate for these tasks, which knows the base already; ``name`` is the workspace's."""
    estimate = Estimate(_lab, tasks)
    estimate(_lab.base)
    return estimate


def worth(lab: Lab, outcome: Comparison, alphas: Alphas, settled: bool) -> dict[str, TaskEstimate]:
    """What a mix is worth on val: of named mixes as kept, else whole where it was evaluated, else on a few pictures."""
    every, base = [*tasks_of(outcome), *tasks_of(outcome, "supported")], outcome.rows[0].accuracies["val"]
    if (row := kept(lab, outcome, alphas)) is not None:
        return {task: TaskEstimate(row.accuracies["val"][task], base[task], True) for task in every}
    mix = recipe(lab, outcome, alphas)
    known = [task for task in every if lab.is_cached(mix, task, "val")]
    if not settled and len(known) < len(every):
        known = []  # in the middle of a drag, all from the same few pictures
    estimates = {task: TaskEstimate(lab.evaluate(mix, task, "val").accuracy, base[task], True) for task in known}
    if len(known) < len(every):
        estimate = estimator(lab, lab.name, tuple(every))
        now, before = estimate(mix), estimate(lab.base)
        estimates |= {task: TaskEstimate(now[task], before[task], False) for task in every if task not in estimates}
    return {task: estimates[task] for task in every}
