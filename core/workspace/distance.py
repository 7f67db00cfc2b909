"""How far two recipes are apart, block by block: their weights, and what those make of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core.models import block_activations, linear_cka, mix, weight_cosine
from core.progress import SILENT, Progress
from core.recipes import Recipe, blocks, owner
from core.workspace.checkpoints import BASE
from core.workspace.lab import Lab


@dataclass(frozen=True)
class Distance:
    """``relative``: ‖θ_b - θ_a‖ / ‖θ_a‖, 0 for the same weights; ``cosine`` in [-1, 1]; over so many ``numbers``."""

    relative: float
    cosine: float
    numbers: int


def distances(lab: Lab, a: Recipe, b: Recipe, progress: Progress = SILENT) -> dict[str, Distance]:
    """Distance of two recipes per block (``""`` owns what is no block), kept in the store.

    Memory: two tensors in float32 at a time. Raises CheckpointError for a model that is not there.
    """
    key = lab.store.key(kind="distance", a=lab.weights_key(a), b=lab.weights_key(b))
    names = blocks(lab.zoo.weights(BASE))

    def make() -> dict[str, torch.Tensor]:
        sums = {p: torch.zeros(5, dtype=torch.float64) for p in names}
        for name, like in progress(list(lab.zoo.weights(BASE).items()), "Comparing the weights"):
            if like.is_floating_point():
                x, y = (_mixed(lab, recipe, name, like).double().flatten() for recipe in (a, b))
                d = y - x
                found = (d @ d, x @ x, y @ y, x @ y, torch.tensor(float(x.numel()), dtype=torch.float64))
                sums[owner(name, names)] += torch.stack(found)
        return sums

    found = lab.store.get_or_make(key, make, {"a": a.to_json(), "b": b.to_json()})
    return {p: _distance(found[p]) for p in names if float(found[p][4])}


def _distance(sums: torch.Tensor) -> Distance:
    dd, xx, yy, xy, n = map(float, sums)
    relative = (dd / xx) ** 0.5 if xx else float(dd > 0)
    return Distance(relative, xy / (xx * yy) ** 0.5 if xx and yy else float(xx == yy), int(n))


@torch.no_grad()
def _mixed(lab: Lab, recipe: Recipe, name: str, like: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(like, dtype=torch.float32)
    mix([(c, lab.zoo.weights(model)[name]) for model, c in recipe.column(name).items()], out)
    return out


def similarity(lab: Lab, a: Recipe, b: Recipe, task: str, pictures: int = 256) -> dict[str, dict[str, float]]:
    """Weight cosine and linear CKA between two recipes, whole (``""``) and per block, kept in the store.

    CKA is over the task's first val ``pictures``. Returns, under "cosine" and "cka", a value per component.
    """
    facts = {"a": lab.weights_key(a), "b": lab.weights_key(b), "n": pictures}
    key = lab.store.key(kind="similarity", data=lab.task(task).source.digest("val"), **facts)
    names = blocks(lab.zoo.weights(BASE))

    def make() -> dict[str, torch.Tensor]:
        images = torch.from_numpy(lab.pictures(task, "val").images[:pictures])
        encoders = (lab.encoder(), lab.encoder())
        for recipe, encoder in zip((a, b), encoders, strict=True):
            lab.load(recipe, encoder)
        x, y = (block_activations(encoder, images, names) for encoder in encoders)
        w, v = (encoder.weights for encoder in encoders)
        cosine = {**weight_cosine(w, v, names), **weight_cosine(w, v, ("",))}
        cka = {p: linear_cka(x[p], y[p]) for p in x}
        named = {f"cosine.{p}": c for p, c in cosine.items()} | {f"cka.{p}": c for p, c in cka.items()}
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in named.items()}

    found = {n: float(t) for n, t in lab.store.get_or_make(key, make, {"task": task}).items()}
    whole = ("", *names)
    return {kind: {p: found[f"{kind}.{p}"] for p in whole if f"{kind}.{p}" in found} for kind in ("cosine", "cka")}
