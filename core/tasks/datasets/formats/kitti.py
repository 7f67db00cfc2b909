"""KITTI cut by drive: a camera in a car sees nearly the same twice, so no drive is in train and in test."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.tasks.datasets import AbsentError, DataError
from core.tasks.datasets.formats import torchvision_sets
from core.tasks.datasets.images import Files, StoredPart

_PLACES = ("mapping", "devkit_object/mapping")  # below Kitti/raw/, as devkit_object.zip is unpacked there
_SEED = 123  # of TensorFlow Datasets, and so of VTAB


def kitti(root: Path) -> dict[str, StoredPart]:
    """KITTI's labelled images in VTAB's own splits (Zhai et al. 2019), by the object devkit's mapping files.

    ``train_rand.txt`` holds, for each image, a line of ``train_mapping.txt`` (from 1), which names a date, a drive and
    a frame. Raises AbsentError without those files, DataError if they are not about these images.
    """
    places = [root / "Kitti" / "raw" / place for place in _PLACES]
    place = next((p for p in places if (p / "train_mapping.txt").is_file() and (p / "train_rand.txt").is_file()), None)
    if place is None:
        raise AbsentError(f"KITTI's devkit is not in {root / 'Kitti' / 'raw'}.")
    whole = torchvision_sets.open_part("Kitti", root, {})
    assert isinstance(whole.images, Files)
    try:
        lines = (place / "train_mapping.txt").read_text().splitlines()
        numbers = [int(number) - 1 for number in (place / "train_rand.txt").read_text().split(",")]
        drives = [lines[number].split()[1] for number in numbers]
        mine = [drives[int(path.stem)] for path in whole.images.paths]
    except (OSError, ValueError, IndexError) as error:
        raise DataError(f"{place} does not say which drives the images are of ({error}); unpack it again.") from None
    held = _held_out(sorted(set(drives)))
    found = {}
    for split in ("train", "val", "test"):
        rows = np.array([row for row, drive in enumerate(mine) if held.get(drive, "train") == split], dtype=np.int64)
        if len(rows):
            found[split] = StoredPart(whole.images.chunk(rows)[0], whole.labels[rows], whole.class_names)
    return found


def _held_out(drives: list[str]) -> dict[str, str]:
    """Which tenth of the drives is test and which val, drawn as TensorFlow Datasets draws them."""
    draw, count = np.random.RandomState(_SEED), max(1, len(drives) // 10)
    test = draw.choice(drives, count, replace=False).tolist()
    val = draw.choice(sorted(set(drives) - set(test)), count, replace=False).tolist()
    return dict.fromkeys(test, "test") | dict.fromkeys(val, "val")
