"""How far two models are apart: cosine similarity of weights, linear CKA of representations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from core.models.clip import IMAGE_TOWER, Encoder
from core.recipes import owner


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
