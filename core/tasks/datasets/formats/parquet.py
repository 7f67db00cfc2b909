"""Parquet files with images and labels, as Hugging Face data sets are stored; read by pyarrow, one row group at a time.

The ``datasets`` library reads the same files through pyarrow; it would add a dozen packages and a second cache, and
nothing that is needed here.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow
from PIL import Image
from pyarrow import parquet

from core.tasks import pictures
from core.tasks.datasets import AbsentError, DataError
from core.tasks.datasets.formats.arrange import part_of
from core.tasks.datasets.formats.folders import readable
from core.tasks.datasets.formats.labels import NONE, classes_of, in_order, unlabelled
from core.tasks.datasets.formats.tables import IMAGE_COLUMNS, LABEL_COLUMNS, pick
from core.tasks.datasets.images import Chosen, StoredPart

_SHARD = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<total>\d{5})(-[0-9a-f]{16})?")


@lru_cache(maxsize=2)
def _row_group(path: Path, group: int, column: str) -> pyarrow.ChunkedArray:
    return parquet.ParquetFile(path).read_row_group(group, columns=[column])[column]


class RowGroup(NamedTuple):
    """A row group of a file; ``first`` is the row of its first image over all files, ``before`` that of its file."""

    path: Path
    number: int
    first: int
    before: int


@dataclass(frozen=True)
class Cells:
    """Encoded images in a column of parquet files. ``ends`` is the row where each group ends, over all files."""

    paths: tuple[Path, ...]
    column: str
    groups: tuple[RowGroup, ...]
    ends: tuple[int, ...]

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def open(self, row: int) -> Image.Image:
        """One image, from the bytes of its cell."""
        group = self._group(row)
        cell = _row_group(group.path, group.number, self.column)[row - group.first].as_py()
        content = cell["bytes"] if isinstance(cell, dict) else cell
        if not content:
            raise OSError("the cell holds no image bytes")
        return pictures.read(content)

    def name(self, row: int) -> str:
        """Its file, and its row there."""
        group = self._group(row)
        return f"{group.path.name}, row {row - group.before}"

    def files(self) -> Sequence[Path]:
        """The parquet files."""
        return self.paths

    def chunk(self, rows: np.ndarray) -> tuple[Cells, np.ndarray]:
        """Only the row groups in which ``rows`` lie, under the same rows."""
        places = np.unique(np.searchsorted(self.ends, rows, side="right")).tolist()
        groups = tuple(self.groups[place] for place in places)
        paths = tuple(dict.fromkeys(group.path for group in groups))
        return Cells(paths, self.column, groups, tuple(self.ends[place] for place in places)), rows

    def _group(self, row: int) -> RowGroup:
        return self.groups[bisect_right(self.ends, row)]


def _is_image(kind: pyarrow.DataType) -> bool:
    if pyarrow.types.is_dictionary(kind):
        return _is_image(kind.value_type)
    if pyarrow.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    return pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind)


def _class_names(schema: pyarrow.Schema, label: str) -> tuple[str, ...]:
    """The names that Hugging Face wrote into the header, if it did."""
    try:
        facts = json.loads((schema.metadata or {})[b"huggingface"])
        return tuple(map(str, facts["info"]["features"][label]["names"]))
    except (KeyError, TypeError, ValueError):
        return ()


def read(paths: Sequence[Path], image: str | None = None, label: str | None = None) -> StoredPart:
    """One part from one or several parquet files. Raises DataError if a file, the image or the label is missing."""
    where = paths[0].name
    try:
        files = [_opened(path) for path in paths]
        schema = files[0].schema_arrow
        images = [f.name for f in schema if _is_image(f.type)]
        column = pick(images, image, (*IMAGE_COLUMNS, *images), "images", where) if images or image else ""
        if not column:
            raise DataError(f"{where} has no column with images; its columns are {', '.join(schema.names)}.")
        label = pick(schema.names, label, LABEL_COLUMNS, "labels", where)
        columns = [f.read(columns=[label])[label] for f in files]
    except (pyarrow.ArrowException, OSError) as error:
        raise _not_whole(where, error) from None
    given = _class_names(schema, label)
    cells = _cells(paths, [f.metadata for f in files], column)
    _check_inside(cells, where)
    if given and pyarrow.types.is_integer(columns[0].type):
        labels = np.concatenate([c.fill_null(NONE).to_numpy() for c in columns]).astype(np.int64)
        names = tuple(map(readable, given))
    else:
        labels, names = classes_of(pyarrow.chunked_array([k for c in columns for k in _alike(c, columns[0])]), where)
    return _labelled(cells, labels, names, where)


def _alike(column: pyarrow.ChunkedArray, first: pyarrow.ChunkedArray) -> list[pyarrow.Array]:
    """The chunks of a column in the kind of the first file's, if files disagree."""
    return (column if column.type == first.type else column.cast(first.type)).chunks or [pyarrow.array([], first.type)]


