"""Room on a disk, looked for before anything large is written, and how its size is said."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.storage.files import DiskError


def megabytes(size: float) -> str:
    """Bytes as people say them: '12 kB', '4.5 MB', '1.71 GB'."""
    if size < 1e5:
        return f"{max(1, round(size / 1e3))} kB"
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def check_room(folder: Path, needed: int, moved_by: str = "PALETTE_CACHE (for downloads, HF_HOME)") -> None:
    """Raise DiskError if the disk on which ``folder`` is, or would be, has less than ``needed`` bytes free.

    ``moved_by`` is what names another place, as the message says.
    """
    at = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if (free := shutil.disk_usage(at).free) < needed:
        raise DiskError(
            f"This needs {megabytes(needed)} in {folder}, where {megabytes(free)} are free; make room, or choose a "
            f"larger disk with {moved_by}."
        )
