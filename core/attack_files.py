"""Photographs of real attacks, named as PAINT's are: ``label=dog_text=cat.png``, in a folder or a zip file."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
from PIL import Image

from core import disk
from core.intake import IntakeError, decode

NAME = re.compile(
    r"label=(?P<label>.+?)_text=(?P<text>.*?)(?:[ _-]?\(?\d+\)?)?\.(?:png|jpe?g|webp|bmp|gif|tiff?)", re.I
)
MOST_FILES = 20_000
MOST_BYTES = 50_000_000  # of one file in a zip, unpacked
MOST_IN_ALL = 2_000_000_000


@dataclass(frozen=True)
class Photo:
    """One attacked picture: uint8 (height, width, 3), what it shows, what is written on it, and its file's name."""

    image: np.ndarray
    label: str
    text: str
    name: str


@dataclass(frozen=True)
class Trouble:
    """A file that could not be used, and why, in one sentence."""

    name: str
    why: str


def parse(name: str) -> tuple[str, str]:
    """Label and text of a file name, underscores read as spaces, a number at the end left out. Raises IntakeError."""
    found = NAME.fullmatch(PurePosixPath(name).name)
    if found is None:
        raise IntakeError(f"{name} is not named like label=dog_text=cat.png, so what it shows is not known; rename it.")
    label, text = (" ".join(found[part].replace("_", " ").split()) for part in ("label", "text"))
    return label, text


def file_name(label: str, text: str, number: int | None = None) -> str:
    """The file name for a picture of ``label`` with ``text`` on it; what cannot be in a file name becomes '-'."""
    safe = [re.sub(r"[^\w .-]|_(?=text=)", "-", " ".join(part.split())) for part in (label, text)]
    end = "" if number is None else f"_{number}"
    return f"label={safe[0].replace(' ', '_')}_text={safe[1].replace(' ', '_')}{end}.png"


def read(path: Path | BinaryIO, called: str = "") -> Iterator[Photo | Trouble]:
    """Every picture in a folder (and its folders) or a zip file, in order of name; what cannot be used says why.

    A zip file may also be an open one, ``called`` so. Nothing is unpacked to disk. Raises IntakeError if it is neither,
    or holds no picture named so.
    """
    called = called or (path.name if isinstance(path, Path) else "The zip file")
    files = _folder(path) if isinstance(path, Path) and path.is_dir() else _zip(path, called)
    some = False
    for name, data in files:
        try:
            label, text = parse(name)
            picture = Photo(decode(data(), name), label, text, name)
        except IntakeError as error:
            yield Trouble(name, str(error))
            continue
        some = True
        yield picture
    if not some:
        raise IntakeError(f"{called} holds no picture named like label=dog_text=cat.png.")


def _folder(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    for file in sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")):
        yield file.relative_to(path).as_posix(), file.read_bytes


def _zip(path: Path | BinaryIO, called: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise IntakeError(f"There is no {path}; give a folder or a zip file.") from None
    except (zipfile.BadZipFile, OSError) as error:
        raise IntakeError(f"{called} is neither a folder nor a zip file that can be read ({error}).") from None
    with archive:
        entries = sorted((e for e in archive.infolist() if not e.is_dir()), key=lambda e: e.filename)
        entries = [e for e in entries if not PurePosixPath(e.filename).name.startswith((".", "__MACOSX"))]
        check_size(called, entries)
        for entry in entries:
            yield entry.filename, partial(_unpack, archive, entry)


def check_size(name: str, entries: list[zipfile.ZipInfo]) -> None:
    """Raise IntakeError if a zip file says that it holds more than anybody needs."""
    total = sum(e.file_size for e in entries)
    if len(entries) > MOST_FILES or total > MOST_IN_ALL:
        raise IntakeError(
            f"{name} would unpack to {len(entries):,} files and {total / 1e9:.1f} GB; at most {MOST_FILES:,} files and "
            f"{MOST_IN_ALL / 1e9:.0f} GB are read."
        )


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """One entry, never more than it may be, whatever its header says."""
    parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
    if ".." in parts or entry.filename.startswith(("/", "\\")) or ":" in parts[0]:
        raise IntakeError(f"{entry.filename} points outside its zip file and was not read.")
    try:
        with archive.open(entry) as file:
            data = file.read(MOST_BYTES + 1)
    except (RuntimeError, NotImplementedError, zipfile.BadZipFile, OSError, EOFError) as error:
        raise IntakeError(f"{entry.filename} cannot be unpacked ({error}).") from None
    if len(data) > MOST_BYTES:
        raise IntakeError(f"{entry.filename} unpacks to more than {MOST_BYTES / 1e6:.0f} MB and was not read.")
    return data


def save(photos: list[Photo], path: Path) -> list[str]:
    """Write pictures under such names, into a folder or (``path`` ends in .zip) one zip file; returns the names.

    A name that occurs again is numbered. Nothing is replaced in a folder: raises DiskError.
    """
    names: list[str] = []
    for photo in photos:
        name, number = file_name(photo.label, photo.text), 1
        while name in names:
            number += 1
            name = file_name(photo.label, photo.text, number)
        names.append(name)
    files = [(name, png(photo.image)) for name, photo in zip(names, photos, strict=True)]
    if path.suffix == ".zip":
        with disk.replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            for name, data in files:
                archive.writestr(name, data)
    else:
        with disk.staging(path) as stage:
            for name, data in files:
                (stage / name).write_bytes(data)
    return names


def png(image: np.ndarray) -> bytes:
    """A picture uint8 (h, w, 3) as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "PNG")
    return buffer.getvalue()
