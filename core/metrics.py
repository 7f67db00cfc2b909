"""Metrics: pure functions of logits and labels, with the uncertainty that belongs to each number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

import numpy as np
from scipy.special import bdtr, logsumexp, ndtr, ndtri  # scipy.stats has all of this too, but takes a second to import


@dataclass(frozen=True)
class Accuracy:
    """Share of right answers in [0, 1], with its 95 % Wilson interval and the number of pictures."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Paired:
    """Two models on the same pictures: what the second fixed and broke, and McNemar's exact two-sided p-value."""

    fixed: int
    broken: int
    n: int
    p: float

    @property
    def difference(self) -> float:
        """Accuracy of the second minus accuracy of the first, in [-1, 1]."""
        return (self.fixed - self.broken) / self.n

    @property
    def within_noise(self) -> bool:
        """Whether the difference could well be chance (p ≥ 0.05)."""
        return self.p >= 0.05


@lru_cache(maxsize=65536)
def wilson(right: int, n: int) -> tuple[float, float]:
    """95 % score interval of ``right`` successes out of ``n`` (Wilson 1927, J. Am. Stat. Assoc. 22)."""
    z, p = float(ndtri(0.975)), right / n
    centre, reach = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (centre - reach) / (1 + z * z / n)), min(1.0, (centre + reach) / (1 + z * z / n))


def predictions(logits: np.ndarray) -> np.ndarray:
    """Index of the highest logit, int64 (n,); the first of equals."""
    return logits.argmax(axis=1)


