"""The models of the mixes that are being tried: from disk, and side by side in memory once they are asked for again."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import torch

from core.models.device import device_memory
from core.models.merge import Stacked, Weights, wide


class Parents:
    """Holds the models that were mixed twice in a row, such as while a slider moves or a search runs, on one device.

    The same set of models asked for again is stacked in the memory of ``device``, if a quarter of what is free there
    holds it; another set that is asked for twice replaces it. Thread-safe.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._last: dict[str, Weights] = {}
        self._held: dict[str, Weights] = {}
        self._stacked: Stacked | None = None
        self._guard = threading.Lock()

    def of(self, models: Mapping[str, Weights]) -> Mapping[str, Weights]:
        """The same models, from memory if they are held there; ``models`` are as the zoo maps them from disk.

        Raises MergeError if they cannot be mixed.
        """
        with self._guard:
            again = len(models) == len(self._last) > 1 and _among(models, self._last)
            self._last = dict(models)
            if _among(models, self._held) and 2 * len(models) >= len(self._held):  # idle rows would be read, too
                return self._stacked or models
            if not again:
                return models
            self._stacked, self._held = None, {}  # gives the room back first
            if self._fit(models):
                self._stacked, self._held = Stacked(models, self._device), dict(models)
            return self._stacked or models

    def _fit(self, models: Mapping[str, Weights]) -> bool:
        needed = sum(t.numel() * wide(t).itemsize for weights in models.values() for t in weights.values())
        return needed <= device_memory(self._device).spare


def _among(models: Mapping[str, Weights], those: Mapping[str, Weights]) -> bool:
    """Whether ``those`` hold these very models: a checkpoint that was written anew is mapped anew."""
    return all(those.get(name) is weights for name, weights in models.items())
