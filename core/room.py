"""Room on a disk, looked for before anything large is written."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.disk import DiskError


def check_room(folder: Path, needed: int) -> None:
    """Raise DiskError if the disk on which ``folder`` is, or would be, has less than ``needed`` bytes free."""
    at = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if (free := shutil.disk_usage(at).free) < needed:
        raise DiskError(
            f"This needs {needed / 1e9:.2f} GB in {folder}, where {free / 1e9:.2f} GB are free; make room, or choose a "
            "larger disk with PALETTE_CACHE (for downloads, HF_HOME)."
        )