def correct(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which pictures are classified rightly, bool (n,)."""
    return predictions(logits) == labels


def accuracy_of(right: np.ndarray) -> Accuracy:
    """Accuracy from ``correct``'s bool (n,). Raises ValueError for no pictures at all."""
    if len(right) == 0:
        raise ValueError("Accuracy needs at least one picture.")
    k, n = int(right.sum()), len(right)
    return Accuracy(k / n, *wilson(k, n), n)


def accuracy(logits: np.ndarray, labels: np.ndarray) -> Accuracy:
    """Top-1 accuracy of logits (n, classes) against labels (n,)."""
    return accuracy_of(correct(logits, labels))


def paired(first: np.ndarray, second: np.ndarray) -> Paired:
    """McNemar's exact test on two ``correct`` arrays over the same pictures (McNemar 1947; binomial on the flips)."""
    if len(first) != len(second) or len(first) == 0:
        raise ValueError("A paired test needs the same pictures for both models.")
    fixed, broken = int((~first & second).sum()), int((first & ~second).sum())
    p = min(1.0, 2 * float(bdtr(min(fixed, broken), fixed + broken, 0.5)))  # 1 where nothing flipped
    return Paired(fixed, broken, len(first), p)


def combined(patching: Sequence[Accuracy], supported: Sequence[Accuracy]) -> Accuracy:
    """Combined accuracy (PAINT §3, footnote 2) with its 95 % interval; n counts all pictures."""
    value = combined_accuracy([a.value for a in patching], [a.value for a in supported])
    return _weighted(value, [(a, 0.5 / len(side)) for side in (patching, supported) for a in side])


def mean(accuracies: Sequence[Accuracy]) -> Accuracy:
    """Mean over tasks, with the 95 % interval of a mean of independent accuracies; n counts all pictures."""
    if len(accuracies) == 1:
        return accuracies[0]
    value = fmean(a.value for a in accuracies)
    return _weighted(value, [(a, 1 / len(accuracies)) for a in accuracies])


def _weighted(value: float, parts: Sequence[tuple[Accuracy, float]]) -> Accuracy:
    """The weighted sum ``value`` of independent accuracies with its 95 % interval, from theirs.

    MOVER, the method of variance estimates recovery (Zou and Donner 2008, Stat. Med. 27).
    """
    low = value - math.sqrt(math.fsum((c * (a.value - a.low)) ** 2 for a, c in parts))
    high = value + math.sqrt(math.fsum((c * (a.high - a.value)) ** 2 for a, c in parts))
    return Accuracy(value, max(0.0, low), min(1.0, high), sum(a.n for a, _ in parts))


@dataclass(frozen=True)
class Difference:
    """A second score minus a first, in [-1, 1], with its 95 % interval and the two-sided p-value of no difference."""

    value: float
    low: float
    high: float
    p: float

    @property
    def within_noise(self) -> bool:
        """Whether the difference could well be chance (p ≥ 0.05)."""
        return self.p >= 0.05


def combined_difference(first: Sequence[Sequence[np.ndarray]], second: Sequence[Sequence[np.ndarray]]) -> Difference:
    """Difference of two combined accuracies on the same pictures, paired picture by picture (a z-test).

    Both hold, per side (patching, supported) and task, each picture's share of right answers, float (n,) in [0, 1]:
    0 or 1 for one model, a mean over several. The variance is that of a weighted sum of means of paired differences.
    """
    value = variance = 0.0
    for before, after in zip(first, second, strict=True):
        for a, b in zip(before, after, strict=True):
            share, apart = 1 / (len(first) * len(before)), b.astype(float) - a.astype(float)
            value += share * float(apart.mean())
            variance += share**2 * float(apart.var(ddof=1)) / len(apart)
    error = math.sqrt(variance)
    reach = float(ndtri(0.975)) * error
    p = 2 * float(ndtr(-abs(value) / error)) if error > 0 else float(value == 0)
    return Difference(value, value - reach, value + reach, p)


def per_class(right: np.ndarray, labels: np.ndarray, classes: int) -> list[Accuracy | None]:
    """Accuracy of each class, in order; None for a class without pictures."""
    return [accuracy_of(right[labels == c]) if (labels == c).any() else None for c in range(classes)]


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over classes, float64 (n, classes)."""
    wide = logits.astype(np.float64)
    return np.exp(wide - logsumexp(wide, axis=1, keepdims=True))


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Mean gap between confidence (n,) and accuracy over equal-width bins, in [0, 1] (Guo et al. 2017, eq. 3)."""
    confidence = confidence.astype(np.float64)
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(which, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(right))


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood of the labels, in nats."""
    wide = logits.astype(np.float64)
    return float((logsumexp(wide, axis=1) - wide[np.arange(len(labels)), labels]).mean())


def combined_accuracy(patching: Sequence[float], supported: Sequence[float]) -> float:
    """Mean of (mean over patching tasks, mean over supported tasks), PAINT §3, footnote 2."""
    return (fmean(patching) + fmean(supported)) / 2


def accuracy_distance_to_optimal(supported: Sequence[float], patching: Sequence[float]) -> float:
    """How far the best single α stays behind one specialised α per task, PAINT eq. 1; in accuracy units, ≥ 0.

    Both sequences hold the accuracy at the same α, one entry per α.
    """
    if len(supported) != len(patching) or not supported:
        raise ValueError("Both curves must hold an accuracy for each α.")
    apart = max(supported) + max(patching)
    together = max(s + p for s, p in zip(supported, patching, strict=True))
    return (apart - together) / 2


def forgetting(timeline: Sequence[Mapping[str, float]], order: Sequence[str]) -> float:
    """Average forgetting after the last task (Chaudhry et al. 2018, arXiv 1801.10112), in accuracy units.

    ``timeline[k]`` holds each task's accuracy after task k of ``order``; ``timeline[0]`` the base's. For every task
    but the last: the best accuracy that it had after any earlier task, minus what it has at the end. 0 for one task.
    """
    _check_timeline(timeline, order)
    lost = [max(row[t] for row in timeline[1:-1]) - timeline[-1][t] for t in order[:-1]]
    return fmean(lost) if lost else 0.0


def backward_transfer(timeline: Sequence[Mapping[str, float]], order: Sequence[str]) -> float:
    """Backward transfer (Lopez-Paz and Ranzato 2017, arXiv 1706.08840), in accuracy units; below 0 is forgetting.

    For every task but the last: its accuracy at the end minus its accuracy when it had just been learnt.
    """
    _check_timeline(timeline, order)
    gained = [timeline[-1][t] - timeline[k][t] for k, t in enumerate(order[:-1], 1)]
    return fmean(gained) if gained else 0.0


def _check_timeline(timeline: Sequence[Mapping[str, float]], order: Sequence[str]) -> None:
    if len(timeline) != len(order) + 1 or not order:
        raise ValueError("A timeline holds the accuracies before the first task and after each.")
