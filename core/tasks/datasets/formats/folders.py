"""Image files in folders: a folder per class, labels in file names; the same in zip files."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from core.tasks import pictures
from core.tasks.datasets import AbsentError, DataError
from core.tasks.datasets.formats.arrange import arrange
from core.tasks.datasets.formats.labels import in_order
from core.tasks.datasets.formats.walk import HEAD, hidden, is_picture, left_out, once, walk
from core.tasks.datasets.images import Files, Images, StoredPart
from core.tasks.zip_names import zip_names

_NAMED = re.compile(r"label=(?P<label>.+?)_text=(?P<text>.+?)(?:_\d+)?$")


def readable(name: str) -> str:
    """A folder's name as a class name: 'french_bulldog' is 'french bulldog'."""
    return re.sub(r"[_\s]+", " ", name).strip()


def called(folders: Sequence[str]) -> tuple[str, ...]:
    """The class names of folders; those that would be called alike keep the folder's own name."""
    names = [readable(name) for name in folders]
    often = Counter(names)
    return tuple(name if often[name] == 1 else folder for name, folder in zip(names, folders, strict=True))


def class_folders(folder: Path, names: Mapping[str, int] | None = None, border: int = 0) -> StoredPart:
    """The pictures of ``folder/CLASS/**``; ``names`` numbers the folders to be used.

    Without it every folder with pictures is a class, ``in_order`` of name. Raises DataError if there is none.
    """
    if not any(p.is_dir() and not hidden(p.name) for p in folder.iterdir()):
        raise DataError(f"{folder} has no folders with images in them; it needs one folder for each class.")
    found = walk(folder)
    files = [(where, name) for where, name in found.files if where and (names is None or where[0] in names)]
    if not files:
        raise DataError(f"The class folders of {folder} hold no image; it may be half downloaded.")
    numbers = dict(names) if names else {n: i for i, n in enumerate(in_order({where[0] for where, _ in files}))}
    labels = np.array([numbers[where[0]] for where, _ in files], dtype=np.int64)
    paths = tuple(folder.joinpath(*where, name) for where, name in files)
    return StoredPart(
        Files(paths, border), labels, called(sorted(numbers, key=lambda n: numbers[n])), said=found.left_out
    )


def folder(root: Path, inside: bool = False) -> dict[str, StoredPart]:
    """Class folders, or ``train/``, ``val/`` and ``test/`` with class folders in them. Raises DataError.

    With ``inside`` they may be in a single folder of it, as in what a person names.
    """
    if not root.is_dir():
        raise AbsentError(f"There is no folder {root}.")
    found = once(root)
    if not any(where for where, _ in found.files):
        if not any(p.is_dir() and not hidden(p.name) for p in root.iterdir()):
            lists = sorted(p.name for p in root.iterdir() if p.suffix.lower() in (".csv", ".tsv", ".parquet"))
            more = f"; {lists[0]} may list them: give its path" if lists else ""
            raise DataError(f"{root} has no folders with images in them; it needs one folder for each class{more}.")
        raise DataError(f"The class folders of {root} hold no image; it may be half downloaded.")
    paths = [root.joinpath(*where, name) for where, name in found.files]
    return _parts(
        [where for where, _ in found.files],
        root.name,
        found.left_out,
        lambda rows: Files(tuple(paths[i] for i in rows)),
        inside,
    )


def _parts(
    places: Sequence[tuple[str, ...]],
    where: str,
    said: Sequence[str],
    images: Callable[[list[int]], Images],
    inside: bool = True,
) -> dict[str, StoredPart]:
    """The stored parts of pictures that lie in such folders; ``images`` opens some of their rows."""
    arranged = arrange(places, where, inside)
    said = (*said, *arranged.said)
    classes = in_order({placed[1] for placed in arranged.placed if placed})
    number = {name: i for i, name in enumerate(classes)}
    rows: dict[str, list[int]] = {}
    for i, placed in enumerate(arranged.placed):
        if placed:
            rows.setdefault(placed[0], []).append(i)
    found = {}
    for split, mine in rows.items():
        labels = np.array([number[placed[1]] for i in mine if (placed := arranged.placed[i])], dtype=np.int64)
        found[split] = StoredPart(images(mine), labels, called(classes), said=said)
    return found


