"""From folders' names to splits and classes: the same for a folder, a zip, and whatever else has paths."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.tasks.datasets import DataError

SPLIT_NAMES = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validation", "dev", "development"),
    "test": ("test", "testing", "tst", "eval", "evaluation"),
}
_MORE = re.compile(r"[ _-]?(set|images?|imgs|data|split|\d{4})$")
Place = tuple[str, ...]


def part_of(word: str) -> str | None:
    """Which split a folder or file called so holds: 'train', 'val', 'test', or None; 'test_set' and 'val2017' count."""
    plain = _MORE.sub("", word.lower())
    return next((split for split, words in SPLIT_NAMES.items() if plain in words or word.lower() in words), None)


@dataclass(frozen=True)
class Arranged:
    """For each picture its split and class, or None if it is left out; and what was decided or left out, said."""

    placed: tuple[tuple[str, str] | None, ...]
    said: tuple[str, ...]


def arrange(places: Sequence[Place], where: str, inside: bool = True) -> Arranged:
    """Splits and classes of pictures that lie in such folders. Raises DataError if no picture lies in a class folder.

    A common folder above all is gone through, unless ``inside`` is False. Folders called like splits are splits if they
    hold class folders; where they hold pictures themselves, beside other folders that do, they are classes.
    """
    said: list[str] = []
    depth, top = _top(places, said) if inside else (0, ())
    placed: list[tuple[str, str] | None] = [None] * len(places)
    rows = [i for i, place in enumerate(places) if place[: len(top)] == top]
    shape = _shape({places[i][depth:] for i in rows})
    lost: dict[str, int] = defaultdict(int)
    names: dict[str, set[str]] = defaultdict(set)
    for i, place in enumerate(places):
        rest = place[depth:]
        if place[: len(top)] != top:
            lost[f"{place[0] if place else 'the top folder'}, beside {'/'.join(top)}"] += 1
        elif not rest:
            lost["no class folder"] += 1
        elif shape == "classes":
            placed[i] = ("all", rest[0])
        elif shape == "classes first":
            placed[i] = (part_of(rest[1]) or "", rest[0])
        elif not (split := part_of(rest[0])):
            lost[f"{rest[0]}, which is no split"] += 1
        elif len(rest) == 1:
            lost[f"{rest[0]}, without class folders (unlabelled)"] += 1
        else:
            placed[i] = (split, rest[1])
            names[split].add(rest[0])
    if not any(placed):
        raise DataError(f"{where} needs a folder with images for each class.")
    said += [
        f"{_and(sorted(folders))} are taken together as {split}."
        for split, folders in names.items()
        if folders - {min(folders)}
    ]
    said += [
        f"{count:,} {'picture' if count == 1 else 'pictures'} in {what}: left out." for what, count in lost.items()
    ]
    if shape == "classes" and (odd := sorted({c for p in placed if p for c in [p[1]] if part_of(c)})):
        are = "is a class" if len(odd) == 1 else "are classes"
        said.append(f"{_and(odd)} {are} here and no split, since the pictures lie in it directly.")
    classes = {p[1] for p in placed if p}
    if len(classes) == 1:
        said.append(
            f"There is only one class, {min(classes)}; if its folder is one of several, give the folder above it."
        )
    return Arranged(tuple(placed), tuple(said))


def _top(places: Sequence[Place], said: list[str]) -> tuple[int, Place]:
    """How deep the folder lies in which splits or classes begin, and its path."""
    inside: Place = ()
    while True:
        below = {place[len(inside) :] for place in places if place[: len(inside)] == inside}
        tops = {rest[0] for rest in below if rest}
        deep = {rest[0] for rest in below if len(rest) > 1}
        if (
            len(tops) == 1
            and () not in below
            and deep == tops
            and all(len(r) > 1 for r in below)
            and not part_of(min(tops))
        ):
            inside += (min(tops),)
            continue
        if not any(map(part_of, tops)):
            held = [t for t in sorted(deep) if _shape({r[1:] for r in below if r and r[0] == t}) == "splits"]
            if len(held) == 1:
                inside += (held[0],)
                continue
        break
    if inside:
        said.append(f"Splits and classes are the folders in {'/'.join(inside)}.")
    return len(inside), inside


def _shape(below: set[Place]) -> str:
    """'splits' (with classes in them), 'classes', or 'classes first' (with splits in them)."""
    flat, deep = {r[0] for r in below if len(r) == 1}, defaultdict[str, set[str]](set)
    for rest in below:
        if len(rest) > 1:
            deep[rest[0]].add(rest[1])
    splits = {name for name in deep if part_of(name)} - flat
    others = {name for name in flat | set(deep) if not part_of(name)}
    if splits and not (others & flat and len({part_of(name) for name in splits}) == 1 and len(others) > 1):
        return "splits"
    if deep and not flat and all(all(map(part_of, inner)) for inner in deep.values()):
        return "classes first"
    return "classes"


def _and(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
