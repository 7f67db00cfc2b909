"""A mix written straight to a file: merged piece by piece from memory-mapped parents, never whole in memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TypeVar

import torch

from core.jobs import Progress
from core.merge import MergeError, Weights, check_mergeable, mix
from core.recipe import Recipe
from core.tensorfile import Layout, Mapped, pieces, writing
from core.vision import IMAGE_TOWER
from core.zoo import BASE

A = TypeVar("A")
B = TypeVar("B")
ALONE = 2**15  # numbers: on so few torch works without its threads, which wait for each other where others compute
WORKERS = max(1, min(4, (os.cpu_count() or 1) - 1))  # pieces mixed side by side instead; one processor is left to hash


@dataclass(frozen=True)
class Part:
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


def verify(parents: Mapping[str, Mapped], progress: Progress) -> None:
    """Read every byte of the parents and compare it with their digests. Raises MergeError naming a damaged one."""

    def sound(parent: Mapped) -> bool:
        if "image_digest" in parent.facts:
            found = parent.digest(tower_of) == parent.facts["image_digest"]
            text = parent.facts.get("text_digest")
            return found and text in (None, parent.digest(lambda name: not name.startswith(IMAGE_TOWER)))
        return parent.facts.get("digest") in (None, parent.digest())

    with ThreadPoolExecutor(4) as pool:
        checks = {name: pool.submit(sound, parent) for name, parent in parents.items()}
        for name in progress(checks, "Checking the parents"):
            if not checks[name].result():
                raise MergeError(f"{name!r} is damaged: its content does not match its digest. Run verify.")


def write_mix(
    path: Path,
    recipe: Recipe,
    parents: Mapping[str, Mapped],
    parts: Mapping[str, Part],
    dtype: torch.dtype,
    facts: Mapping[str, object],
    progress: Progress,
) -> dict[str, str]:
    """Write the tensors ``parts`` of a mix as a safetensors file, atomically; returns their digests.

    The recipe says what the image tower is; everything else is the base's, unchanged. Sums run in fp32 as ``merge``
    does them, and are cast once to ``dtype``; counters keep their own. Memory: a few pieces of 2²⁰ numbers of each
    parent and of the result, however large the tensors are. Raises MergeError for parents that do not fit each other
    and for a result that is not finite (nothing is left then, nor on cancel), DiskError for a disk that refuses.
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
        return _piece(source, {m: (c, parents[m]) for m, c in column.items()}, start, stop, layout[name][0])

    with writing(path, layout, facts) as writer, ThreadPoolExecutor(WORKERS) as pool:
        made = ahead(pool, make, steps, WORKERS + 1)
        for (name, _, _), out in zip(progress(steps, f"Writing {path.name}", costs), made, strict=True):
            writer.put(name, out.view(whole[name][1]).T.contiguous() if parts[name].transposed else out)
    return writer.digests


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
    """Numbers ``start`` to ``stop`` of a mixed weight, checked to be finite; the parents' pages are given back."""
    out = torch.empty(stop - start, dtype=dtype)
    tensors = {model: parent[name].reshape(-1) for model, (_, parent) in mixed.items()}
    for a in range(start, stop, ALONE):
        b = min(a + ALONE, stop)
        some = out[a - start : b - start]
        mix([(mixed[model][0], tensor[a:b]) for model, tensor in tensors.items()], some)
        if some.is_floating_point() and not torch.isfinite(some).all():
            guilty = [repr(model) for model, tensor in tensors.items() if not torch.isfinite(tensor[a:b]).all()]
            why = f"{guilty[0]} is not finite there" if guilty else f"it is beyond the range of {dtype}; choose float32"
            raise MergeError(f"The mix is not a number in {name}: {why}. Nothing was written.")
    for _, parent in mixed.values():
        parent.forget(name, start, stop)
    return out


def _outline(parent: Mapped) -> Weights:
    """The image tower's names, dtypes and shapes, without numbers."""
    return {n: torch.empty(s, dtype=d, device="meta") for n, (d, s) in parent.layout.items() if tower_of(n)}