def named_files(root: Path) -> dict[str, StoredPart]:
    """Photographs whose names tell: ``label=dog_text=cat.png`` is a dog on which 'cat' is written (note ``written``).

    The format of PAINT's own typographic photographs. Raises DataError.
    """
    paths = sorted(root.joinpath(*where, name) for where, name in walk(root).files) if root.is_dir() else []
    if not paths:
        raise AbsentError(f"There is no photograph in {root}.")
    told = [_NAMED.search(p.stem) for p in paths]
    if not all(told):
        odd = next(p for p, m in zip(paths, told, strict=True) if not m)
        raise DataError(f"{odd.name} does not say what it shows: label=CLASS_text=WORD is needed.")
    pairs = [(readable(m["label"]), readable(m["text"])) for m in told if m]
    classes = sorted({word for pair in pairs for word in pair})
    labels, written = (np.array([classes.index(pair[i]) for pair in pairs], dtype=np.int64) for i in (0, 1))
    return {"test": StoredPart(Files(tuple(paths)), labels, tuple(classes), {"written": written})}


@lru_cache(maxsize=8)
def _archive(path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


@dataclass(frozen=True)
class Zipped:
    """Images inside a zip file, read in place: nothing is unpacked."""

    path: Path
    members: tuple[str, ...]  # as the archive calls them

    def __len__(self) -> int:
        return len(self.members)

    def open(self, row: int) -> Image.Image:
        """One image."""
        return pictures.read(_archive(self.path).read(self.members[row]))

    def name(self, row: int) -> str:
        """The zip file and the member."""
        return f"{self.path.name}: {self.members[row]}"

    def files(self) -> Sequence[Path]:
        """The zip file."""
        return (self.path,)

    def chunk(self, rows: np.ndarray) -> tuple[Zipped, np.ndarray]:
        """Only the members of ``rows``."""
        return Zipped(self.path, tuple(self.members[row] for row in rows)), np.arange(len(rows))


def zipped(path: Path) -> dict[str, StoredPart]:
    """A zip file with a folder per class, below any common folder and perhaps below train, val and test."""
    try:
        with zipfile.ZipFile(path) as archive:
            names, garbled = zip_names(archive)
            members, others = _members(archive, names)
    except FileNotFoundError:
        raise AbsentError(f"There is no file {path}.") from None
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path.name} is no whole zip file ({error}); it may be half downloaded.") from None
    said = [f"{left_out(f'{what} were left out', lost)}." for what, lost in others.items() if lost]
    said += [garbled] if garbled else []
    places = [tuple(PurePosixPath(names[m].replace("\\", "/")).parts[:-1]) for m in members]
    return _parts(places, path.name, said, lambda rows: Zipped(path, tuple(members[i] for i in rows)))


def _members(archive: zipfile.ZipFile, names: Mapping[str, str]) -> tuple[list[str], dict[str, list[str]]]:
    """The members that are pictures, in order of their folders and names, and those that are not."""
    found: list[str] = []
    lost: dict[str, list[str]] = {}
    for info in archive.infolist():
        name = names[info.filename].replace("\\", "/")
        if info.is_dir():
            continue
        if any(map(hidden, name.split("/"))) or name.startswith("../"):
            lost.setdefault("hidden files", []).append(name)
        elif info.flag_bits & 1:
            lost.setdefault("encrypted files", []).append(name)
        elif _is_member_picture(archive, info, name):
            found.append(info.filename)
        else:
            lost.setdefault("files that are no picture which is read here", []).append(name)
    return sorted(found, key=lambda m: names[m]), lost


def _is_member_picture(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> bool:
    if (said := is_picture(name, None)) is not None:
        return said
    try:
        with archive.open(info) as stream:
            return bool(is_picture(name, stream.read(HEAD)))
    except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile):
        return False
