"""The catalogue of data sets, read from catalogue.toml: every one of both papers, and where it may be."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.tasks.datasets import DataError, home
from core.tasks.datasets.adapters import DataLocation, freeze
from core.tasks.task import Role

CATALOG = Path(__file__).with_name("catalogue.toml")
HUB = "huggingface"  # the folder below home where the hub's data sets are kept


@dataclass(frozen=True)
class Way:
    """One place where a data set may be: what reads it there, and whether it can be downloaded to it.

    ``splits`` are the parts of a copy on the hub that are used, before ``rename``; all if there are none. ``note`` is
    what to know of it in this place, instead of the data set's own note.
    """

    kind: str
    path: str = ""
    name: str = ""
    repo: str = ""
    folder: str = ""
    parts: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    splits: Sequence[str] = ()
    image: str = ""
    label: str = ""
    download: bool = False
    gated: bool = False
    note: str = ""

    @property
    def downloadable(self) -> bool:
        """Whether one command can fetch it."""
        return self.download or bool(self.repo)

    def opening(self, wordnet: bool) -> DataLocation:
        """How to read it below the data folder."""
        if self.kind == "huggingface":
            place = home() / HUB / self.repo.replace("/", "--")
            words = {"image": self.image, "label": self.label, "splits": self.splits, "rename": self.rename}
            frozen = {**{k: freeze(v) for k, v in words.items()}, "wordnet": wordnet}
            return DataLocation("parquet", place / self.folder, tuple((k, v) for k, v in sorted(frozen.items()) if v))
        options = (("name", self.name), ("parts", freeze(self.parts))) if self.kind == "torchvision" else ()
        return DataLocation(self.kind, home() / self.path, options)


@dataclass(frozen=True)
class CatalogueEntry:
    """One data set of the papers; see catalogue.toml for what the fields mean."""

    key: str
    title: str
    role: Role
    paper: str
    classes: int
    names: str | Sequence[str]
    templates: str
    licence: str
    home: str
    by_hand: str
    ways: tuple[Way, ...]
    note: str = ""
    only: tuple[str, ...] = ()
    same_as: str = ""

    def places(self) -> list[tuple[Way, DataLocation]]:
        """Every place to look at, best first; last of all plainly called folders and parquet files."""
        wordnet = self.names == "imagenet"
        found = [(way, way.opening(wordnet)) for way in self.ways]
        plain = home() / self.key
        files = tuple(sorted(p.name for p in home().glob(f"{self.key}-*.parquet")))
        if self.ways and plain.is_dir():
            found += [(Way("parquet"), DataLocation("parquet", plain)), (Way("folder"), DataLocation("folder", plain))]
        if self.ways and files:
            found.append((Way("files", counts=self.ways[0].counts), DataLocation("files", home(), (("names", files),))))
        return found

    def class_names(self, found: Sequence[str]) -> tuple[str, ...]:
        """The names to use: CLIP's own where they are listed, else those of the files. Raises DataError."""
        if isinstance(self.names, str):
            return tuple(found)
        if len(found) != len(self.names):
            raise DataError(f"{self.title} has {len(self.names)} classes, but the files here have {len(found)}.")
        return tuple(self.names)

    def template_texts(self) -> tuple[str, ...]:
        """CLIP's prompt templates for it."""
        if self.templates == "imagenet":
            from core.models import imagenet_templates

            return imagenet_templates()
        return tuple(_catalog()["templates"][self.templates])


@lru_cache(maxsize=1)
def _catalog() -> Mapping[str, Any]:
    return tomllib.loads(CATALOG.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def entries() -> Mapping[str, CatalogueEntry]:
    """The whole catalogue by key, in its order."""
    found = {}
    for key, facts in _catalog().items():
        if key != "templates":
            ways = tuple(Way(**way) for way in facts["ways"])
            found[key] = CatalogueEntry(key, **{**facts, "ways": ways, "only": tuple(facts.get("only", ()))})
    return found


def entry(key: str) -> CatalogueEntry:
    """One data set of the catalogue. Raises DataError naming all of them."""
    if key not in entries():
        raise DataError(f"The catalogue has no data set {key!r}; it has {', '.join(entries())}.")
    return entries()[key]
