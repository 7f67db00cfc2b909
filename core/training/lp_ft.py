"""Fine-tuning with a classification head of its own, started from a linear probe (LP-FT, arXiv 2202.10054)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from core.models import BIAS, WEIGHT, Encoder
from core.progress import SILENT, Progress
from core.training.finetune import TrainingSet, finetune
from core.training.settings import Settings

INVERSE_PENALTIES = (10.0, 100.0, 1000.0)  # scikit-learn's C


@dataclass(frozen=True)
class SweepSettings(Settings):
    """What the ingredients of a soup differ in, besides ``Settings``: α of mixup's Beta distribution (0: none) and
    label smoothing. ``steps`` 0 is the linear probe alone."""

    mixup: float = 0.0
    label_smoothing: float = 0.0

    @property
    def facts(self) -> dict[str, object]:
        """All of them: an ingredient always said how far its pictures were changed."""
        return asdict(self)


def linear_probe(
    train: tuple[np.ndarray, np.ndarray],
    val: tuple[np.ndarray, np.ndarray] | None,
    classes: int,
    scale: float = 1.0,
    inverse_penalties: Sequence[float] = INVERSE_PENALTIES,
    iterations: int = 300,
) -> dict[str, torch.Tensor]:
    """Multinomial logistic regression on frozen features, with the penalty that is best on val (the first for none).

    Both splits are features float (n, embed_dim) and labels int (n,). Returns ``head.weight`` (classes, embed_dim) and
    ``head.bias`` (classes,), float32; logits are ``scale * (features @ weight.T + bias)``. A class without training
    pictures keeps a weight of 0 and the lowest bias.
    """
    from sklearn.linear_model import LogisticRegression

    if val is None:
        inverse_penalties = inverse_penalties[:1]
    fits = [LogisticRegression(C=c, max_iter=iterations).fit(*train) for c in inverse_penalties]
    best = fits[0] if val is None else max(fits, key=lambda fit: fit.score(*val))
    coefficients, intercepts = best.coef_, best.intercept_
    if len(best.classes_) == 2:  # scikit-learn then keeps one row, for the second class
        coefficients, intercepts = (
            np.vstack([-coefficients, coefficients]) / 2,
            np.hstack([-intercepts, intercepts]) / 2,
        )
    weight = torch.zeros(classes, coefficients.shape[1])
    bias = torch.full((classes,), float(intercepts.min()) / scale)
    seen = torch.from_numpy(best.classes_.astype(np.int64))
    weight[seen] = torch.from_numpy(coefficients / scale).float()
    bias[seen] = torch.from_numpy(intercepts / scale).float()
    return {WEIGHT: weight, BIAS: bias}


def finetune_with_head(
    encoder: Encoder,
    known: TrainingSet,
    head: dict[str, torch.Tensor],
    settings: SweepSettings,
    state: Path | None = None,
    progress: Progress = SILENT,
) -> dict[str, torch.Tensor]:
    """Train tower and head together on one set; returns the weights of both, by name, in fp32 on the CPU.

    ``head`` is where the head begins. Resumes and cancels as ``finetune`` does, which this is.
    """
    trained = {name: torch.nn.Parameter(tensor.clone().to(encoder.device)) for name, tensor in head.items()}

    def loss(encoder: Encoder, known: TrainingSet, rows: torch.Tensor, pixels: torch.Tensor, step: int) -> torch.Tensor:
        labels = known.labels[rows].to(encoder.device)
        share, other = _mixup(len(rows), settings.mixup, settings.seed, step)
        if share < 1:
            pixels = share * pixels + (1 - share) * pixels[other]
        features = encoder.features(pixels)
        with torch.autocast(encoder.device.type, enabled=False):
            logits = encoder.logit_scale * (features @ trained[WEIGHT].T + trained[BIAS])
            every = [(share, labels)] + [(1 - share, labels[other])] * (share < 1)
            parts = [
                part * cross_entropy(logits, right, label_smoothing=settings.label_smoothing) for part, right in every
            ]
            return torch.stack(parts).sum()

    return finetune(encoder, [known], settings, state, progress, loss, trained)


def _mixup(n: int, alpha: float, seed: int, step: int) -> tuple[float, Sequence[int]]:
    """How much of each picture stays, in [0.5, 1], and which one it is mixed with (mixup, arXiv 1710.09412)."""
    if not alpha:
        return 1.0, []
    draw = np.random.default_rng([seed, step])
    share = float(draw.beta(alpha, alpha))
    return max(share, 1 - share), draw.permutation(n).tolist()
