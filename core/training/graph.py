"""Building as a graph: independent pieces of work, keyed by content, for any ``concurrent.futures`` executor."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import torch

from core import PaletteError
from core.progress import SILENT, Progress
from core.storage import files
from core.tasks import Task
from core.workspace import Lab

POLL = 0.5  # seconds between looks at whether the build was called off
FEW_STEPS = 0.02  # of a piece's progress; less is not passed on


class GraphError(PaletteError):
    """A graph that no executor could finish; what is done is kept."""


@dataclass(frozen=True)
class WorkspaceSpec:
    """How a worker opens the workspace: by name, in a cache folder that all workers see, on a device of its own.

    ``tasks`` makes the tasks where the workspace's own words for them are not meant; ``threads`` bounds a CPU's.
    """

    name: str
    cache: Path
    device: str | None = None
    threads: int | None = None
    tasks: Callable[[], Mapping[str, Task]] | None = None

    def open(self) -> Lab:
        """The workspace, opened once in each process."""
        return _open(self)


@lru_cache(maxsize=2)
def _open(desk: WorkspaceSpec) -> Lab:
    if desk.threads:
        torch.set_num_threads(desk.threads)
    return Lab(desk.name, desk.cache, desk.device, desk.tasks() if desk.tasks else None)


class Piece(Protocol):
    """One piece of work that a worker can do alone; a frozen dataclass, since it travels.

    ``key`` is a digest of the content that decides what comes out; ``needs`` are keys of other pieces; ``cost`` counts
    pictures through a forward pass.
    """

    @property
    def key(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def cost(self) -> float: ...
    @property
    def needs(self) -> tuple[str, ...]: ...

    def done(self, lab: Lab) -> bool:
        """Whether what it makes is there."""

    def run(self, lab: Lab, progress: Progress) -> None:
        """Make it; killed, the next to run it goes on from what is on disk."""


@dataclass(frozen=True)
class PieceResult:
    """What became of a piece: who ran it, and whether anything was left to compute."""

    key: str
    worker: str
    computed: bool


def work(desk: WorkspaceSpec, piece: Piece, progress: Progress = SILENT) -> PieceResult:
    """Run a piece where this is called; what is there already costs a look at the disk.

    Beginning and end go into ``work/`` of the workspace, one file a worker, so that what was computed twice shows.
    """
    lab, worker = desk.open(), f"{platform.node()}-{os.getpid()}"
    log = lab.folder / "work" / f"{worker}.jsonl"
    if piece.done(lab):
        return PieceResult(piece.key, worker, False)
    with files.locked(lab.folder / "locks" / f"piece-{piece.key[:32]}.lock"):
        if piece.done(lab):
            return PieceResult(piece.key, worker, False)
        facts = {"piece": piece.key, "title": piece.title}
        files.append_line(log, {**facts, "event": "began", "time": time.time()})
        piece.run(lab, progress)
        files.append_line(log, {**facts, "event": "done", "time": time.time()})
    return PieceResult(piece.key, worker, True)


class InProcess(Executor):
    """The executor that works here and now: ``submit`` returns when the work is done."""

    def submit(self, fn, /, *args, **kwargs):
        """As every executor's; the future that it returns is finished."""
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def run_graph(
    graph: Sequence[Piece], desk: WorkspaceSpec, executor: Executor, progress: Progress = SILENT
) -> list[PieceResult]:
    """Have every piece done by an executor, each as soon as what it needs is there; returns what became of them.

    A piece that fails stops the build after those under way. Raises what it raised, GraphError if the workers died,
    or CancelledError.
    """
    whole, spent = sum(piece.cost for piece in graph) or 1.0, 0.0
    waiting, missing = list(graph), {piece.key for piece in graph}
    under_way: dict[Future, Piece] = {}
    outcomes: list[PieceResult] = []
    try:
        while waiting or under_way:
            for piece in [p for p in waiting if not missing.intersection(p.needs)]:
                here = {"progress": _inner(progress, spent / whole, piece.cost / whole)}
                under_way[executor.submit(work, desk, piece, **here if isinstance(executor, InProcess) else {})] = piece
                waiting.remove(piece)
                if isinstance(executor, InProcess):
                    break  # one by one, so that progress and a cancel are told in between
            finished, _ = wait(under_way, POLL, FIRST_COMPLETED)
            for future in finished:
                piece = under_way.pop(future)
                outcomes.append(future.result())
                missing.discard(piece.key)
                spent += piece.cost
            busy = f", {len(under_way)} under way" if under_way else ""
            progress.at(spent / whole, f"{len(outcomes)} of {len(graph)} pieces done{busy}")
    except BrokenProcessPool:
        raise GraphError("A worker died; what is done is kept, and the same command goes on from there.") from None
    finally:
        for future in under_way:
            future.cancel()
    return outcomes


def _inner(progress: Progress, low: float, share: float) -> Progress:
    """A Progress for one piece that moves the whole build's, and is stopped by it."""
    last = low

    def pass_on(inner: Progress) -> None:
        nonlocal last
        progress.check()
        if low + share * inner.fraction - last >= FEW_STEPS * share:
            last = low + share * inner.fraction
            progress.at(last, inner.what)

    return Progress(pass_on)
