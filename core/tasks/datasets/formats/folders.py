"""Image files in folders: a folder per class, labels in file names, CSV lists, zip files."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from PIL import Image

from core.models import torchvision_shim
from core.tasks import pictures
from core.tasks.datasets import AbsentError, DataError
from core.tasks.datasets.images import Files, StoredPart

SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing", "eval"),
}
SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif")
IMAGE_COLUMNS = ("image", "img", "path", "file", "filename", "file_name", "filepath", "image_path")
LABEL_COLUMNS = ("label", "class", "fine_label", "target", "category", "labels", "class_name", "y")
_NAMED = re.compile(r"label=(?P<label>.+?)_text=(?P<text>.+?)(?:_\d+)?$")


def readable(name: str) -> str:
    """A folder's name as a class name: 'french_bulldog' is 'french bulldog'."""
    return re.sub(r"[_\s]+", " ", name).strip()


def part_of(word: str) -> str | None:
    """Which split a folder or file called so holds: 'train', 'val', 'test', or None."""
    return next((split for split, words in SPLIT_NAMES.items() if word.lower() in words), None)


def in_order(names: Iterable[str]) -> list[str]:
    """Names in order: those that are numbers first, as numbers ('2' before '10'), then the others by their letters."""
    return sorted(names, key=lambda name: (0, int(name), name) if name.isdecimal() else (1, 0, name))


def class_folders(folder: Path, names: Mapping[str, int] | None = None, border: int = 0) -> StoredPart:
    """The images of ``folder/CLASS/**``, by torchvision's own walk; ``names`` numbers the folders to be used.

    Without it every folder is a class, ``in_order`` of name. Raises DataError if there is no class folder or no image.
    """
    torchvision_shim.prepare()
    from torchvision.datasets.folder import make_dataset

    found = in_order(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not found:
        raise DataError(f"{folder} has no folders with images in them; it needs one folder for each class.")
    numbers = dict(names) if names is not None else {name: i for i, name in enumerate(found)}
    here = {name: i for name, i in numbers.items() if name in set(found)}
    samples = make_dataset(str(folder), here, extensions=SUFFIXES, allow_empty=True) if here else []
    if not samples:
        raise DataError(f"The class folders of {folder} hold no image; it may be half downloaded.")
    labels = np.array([label for _, label in samples], dtype=np.int64)
    classes = tuple(readable(name) for name, _ in sorted(numbers.items(), key=lambda item: item[1]))
    return StoredPart(Files(tuple(Path(p) for p, _ in samples), border), labels, classes)


def folder(root: Path, names: Mapping[str, int] | None = None) -> dict[str, StoredPart]:
    """Class folders, or ``train/``, ``val/`` and ``test/`` with class folders in them. Raises DataError."""
    if not root.is_dir():
        raise AbsentError(f"There is no folder {root}.")
    splits = {part_of(p.name): p for p in sorted(root.iterdir()) if p.is_dir() and part_of(p.name)}
    if not splits:
        return {"all": class_folders(root, names)}
    if names is None:
        every = in_order({c.name for p in splits.values() for c in p.iterdir() if c.is_dir()})
        names = {name: i for i, name in enumerate(every)}
    return {str(split): class_folders(path, names) for split, path in splits.items()}


def named_files(root: Path) -> dict[str, StoredPart]:
    """Photographs whose names tell: ``label=dog_text=cat.png`` is a dog on which 'cat' is written (note ``written``).

    The format of PAINT's own typographic photographs. Raises DataError.
    """
    paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES) if root.is_dir() else []
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


