"""The trace of a soup: every evaluation and verdict, one line of JSON each, on disk as it happens; replayed on resume.

A method is a function of the answers it gets. So going on means running it again from the beginning, with the trace's
answers for as long as they last, and every line that it would write compared with the one that is there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.recipes import SoupError
from core.storage import files


class Trace:
    """The lines of ``path``, in order. ``new`` is called once, before the first line that was not there.

    ``tell`` hears in a sentence if the disk refuses a line: the work goes on, but could not be resumed.
    """

    def __init__(
        self, path: Path, new: Callable[[], object] = lambda: None, tell: Callable[[str], object] = print
    ) -> None:
        self.path, self._new, self._tell = path, new, tell
        self.lines: list[dict[str, Any]] = files.read_lines(path)
        self.position = 0
        self._there = len(self.lines)

    @property
    def replaying(self) -> bool:
        """Whether the next line is there already."""
        return self.position < self._there

    def peek(self) -> dict[str, Any] | None:
        """The next line if it is there already."""
        return self.lines[self.position] if self.replaying else None

    def write(self, line: dict[str, Any]) -> None:
        """Add a line, or see that the one that is there says the same. Raises SoupError if it says something else."""
        if self.replaying:
            if self.lines[self.position] != line:
                raise SoupError(
                    f"Line {self.position + 1} of the search's trace {self.path.name} belongs to another search or was "
                    "changed; start anew (--anew), which puts the old trace aside."
                )
            self.position += 1
            return
        if self.position == self._there:
            self._new()
        self.lines.append(line)
        self.position += 1
        try:
            files.append_line(self.path, line)
        except files.DiskError as error:
            self._tell(f"The search goes on, but could not be resumed after a kill: {error}")


def put_aside(path: Path) -> None:
    """Move a trace or an outcome into ``stopped/`` beside it, so that the same plan starts from nothing."""
    if path.exists():
        files.set_aside(path, path.parent / "stopped")
