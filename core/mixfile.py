"""A mix written straight to a file: merged piece by piece from memory-mapped parents, never whole in memory."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch

from core.jobs import Progress
from core.merge import MergeError, Weights, check_mergeable, merge
from core.recipe import Recipe, single
from core.tensorfile import Layout, Mapped, pieces, writing
from core.vision import IMAGE_TOWER
from core.zoo import BASE


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
    does them, and are cast once to ``dtype``; counters keep their own. Memory: a piece of 2²² numbers of each parent
    and a few of the result, however large the tensors are. Raises MergeError for parents that do not fit each other and
    for a result that is not finite (nothing is left then, nor on cancel), DiskError for a disk that refuses.
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
    with writing(path, layout, facts) as writer:
        for name, start, stop in progress(steps, f"Writing {path.name}", costs):
            part = parts[name]
            out = torch.empty(stop - start, dtype=layout[name][0])
            mix = recipe if tower_of(part.source) else single(BASE)
            merge(
                {m: {part.source: parents[m][part.source].reshape(-1)[start:stop]} for m in mix.models},
                mix,
                {part.source: out},
            )
            _check_finite(part.source, out, {m: parents[m][part.source].reshape(-1)[start:stop] for m in mix.models})
            writer.put(name, out.view(whole[name][1]).T.contiguous() if part.transposed else out)
            for model in mix.models:
                parents[model].forget(part.source, start, stop)
    return writer.digests


def _outline(parent: Mapped) -> Weights:
    """The image tower's names, dtypes and shapes, without numbers."""
    return {n: torch.empty(s, dtype=d, device="meta") for n, (d, s) in parent.layout.items() if tower_of(n)}


def _check_finite(name: str, out: torch.Tensor, parents: Weights) -> None:
    if not out.is_floating_point() or torch.isfinite(out).all():
        return
    guilty = [model for model, tensor in parents.items() if not torch.isfinite(tensor).all()]
    why = (
        f"{guilty[0]!r} is not finite there" if guilty else f"it is beyond the range of {out.dtype}, so choose float32"
    )
    raise MergeError(f"The mix is not a number in {name}: {why}. Nothing was written.")
