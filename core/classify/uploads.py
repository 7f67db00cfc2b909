"""What somebody sent: loose files, a zip, a folder; each file with its name, its label and a bounded way to read it."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from core.classify.decode import MAX_BYTES, IntakeError, refuse_by_head, shown
from core.tasks import zip_names

MAX_FILES = 10_000
MAX_UNPACKED = 4 * 2**30  # bytes that one zip may unpack to, one file at a time
MAX_DIRECTORY = 4 * 2**20  # bytes of a zip's own table of contents; ten thousand files need a quarter of it
_HEAD = 64
_TABLES = (".csv", ".jsonl")  # may say what the pictures show
_CLUTTER = {"__MACOSX", "Thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Incoming:
    """One file: its name for people, the folder that it lay in (None at the top), and how to get its bytes.

    ``read`` raises IntakeError; it never gives more than ``MAX_BYTES``.
    """

    name: str
    label: str | None
    read: Callable[[], bytes]


def gather(paths: Iterable[Path | str]) -> list[Incoming]:
    """The files behind paths: folders whole, zips unpacked in memory, files alone.

    A path that cannot be used becomes one file whose ``read`` says why, so that the others go on.
    """
    found: list[Incoming] = []
    for path in map(Path, paths):
        try:
            found += from_path(path)
        except IntakeError as error:
            found.append(refused(str(path), error))
    return found


def from_path(path: Path) -> list[Incoming]:
    """The files of a folder, of a zip, or the one file at ``path``. Raises IntakeError."""
    path = path.expanduser()
    try:
        if path.is_dir():
            return from_folder(path)
        if not path.is_file():
            what = "is no file" if path.exists() else "is not there"
            raise IntakeError(f"{shown(str(path))} {what}; give the path of a picture, a zip or a folder.")
        with path.open("rb") as file:
            is_zip = file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")  # the second is an empty one
        return from_zip(path.open("rb"), path.name) if is_zip else [Incoming(path.name, None, partial(_file, path))]
    except (OSError, ValueError) as error:
        raise _trouble(path, error) from None


def from_folder(folder: Path) -> list[Incoming]:
    """Every file below a folder, in order of its path; links to folders are not followed. Raises IntakeError."""
    found: list[Incoming] = []
    for where, folders, files in os.walk(folder, onerror=partial(_walk_failed, folder)):
        folders[:] = sorted(name for name in folders if not _is_clutter(name))
        parts = Path(where).relative_to(folder).parts
        for name in sorted(name for name in files if not _is_clutter(name)):
            path = Path(where, name)
            if path.is_file():
                found.append(Incoming("/".join((*parts, name)), parts[-1] if parts else None, partial(_file, path)))
        if len(found) > MAX_FILES:
            raise IntakeError(f"{shown(str(folder))} holds more than {MAX_FILES:,} files; choose a smaller folder.")
    if not found:
        raise IntakeError(f"{shown(str(folder))} holds no files.")
    return found


def from_zip(file: BinaryIO, name: str) -> list[Incoming]:
    """The files in a zip. Nothing is unpacked to disk, names are only names, and what it unpacks to is bounded.

    ``file`` must stay open until the last ``read``. Raises IntakeError if it is no zip, or one with too many files.
    """
    try:
        archive = _Archive(file)
    except (zipfile.BadZipFile, struct.error, OSError, ValueError, NotImplementedError) as error:
        raise IntakeError(f"{shown(name)} is no zip that can be read ({error}); pack it again.") from None
    found = list(archive.entries())
    if len(found) > MAX_FILES:
        raise IntakeError(f"{shown(name)} holds more than {MAX_FILES:,} files; send fewer at once.")
    if not found:
        raise IntakeError(f"{shown(name)} holds no files.")
    return found


def refused(name: str, error: IntakeError) -> Incoming:
    """A file that cannot be read, for this reason."""

    def read() -> bytes:
        raise error

    return Incoming(name, None, read)


class _Archive:
    """An open zip, and how many bytes it may still unpack to."""

    def __init__(self, file: BinaryIO) -> None:
        if _directory_bytes(file) > MAX_DIRECTORY:
            raise ValueError(f"its table of contents is larger than {MAX_DIRECTORY >> 20} MB")
        self.zip, self.left = zipfile.ZipFile(file), MAX_UNPACKED

    def entries(self) -> Iterator[Incoming]:
        names, _ = zip_names(self.zip)
        for info in self.zip.infolist():
            parts = [p for p in PurePosixPath(names[info.filename].replace("\\", "/")).parts if p not in ("/", "..")]
            if not info.is_dir() and parts and not any(map(_is_clutter, parts)):
                yield Incoming("/".join(parts), parts[-2] if len(parts) > 1 else None, partial(self.read, info))

    def read(self, info: zipfile.ZipInfo) -> bytes:
        said = shown(info.filename)
        if info.flag_bits & 1:
            raise IntakeError(f"{said} is encrypted; unpack the zip with its password and send the pictures.")
        try:
            with self.zip.open(info) as stream:
                head = stream.read(_HEAD)
                if not info.filename.endswith(_TABLES):
                    refuse_by_head(head, info.filename)  # a bomb of zeros costs no more than this
                data = head + stream.read(MAX_BYTES + 1 - len(head))
        except IntakeError:
            raise
        except Exception as error:  # zlib, lzma, bz2 and zipfile each have errors of their own
            raise IntakeError(f"{said} is damaged inside the zip ({error}); pack it again.") from None
        self.left -= len(data)
        if self.left < 0:
            raise IntakeError(f"{said} was left out: the zip unpacks to more than {MAX_UNPACKED >> 30} GB; split it.")
        return data


def _directory_bytes(file: BinaryIO) -> int:
    """Size of a zip's table of contents, as its last record says (APPNOTE 4.3.16)."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 22 - 2**16))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    file.seek(0)
    if at < 0:
        raise zipfile.BadZipFile("it has no end; it may be cut off")
    return struct.unpack_from("<I", tail, at + 12)[0]


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name in _CLUTTER


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _trouble(path, error) from None


def _walk_failed(folder: Path, error: OSError) -> None:
    if error.filename == str(folder):  # a folder further down that cannot be read is left out
        raise error


def _trouble(path: Path, error: Exception) -> IntakeError:
    if isinstance(error, IntakeError):
        return error
    return IntakeError(f"{shown(str(path))} cannot be read: {getattr(error, 'strerror', None) or error}.")
