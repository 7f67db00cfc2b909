"""A mix written straight to a file: merged piece by piece from memory-mapped parents, never whole in memory."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TypeVar

import torch

from core.models import IMAGE_TOWER, MergeError, Weights, check_mergeable, finite, mix
from core.progress import Progress
from core.recipes import Recipe
from core.storage import Layout, Mapped, pieces, writing
from core.workspace import BASE

A = TypeVar("A")
B = TypeVar("B")
WORKERS = max(1, min(4, os.cpu_count() or 1))  # pieces are mixed side by side, each by one thread
SPARE = 3  # pieces that may wait while one is written, so that no thread waits for the disk


@dataclass(frozen=True)
class TensorSlice:
    """Where a tensor of the file comes from: a weight in open_clip's name, some of its rows, or turned over."""

    source: str
    rows: tuple[int, int] | None = None
    transposed: bool = False

    def shape(self, whole: tuple[int, ...]) -> tuple[int, ...]:
        """Its shape, given that of the weight."""
        if self.rows:
            return (self.rows[1] - self.rows[0], *whole[1:])
        return whole[::-1] if self.transposed else whole

    def span(self, whole: tuple[int, ...]) -> tuple[int, int]:
        """Which of the weight's numbers it holds, counted through."""
        width = prod(whole[1:])
        return (self.rows[0] * width, self.rows[1] * width) if self.rows else (0, prod(whole))


def tower_of(name: str) -> bool:
    """Whether a weight belongs to the image tower."""
    return name.startswith(IMAGE_TOWER)


class _Parent:
    """A parent while it is mixed: its tower's digest is taken of the very pieces that are read for the mix.

    Where the file that is written has not just the tensors that the parent's digest is of, in the same order, the
    parent is read twice: ``check`` reads it before, and compares all that no mixing will pass.
    """

    def __init__(self, name: str, mapped: Mapped, parts: Mapping[str, TensorSlice], mixed: bool, sound: bool) -> None:
        facts = {} if sound else mapped.facts
        self.name, self.mapped = name, mapped
        known = facts.get("image_digest") or facts.get("digest")
        names = [n for n in mapped.layout if tower_of(n) or "image_digest" not in facts]
        passing = mixed and known and names == [n for n in sorted(parts) if tower_of(n) and parts[n] == TensorSlice(n)]
        self._expected = known if passing else None
        self._sha = hashlib.sha256()
        self._before: list[tuple[Callable[[str], bool], str]] = []
        if mixed and known and not passing:
            self._before.append((set(names).__contains__, known))
        if "image_digest" in facts and "text_digest" in facts:
            self._before.append((lambda name: not tower_of(name), facts["text_digest"]))

    def check(self) -> None:
        """Read what no mixing will pass and compare it. Raises MergeError if the parent is damaged."""
        self._compare(*((self.mapped.digest(wanted), digest) for wanted, digest in self._before))

    def watches(self, name: str) -> bool:
        """Whether its numbers are to be ``passed`` when they are mixed."""
        return bool(self._expected) and tower_of(name)

    def passed(self, name: str, start: int, stop: int) -> None:
        """Take these numbers into the digest and give their pages back; pieces come in order, after they are mixed."""
        self.mapped.digest_piece(self._sha, name, start, stop)
        self.mapped.forget(name, start, stop)

    def finish(self) -> None:
        """Compare the digest of all that has passed. Raises MergeError if the parent is damaged."""
        if self._expected:
            self._compare((self._sha.hexdigest(), self._expected))

    def _compare(self, *digests: tuple[str, str]) -> None:
        if any(found != expected for found, expected in digests):
            raise MergeError(f"{self.name!r} is damaged: its content does not match its digest. Run verify.")