def _labelled(cells: Cells, labels: np.ndarray, names: tuple[str, ...], where: str) -> StoredPart:
    """A part of those images that have a label; the others are said."""
    if lost := int((labels == NONE).sum()):
        rows = np.flatnonzero(labels != NONE)
        return StoredPart(Chosen(cells, rows), labels[rows], names, said=(unlabelled(lost, where),))
    return StoredPart(cells, labels, names)


def _check_inside(cells: Cells, where: str) -> None:
    """Raise DataError if the first cell names a file in the place of holding it."""
    if not len(cells):
        return
    cell = _row_group(cells.groups[0].path, cells.groups[0].number, cells.column)[0].as_py()
    if isinstance(cell, dict) and not cell.get("bytes") and cell.get("path"):
        raise DataError(
            f"{where} holds only the paths of its images, such as {cell['path']}; save it with the images in it."
        )


def _opened(path: Path) -> parquet.ParquetFile:
    try:
        return parquet.ParquetFile(path)
    except FileNotFoundError:
        raise AbsentError(f"There is no file {path}.") from None
    except (pyarrow.ArrowException, OSError) as error:
        raise _not_whole(path.name, error) from None


def _not_whole(where: str, error: Exception) -> DataError:
    return DataError(f"{where} is no whole parquet file ({str(error).splitlines()[0]}); fetch it again.")


def _cells(paths: Sequence[Path], headers: Sequence[parquet.FileMetaData], column: str) -> Cells:
    """A column of several files, whose headers say which rows are where."""
    groups, ends, row = [], [], 0
    for path, header in zip(paths, headers, strict=True):
        before = row
        for number in range(header.num_row_groups):
            groups.append(RowGroup(path, number, row, before))
            row += header.row_group(number).num_rows
            ends.append(row)
    return Cells(tuple(paths), column, tuple(groups), tuple(ends))


def grouped(files: Sequence[Path], splits: Sequence[str] = ()) -> dict[str, list[Path]]:
    """Parquet files by the split that their names tell (``train-00000-of-00002.parquet``), else all together.

    Files that tell no split beside some that do are variants, and left out; so is what is not of ``splits``, if given.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(files):
        words = path.stem.replace("_", "-").replace(".", "-").split("-")
        split = next(filter(None, map(part_of, words)), "all")
        found.setdefault(split, []).append(path)
    if len(found) > 1:
        found.pop("all", None)
    return {split: mine for split, mine in found.items() if not splits or split in splits}


def check_shards(files: Sequence[Path]) -> None:
    """Raise DataError if some of the files that ``-000NN-of-000MM`` in a name counts are not there."""
    there: dict[tuple[str, int], set[int]] = {}
    for path in files:
        if told := _SHARD.fullmatch(path.stem):
            there.setdefault((str(path.parent / told["stem"]), int(told["total"])), set()).add(int(told["number"]))
    for (stem, total), numbers in there.items():
        first = int(total in numbers)  # a few count from 1
        if lost := [number for number in range(first, first + total) if number not in numbers]:
            raise DataError(
                f"{len(lost):,} of {total:,} parquet files are not there, such as {stem}-{lost[0]:05}-of-{total:05}"
                ".parquet; fetch the rest."
            )


def parts(
    root: Path, image: str | None = None, label: str | None = None, splits: Sequence[str] = ()
) -> dict[str, StoredPart]:
    """A parquet file, or a folder of them, by split; all splits share one list of classes. Raises DataError.

    Only ``splits`` are read, if any are named.
    """
    files = sorted(root.rglob("*.parquet")) if root.is_dir() else [root]
    by_split = grouped(files, splits) if files and files[0].exists() else {}
    if not by_split:
        said = f" of {' and '.join(splits)}" if splits else ""
        raise AbsentError(f"There is no parquet file{said} at {root}.")
    if root.is_dir():  # who names one file means that one
        for mine in by_split.values():
            check_shards(mine)
    return shared_classes(with_labels({split: read(mine, image, label) for split, mine in by_split.items()}))


def with_labels(found: Mapping[str, StoredPart]) -> dict[str, StoredPart]:
    """The parts that have labels; every part says what was left out of any. Raises DataError if none has."""
    said = tuple(dict.fromkeys(sentence for part in found.values() for sentence in part.said))
    kept = {split: replace(part, said=said) for split, part in found.items() if len(part.labels)}
    if not kept:
        raise DataError("No image there has a label; name the column of labels.")
    return kept


def shared_classes(found: Mapping[str, StoredPart]) -> dict[str, StoredPart]:
    """The parts over one list of classes: that which is longest if they agree as far as they go, else all names."""
    lists = [p.class_names for p in found.values()]
    longest = max(lists, key=len)
    if all(longest[: len(names)] == names for names in lists):
        return {s: replace(p, class_names=longest) for s, p in found.items()}
    every = tuple(in_order({name for names in lists for name in names}))
    place = {name: i for i, name in enumerate(every)}
    return {
        s: replace(p, labels=np.array([place[n] for n in p.class_names], dtype=np.int64)[p.labels], class_names=every)
        for s, p in found.items()
    }
