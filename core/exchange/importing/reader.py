"""Checkpoints from elsewhere: found in a file or folder, and read without ever running what they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
import yaml

from core import PaletteError
from core.exchange.importing.formats.foreign import Foreign, ForeignError
from core.exchange.importing.formats.safetensors_file import read_safetensors, widened
from core.exchange.importing.formats.torch_file import read_torch
from core.exchange.manifest import read_manifest

SAFE, TORCH = (".safetensors",), (".pt", ".pth", ".bin", ".ckpt")
LARGEST_JSON = 64 * 2**20
LARGEST_YAML = 2**20
MOST_SHARDS = 1000
WEIGHTS = (  # in a folder, the first of these that is there
    "open_clip_model.safetensors",
    "model.safetensors",
    "model.safetensors.index.json",
    "open_clip_pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
)
ADAPTER = "adapter_config.json"
ADAPTERS = ("adapter_model.safetensors", "adapter_model.bin")
CONFIGS = ("open_clip_config.json", "config.json", "preprocessor_config.json", ADAPTER)
_SHARD = re.compile(r"(.+)-(\d{1,6})-of-(\d{1,6})(\.\w+)")

__all__ = ["ADAPTER", "SAFE", "TORCH", "WEIGHTS", "Foreign", "ForeignError", "read"]


def read(path: Path) -> Foreign:
    """Read a ``.safetensors`` file, a ``.pt``/``.pth``/``.bin``/``.ckpt`` (weights only), or a model folder.

    Tensors are memory-mapped, 8-bit floats as float16. Raises ForeignError in one sentence.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise ForeignError(f"There is no {path}.")
        files, notes = _files(path)
        if odd := [f.name for f in files if not f.is_file()]:  # a pipe would be waited for, for ever
            raise ForeignError(f"{odd[0]} is no file.")
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
        said = getattr(error, "strerror", None) or str(error)
        raise ForeignError(f"{str(path)[:100]} cannot be read ({said}).") from None
    tensors: dict[str, torch.Tensor] = {}
    facts: Mapping[str, Any] = {}
    beside: tuple[str, ...] = ()
    for file in files:
        if file.suffix.lower() in SAFE:
            found, said_facts, odd_notes = read_safetensors(file)
            facts, notes = said_facts or facts, notes + odd_notes
        else:
            found, others = read_torch(file)
            beside += others
            with suppress(PaletteError, FileNotFoundError):  # Palette's own JSON, which says what a .pt cannot
                facts = read_manifest(file.with_name(file.name + ".json"))[1] or facts
        found, small = widened(found, file.name)
        notes += small
        tensors |= dict(found)
    if not tensors:
        raise ForeignError(f"{path.name} holds no tensors.")
    folder = path if path.is_dir() else path.parent
    known = path.is_dir() or path.name in WEIGHTS + ADAPTERS  # a stray file says nothing about its neighbours
    configs = {n: _json(folder / n) for n in CONFIGS if (folder / n).is_file()} if known else {}
    merged = _mergekit(folder / "mergekit_config.yml") if known else ""
    return Foreign(tensors, tuple(files), configs, facts, merged, notes, beside)


def _files(path: Path) -> tuple[list[Path], tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    if path.is_dir():
        path, notes = _in_folder(path)
    if path.name.endswith(".index.json"):
        return _indexed(path), notes
    if path.suffix.lower() not in SAFE + TORCH:
        raise ForeignError(f"{path.name} is no checkpoint: Palette reads {', '.join(SAFE + TORCH)} and model folders.")
    if shard := _SHARD.fullmatch(path.name):
        return _siblings(path, shard), (f"{path.name} is one of {int(shard[3])} shards; all of them were read.",)
    return [path], notes


def _in_folder(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """The file of a model folder that holds or lists its weights; and a sentence if there was a choice."""
    there = [folder / name for name in WEIGHTS + ADAPTERS if (folder / name).is_file()]
    if there:
        others = ", ".join(p.name for p in there[1:])
        return there[0], ((f"{folder.name} also holds {others}: {there[0].name} was read.",) if others else ())
    there = sorted(p for p in folder.iterdir() if p.suffix.lower() in SAFE)
    there = there or sorted(p for p in folder.iterdir() if p.suffix.lower() in TORCH)
    if not there:
        raise ForeignError(f"{folder} holds no weights that Palette knows: none of {', '.join(WEIGHTS)}.")
    of = {(m[1], m[3], m[4]) if (m := _SHARD.fullmatch(p.name)) else (p.name,) for p in there}
    if len(of) > 1:
        raise ForeignError(f"{folder} holds {len(of)} checkpoints; say which: {', '.join(p.name for p in there[:5])}.")
    return there[0], ()


def _indexed(path: Path) -> list[Path]:
    shards = _json(path).get("weight_map", {})
    names = sorted({str(s) for s in shards.values()}) if isinstance(shards, dict) else []
    if not names or any(Path(n).name != n or Path(n).suffix.lower() not in SAFE + TORCH for n in names):
        raise ForeignError(f"{path.name} names no shards, or shards outside of its folder.")
    if missing := [n for n in names if not (path.parent / n).is_file()]:
        raise ForeignError(f"{path.parent.name} lacks the shards {_some(missing)}; copy the whole folder.")
    return [path.parent / n for n in names]


def _siblings(path: Path, shard: re.Match[str]) -> list[Path]:
    """All shards of a checkpoint of which one is given. Raises ForeignError naming those that are missing."""
    stem, number, count, ending = shard.groups()
    total, width = int(count), len(number)
    if not 0 < total <= MOST_SHARDS:
        raise ForeignError(f"{path.name} says that it is one of {count} shards, which is no checkpoint of a CLIP.")
    first = 0 if (path.parent / f"{stem}-{0:0{width}}-of-{count}{ending}").exists() else 1
    names = [f"{stem}-{n:0{width}}-of-{count}{ending}" for n in range(first, total + first)]
    if missing := [n for n in names if not (path.parent / n).is_file()]:
        raise ForeignError(
            f"{path.name} is one of {total} shards of a checkpoint, and {_some(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing beside it; copy the whole folder."
        )
    return [path.parent / n for n in names]


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _mergekit(path: Path) -> str:
    """A mix as the file that mergekit puts beside it says, such as 'linear of a, b'; "" where there is none."""
    try:
        if path.stat().st_size > LARGEST_YAML:
            return ""
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        slices = [source for part in found.get("slices") or () for source in part["sources"]]
        models = dict.fromkeys(str(entry["model"]) for entry in [*(found.get("models") or ()), *slices])
        return f"{found['merge_method']} of {', '.join(models)}"[:300]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, yaml.YAMLError):
        return ""  # it only says where the weights come from; they are read all the same


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise ForeignError(f"{path.name} is too large to be a configuration.")
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, ForeignError):
            raise
        raise ForeignError(f"{path.name} is no JSON ({type(error).__name__}).") from None
    return found if isinstance(found, dict) else {}
