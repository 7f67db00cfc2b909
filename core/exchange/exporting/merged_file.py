"""A mix written straight to a file: merged piece by piece from memory-mapped parents, never whole in memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import torch

from core.exchange.exporting.verified_parent import VerifiedParent
from core.exchange.slices import Piece, TensorSlice, planned, tower_of
from core.models import MergeError, Weights, check_mergeable, finite, mix
from core.progress import Progress
from core.recipes import Recipe
from core.storage import Mapped, writing
from core.workspace import BASE

A = TypeVar("A")
B = TypeVar("B")
WORKERS = max(1, min(4, os.cpu_count() or 1))  # pieces are mixed side by side, each by one thread
CHECKERS = 2  # threads that take digests
SPARE = 3  # pieces that may wait while one is written, so that no thread waits for the disk


def write_mix(
    path: Path,
    recipe: Recipe,
    parents: Mapping[str, Mapped],
    slices: Mapping[str, TensorSlice],
    dtype: torch.dtype,
    facts: Mapping[str, object],
    progress: Progress,
    unchanged: Collection[str] = (),
) -> dict[str, str]:
    """Write the tensors ``slices`` of a mix as a safetensors file, atomically; returns their digests.

    The recipe says what the image tower is; everything else is the base's, unchanged. Sums run in fp32 as ``merge``
    does them, and are cast once to ``dtype``; counters keep their own. Every byte of the parents is compared with their
    digests, in passing where it can be, but for those ``unchanged`` since that was last done. Memory: a few pieces of
    2²⁰ numbers of each parent and of the result, however large the tensors are. Raises MergeError for parents that are
    damaged or do not fit each other and for a result that is not finite (nothing is left then, nor on cancel),
    DiskError for a disk that refuses.
    """
    recipe = recipe.canonical()
    check_mergeable({m: _outline(parents[m]) for m in recipe.models}, _outline(parents[BASE]))
    layout, pieces = planned(slices, parents[BASE].layout, dtype)
    verified = {n: VerifiedParent(n, p, slices, n in recipe.models, n in unchanged) for n, p in parents.items()}
    costs = [float(piece.stop - piece.start + 1) for piece in pieces]
    with writing(path, layout, facts) as writer:
        for stage in progress(("check", "write"), costs=(1, 3)):
            if stage == "check":
                _check(list(verified.values()), progress)
                continue
            with closing(_mixed(pieces, recipe, verified)) as mixed:
                for piece, numbers in zip(progress(pieces, f"Writing {path.name}", costs), mixed, strict=True):
                    writer.put(piece.name, piece.placed(numbers))
        for parent in verified.values():
            parent.finish()
    return writer.digests


def _check(parents: Sequence[VerifiedParent], progress: Progress) -> None:
    """Compare what no mixing will read with the parents' digests."""
    with ThreadPoolExecutor(WORKERS) as pool:
        for check in progress([pool.submit(parent.check) for parent in parents], "Checking the parents"):
            check.result()


def _mixed(pieces: Sequence[Piece], recipe: Recipe, parents: Mapping[str, VerifiedParent]) -> Generator[torch.Tensor]:
    """Mix the pieces side by side and yield them in order; each parent takes its digest of what was mixed."""

    def make(piece: Piece) -> torch.Tensor:
        column = recipe.column(piece.source) if tower_of(piece.source) else {BASE: 1.0}
        out = mix_piece(piece, {model: (c, parents[model].mapped) for model, c in column.items()})
        for parent in (parents[model] for model in column):
            if not parent.watches(piece.source):
                parent.mapped.forget(piece.source, piece.start, piece.stop)
        return out

    behind = list[Future]()
    with (
        ThreadPoolExecutor(CHECKERS) as passing,
        ThreadPoolExecutor(WORKERS) as pool,
        closing(_ahead(pool, make, pieces, WORKERS + SPARE)) as made,
    ):
        for piece, numbers in zip(pieces, made, strict=True):
            yield numbers
            _settle(behind)
            watching = [parents[m] for m in recipe.models if parents[m].watches(piece.source)]
            behind = [passing.submit(parent.passed, piece) for parent in watching]
        _settle(behind)


@torch.no_grad()
def mix_piece(piece: Piece, parents: Mapping[str, tuple[float, Mapped]]) -> torch.Tensor:
    """The piece's numbers, summed over parents with their coefficients. Raises MergeError if one is not finite."""
    out = torch.empty(piece.stop - piece.start, dtype=piece.dtype)
    terms = {m: parent[piece.source].reshape(-1)[piece.start : piece.stop] for m, (_, parent) in parents.items()}
    mix([(parents[model][0], numbers) for model, numbers in terms.items()], out, alone=True)
    if out.is_floating_point() and not finite(out):
        guilty = [repr(model) for model, numbers in terms.items() if not torch.isfinite(numbers).all()]
        beyond = f"it is beyond the range of {piece.dtype}; choose float32"
        why = f"{guilty[0]} is not finite there" if guilty else beyond
        raise MergeError(f"The mix is not a number in {piece.source}: {why}. Nothing was written.")
    return out


def _settle(futures: Sequence[Future]) -> None:
    """Wait for all; raises what one of them raised."""
    for future in futures:
        future.result()


def _ahead(pool: Executor, make: Callable[[A], B], items: Sequence[A], count: int) -> Generator[B]:
    """``make`` of each item, in order, with ``count`` of them under way."""
    waiting: deque[Future[B]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) >= count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _outline(parent: Mapped) -> Weights:
    """The image tower's names, dtypes and shapes, without numbers."""
    return {n: torch.empty(s, dtype=d, device="meta") for n, (d, s) in parent.layout.items() if tower_of(n)}
