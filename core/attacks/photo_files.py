"""Photographs of real attacks, named as PAINT's are (``label=dog_text=cat.png``) or listed as SCAM's, folder or zip."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
import pandas as pd
from PIL import Image

from core.classify import Incoming, IntakeError, decode_picture, from_folder, from_zip, shown
from core.storage import files as disk

NAME = re.compile(
    r"label=(?P<label>.+?)_text=(?P<text>.*?)(?:[ _-]\(?\d+\)?|\(\d+\))?"
    r"\.(?:png|jpe?g|jfif|webp|avif|bmp|gif|tiff?|jp2)",
    re.I,
)
TABLES = ("metadata.csv", "metadata.jsonl")


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
        said = shown(name)
        raise IntakeError(f"{said} is not named like label=dog_text=cat.png, so what it shows is not known; rename it.")
    label, text = (" ".join(found[part].replace("_", " ").split()) for part in ("label", "text"))
    return label, text


def file_name(label: str, text: str, number: int | None = None) -> str:
    """The file name for a picture of ``label`` with ``text`` on it; what cannot be in a file name becomes '-'."""
    safe = [re.sub(r"[^\w .-]|_(?=text=)", "-", " ".join(part.split())) for part in (label, text)]
    if number is None and re.search(r"[ _-]\d+$", safe[1]):
        number = 1  # else the word's own number would be taken for the file's
    end = "" if number is None else f"_{number}"
    return f"label={safe[0].replace(' ', '_')}_text={safe[1].replace(' ', '_')}{end}.png"


def read(path: Path | BinaryIO, called: str = "") -> Iterator[Photo | Trouble]:
    """Every attacked picture in a folder (and its folders) or a zip file, in order; what cannot be used says why.

    Label and text come from the file's name, or, as in SCAM (Westerhoff et al. 2025, arXiv 2504.04893), from the
    ``object_label`` and ``attack_word`` of a metadata.csv or .jsonl beside it, whose rows of type NoSCAM are not
    attacks. A zip file may also be an open one, ``called`` so. Nothing is unpacked to disk. Raises IntakeError if it is
    neither, or holds no such picture that can be read.
    """
    called = called or _name(path)
    files = listed(path, called)
    tables = [file for file in files if PurePosixPath(file.name).name in TABLES]
    known: dict[str, tuple[str, str] | None] = {}
    for table in tables:
        try:
            known |= _rows(table)
        except IntakeError as error:
            yield Trouble(table.name, str(error))
    some, broken = False, ""
    for file in files:
        if file in tables or known.get(file.name, ...) is None:
            continue
        try:
            label, text = known.get(file.name) or parse(file.name)
            if not text:
                raise IntakeError(f"{shown(file.name)} names no text, so it is no attack; name the word that it shows.")
        except IntakeError as error:
            yield Trouble(file.name, str(error))
            continue
        try:
            picture = Photo(decode_picture(file.read(), file.name), label, text, file.name)
        except IntakeError as error:
            broken = broken or str(error)
            yield Trouble(file.name, str(error))
            continue
        some = True
        yield picture
    if broken and not some:
        raise IntakeError(f"No picture in {called} can be read: {broken}")
    if not some:
        raise IntakeError(f"{called} holds no picture named like label=dog_text=cat.png, or listed in a metadata.csv.")


def listed(path: Path | BinaryIO, called: str = "") -> list[Incoming]:
    """The files of a folder or zip that ``read`` would look at, none read yet. Raises IntakeError if it is neither."""
    called = called or _name(path)
    if not isinstance(path, Path):
        return from_zip(path, called)
    try:
        if path.is_dir():
            return sorted(from_folder(path), key=lambda file: file.name)
        if path.is_file() and not zipfile.is_zipfile(path):
            raise IntakeError(f"{called} is a file, but no zip that can be read; give a folder or a zip file.")
        return from_zip(path.open("rb"), called)
    except IntakeError:
        raise
    except FileNotFoundError:
        raise IntakeError(f"There is no {shown(str(path))}; give a folder or a zip file.") from None
    except (OSError, ValueError) as error:  # a folder that is closed to us, a name too long, a zero byte in it
        why = getattr(error, "strerror", None) or error
        raise IntakeError(f"{shown(str(path))} cannot be read ({why}); give a folder or a zip file.") from None


def _name(path: Path | BinaryIO) -> str:
    return shown(path.name or str(path)) if isinstance(path, Path) else "The zip file"


def _rows(table: Incoming) -> dict[str, tuple[str, str] | None]:
    """Label and text of each file that a table lists, None for a picture without attack. Raises IntakeError."""
    data = io.BytesIO(table.read())
    try:
        rows = pd.read_csv(data, dtype=str) if table.name.endswith("csv") else pd.read_json(data, lines=True, dtype=str)
    except (ValueError, RecursionError) as error:
        raise IntakeError(f"{table.name} is no table that can be read ({error}).") from None
    if missing := {"file_name", "object_label", "attack_word"} - set(rows.columns):
        raise IntakeError(f"{table.name} has no column {', '.join(sorted(missing))}.")
    beside, found = PurePosixPath(table.name).parent, {}
    for row in rows.fillna("").to_dict("records"):
        pair = (str(row["object_label"]), str(row["attack_word"]))
        found[str(beside / str(row["file_name"]))] = None if row.get("type") == "NoSCAM" or not all(pair) else pair
    return found


def save(photos: list[Photo], path: Path) -> list[str]:
    """Write pictures under such names, into a folder or (``path`` ends in .zip) one zip file; returns the names.

    A name that occurs again is numbered. Nothing is replaced: raises DiskError.
    """
    names: list[str] = []
    for photo in photos:
        name, number = file_name(photo.label, photo.text), 1
        while name in names:
            number += 1
            name = file_name(photo.label, photo.text, number)
        names.append(name)
    files = [(name, png(photo.image)) for name, photo in zip(names, photos, strict=True)]
    if path.suffix.lower() == ".zip":
        if path.exists():
            raise disk.DiskError(f"{path} is there already; choose another name.")
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
