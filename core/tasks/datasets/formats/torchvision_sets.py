"""Data sets through torchvision's own classes and readers: their usual layout on disk, their own integrity checks."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.models import torchvision_shim
from core.tasks.datasets import AbsentError, DataError
from core.tasks.datasets.formats.folders import readable
from core.tasks.datasets.images import Files, StoredPart, check_there

Options = tuple[tuple[str, object], ...]
_VEHICLES = ("Car", "Van", "Truck")
_NEAR, _FAR = 8.0, 20.0  # metres
_DISTANCES = ("nearby or at the side", "near", "in the distance", "no car")
_IDX = {"train": "train", "test": "t10k"}


def _datasets() -> Any:
    torchvision_shim.prepare()
    from torchvision import datasets

    return datasets


@lru_cache(maxsize=8)
def _dataset(name: str, root: Path, options: Options) -> Any:
    return getattr(_datasets(), name)(root=str(root), **dict(options))


@dataclass(frozen=True)
class Arrays:
    """Images that a torchvision data set holds in memory, opened again in whichever process looks at them."""

    dataset: str
    root: Path
    options: Options
    count: int
    sources: tuple[Path, ...]

    def __len__(self) -> int:
        return self.count

    def open(self, row: int) -> Image.Image:
        """One image; some data sets keep colours first."""
        pixels = np.asarray(_dataset(self.dataset, self.root, self.options).data[row])
        return Image.fromarray(np.moveaxis(pixels, 0, -1) if pixels.ndim == 3 and pixels.shape[0] == 3 else pixels)

    def name(self, row: int) -> str:
        """The data set and the row."""
        return f"{self.dataset}, row {row}"

    def files(self) -> Sequence[Path]:
        """The data set's own files."""
        return self.sources

    def chunk(self, rows: np.ndarray) -> tuple[Arrays, np.ndarray]:
        """Itself, which names no single image."""
        return self, rows


def open_part(name: str, root: Path, options: Mapping[str, object]) -> StoredPart:
    """One part of a torchvision data set under ``root``. Raises AbsentError if there is none, else DataError."""
    if name == "Kitti":
        return _kitti(root)
    chosen = tuple(sorted(options.items()))
    try:
        found = _dataset(name, root, chosen)
    except (RuntimeError, FileNotFoundError) as error:
        raise _trouble(name, root, error, options) from None
    except (OSError, ValueError, KeyError, EOFError, IndexError) as error:
        raise DataError(f"{name} in {root} cannot be read ({type(error).__name__}: {error}); fetch it again.") from None
    names = tuple(readable(str(c).replace("/", " ")) for c in getattr(found, "classes", None) or ())
    if isinstance(getattr(found, "data", None), np.ndarray):
        labels = _labels(found.targets if hasattr(found, "targets") else found.labels)
        images = Arrays(name, root, chosen, len(labels), _sources(found, root))
        return StoredPart(images, labels, names or _numbers(labels))
    paths, labels = _samples(found)
    if name == "CLEVRClassification":
        names, labels = tuple(map(str, range(3, 11))), labels - 3
    files = tuple(map(Path, paths))
    check_there(files)  # many come from lists, and nobody has looked yet
    return StoredPart(Files(files), labels, names or _numbers(labels))


def _trouble(name: str, root: Path, error: Exception, options: Mapping[str, object]) -> DataError:
    """Why torchvision does not read it: half there if any of its files is, else absent."""
    said = str(error).split(". ")[0].rstrip(".")
    if isinstance(error, FileNotFoundError):
        return DataError(f"{name} in {root} is half there: {said}; fetch it again.")
    files = _with_sums(name, root, options)
    odd, what = [path.name for path in files if not path.is_file()], "are missing"
    if len(odd) == len(files):
        return AbsentError(f"{name} is not in {root}: {said}.")
    if not odd:
        odd, what = [path.name for path, md5 in files.items() if not _intact(path, md5)], "have another content"
    more = f" and {len(odd) - 3} more" if len(odd) > 3 else ""
    those = f"of its {len(files)} files these {what}: {', '.join(odd[:3])}{more}" if odd else said
    return DataError(f"{name} in {root} is half there: {those}; fetch it again.")


def _with_sums(name: str, root: Path, options: Mapping[str, object]) -> dict[Path, str]:
    """The files whose MD5 torchvision compares before it reads a part; none for data sets without such a list."""
    kind = getattr(_datasets(), name)
    if hasattr(kind, "split_list"):
        _, file, md5 = kind.split_list[options["split"]]
        return {root / file: md5}
    if not hasattr(kind, "train_list"):
        return {}
    meta = [(kind.meta["filename"], kind.meta["md5"])] if hasattr(kind, "meta") else []
    return {root / kind.base_folder / file: md5 for file, md5 in (*kind.train_list, *kind.test_list, *meta)}


