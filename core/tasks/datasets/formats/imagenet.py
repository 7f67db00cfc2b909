"""ImageNet and its natural shifts: folders called by WordNet id or number, and which of the thousand classes count."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from core.models import imagenet_class_names
from core.tasks.datasets import AbsentError, DataError
from core.tasks.datasets.formats.folders import class_folders
from core.tasks.datasets.formats.labels import in_order
from core.tasks.datasets.formats.walk import hidden
from core.tasks.datasets.images import StoredPart

_PLACES = {"train": "train", "test": "val"}  # ImageNet's val is what papers test on


@lru_cache(maxsize=1)
def wordnet_ids() -> tuple[str, ...]:
    """The WordNet ids of ImageNet's thousand classes, in order, from the list that timm ships."""
    spec = find_spec("timm")
    if spec is None or spec.origin is None:
        raise DataError("ImageNet's list of classes comes with timm; install the requirements again.")
    listed = Path(spec.origin).parent / "data" / "_info" / "imagenet_synsets.txt"
    return tuple(listed.read_text().split())


def named(part: StoredPart, folders: tuple[str, ...]) -> StoredPart:
    """The same images with CLIP's class names in the place of WordNet ids or numbers; only ``folders`` count.

    This is the class mask of ImageNet-R and ImageNet-A: their head has a row for each of their 200 classes.
    """
    every = imagenet_class_names()
    ids = {wnid: i for i, wnid in enumerate(wordnet_ids())}
    try:
        rows = [ids[f] if f in ids else int(f) for f in folders]
        names = tuple(every[i] for i in rows)
    except (ValueError, IndexError):
        odd = next(f for f in folders if f not in ids)
        raise DataError(f"{odd!r} is no class of ImageNet: folders are called by WordNet id, or 0 to 999.") from None
    return replace(part, class_names=names)


def _order(folder: Path) -> list[str]:
    """Class folders in ImageNet's own order."""
    return in_order(p.name for p in folder.iterdir() if p.is_dir() and not hidden(p.name)) if folder.is_dir() else []


def shift(root: Path) -> dict[str, StoredPart]:
    """A test set whose folders are WordNet ids or numbers: ImageNet-V2, -R, -Sketch, -A. Raises DataError."""
    folders = _order(root)
    if not folders:
        raise AbsentError(f"There is no folder {root} with class folders.")
    part = class_folders(root, {name: i for i, name in enumerate(folders)})
    return {"test": named(part, tuple(folders))}


def imagenet(root: Path) -> dict[str, StoredPart]:
    """ImageNet as everybody keeps it: ``train/`` and ``val/`` with a thousand folders each; val is the test part."""
    there = {part: root / folder for part, folder in _PLACES.items() if (root / folder).is_dir()}
    if not there:
        raise AbsentError(f"There is no ImageNet in {root}: it needs train/ and val/ with a folder for each class.")
    folders = in_order({name for place in there.values() for name in _order(place)})
    numbers = {name: i for i, name in enumerate(folders)}
    return {part: named(class_folders(place, numbers), tuple(folders)) for part, place in there.items()}


def objectnet(root: Path) -> dict[str, StoredPart]:
    """ObjectNet's images of classes that ImageNet has too, as its own ``mappings/`` say; the red border is cut off.

    113 classes, called as ObjectNet calls them; each stands for one or several of ImageNet's, under CLIP's names, where
    the mappings hold ImageNet's own list.
    """
    maps = root / "mappings"
    try:
        labels = json.loads((maps / "folder_to_objectnet_label.json").read_text())
        known = json.loads((maps / "objectnet_to_imagenet_1k.json").read_text())
        others = _stands_for(maps, known)
    except FileNotFoundError:
        raise AbsentError(f"There is no ObjectNet in {root}: it needs images/ and mappings/.") from None
    except (ValueError, LookupError, AttributeError) as error:
        raise DataError(f"The mappings of ObjectNet in {maps} cannot be read ({error!r}); unpack them again.") from None
    folders = sorted(name for name, label in labels.items() if label in known)
    if not (root / "images").is_dir() or not folders:
        raise DataError(f"ObjectNet in {root} is half there: it needs images/ with the folders of its mappings.")
    part = class_folders(root / "images", {name: i for i, name in enumerate(folders)}, border=2)
    names = tuple(str(labels[name]).lower() for name in folders)
    groups = tuple(others[labels[name]] for name in folders) if others else ()
    return {"test": StoredPart(part.images, np.asarray(part.labels), names, stands_for=groups)}


def _stands_for(maps: Path, known: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """CLIP's names of what each of ObjectNet's labels stands for; empty if ImageNet's list is not among the mappings.

    That list is in the order of the challenge of 2012; another file numbers it in the order of the WordNet ids.
    """
    numbers, listed = maps / "pytorch_to_imagenet_2012_id.json", maps / "imagenet_to_label_2012_v2"
    if not (numbers.exists() and listed.exists()):
        return {}
    every, lines = imagenet_class_names(), listed.read_text(encoding="utf-8").splitlines()
    ours = {lines[line].strip(): every[int(i)] for i, line in json.loads(numbers.read_text()).items()}
    return {label: tuple(ours[name] for name in names.split("; ")) for label, names in known.items()}
