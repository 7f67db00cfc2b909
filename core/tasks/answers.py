"""What a model answered on a split of a task, small enough to keep for every recipe that anybody looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from core import metrics

KEPT = 3


@dataclass(frozen=True)
class Answers:
    """The likeliest classes of every picture and how sure the model was of them, and of the label.

    ``top`` integer (n, k): classes, likeliest first; ``probability`` float16 (n, k): theirs, over all classes;
    ``of_label`` float16 (n,): the label's; ``labels`` int64 (n,). k is 3, or the number of classes if that is less.
    """

    top: np.ndarray
    probability: np.ndarray
    of_label: np.ndarray
    labels: np.ndarray

    @classmethod
    def from_logits(cls, logits: np.ndarray, labels: np.ndarray) -> Answers:
        """Answers from logits (n, classes); of equal logits the first class wins, as in ``metrics.predictions``."""
        likely = np.argsort(-logits.astype(np.float32), axis=1, kind="stable")[:, :KEPT]
        every = metrics.probabilities(logits)
        return cls(
            likely.astype(np.uint8 if logits.shape[1] <= 256 else np.int32),
            np.take_along_axis(every, likely, axis=1).astype(np.float16),
            every[np.arange(len(labels)), labels].astype(np.float16),
            labels.astype(np.int64),
        )

    @classmethod
    def from_tensors(cls, kept: Mapping[str, torch.Tensor]) -> Answers:
        """What ``tensors`` gave, read back."""
        columns = {name: tensor.numpy() for name, tensor in kept.items()}
        return cls(columns["top"], columns["probability"], columns["of_label"], columns["labels"].astype(np.int64))

    def tensors(self) -> dict[str, torch.Tensor]:
        """As the store keeps them."""
        labels = self.labels.astype(self.top.dtype)
        columns = {"top": self.top, "probability": self.probability, "of_label": self.of_label, "labels": labels}
        return {name: torch.from_numpy(np.ascontiguousarray(column)) for name, column in columns.items()}

    @cached_property
    def predictions(self) -> np.ndarray:
        """The likeliest class of each picture, int64 (n,)."""
        return self.top[:, 0].astype(np.int64)

    @property
    def confidence(self) -> np.ndarray:
        """Probability of the likeliest class, float16 (n,)."""
        return self.probability[:, 0]

    @cached_property
    def right(self) -> np.ndarray:
        """Which pictures are classified rightly, bool (n,)."""
        return self.predictions == self.labels

    @cached_property
    def accuracy(self) -> metrics.Accuracy:
        """Top-1 accuracy with its 95 % interval."""
        return metrics.accuracy_of(self.right)

    @cached_property
    def calibration_error(self) -> float:
        """Expected calibration error over 15 bins, in [0, 1]."""
        return metrics.expected_calibration_error(self.confidence, self.right)
