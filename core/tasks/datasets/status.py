"""What of the catalogue is there, what can be downloaded, and what must be fetched by hand, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from core.tasks.datasets import AbsentError, DataError, adapters, home, source
from core.tasks.datasets.adapters import DataLocation, Parts, open_parts
from core.tasks.datasets.catalogue import CatalogueEntry, Way, entries

State = Literal["there", "half", "download", "hand"]
STATES: Mapping[State, str] = {
    "there": "there",
    "half": "half there",
    "download": "can be downloaded",
    "hand": "by hand",
}


@dataclass(frozen=True)
class Status:
    """Where a data set of the catalogue stands; ``said`` is the reason, or what to do, in one sentence.

    ``sizes`` counts the images of each stored part that was found, ``where`` is how to read them.
    """

    entry: CatalogueEntry
    state: State
    said: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    where: DataLocation | None = None
    own_note: str = ""

    @property
    def note(self) -> str:
        """What to know of the data set, in the place where it was found."""
        return self.own_note or self.entry.note


def look(entry: CatalogueEntry) -> Status:
    """Look for one data set in all its places; the first that is whole counts, else the first that is half there."""
    if entry.same_as:
        found = look(entries()[entry.same_as])
        return Status(entry, found.state, entry.note, found.sizes)
    half: Status | None = None
    halves: set[Path] = set()
    for way, place in entry.places():
        if place.kind == "folder" and any(half.is_relative_to(place.root) for half in halves):
            continue  # what is half of something is not all of a folder per class
        try:
            parts = open_parts(place)
            _check_classes(entry, parts)
        except AbsentError:
            continue
        except DataError as error:
            half = half or Status(entry, "half", str(error))
            halves.add(place.root)
            continue
        sizes = {name: len(part.labels) for name, part in parts.items()}
        if short := _short(way, sizes):
            half = half or Status(entry, "half", short, sizes, place)
            halves.add(place.root)
        else:
            return Status(entry, "there", f"In {place.root}.", sizes, place, way.note)
    if half is not None:
        return half
    if any(way.downloadable for way in entry.ways):
        gated = " (after its terms are accepted on the hub)" if all(w.gated for w in entry.ways if w.repo) else ""
        return Status(entry, "download", f"`python -m core data get {entry.key}`{gated if not _own(entry) else ''}.")
    return Status(entry, "hand", f"{entry.by_hand} The data folder is {home()}; see {entry.home}.")


def _own(entry: CatalogueEntry) -> bool:
    return any(way.download for way in entry.ways)


def _check_classes(entry: CatalogueEntry, parts: Parts) -> None:
    for name, part in parts.items():
        if entry.classes and len(part.class_names) != entry.classes:
            raise DataError(
                f"{entry.title} has {entry.classes} classes, but its {name} part here has {len(part.class_names)}; "
                "it may be half unpacked."
            )


def _short(way: Way, sizes: Mapping[str, int]) -> str:
    """What is missing from a part, against what the catalogue knows; empty if nothing is."""
    missing = [
        f"{part} has {sizes.get(part, 0):,} of {known:,}"
        for part, known in way.counts.items()
        if sizes.get(part, 0) < known
    ]
    return f"Half there: of its images, {' and '.join(missing)}; fetch the rest." if missing else ""


def located(entry: CatalogueEntry) -> Status:
    """The status of a data set that is there. Raises DataError saying what is missing and how to get it."""
    found = look(entry)
    if entry.same_as:
        raise DataError(f"{entry.title}: {entry.note}")
    if found.state == "there":
        return found
    how = {"half": "is not whole", "download": "is not here yet", "hand": "has to be fetched by hand"}[found.state]
    raise DataError(f"{entry.title} {how}: {found.said}")


def statuses() -> list[Status]:
    """The whole catalogue, in its order."""
    return [look(entry) for entry in entries().values()]


def clear_cache() -> None:
    """Forget what was found on disk, because files may have come or gone."""
    adapters.look_again()
    source.look_again()
