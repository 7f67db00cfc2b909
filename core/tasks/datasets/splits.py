"""Which images of the stored parts are train, val and test: seeded, disjoint, and said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from core.tasks.datasets import DataError
from core.tasks.task import SPLITS

HELD_OUT, AT_MOST = 0.1, 5000  # DESIGN §6: 10 % of train, at most 5,000, as PAINT does
TESTED = 0.2  # of a data set that comes in one piece


@dataclass(frozen=True)
class Cut:
    """One split is ``amount`` of a stored part: a number of images, a share below 1, or None for what is left."""

    split: str
    part: str
    amount: float | None = None


def usual(parts: Iterable[str]) -> tuple[Cut, ...]:
    """How parts are cut if nobody says otherwise.

    A val part beside train and no test part is the test (as ImageNet's is); val is held out of train.
    """
    there = set(parts)
    if there == {"train", "val"}:
        return (Cut("test", "val"), Cut("val", "train", HELD_OUT), Cut("train", "train"))
    if there == {"all"} or there == {"train"}:
        (whole,) = there
        return (Cut("test", whole, TESTED), Cut("val", whole, HELD_OUT), Cut("train", whole))
    if "train" in there and "val" not in there:
        return (Cut("test", "test"), Cut("val", "train", HELD_OUT), Cut("train", "train"))
    return tuple(Cut(part, part) for part in SPLITS if part in there)


def rows(cuts: Iterable[Cut], sizes: Mapping[str, int], seed: int) -> dict[str, tuple[str, np.ndarray]]:
    """For each split its part and its rows, int64, ascending. Raises DataError if a part is missing or too small."""
    taken: dict[str, int] = {}
    order = {
        part: np.random.default_rng([seed, *part.encode()]).permutation(size) for part, size in sorted(sizes.items())
    }
    found = {}
    for cut in cuts:
        if cut.part not in sizes:
            raise DataError(
                f"The {cut.split} images should come from a part {cut.part!r}; there is {', '.join(sizes)}."
            )
        start = taken.get(cut.part, 0)
        count = sizes[cut.part] - start if cut.amount is None else _count(cut, sizes[cut.part])
        if count < 1 or start + count > sizes[cut.part]:
            raise DataError(
                f"{cut.split} should have {count:,} images of {cut.part}, but only {sizes[cut.part] - start:,} of its "
                f"{sizes[cut.part]:,} are left; take fewer."
            )
        taken[cut.part] = start + count
        found[cut.split] = (cut.part, np.sort(order[cut.part][start : start + count]))
    return {split: found[split] for split in SPLITS if split in found}


def _count(cut: Cut, size: int) -> int:
    amount = cut.amount or 0
    if amount >= 1:
        return int(amount)
    count = max(1, round(amount * size))
    return min(count, AT_MOST) if cut.split == "val" else count
