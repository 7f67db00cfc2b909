"""The encoders of a workspace: one bounded pool, so that every evaluation has its model from one place."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch

from core.models import Encoder, Parents, clip, device_memory, merge
from core.recipes import Recipe
from core.workspace.checkpoints import Zoo

RESIDENT = 24  # merged encoders that are kept at hand: the 21 of a curve over α, and three beside each other
FEWEST = 2  # so that a visitor's picture does not wait for a long evaluation


@lru_cache(maxsize=4096)
def _weights_key(recipe: Recipe, digests: tuple[str, ...]) -> str:
    rows: dict[str, list[float]] = {}
    for digest, row in zip(digests, recipe.coefficients, strict=True):
        rows[digest] = [a + b for a, b in zip(rows.get(digest, [0.0] * len(row)), row, strict=True)]
    return Recipe(tuple(rows), recipe.components, tuple(map(tuple, rows.values()))).digest()


class Encoders:
    """A pool of encoders at the workspace's precision, merged with recipes; the least recently used one goes first.

    As many stay as fit into a quarter of the device's free memory, from 2 to 24. Thread-safe: whoever holds an encoder
    has it alone, and whoever asks for one more than there may be waits.
    """

    def __init__(
        self, folder: Path, zoo: Zoo, device: torch.device, precision: str = "float32", compiler: str = ""
    ) -> None:
        self.folder, self.zoo, self.device = folder, zoo, device
        self.precision, self.compiler = precision, compiler
        self._parents = Parents(device)
        self._idle: dict[str, Encoder] = {}  # by weights key, the least recently used first
        self._unmerged: list[Encoder] = []
        self._made = 0
        self._holders: list[int] = []
        self._changed = threading.Condition()

    @cached_property
    def config(self) -> dict[str, Any]:
        """The base's ``open_clip_config.json``: keys ``model_cfg`` and ``preprocess_cfg``."""
        return clip.read_config(self.folder / "base")

    def fresh(self, precision: str = "float32", compiler: str = "") -> Encoder:
        """An encoder with the base's weights that is not the pool's, for training."""
        return Encoder(clip.load(self.folder / "base"), self.config["preprocess_cfg"], self.device, precision, compiler)

    def weights_key(self, recipe: Recipe) -> str:
        """Digest of the weights that a recipe describes: by content, so that two routes to one model meet."""
        return _weights_key(recipe, tuple(self.zoo[name].digest for name in recipe.models))

    def load(self, recipe: Recipe, into: Encoder) -> None:
        """Merge a recipe into an encoder. Raises CheckpointError or MergeError."""
        recipe = recipe.canonical()
        merge(self._parents.of({name: self.zoo.weights(name) for name in recipe.models}), recipe, into.weights)

    @cached_property
    def _first(self) -> Encoder:
        return self.fresh(self.precision, self.compiler)

    @cached_property
    def room(self) -> int:
        """How many encoders the pool keeps."""
        size = sum(t.numel() * t.element_size() for t in self._sample.weights.values())
        return max(FEWEST, min(RESIDENT, device_memory(self.device).spare // size))

    @property
    def logit_scale(self) -> float:
        """The factor on cosine similarities: the base's, as fine-tuning and merging leave it."""
        return self._sample.logit_scale

    @property
    def _sample(self) -> Encoder:
        """One of the pool's encoders, for what all have in common."""
        with self._changed:
            if self._made == 0:
                self._made = 1
                self._unmerged.append(self._first)
            return self._first

    @contextmanager
    def holding(self, recipe: Recipe) -> Iterator[Encoder]:
        """An encoder with a recipe's weights in it, to look and not to change; it is the caller's alone meanwhile.

        Raises CheckpointError or MergeError if the recipe cannot be made.
        """
        key = self.weights_key(recipe)
        encoder, merged = self._take(key)
        try:
            if not merged:
                self.load(recipe, encoder)
                merged = True
            yield encoder
        finally:
            self._give_back(key if merged else None, encoder)

    def _take(self, key: str) -> tuple[Encoder, bool]:
        """An encoder of the pool, and whether it has the weights of that key already."""
        me, room, first = threading.get_ident(), self.room, self._sample
        with self._changed:
            while True:
                if key in self._idle:
                    encoder, merged = self._idle.pop(key), True
                elif self._unmerged:
                    encoder, merged = self._unmerged.pop(), False
                elif self._made < room or (not self._idle and me in self._holders):  # a nested one would wait for ever
                    encoder, merged = self._another(first), False
                    self._made += 1
                elif self._idle:
                    encoder, merged = self._idle.pop(next(iter(self._idle))), False
                else:
                    self._changed.wait()
                    continue
                self._holders.append(me)
                return encoder, merged

    def _another(self, first: Encoder) -> Encoder:
        """One more for the pool: a copy in memory is quicker than from disk, but cannot be had of a compiled one."""
        return self.fresh(self.precision, self.compiler) if self.compiler else copy.deepcopy(first)

    def _give_back(self, key: str | None, encoder: Encoder) -> None:
        with self._changed:
            self._holders.remove(threading.get_ident())
            if self._made > self.room or key in self._idle:  # a second one with the same weights serves nobody
                if self._made > self.room and encoder is not self._first:
                    self._made -= 1
                else:
                    self._unmerged.append(encoder)
            elif key is None:
                self._unmerged.append(encoder)
            else:
                self._idle[key] = encoder
            self._changed.notify()
