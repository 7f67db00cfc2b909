"""The Mapillary traffic sign data set (MTSD): signs cut out of street photographs, as PAINT uses it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from core.tasks.datasets import AbsentError, DataError
from core.tasks.datasets.images import Files, StoredPart, check_there

_PARTS = {"train": "train", "test": "val"}  # the labels of its test part are kept secret
_LEFT_OUT = "other-sign"


def mtsd(root: Path) -> dict[str, StoredPart]:
    """``images/``, ``annotations/KEY.json`` and ``splits/{train,val}.txt``: one crop a sign, panoramas left out.

    A sign's class is the second word of its label (``regulatory--stop--g1`` is 'stop'). Raises DataError.
    """
    if not (root / "splits").is_dir():
        raise AbsentError(f"There is no MTSD in {root}: it needs images/, annotations/ and splits/.")
    found = {part: _signs(root, split) for part, split in _PARTS.items() if (root / "splits" / f"{split}.txt").exists()}
    names = sorted({name for signs in found.values() for _, _, name in signs})
    if not names:
        raise DataError(f"MTSD in {root} names no sign; its annotations may be half unpacked.")
    parts = {}
    for part, signs in found.items():
        labels = np.array([names.index(name) for _, _, name in signs], dtype=np.int64)
        files = Files(tuple(path for path, _, _ in signs), boxes=tuple(box for _, box, _ in signs))
        check_there(files.files())
        parts[part] = StoredPart(files, labels, tuple(name.replace("-", " ") for name in names))
    return parts


def _signs(root: Path, split: str) -> list[tuple[Path, tuple[int, int, int, int], str]]:
    signs = []
    try:
        for key in (root / "splits" / f"{split}.txt").read_text().split():
            facts = json.loads((root / "annotations" / f"{key}.json").read_text())
            if facts.get("ispano"):
                continue
            for sign in facts["objects"]:
                if sign["label"] != _LEFT_OUT:
                    left, top, right, bottom = (round(sign["bbox"][k]) for k in ("xmin", "ymin", "xmax", "ymax"))
                    name = sign["label"].split("--")[1] if "--" in sign["label"] else sign["label"]
                    signs.append((root / "images" / f"{key}.jpg", (left, top, right, bottom), name))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"MTSD in {root} is half there ({error}); unpack its annotations again.") from None
    return signs
