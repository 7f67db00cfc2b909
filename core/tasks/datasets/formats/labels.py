"""From a column of labels to classes: labels are names; what is empty, or -1 among numbers from 0, is no label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow
from pyarrow import compute

from core.tasks.datasets import DataError

NONE = -1  # the code of a picture without a label
MOST = 100_000  # classes; more are numbers of something else


def in_order(names: Iterable[str]) -> list[str]:
    """Names in order: those that are numbers first, as numbers ('2' before '10'), then the others by their letters."""
    return sorted(names, key=lambda name: (0, int(name), name) if name.isdecimal() else (1, 0, name))


def classes_of(column: pyarrow.ChunkedArray, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Codes int64 (n,), NONE where there is no label, and the class names in order. Raises DataError.

    Memory grows with the number of rows and of different labels, not with their values.
    """
    column = _plain(column, where)
    encoded = column.dictionary_encode().combine_chunks()
    if isinstance(encoded, pyarrow.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pyarrow.array([], column.type).dictionary_encode()
    values = [_name(value) for value in encoded.dictionary.to_pylist()]
    codes = compute.fill_null(encoded.indices, NONE).to_numpy(zero_copy_only=False).astype(np.int64)
    return numbered(codes, values, where)


def numbered(codes: np.ndarray, values: Sequence[str], where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The same from codes int64 (n,) into any list of values, in which '' and a lone '-1' are no label."""
    numbers = all(value.lstrip("-").isdecimal() for value in values if value)
    absent = {"", "-1"} if numbers and set(values) != {"-1", "1"} else {""}
    names = in_order({value for value in values if value not in absent})
    if len(names) > MOST:
        raise DataError(
            f"{where} has {len(names):,} different labels, such as {names[0]!r}; name the column of classes."
        )
    place = {name: i for i, name in enumerate(names)}
    table = np.array([*(place.get(value, NONE) for value in values), NONE], dtype=np.int64)
    return table[codes], tuple(names)


def _plain(column: pyarrow.ChunkedArray, where: str) -> pyarrow.ChunkedArray:
    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type), where)
    if pyarrow.types.is_nested(kind):
        raise DataError(
            f"{where}: a cell of its labels holds several values ({kind}), but a picture has one class here; name "
            "another column for the labels."
        )
    if pyarrow.types.is_floating(kind):
        whole = compute.all(compute.equal(column, compute.floor(column))).as_py()
        return column.cast(pyarrow.int64()) if whole else column
    return column.cast(pyarrow.string()) if pyarrow.types.is_binary(kind) else column


def _name(value: object) -> str:
    return str(value).strip() if value is not None else ""


def unlabelled(count: int, where: str) -> str:
    """One sentence on pictures that have no label."""
    return f"{count:,} {'picture' if count == 1 else 'pictures'} of {where} without a label left out."
