"""Where in a file the weights of a model lie: the subtree whose names fit, whatever training loops put around it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from core.exchange.huggingface import HuggingFaceError, parts
from core.exchange.slices import tower_of
from core.models import IMAGE_TOWER

TRANSPARENT = {  # what torch.compile, DDP, FSDP, DeepSpeed, accelerate and Opacus put into names, anywhere
    "_orig_mod",
    "_forward_module",
    "module",
    "_module",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
}
AVERAGES = {"ema", "average", "averaged", "avg", "swa", "shadow", "momentum", "teacher", "target"}
TRUNK, VISION = "trunk.", "vision_model."
DEEPEST = 30  # segments of a name
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Subtree:
    """Weights under ``prefix``: ``fits`` of them have names of the image tower, ``shaped`` its shapes, too.

    ``layout`` is whose names: "clip" (a whole model of open_clip), "tower" (its image tower alone), "trunk" (timm's
    tower), "hf" (transformers' CLIPModel), "hf tower" (its vision model without a name before it).
    """

    prefix: str
    layout: str
    fits: int
    shaped: int

    @property
    def name(self) -> str:
        """What a person calls it; "" for the whole file."""
        return self.prefix.removesuffix(".")

    @property
    def average(self) -> bool:
        """Whether its name says that it is an average of the weights (EMA, a teacher)."""
        return bool(AVERAGES & set(re.split(r"[._\d]+", self.prefix.lower())))


def without_wrappers(name: str) -> str:
    """A name without the segments that only say how it was trained."""
    return ".".join(part for part in name.split(".") if part not in TRANSPARENT)


def layouts(expected: Mapping[str, Shape]) -> dict[str, dict[str, Shape]]:
    """The names and shapes that an image tower has in each layout."""
    tower = {n: s for n, s in expected.items() if tower_of(n)}
    found = {"clip": tower, "tower": {n.removeprefix(IMAGE_TOWER): s for n, s in tower.items()}}
    trunk = IMAGE_TOWER + TRUNK
    found["trunk"] = {n.removeprefix(trunk): s for n, s in tower.items() if n.startswith(trunk)}
    try:
        theirs = parts({n: (torch.float32, s) for n, s in tower.items()})
    except HuggingFaceError:
        return found
    found["hf"] = {n: part.shape(tower[part.source]) for n, part in theirs.items()}
    found["hf tower"] = {n.removeprefix(VISION): s for n, s in found["hf"].items() if n.startswith(VISION)}
    return found


def subtrees(shapes: Mapping[str, Shape], expected: Mapping[str, Shape]) -> list[Subtree]:
    """The subtrees that can be the model, best first: most weights that fit, then no average, then the shallowest.

    ``shapes`` are those of a file's tensors by their names without wrappers, ``expected`` those of the model.
    """
    known = layouts(expected)
    fits: Counter[tuple[str, str]] = Counter()
    shaped: Counter[tuple[str, str]] = Counter()
    for name, shape in shapes.items():
        segments = name.split(".")[-DEEPEST:]
        for i in range(len(segments)):
            rest = ".".join(segments[i:])
            for layout, names in known.items():
                if rest in names:
                    key = name.removesuffix(rest), layout
                    fits[key] += 1
                    shaped[key] += shape == names[rest]
    found = [Subtree(*key, fits[key], shaped[key]) for key in fits if not _part_of_another(*key, fits, shapes)]
    found = [s for s in found if 4 * s.fits >= len(known[s.layout])] or _of_another(shapes)
    found.sort(key=lambda s: (-s.shaped, -s.fits, s.average, s.prefix.count("."), s.prefix))
    return [s for s in found if 2 * s.fits >= found[0].fits]


def _of_another(names: Iterable[str]) -> list[Subtree]:
    """Where a CLIP of another architecture lies, so that what differs can be named."""
    for mark, layout in ((IMAGE_TOWER, "clip"), (VISION, "hf")):
        before = {n[: f".{n}".index(f".{mark}")] for n in names if f".{mark}" in f".{n}"}
        if before:
            return [Subtree(min(before, key=lambda p: (p.count("."), p)), layout, 0, 0)]
    return []


def _part_of_another(
    prefix: str, layout: str, fits: Mapping[tuple[str, str], int], shapes: Mapping[str, Shape]
) -> bool:
    """Whether a tower is the one inside a whole model that was found, or its text tower, whose names are alike."""
    if layout in ("clip", "hf"):
        return False
    around = {
        (prefix.removesuffix(IMAGE_TOWER), "clip"),
        (prefix.removesuffix(TRUNK).removesuffix(IMAGE_TOWER), "clip"),
        (prefix.removesuffix(TRUNK), "tower"),
        (prefix.removesuffix(VISION), "hf"),
    }
    if any(key in fits and key != (prefix, layout) for key in around):
        return True
    texts = ("token_embedding.weight", "embeddings.token_embedding.weight")
    return any(prefix + text in shapes for text in texts)
