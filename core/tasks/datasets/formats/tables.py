"""Lists of images with labels in text: CSV and what spreadsheets call so, whatever separates and encodes it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from core.tasks.datasets import AbsentError, DataError
from core.tasks.datasets.formats.arrange import part_of
from core.tasks.datasets.formats.labels import NONE, numbered, unlabelled
from core.tasks.datasets.formats.walk import ENDINGS
from core.tasks.datasets.images import Files, StoredPart
from core.tasks.text_files import text_of

IMAGE_COLUMNS = """image img path file filename file_name filepath image_path image_name image_id id_code img_path
file_path images photo picture""".split()
LABEL_COLUMNS = "label class fine_label target category labels class_name classname y species breed".split()
_SEPARATORS = ",;\t|"


def pick(columns: Sequence[str], asked: str | None, usual: Sequence[str], what: str, where: str) -> str:
    """Which column holds the image, or the label: the one asked for, else the first usual name that is there."""
    if asked is not None and asked not in columns:
        raise DataError(f"{where} has no column {asked!r}; it has {', '.join(columns)}.")
    plain = {name.strip().lower().replace(" ", "_"): name for name in reversed(columns)}
    found = asked or next((name for name in usual if name in columns), None)
    found = found or next((plain[name] for name in usual if name in plain), None)
    if found is None:
        raise DataError(
            f"{where} has no column with the {what}: it has {', '.join(columns) or 'no columns'}; name one of them."
        )
    return found


def csv(path: Path, image: str | None = None, label: str | None = None) -> dict[str, StoredPart]:
    """A CSV file with an image path (relative to the file) and a label a row, and perhaps a ``split`` column."""
    table = _table(path)
    columns = [str(c) for c in table.columns]
    if not (image or label) and len(columns) >= 2 and Path(columns[0]).suffix.lower() in ENDINGS:
        raise DataError(f"{path.name} has no line with the names of its columns; write one above it: image,label.")
    image = pick(columns, image, IMAGE_COLUMNS, "image paths", path.name)
    label = pick(columns, label, LABEL_COLUMNS, "labels", path.name)
    if table.empty:
        raise DataError(f"{path.name} lists no image.")
    values, distinct = pd.factorize(table[label].str.strip())
    labels, classes = numbered(values.astype(np.int64), _whole(list(distinct)), path.name)
    said = []
    if lost := int((labels == NONE).sum()):
        if lost == len(labels):
            raise DataError(f"{path.name}: none of its {lost:,} images has a label in {label!r}; name another column.")
        said.append(unlabelled(lost, path.name))
    table, labels = table[labels != NONE], labels[labels != NONE]
    paths = _placed(path, table[image].tolist())
    if repeated := int(table[image].duplicated().sum()):
        said.append(f"{repeated:,} rows of {path.name} name an image that another row names, too.")
    which = [part_of(s.strip()) for s in table["split"]] if "split" in columns else ["all"] * len(paths)
    if not all(which):
        odd = next(s for s, w in zip(table["split"], which, strict=True) if not w)
        raise DataError(f"{path.name} names a split {str(odd)!r}; it must be train, val or test.")
    found = {}
    for split in dict.fromkeys(which):
        rows = [i for i, s in enumerate(which) if s == split]
        found[str(split)] = StoredPart(Files(tuple(paths[i] for i in rows)), labels[rows], classes, said=tuple(said))
    return found


def _table(path: Path) -> pd.DataFrame:
    """The file as text in every cell: 'None', 'NA' and '01' are what they say."""
    try:
        text = text_of(path.read_bytes(), path.name)
        first = next((line for line in text.splitlines() if line.strip()), "")
        separator = max(_SEPARATORS, key=first.count)
        return pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, skipinitialspace=True)
    except FileNotFoundError:
        raise AbsentError(f"There is no file {path}.") from None
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as CSV: {str(error).splitlines()[0]}") from None


def _whole(values: list[str]) -> list[str]:
    """Numbers that a spreadsheet wrote as '1.0' as '1', where all of them are."""
    if values and all(v == "" or (v.endswith(".0") and v[:-2].lstrip("-").isdecimal()) for v in values):
        return [v.removesuffix(".0") for v in values]
    return values


def _placed(list_: Path, names: list[str]) -> list[Path]:
    """Where the listed images lie: as written, with Windows' backslashes, without an ending, or in one folder beside.

    Raises DataError with the first that is nowhere, and the cure.
    """
    ways = [names, [name.replace("\\", "/") for name in names]]
    folders = [list_.parent, *sorted(p for p in list_.parent.iterdir() if p.is_dir() and not p.name.startswith("."))]
    for written in ways:
        for folder in folders:
            paths = [folder / name.strip() for name in written]
            if paths[0].is_file() and all(p.is_file() for p in paths):
                return paths
    for folder in folders:  # ids in the place of names
        for ending in sorted(ENDINGS):
            paths = [folder / (name + ending) for name in names]
            if paths[0].is_file() and all(p.is_file() for p in paths):
                return paths
    missing = [p for p in (list_.parent / name for name in ways[1]) if not p.is_file()]
    windows = (
        "; Windows paths cannot be followed here: write them from the list's folder on"
        if names[0][1:3] == ":\\"
        else ""
    )
    raise DataError(
        f"{len(missing):,} of the {len(names):,} images that {list_.name} lists are not there, such as {missing[0]}; "
        f"they are looked for beside the list{windows}."
    )
