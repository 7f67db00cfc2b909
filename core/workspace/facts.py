"""What workspace.json says, typed: one sentence for whatever is wrong in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from core import PaletteError
from core.models import PRECISIONS

SETTINGS: dict[str, type | tuple[type, ...]] = {
    "steps": int,
    "batch_size": int,
    "lr": (int, float),
    "warmup": int,
    "weight_decay": (int, float),
    "clip_norm": (int, float),
    "seed": int,
    "precision": str,
    "augment": str,
    "only": list,
    "hold": (int, float),
}
"""What ``finetune`` and ``patches`` may set, and the type of each: the fields of ``training.Settings``."""
KEPT = ("logits", "features")
_WORDS = {int: "a whole number", (int, float): "a number", str: "a word", list: "a list of words"}


class FactsError(PaletteError):
    """A workspace.json that cannot be read; the message names the place and says what belongs there."""


@dataclass(frozen=True)
class SoupFacts:
    """What the workspace's soups are made of; ``task`` "" and ``shifts`` () stand for the usual ones."""

    task: str = ""
    shifts: tuple[str, ...] = ()
    count: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Facts:
    """``workspace.json``: each key with its default.

    ``tasks`` names a built-in catalogue or lists names and tables of data; ``zoo`` the joint checkpoints by name with
    their tasks; ``reading`` how the base was read from a file of others; ``finetune`` and ``patches`` settings by
    checkpoint, ``default`` for all (None in ``patches``: none of its own); ``keep`` what is kept
    besides answers; ``compile`` a backend of torch.compile.
    """

    title: str = ""
    base_model: str = ""
    model: str = ""
    knows: str = ""
    reading: tuple[str, ...] = ()
    tasks: str | tuple[str | Mapping[str, Any], ...] = ()
    supported: tuple[str, ...] = ()
    precision: str = "float32"
    compile: str = ""
    keep: tuple[str, ...] = KEPT
    zoo: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    soup: SoupFacts = SoupFacts()
    finetune: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    patches: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Facts:
        """The facts of a workspace's folder. Raises FactsError, FileNotFoundError if there is no workspace.json."""
        path = folder / "workspace.json"
        try:
            read = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise FactsError(f"{path} cannot be read ({error}); restore it.") from None
        try:
            return cls.of(read)
        except FactsError as error:
            raise FactsError(f"{path} cannot be used: {error} Correct it there.") from None

    @classmethod
    def of(cls, read: object) -> Facts:
        """The facts in what JSON gave. Raises FactsError."""
        table = _table(read, "it", [f.name for f in fields(cls)])
        for name in ("title", "base_model", "model", "knows", "precision", "compile"):
            _typed(table, name, str)
        for name in ("supported", "keep", "reading"):
            _names(table, name)
        if table.get("precision", "float32") not in PRECISIONS:
            raise FactsError(f"precision is {_shown(table['precision'])}, not one of {', '.join(PRECISIONS)}.")
        if wrong := [name for name in table.get("keep", ()) if name not in KEPT]:
            raise FactsError(f"keep names {wrong[0]!r}; what can be kept is {' and '.join(KEPT)}.")
        table["keep"] = tuple(table.get("keep", KEPT))
        table["supported"] = tuple(table.get("supported") or ())
        table["reading"] = tuple(table.get("reading") or ())
        table["tasks"] = _tasks(table.get("tasks", ()))
        zoo = _table(table.get("zoo", {}), "zoo")
        table["zoo"] = {name: tuple(_names(zoo, name, "zoo.")) for name in zoo}
        table["soup"] = _soup(table.get("soup", {}))
        for kind in ("finetune", "patches"):
            table[kind] = _settings(table.get(kind, {}), kind)
        return cls(**table)


def _tasks(read: object) -> str | tuple[str | Mapping[str, Any], ...]:
    if isinstance(read, str):
        return read
    if isinstance(read, list | tuple) and all(isinstance(one, str | dict) for one in read):
        return tuple(read)
    raise FactsError(f"tasks is {_shown(read)}, not a catalogue's name or a list of names and tables.")


def _soup(read: object) -> SoupFacts:
    table = _table(read, "soup", [f.name for f in fields(SoupFacts)])
    _typed(table, "task", str, "soup.")
    for name in ("count", "seed"):
        _typed(table, name, int, "soup.")
    return SoupFacts(**table | {"shifts": tuple(_names(table, "shifts", "soup."))})


def _settings(read: object, kind: str) -> dict[str, dict[str, Any] | None]:
    found: dict[str, dict[str, Any] | None] = {}
    for name, settings in _table(read, kind).items():
        if settings is None and kind == "patches" and name != "default":
            found[name] = None
            continue
        found[name] = _table(settings, f"{kind}.{name}", list(SETTINGS))
        for setting, wanted in SETTINGS.items():
            _typed(settings, setting, wanted, f"{kind}.{name}.")
        _names(settings, "only", f"{kind}.{name}.")
    return found


def _table(read: object, place: str, known: list[str] | None = None) -> dict[str, Any]:
    if not isinstance(read, dict):
        raise FactsError(f"{place} is {_shown(read)}, not a table of names and values.")
    if unknown := [name for name in read if known is not None and name not in known]:
        raise FactsError(f"{place} has an unknown key {unknown[0]!r}; there is {', '.join(known or ())}.")
    return dict(read)


def _typed(table: Mapping[str, Any], name: str, wanted: type | tuple[type, ...], place: str = "") -> None:
    value = table.get(name)
    if name in table and (not isinstance(value, wanted) or isinstance(value, bool)):
        raise FactsError(f"{place}{name} is {_shown(value)}, not {_WORDS[wanted]}.")


def _names(table: Mapping[str, Any], name: str, place: str = "") -> list[str]:
    value = table.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise FactsError(f"{place}{name} is {_shown(value)}, not a list of words.")
    return value


def _shown(value: object) -> str:
    return repr(value) if len(repr(value)) <= 40 else f"{repr(value)[:40]}…"
