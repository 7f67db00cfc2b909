"""Labelled images that are not decoded yet: what every adapter gives, whatever lies on disk."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from core.progress import SILENT, Progress
from core.storage import files as disk
from core.tasks import pictures
from core.tasks.datasets import DataError, memory

_HASHED_AT_ONCE = 512


class Images(Protocol):
    """Images by row. Picklable, so that another process can open them."""

    def __len__(self) -> int: ...

    def open(self, row: int) -> Image.Image:
        """One image, as ``pictures.read`` gives it. Raises whatever Pillow and the disk raise for a damaged one."""

    def name(self, row: int) -> str:
        """What people call that image: its file, or its place in a file."""

    def files(self) -> Sequence[Path]:
        """The files whose bytes make up the images, in a fixed order."""

    def chunk(self, rows: np.ndarray) -> tuple[Images, np.ndarray]:
        """What opens ``rows``, int64 (n,), and under which rows: no larger for the images that are not among them."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """Some ``rows`` int64 (n,) of other images, in that order."""

    images: Images
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def open(self, row: int) -> Image.Image:
        """One image."""
        return self.images.open(int(self.rows[row]))

    def name(self, row: int) -> str:
        """As the others call it."""
        return self.images.name(int(self.rows[row]))

    def files(self) -> Sequence[Path]:
        """All files, of which some images are not used."""
        return self.images.files()

    def chunk(self, rows: np.ndarray) -> tuple[Images, np.ndarray]:
        """What the others give for these."""
        return self.images.chunk(self.rows[rows])


class Candidates(Protocol):
    """Texts of each image's own to choose among, in the place of class names for all of them."""

    def prompts(self, rows: np.ndarray) -> list[list[str]]:
        """The candidates of some rows int64 (n,): one list per image, all of one length."""

    @property
    def digest(self) -> str:
        """Hex SHA-256 of all of them, in order."""


@dataclass(frozen=True, eq=False)
class StoredPart:
    """One stored part of a data set (train, test, or all of it).

    ``labels`` int64 (n,) index ``class_names``; ``notes`` holds further int64 (n,) columns. With ``candidates`` a label
    is the place of the right one, and the note ``row`` tells a picture's row. ``stands_for`` is as a task's; ``said``
    tells what of the data was left out or understood in a certain way, a sentence each. Raises DataError if the labels
    do not fit the images or the names.
    """

    images: Images
    labels: np.ndarray
    class_names: tuple[str, ...]
    notes: Mapping[str, np.ndarray] = field(default_factory=dict)
    candidates: Candidates | None = None
    stands_for: tuple[tuple[str, ...], ...] = ()
    said: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.images):
            raise DataError(f"There are {len(self.images):,} images but {len(self.labels):,} labels; they must match.")
        out = np.flatnonzero((self.labels < 0) | (self.labels >= len(self.class_names)))
        if len(out):
            raise DataError(
                f"{len(out):,} labels are out of range: {self.images.name(int(out[0]))} has label "
                f"{int(self.labels[out[0]])}, but {len(self.class_names)} classes are numbered from 0 to "
                f"{len(self.class_names) - 1}."
            )

    def counts(self) -> list[int]:
        """Number of images of each class, in order."""
        return np.bincount(self.labels, minlength=len(self.class_names)).tolist()

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of the bytes of all the files, the labels and the candidates; ``remember`` shows progress."""
        return self._digest(SILENT)

    def remember(self, progress: Progress = SILENT) -> str:
        """The digest, from memory if no file has changed since (size and time), else hashed now and remembered.

        ``progress`` is asked to follow only where files are read. Raises DataError if files are not there.
        """
        if "digest" not in vars(self):  # where cached_property keeps it
            vars(self)["digest"] = self._digest(progress)
        return self.digest

    def _digest(self, progress: Progress) -> str:
        files = list(self.images.files())
        note = memory() / f"{_seen(files)}.json"
        content = _noted(note)
        if content is None:
            content = _hashed(files, progress)
            with suppress(disk.DiskError):  # a read-only cache only costs hashing again
                disk.write_json(note, {"content": content})
        texts = self.candidates.digest.encode() if self.candidates else b""
        return hashlib.sha256(content.encode() + self.labels.astype("<i8").tobytes() + texts).hexdigest()


def check_there(files: Sequence[Path]) -> None:
    """Raise DataError if some of these files are not there; each folder is listed, which is faster than each file."""
    listed: dict[str, set[str]] = {}
    lost = []
    for path in files:
        folder, name = os.path.split(path)
        if folder not in listed:
            listed[folder] = set(os.listdir(folder)) if os.path.isdir(folder) else set()
        if name not in listed[folder] and not path.exists():  # a disk may take 'a.JPG' for 'a.jpg'
            lost.append(path)
    if lost:
        raise DataError(
            f"{len(lost):,} of {len(files):,} image files are not there, such as {lost[0]}; fetch the rest, or unpack "
            "them again."
        )


def _seen(files: Sequence[Path]) -> str:
    """Hex SHA-256 of where the files are, their sizes and times."""
    seen = hashlib.sha256()
    for path in files:
        try:
            stat = path.stat()
        except OSError as error:
            check_there(files)
            raise _unreadable(path, error) from None
        seen.update(f"{path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return seen.hexdigest()


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path} cannot be read ({error.strerror or error}); fetch it again.")


def _noted(path: Path) -> str | None:
    try:
        return str(json.loads(path.read_text())["content"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _hashed(files: Sequence[Path], progress: Progress) -> str:
    """Hex SHA-256 over the SHA-256 of each file; hashing lets go of the interpreter, so threads help."""
    once, found = list(dict.fromkeys(files)), dict[Path, bytes]()  # several rows may be about one file
    workers = (os.cpu_count() or 1) + 4
    at_once = min(_HASHED_AT_ONCE, max(workers, len(once) // 100))  # a few hundred files may be large: parquet's shards
    with ThreadPoolExecutor(workers) as pool:
        for start in progress(range(0, len(once), at_once)):
            some = once[start : start + at_once]
            found.update(zip(some, pool.map(_file_digest, some), strict=True))
    return hashlib.sha256(b"".join(found[path] for path in files)).hexdigest()


def _file_digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise _unreadable(path, error) from None


@dataclass(frozen=True)
class Files:
    """Image files. ``border`` pixels are cut off on each side; ``boxes`` (left, top, right, bottom) crop each one."""

    paths: tuple[Path, ...]
    border: int = 0
    boxes: tuple[tuple[int, int, int, int], ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    def open(self, row: int) -> Image.Image:
        """One image, cropped if it is to be."""
        image = pictures.read(self.paths[row])
        if self.border:
            return image.crop((self.border, self.border, image.width - self.border, image.height - self.border))
        return image.crop(self.boxes[row]) if self.boxes else image

    def name(self, row: int) -> str:
        """Its path."""
        return str(self.paths[row])

    def files(self) -> Sequence[Path]:
        """The image files themselves; several crops of one file count it once."""
        return tuple(dict.fromkeys(self.paths)) if self.boxes else self.paths

    def chunk(self, rows: np.ndarray) -> tuple[Files, np.ndarray]:
        """Only the paths and boxes of ``rows``."""
        boxes = tuple(self.boxes[row] for row in rows) if self.boxes else ()
        return Files(tuple(self.paths[row] for row in rows), self.border, boxes), np.arange(len(rows))
