"""A dict that forgets: bounded memory for what can be made again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A dict that forgets what was used the longest ago, beyond ``room`` entries. Any thread may use it."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value, or None."""
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: K, value: V) -> V:
        """Keep a value."""
        with self._guard:
            self._kept[key] = value
            self._kept.move_to_end(key)
            while len(self._kept) > self.room:
                self._kept.popitem(last=False)
        return value

    def pop_oldest(self) -> V | None:
        """Take out the value that was used the longest ago if there is no room for another."""
        with self._guard:
            return self._kept.popitem(last=False)[1] if len(self._kept) >= self.room else None

    def __len__(self) -> int:
        return len(self._kept)
