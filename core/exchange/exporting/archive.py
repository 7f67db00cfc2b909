"""Exported files as one file to download: a zip whose weights are stored as they are, since they do not get smaller."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from core.progress import SILENT, Progress
from core.storage import files as disk

PIECE = 2**22  # bytes that are read at once
MADE = (1980, 1, 1, 0, 0, 0)  # the same files give the same zip, whenever it is made


def pack_archive(files: Sequence[Path], to: Path, progress: Progress = SILENT) -> Path:
    """Write ``files`` into the zip ``to``, atomically and piece by piece; returns ``to``. Raises DiskError."""
    with disk.replacing(to) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for path in progress(files, "Packing", costs=[p.stat().st_size + 1 for p in files]):
            entry = zipfile.ZipInfo(f"{to.stem}/{path.name}", MADE)
            entry.external_attr = 0o644 << 16
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while piece := source.read(PIECE):
                    progress.check()
                    target.write(piece)
    return to
