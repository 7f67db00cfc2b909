"""From a place on disk to the parts of a data set: which adapter reads what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.progress import SILENT, Progress
from core.tasks.datasets import AbsentError, DataError
from core.tasks.datasets.formats import folders, imagenet, kitti, mtsd, parquet, tables, torchvision_sets, vqa
from core.tasks.datasets.formats.walk import forget as forget_walks
from core.tasks.datasets.formats.walk import seen
from core.tasks.datasets.images import StoredPart

Parts = Mapping[str, StoredPart]


@dataclass(frozen=True)
class DataLocation:
    """How to read a data set: an adapter, a place, and the adapter's options as (name, value) pairs, hashable."""

    kind: str
    root: Path
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """The options by name."""
        return dict(self.options)


def freeze(value: Any) -> Any:
    """Tables and lists as tuples, so that they can be part of a key."""
    if isinstance(value, Mapping):
        return tuple(sorted((k, freeze(v)) for k, v in value.items()))
    return tuple(map(freeze, value)) if isinstance(value, list | tuple) else value


def _torchvision(root: Path, name: str, parts: tuple) -> dict[str, StoredPart]:
    found, absent = {}, None
    for part, options in parts:
        try:
            found[part] = torchvision_sets.open_part(name, root, dict(options))
        except AbsentError as error:
            absent = error
    if not found and absent is not None:
        raise absent
    return found


def _parquet(
    root: Path,
    image: str | None = None,
    label: str | None = None,
    rename: tuple = (),
    wordnet: bool = False,
    splits: tuple[str, ...] = (),
) -> dict[str, StoredPart]:
    found = {dict(rename).get(s, s): part for s, part in parquet.parts(root, image, label, splits).items()}
    if wordnet:  # the thousand classes in order under any names, or WordNet ids
        every = {
            s: tuple(map(str, range(1000))) if len(p.class_names) == 1000 else p.class_names for s, p in found.items()
        }
        return {s: imagenet.named(p, every[s]) for s, p in found.items()}
    return found


def _files(root: Path, names: tuple[str, ...]) -> dict[str, StoredPart]:
    grouped = parquet.grouped([root / name for name in names])
    for mine in grouped.values():
        parquet.check_shards(mine)
    return parquet.shared_classes(parquet.with_labels({split: parquet.read(mine) for split, mine in grouped.items()}))


ADAPTERS: Mapping[str, Callable[..., Parts]] = {
    "folder": folders.folder,
    "zip": folders.zipped,
    "csv": tables.csv,
    "parquet": _parquet,
    "files": _files,
    "torchvision": _torchvision,
    "idx": torchvision_sets.idx,
    "imagenet": imagenet.imagenet,
    "shift": imagenet.shift,
    "objectnet": imagenet.objectnet,
    "mtsd": mtsd.mtsd,
    "kitti": kitti.kitti,
    "named": folders.named_files,
    "vqa": vqa.vqa,
}
PER_PICTURE = frozenset({"vqa"})  # those whose parts have candidates


@lru_cache(maxsize=128)
def open_parts(opening: DataLocation) -> Parts:
    """The parts that are there, by name (train, val, test, or all). Raises AbsentError or DataError."""
    try:
        return ADAPTERS[opening.kind](opening.root, **opening.facts)
    except PermissionError as error:
        raise DataError(f"{error.filename or opening.root} may not be read; change its permissions.") from None


def look_again() -> None:
    """Forget what was found, because files may have come or gone."""
    open_parts.cache_clear()
    torchvision_sets.forget()
    forget_walks()


def look(path: Path, progress: Progress = SILENT) -> None:
    """Look through a folder of a person's own, if it is one, so that ``open_parts`` has it; ``progress`` is told."""
    with suppress(OSError, ValueError, RuntimeError):
        where = path.expanduser().resolve(strict=True)
        if where.is_dir():
            seen(where, progress)


def guess(path: Path, image: str | None = None, label: str | None = None) -> DataLocation:
    """How to read data of a person's own: a folder per class, parquet, CSV, zip. Raises DataError for anything else."""
    try:
        path = path.expanduser().resolve(strict=True)
    except (OSError, ValueError, RuntimeError):  # a path may be too long, hold a zero byte, or name no user
        raise AbsentError(f"There is nothing at {str(path)[:200]!r}.") from None
    columns = tuple((k, v) for k, v in (("image", image), ("label", label)) if v)
    if path.is_dir():
        return (
            DataLocation("parquet", path, columns)
            if any(path.rglob("*.parquet"))
            else DataLocation("folder", path, (("inside", True),))
        )
    kind = {".parquet": "parquet", ".csv": "csv", ".tsv": "csv", ".zip": "zip"}.get(path.suffix.lower())
    if kind is None:
        raise DataError(f"{path.name} cannot be read: give a folder with a folder for each class, parquet, CSV or zip.")
    return DataLocation(kind, path, columns if kind != "zip" else ())
