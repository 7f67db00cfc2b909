"""A dict that forgets: bounded memory for what can be made again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LRU(Generic[K, V]):
    """A dict that forgets what was used the longest ago, beyond ``room`` entries, or whatever ``cost`` counts in.

    Any thread may use it. A single value that costs more than all the room stays until the next one comes.
    """

    def __init__(self, room: int, cost: Callable[[V], int] = lambda _: 1) -> None:
        self.room, self.cost, self.used = room, cost, 0
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value, or None."""
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: K, value: V) -> V:
        """Keep a value, and return it."""
        with self._guard:
            if key in self._kept:
                self.used -= self.cost(self._kept.pop(key))
            self._kept[key] = value
            self.used += self.cost(value)
            while self.used > self.room and len(self._kept) > 1:
                self._forget()
        return value

    def take_oldest(self) -> V | None:
        """Take out the value that was used the longest ago, if all the room is used."""
        with self._guard:
            return self._forget() if self._kept and self.used >= self.room else None

    def _forget(self) -> V:
        _, value = self._kept.popitem(last=False)
        self.used -= self.cost(value)
        return value

    def __contains__(self, key: K) -> bool:
        return key in self._kept

    def __len__(self) -> int:
        return len(self._kept)
