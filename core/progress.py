"""How far long work is: one object that follows loops, tells the time left, and can be called off."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from core import PaletteError

T = TypeVar("T")


class CancelledError(PaletteError):
    """The person who asked for the work called it off."""


class Progress:
    """How far some work is. Call it on an iterable to follow a loop; loops inside loops divide the outer one's step.

    ``cancel()`` makes the next step of any followed loop raise CancelledError.
    """

    def __init__(self, report: Callable[[Progress], None] = lambda _: None) -> None:
        self.fraction, self.what = 0.0, ""
        self.started = time.monotonic()
        self._report, self._cancelled = report, threading.Event()
        self._low, self._high = 0.0, 1.0
        self._found = 0.0  # what was there already, and says nothing about the pace

    def __call__(self, items: Iterable[T], what: str = "", costs: Sequence[float] | None = None) -> Iterator[T]:
        """Yield ``items``, moving the fraction on; ``costs`` are the items' relative durations (equal if not given)."""
        items = list(items)
        weights = list(costs) if costs is not None else [1.0] * len(items)
        ends = list(itertools.accumulate(weights, initial=0.0))
        low, high = self._low, self._high
        try:
            for i, item in enumerate(items):
                self._low, self._high = (low + (high - low) * ends[j] / (ends[-1] or 1) for j in (i, i + 1))
                self.at(self._low, what)
                yield item
            self.at(high, what)
        finally:
            self._low, self._high = low, high

    def at(self, fraction: float, what: str = "") -> None:
        """Report a fraction in [0, 1] and what is being done. Raises CancelledError if that was asked for."""
        self.check()
        self.fraction, self.what = fraction, what or self.what
        self._report(self)

    def check(self) -> None:
        """Raise CancelledError if the work was called off; cheap, for loops that report nothing."""
        if self._cancelled.is_set():
            raise CancelledError(
                "Cancelled. What can be kept of what was done is kept; the same request goes on from there."
            )

    def found(self) -> None:
        """Say that all until here was found on disk: the time left is reckoned from now on."""
        self._found, self.started = self.fraction, time.monotonic()

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._cancelled.set()

    def titled(self, what: str) -> Progress:
        """The same progress, which says ``what`` wherever a loop does not say itself what is being done."""
        return _View(self, what)

    def unshown(self) -> Progress:
        """A progress that shows nothing of its loops, and can be called off with this one."""
        return _View(self, shown=False)

    @property
    def seconds_left(self) -> float | None:
        """Seconds to go at the pace so far; None until there is a pace."""
        elapsed, done = time.monotonic() - self.started, self.fraction - self._found
        return elapsed * (1 - self.fraction) / done if done > 0.01 and elapsed > 0.5 else None


class _View(Progress):
    """Another progress under a title of its own, or unshown."""

    def __init__(self, inner: Progress, title: str = "", shown: bool = True) -> None:
        super().__init__()
        self._inner, self._title, self._shown = inner, title, shown

    def __call__(self, items: Iterable[T], what: str = "", costs: Sequence[float] | None = None) -> Iterator[T]:
        """Yield ``items`` as the inner one does, or only look whether the work was called off."""
        if self._shown:
            yield from self._inner(items, what or self._title, costs)
            return
        for item in items:
            self._inner.check()
            yield item

    def at(self, fraction: float, what: str = "") -> None:
        """Report to the inner one. Raises CancelledError if the work was called off."""
        if self._shown:
            self._inner.at(fraction, what or self._title)
            self.fraction = self._inner.fraction
        self._inner.check()

    def check(self) -> None:
        """Raise CancelledError if the work was called off."""
        self._inner.check()

    def found(self) -> None:
        """Pass on that all until here was found on disk."""
        self._inner.found()

    def cancel(self) -> None:
        """Call the inner one's work off."""
        self._inner.cancel()


class _Silent(Progress):
    """Shows nothing and cannot be called off; it keeps no state, so that everybody may share it."""

    def __call__(self, items: Iterable[T], what: str = "", costs: Sequence[float] | None = None) -> Iterator[T]:
        """Yield ``items``."""
        return iter(items)

    def at(self, fraction: float, what: str = "") -> None:
        """Report to nobody."""

    def check(self) -> None:
        """Let the work go on."""

    def found(self) -> None:
        """Note nothing."""

    def cancel(self) -> None:
        """Raise RuntimeError: nobody holds work that is followed silently."""
        raise RuntimeError("Work that is followed by SILENT cannot be called off.")


SILENT: Progress = _Silent()


def duration(seconds: float) -> str:
    """Seconds as people say them: '40 s', '3 min', '1 h 20 min'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