def _intact(path: Path, md5: str) -> bool:
    from torchvision.datasets.utils import check_integrity

    return check_integrity(str(path), md5)


def _labels(values: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.array([int(v) for v in values], dtype=np.int64)


def _numbers(labels: np.ndarray) -> tuple[str, ...]:
    return tuple(map(str, range(int(labels.max(initial=-1)) + 1)))


def _samples(found: Any) -> tuple[list[str], np.ndarray]:
    pairs = getattr(found, "_samples", None) or getattr(found, "samples", None)
    if pairs is None:
        pairs = zip(found._image_files, found._labels, strict=True)
    ordered = sorted((str(path), int(label)) for path, label in pairs)  # some walk the disk in its own order
    return [path for path, _ in ordered], _labels([label for _, label in ordered])


def _sources(found: Any, root: Path) -> tuple[Path, ...]:
    """The files that an in-memory data set reads: one named by the split, or the lists of batches."""
    if hasattr(found, "split_list"):
        return (root / found.filename,)
    lists = found.test_list if getattr(found, "split", "") == "test" or not getattr(found, "train", True) else None
    return tuple(root / found.base_folder / str(entry[0]) for entry in lists or found.train_list)


def _kitti(root: Path) -> StoredPart:
    """KITTI's labelled images by the distance of the nearest vehicle, as VTAB bins it (Zhai et al. 2019)."""
    try:
        found = _dataset("Kitti", root, (("train", True),))
    except (RuntimeError, FileNotFoundError) as error:
        raise _trouble("Kitti", root, error, {}) from None
    order = sorted(range(len(found.images)), key=lambda i: found.images[i])
    try:
        labels = [_distance(found._parse_target(i)) for i in order]
    except (OSError, ValueError, IndexError) as error:
        raise DataError(f"KITTI in {root} is half there: {error}; its label_2 belongs to its image_2.") from None
    return StoredPart(Files(tuple(Path(found.images[i]) for i in order)), _labels(labels), _DISTANCES)


def _distance(objects: Sequence[Mapping[str, Any]]) -> int:
    ahead = min((float(o["location"][2]) for o in objects if o["type"] in _VEHICLES), default=None)
    if ahead is None:
        return 3
    return 0 if ahead <= _NEAR else 1 if ahead <= _FAR else 2


@dataclass(frozen=True)
class Idx:
    """Images in a file of MNIST's own format, packed with gzip or not; read by torchvision's reader."""

    path: Path
    count: int

    def __len__(self) -> int:
        return self.count

    def open(self, row: int) -> Image.Image:
        """One grey image."""
        return Image.fromarray(_idx(self.path)[row])

    def name(self, row: int) -> str:
        """The file and the row."""
        return f"{self.path.name}, row {row}"

    def files(self) -> Sequence[Path]:
        """The image file."""
        return (self.path,)

    def chunk(self, rows: np.ndarray) -> tuple[Idx, np.ndarray]:
        """Itself, which names no single image."""
        return self, rows


@lru_cache(maxsize=4)
def _idx(path: Path) -> np.ndarray:
    torchvision_shim.prepare()
    from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor as reader

    try:
        if path.suffix != ".gz":
            return reader(str(path)).numpy()
        with tempfile.NamedTemporaryFile() as unpacked, gzip.open(path) as packed:
            unpacked.write(packed.read())
            unpacked.flush()
            return reader(unpacked.name).numpy()
    except (OSError, EOFError, AssertionError, ValueError, KeyError, RuntimeError) as error:
        raise DataError(
            f"{path.name} is no whole idx file ({error or type(error).__name__}); fetch it again."
        ) from None


def idx(root: Path) -> dict[str, StoredPart]:
    """The parts of MNIST, or of a set in its format, that are in ``root``: images and labels as idx files."""
    found = {}
    for part, word in _IDX.items():
        stems = (f"{word}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1"))
        images, labels = (next((p for p in sorted(root.glob(s + "*")) if p.is_file()), None) for s in stems)
        if images and labels:
            numbers = _labels(_idx(labels))
            found[part] = StoredPart(Idx(images, len(_idx(images))), numbers, _numbers(numbers))
        elif images or labels:
            raise DataError(f"{root} has only one of the {part} images and labels; fetch the other, too.")
    if not found:
        raise AbsentError(f"There are no idx files in {root}.")
    return found


def forget() -> None:
    """Let go of data sets held in memory, because their files may have changed."""
    _dataset.cache_clear()
    _idx.cache_clear()