def labelled(values: Sequence[object], where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels int64 (n,) and class names from a column of names, or of numbers from 0. Raises DataError."""
    column = pd.Series(list(values))
    if column.isna().any():
        row = int(column.isna().to_numpy().argmax())
        raise DataError(f"{where}: row {row + 1} has no label; every image needs one.")
    if pd.api.types.is_integer_dtype(column):
        labels = column.to_numpy(dtype=np.int64)
        return labels, tuple(map(str, range(int(labels.max(initial=-1)) + 1)))
    names = in_order(column.astype(str).unique())
    return pd.Categorical(column.astype(str), categories=names).codes.astype(np.int64), tuple(names)


def pick(columns: Sequence[str], asked: str | None, usual: Sequence[str], what: str, where: str) -> str:
    """Which column holds the image, or the label: the one asked for, else the first usual name that is there."""
    if asked is not None and asked not in columns:
        raise DataError(f"{where} has no column {asked!r}; it has {', '.join(columns)}.")
    found = asked or next((name for name in usual if name in columns), None)
    if found is None:
        raise DataError(
            f"{where} has no column with the {what}: it has {', '.join(columns) or 'no columns'}; name one of them."
        )
    return found


def csv(path: Path, image: str | None = None, label: str | None = None) -> dict[str, StoredPart]:
    """A CSV file with an image path (relative to the file) and a label a row, and perhaps a ``split`` column."""
    try:
        table = pd.read_csv(path, skipinitialspace=True)
    except FileNotFoundError:
        raise AbsentError(f"There is no file {path}.") from None
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as CSV: {str(error).splitlines()[0]}") from None
    columns = [str(c) for c in table.columns]
    image = pick(columns, image, IMAGE_COLUMNS, "image paths", path.name)
    label = pick(columns, label, LABEL_COLUMNS, "labels", path.name)
    if table.empty:
        raise DataError(f"{path.name} lists no image.")
    paths = [path.parent / str(name) for name in table[image]]
    if missing := [p for p in paths if not p.is_file()]:
        raise DataError(
            f"{len(missing):,} of the {len(paths):,} images that {path.name} lists are not there, "
            f"such as {missing[0]}; they are looked for beside the list."
        )
    labels, classes = labelled(table[label].tolist(), path.name)
    which = [part_of(str(s)) for s in table["split"]] if "split" in columns else ["all"] * len(paths)
    if not all(which):
        odd = next(s for s, w in zip(table["split"], which, strict=True) if not w)
        raise DataError(f"{path.name} names a split {str(odd)!r}; it must be train, val or test.")
    found = {}
    for split in dict.fromkeys(which):
        rows = [i for i, s in enumerate(which) if s == split]
        found[str(split)] = StoredPart(Files(tuple(paths[i] for i in rows)), labels[rows], classes)
    return found


@lru_cache(maxsize=8)
def _archive(path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


@dataclass(frozen=True)
class Zipped:
    """Images inside a zip file, read in place: nothing is unpacked."""

    path: Path
    members: tuple[str, ...]

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
            members = sorted(m.filename for m in archive.infolist() if not m.is_dir())
    except FileNotFoundError:
        raise AbsentError(f"There is no file {path}.") from None
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path.name} is no whole zip file ({error}); it may be half downloaded.") from None
    pictures = [PurePosixPath(m) for m in members if m.lower().endswith(SUFFIXES) and "__MACOSX" not in m]
    placed = {p: p.parts[:-1] for p in pictures}
    while placed and all(len(f) > 1 for f in placed.values()) and len({f[0] for f in placed.values()}) == 1:
        placed = {p: f[1:] for p, f in placed.items()}
    by_split = all(len(f) > 1 and part_of(f[0]) for f in placed.values())
    if not placed or not all(placed.values()):
        raise DataError(f"{path.name} needs a folder with images for each class.")
    where = {p: (part_of(f[0]) or "all", f[1]) if by_split else ("all", f[0]) for p, f in placed.items()}
    classes = in_order({c for _, c in where.values()})
    found = {}
    for split in dict.fromkeys(s for s, _ in where.values()):
        mine = [p for p in pictures if where[p][0] == split]
        labels = np.array([classes.index(where[p][1]) for p in mine], dtype=np.int64)
        found[split] = StoredPart(Zipped(path, tuple(map(str, mine))), labels, tuple(map(readable, classes)))
    return found
