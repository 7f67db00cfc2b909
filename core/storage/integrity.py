"""Which files were found to hold what their digests say, and need not be read whole again while they do not change."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from pathlib import Path

from core.storage import files


class IntegrityRecord:
    """A record like git's index: a file whose size, times and inode are those noted is the file that was verified.

    It lives in the file ``record``; where that cannot be written, files are verified once per process. Thread-safe.
    """

    def __init__(self, record: Path) -> None:
        self._record = record
        self._guard = threading.Lock()
        try:
            found = json.loads(record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        self._known: dict[str, object] = found if isinstance(found, dict) else {}

    def __contains__(self, path: Path) -> bool:
        return self._known.get(self._name(path)) == signature(path) is not None

    def add(self, path: Path, before: list[int] | None) -> None:
        """Note that a file holds what its digest says; ``before`` is its ``signature`` when reading it began."""
        if before is None or signature(path) != before or path in self:
            return
        with self._guard:
            self._known[self._name(path)] = before
            with suppress(files.DiskError):
                files.write_json(self._record, self._known)

    def _name(self, path: Path) -> str:
        return str(path.absolute())


def signature(path: Path) -> list[int] | None:
    """Size in bytes, times of change in nanoseconds and inode of a file; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
