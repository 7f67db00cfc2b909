"""What a command line shows of long work: how far it is, and how long it takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from core.progress import Progress, duration


class _Printer:
    """Shows a Progress on standard error: one line that rewrites itself, or one line a step when not on a terminal."""

    def __init__(self) -> None:
        self.last, self.when = "", 0.0

    def __call__(self, progress: Progress) -> None:
        left = progress.seconds_left
        line = f"{progress.fraction:4.0%}  {progress.what}" + (f", {duration(left)} left" if left is not None else "")
        if sys.stderr.isatty():
            if time.monotonic() - self.when > 0.1 or progress.fraction >= 1:
                print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
                self.when = time.monotonic()
        elif progress.what != self.last:
            self.last = progress.what
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the line as it stands, if there is one."""
        if sys.stderr.isatty() and self.when:
            print(file=sys.stderr)


@contextmanager
def followed() -> Iterator[Progress]:
    """A Progress that standard error shows for as long as the block lasts, however it ends."""
    shown = _Printer()
    try:
        yield Progress(shown)
    finally:
        shown.close()
