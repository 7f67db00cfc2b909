"""Which files below a folder are pictures, by content where an ending says nothing; the rest is counted and named.

A link to a folder is followed once, and not at all if what it points to is below the folder anyway.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.progress import SILENT, Progress
from core.tasks import pictures

ENDINGS = frozenset(".jpg .jpeg .jfif .png .ppm .bmp .pgm .pnm .tif .tiff .webp .gif .avif .jp2 .j2k .qoi".split())
KNOWN_OTHERS = frozenset(".txt .csv .tsv .json .jsonl .xml .md .py .ipynb .parquet .npy .mat .zip .tar .gz .db".split())
CLUTTER = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir", "$RECYCLE.BIN"})
SAID_EVERY = 2000  # files between two looks at whether the work was called off
HEAD = 16


@dataclass(frozen=True)
class Found:
    """Pictures below a folder, each as its folders' names below it and its file's name; and what was left out, said."""

    files: tuple[tuple[tuple[str, ...], str], ...]
    left_out: tuple[str, ...] = ()


def hidden(name: str) -> bool:
    """Whether a file or folder called so is never data: what systems and tools leave behind."""
    return name.startswith(".") or name in CLUTTER


def is_picture(name: str, head: bytes | None) -> bool | None:
    """Whether a file is a picture by its ending, or by its first bytes; None if those are needed."""
    ending = os.path.splitext(name)[1].lower()
    if ending in ENDINGS:
        return True
    if ending in KNOWN_OTHERS:
        return False
    return None if head is None else bool(pictures.kind(head))


def left_out(kind: str, names: Iterable[str]) -> str:
    """One sentence on some files that are not used, with the first of them."""
    names = list(names)
    more = f", such as {names[0]}" if len(names) > 1 else f": {names[0]}"
    return f"{len(names):,} {kind}{more}"


def walk(root: Path, progress: Progress = SILENT) -> Found:
    """All pictures below a folder, in order of their folders and names. Raises OSError if it cannot be listed."""
    files: list[tuple[tuple[str, ...], str]] = []
    others: dict[str, list[str]] = {}
    real = os.path.realpath(root)
    seen = {real}
    waiting: list[tuple[str, ...]] = [()]
    count = 0
    while waiting:
        where = waiting.pop()
        for entry in _entries(root, where, others):
            count += 1
            if count % SAID_EVERY == 0:
                progress.at(0.0, f"Looking at the files: {count:,} so far")
            said = "/".join((*where, entry.name))
            if hidden(entry.name):
                others.setdefault("hidden", []).append(said)
            elif entry.is_dir():
                if entry.is_symlink() and not _new(entry.path, real, seen):
                    others.setdefault("links to folders that are here or were followed already", []).append(said)
                else:
                    waiting.append((*where, entry.name))
            elif (is_one := _judged(entry)) is None:
                others.setdefault("files that cannot be read (broken links, pipes, closed to us)", []).append(said)
            elif is_one:
                files.append((where, entry.name))
            else:
                others.setdefault("files that are no picture which is read here", []).append(said)
    return Found(tuple(sorted(files, key=_order)), tuple(_told(others)))


_seen: dict[Path, Found] = {}


def seen(root: Path, progress: Progress) -> None:
    """Walk now, with progress; the next ``once`` of that folder uses it."""
    _seen[root] = walk(root, progress)


def once(root: Path) -> Found:
    """What ``seen`` has just found there, or a walk."""
    return _seen.pop(root, None) or walk(root)


def forget() -> None:
    """Forget what was seen and not used, because files may have come or gone."""
    _seen.clear()


def _order(file: tuple[tuple[str, ...], str]) -> tuple[str, str, str]:
    where, name = file
    return where[0] if where else "", "/".join(where), name


def _entries(root: Path, where: tuple[str, ...], others: dict[str, list[str]]) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(os.path.join(root, *where)) as listed:
            yield from listed
    except OSError:
        if not where:
            raise
        others.setdefault("folders that cannot be listed", []).append("/".join(where))


def _new(path: str, root: str, seen: set[str]) -> bool:
    """Whether a link leads to a folder that nothing else here leads to."""
    target = os.path.realpath(path)
    if target in seen or target.startswith(root + os.sep) or root.startswith(target + os.sep):
        return False
    seen.add(target)
    return True


def _judged(entry: os.DirEntry[str]) -> bool | None:
    try:
        if not entry.is_file():
            return None
        if (said := is_picture(entry.name, None)) is not None:
            return said
        with open(entry.path, "rb") as file:
            return is_picture(entry.name, file.read(HEAD))
    except OSError:
        return None


def _told(others: dict[str, list[str]]) -> Iterator[str]:
    for kind, names in others.items():
        if kind == "hidden":
            yield left_out("hidden files or folders were left out", sorted(names)) + "."
            continue
        endings = Counter(os.path.splitext(name)[1].lower() or "no ending" for name in names)
        which = f" ({', '.join(f'{n:,} {e}' for e, n in endings.most_common(4))})" if "no picture" in kind else ""
        yield left_out(f"{kind} were left out{which}", sorted(names)) + "."