def write_mix(
    path: Path,
    recipe: Recipe,
    parents: Mapping[str, Mapped],
    parts: Mapping[str, TensorSlice],
    dtype: torch.dtype,
    facts: Mapping[str, object],
    progress: Progress,
    unchanged: Collection[str] = (),
) -> dict[str, str]:
    """Write the tensors ``parts`` of a mix as a safetensors file, atomically; returns their digests.

    The recipe says what the image tower is; everything else is the base's, unchanged. Sums run in fp32 as ``merge``
    does them, and are cast once to ``dtype``; counters keep their own. Every byte of the parents is compared with their
    digests, in passing where it can be, but for those ``unchanged`` since that was last done. Memory: a few pieces of
    2²⁰ numbers of each parent and of the result, however large the tensors are. Raises MergeError for parents that are
    damaged or do not fit each other and for a result that is not finite (nothing is left then, nor on cancel),
    DiskError for a disk that refuses.
    """
    recipe, base = recipe.canonical(), parents[BASE]
    check_mergeable({m: _outline(parents[m]) for m in recipe.models}, _outline(base))
    whole = {name: base.layout[part.source] for name, part in parts.items()}
    layout: Layout = {
        n: (dtype if whole[n][0].is_floating_point else whole[n][0], p.shape(whole[n][1])) for n, p in parts.items()
    }
    steps = [
        (name, start, stop)
        for name, part in sorted(parts.items())
        for start, stop in (pieces(*part.span(whole[name][1])) if not part.transposed else [part.span(whole[name][1])])
    ]
    costs = [float(stop - start + 1) for _, start, stop in steps]

    def make(step: tuple[str, int, int]) -> torch.Tensor:
        name, start, stop = step
        source = parts[name].source
        column = recipe.column(source) if tower_of(source) else {BASE: 1.0}
        out = _piece(source, {m: (c, parents[m]) for m, c in column.items()}, start, stop, layout[name][0])
        for model in column:
            if not read[model].watches(source):
                parents[model].forget(source, start, stop)
        return out

    read = {n: _Parent(n, parent, parts, n in recipe.models, n in unchanged) for n, parent in parents.items()}
    with writing(path, layout, facts) as writer, ThreadPoolExecutor(WORKERS) as pool, ThreadPoolExecutor(2) as passing:
        for stage in progress(("check", "write"), costs=(1, 3)):
            if stage == "check":
                checks = {n: pool.submit(parent.check) for n, parent in read.items()}
                for n in progress(checks, "Checking the parents"):
                    checks[n].result()
                continue
            made, behind = ahead(pool, make, steps, WORKERS + SPARE), list[Future]()
            for step, out in zip(progress(steps, f"Writing {path.name}", costs), made, strict=True):
                name, start, stop = step
                writer.put(name, out.view(whole[name][1]).T.contiguous() if parts[name].transposed else out)
                settle(behind)
                source = parts[name].source
                watching = [read[m] for m in recipe.models if read[m].watches(source)]
                behind = [passing.submit(parent.passed, source, start, stop) for parent in watching]
            settle(behind)
        for parent in read.values():
            parent.finish()
    return writer.digests


def settle(futures: Sequence[Future]) -> None:
    """Wait for all; raises what one of them raised."""
    for future in futures:
        future.result()


def ahead(pool: Executor, make: Callable[[A], B], items: Sequence[A], count: int) -> Iterator[B]:
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


@torch.no_grad()
def _piece(
    name: str, mixed: Mapping[str, tuple[float, Mapped]], start: int, stop: int, dtype: torch.dtype
) -> torch.Tensor:
    """Numbers ``start`` to ``stop`` of a mixed weight, checked to be finite."""
    out = torch.empty(stop - start, dtype=dtype)
    tensors = {model: parent[name].reshape(-1)[start:stop] for model, (_, parent) in mixed.items()}
    mix([(mixed[model][0], tensor) for model, tensor in tensors.items()], out, alone=True)
    if out.is_floating_point() and not finite(out):
        guilty = [repr(model) for model, tensor in tensors.items() if not torch.isfinite(tensor).all()]
        why = f"{guilty[0]} is not finite there" if guilty else f"it is beyond the range of {dtype}; choose float32"
        raise MergeError(f"The mix is not a number in {name}: {why}. Nothing was written.")
    return out


def _outline(parent: Mapped) -> Weights:
    """The image tower's names, dtypes and shapes, without numbers."""
    return {n: torch.empty(s, dtype=d, device="meta") for n, (d, s) in parent.layout.items() if tower_of(n)}
