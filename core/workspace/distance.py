"""How far two recipes are apart, block by block: their weights, and what those make of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.models import IMAGE_TOWER, Encoder, mix
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
                kept = (d @ d, x @ x, y @ y, x @ y, torch.tensor(float(x.numel()), dtype=torch.float64))
                sums[owner(name, names)] += torch.stack(kept)
        return sums

    kept = lab.store.get_or_make(key, make, {"a": a.to_json(), "b": b.to_json()})
    return {p: _distance(kept[p]) for p in names if float(kept[p][4])}


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
        with lab.encoders.holding(a) as one, lab.encoders.holding(b) as other:
            x, y = (block_activations(encoder, images, names) for encoder in (one, other))
            w, v = one.weights, other.weights
            cosine = {**weight_cosine(w, v, names), **weight_cosine(w, v, ("",))}
        cka = {p: linear_cka(x[p], y[p]) for p in x}
        named = {f"cosine.{p}": c for p, c in cosine.items()} | {f"cka.{p}": c for p, c in cka.items()}
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in named.items()}

    values = {n: float(t) for n, t in lab.store.get_or_make(key, make, {"task": task}).items()}
    whole = ("", *names)
    return {kind: {p: values[f"{kind}.{p}"] for p in whole if f"{kind}.{p}" in values} for kind in ("cosine", "cka")}


def weight_cosine(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor], components: Sequence[str]) -> dict:
    """Cosine similarity of two models' weights, in [-1, 1], per component (PAINT §4.1, Figure 2, right).

    ``components`` are prefixes; ``""`` among them owns what is left. Ask with ``("",)`` for the whole network.
    Counters are left out; sums run in float64. A component without weights is not in the answer.
    """
    sums: dict[str, list[float]] = {}
    for name, x in a.items():
        if x.is_floating_point():
            x, y = x.detach().double().flatten(), b[name].detach().double().flatten()
            mine = sums.setdefault(owner(name, components), [0.0, 0.0, 0.0])
            for i, product in enumerate((x @ y, x @ x, y @ y)):
                mine[i] += float(product)
    return {p: xy / (xx * yy) ** 0.5 if xx and yy else float(xx == yy) for p, (xy, xx, yy) in sums.items()}


def linear_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Linear centred kernel alignment of two representations (n, p) and (n, q), in [0, 1].

    Kornblith et al. 2019, eq. 4 and §3: HSIC(XXᵀ, YYᵀ) / √(HSIC(XXᵀ, XXᵀ) · HSIC(YYᵀ, YYᵀ)), over n × n Gram matrices,
    so that wide activations cost no more than narrow ones. Raises ValueError unless both hold the same n pictures.
    """
    if len(x) != len(y):
        raise ValueError("CKA compares representations of the same pictures.")

    def gram(z: np.ndarray) -> np.ndarray:
        z = z.reshape(len(z), -1).astype(np.float64)
        z = z - z.mean(axis=0)
        return z @ z.T

    k, m = gram(x), gram(y)
    scale = np.sqrt((k * k).sum() * (m * m).sum())
    return float((k * m).sum() / scale) if scale else 1.0


@torch.inference_mode()
def block_activations(
    encoder: Encoder, images: torch.Tensor, components: Sequence[str], batch: int = 128
) -> dict[str, np.ndarray]:
    """What each component puts out for uint8 pictures: float32 (n, ...) per component that is a module, plus ``""``:
    the image features themselves."""
    kept: dict[str, list[torch.Tensor]] = {p: [] for p in components}
    modules = dict(encoder.tower.named_modules())
    hooks = [
        modules[p.removeprefix(IMAGE_TOWER)].register_forward_hook(
            lambda _module, _inputs, out, p=p: kept[p].append((out[0] if isinstance(out, tuple) else out).float().cpu())
        )
        for p in components
        if p.removeprefix(IMAGE_TOWER) in modules and p
    ]
    try:
        for chunk in images.split(batch):
            kept.setdefault("", []).append(encoder.encode(chunk).cpu())
    finally:
        for hook in hooks:
            hook.remove()
    return {p: torch.cat(parts).numpy() for p, parts in kept.items() if parts}
