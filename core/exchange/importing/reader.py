"""Checkpoints from elsewhere: found in a file or folder, and read without ever running what they hold."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import torch
import yaml

from core import PaletteError
from core.exchange.manifest import read_manifest
from core.storage import Mapped
from core.storage import files as disk

SAFE, TORCH = (".safetensors",), (".pt", ".pth", ".bin", ".ckpt")
LARGEST_PICKLE = 64 * 2**20  # bytes of a .pt's table of contents; a CLIP's is about 100 kB
LARGEST_JSON = 64 * 2**20
LARGEST_YAML = 2**20
MOST_TENSORS = 100_000
WEIGHTS = (  # in a folder, the first of these that is there
    "open_clip_model.safetensors",
    "model.safetensors",
    "model.safetensors.index.json",
    "open_clip_pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
)


class ForeignError(PaletteError):
    """A file that holds no weights that can be read safely; the message says what it is and what to do."""


@dataclass(frozen=True)
class Foreign:
    """Tensors as a file names them, the files read, and the JSON files beside them (``configs``, by file name).

    ``merged`` is how mergekit says that it mixed them, in a few words; "" where it did not.
    """

    tensors: Mapping[str, torch.Tensor]
    files: tuple[Path, ...]
    configs: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    merged: str = ""


def read(path: Path) -> Foreign:
    """Read a ``.safetensors`` file, a ``.pt``/``.pth``/``.bin``/``.ckpt`` (weights only), or a model folder.

    Tensors are memory-mapped. Raises ForeignError in one sentence.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise ForeignError(f"There is no {path}.")
        files = _files(path)
        if odd := [f.name for f in files if not f.is_file()]:  # a pipe would be waited for, for ever
            raise ForeignError(f"{odd[0]} is no file.")
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
        said = getattr(error, "strerror", None) or str(error)
        raise ForeignError(f"{str(path)[:100]} cannot be read ({said}).") from None
    tensors: dict[str, torch.Tensor] = {}
    facts: Mapping[str, Any] = {}
    for file in files:
        if file.suffix.lower() in SAFE:
            try:
                mapped = Mapped(file)
            except (disk.DamagedError, FileNotFoundError) as error:
                raise ForeignError(f"{file.name} is no whole safetensors file: {error}") from None
            if mapped.facts.get("digest", "") not in ("", mapped.digest()):
                raise ForeignError(f"{file.name} is damaged: its content does not match the digest in its header.")
            tensors |= dict(mapped)
            facts = mapped.facts or facts
        else:
            tensors |= _load_torch(file)
            beside = file.with_name(file.name + ".json")  # Palette's own, which says what a .pt cannot
            with suppress(PaletteError, FileNotFoundError):
                facts = read_manifest(beside)[1] or facts
    if not tensors:
        raise ForeignError(f"{path.name} holds no tensors.")
    folder = path if path.is_dir() else path.parent
    names = ("open_clip_config.json", "config.json", "preprocessor_config.json")
    alone = path.is_file() and path.name not in WEIGHTS  # a stray file says nothing about its neighbours
    configs = {} if alone else {n: _json(folder / n) for n in names if (folder / n).is_file()}
    return Foreign(tensors, tuple(files), configs, facts, "" if alone else _mergekit(folder / "mergekit_config.yml"))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        there = [path / name for name in WEIGHTS if (path / name).is_file()]
        if not there:
            there = sorted(p for p in path.iterdir() if p.suffix.lower() in SAFE)
        if not there:
            raise ForeignError(f"{path} holds no weights that Palette knows: none of {', '.join(WEIGHTS)}.")
        if len(there) > 1 and there[0].name not in WEIGHTS:
            raise ForeignError(
                f"{path} holds {len(there)} checkpoints; say which: {', '.join(p.name for p in there[:5])}."
            )
        path = there[0]
    if path.name.endswith(".index.json"):
        shards = _json(path).get("weight_map", {})
        names = sorted({str(s) for s in shards.values()}) if isinstance(shards, dict) else []
        if not names or any(Path(n).name != n or Path(n).suffix.lower() not in SAFE + TORCH for n in names):
            raise ForeignError(f"{path.name} names no shards, or shards outside of its folder.")
        if missing := [n for n in names if not (path.parent / n).is_file()]:
            raise ForeignError(f"{path.parent.name} lacks the shards {', '.join(missing[:3])}; copy the whole folder.")
        return [path.parent / n for n in names]
    if path.suffix.lower() not in SAFE + TORCH:
        raise ForeignError(f"{path.name} is no checkpoint: Palette reads {', '.join(SAFE + TORCH)} and model folders.")
    return [path]


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


def _load_torch(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of what torch.save wrote, unpickled by torch's own restricted reader, which calls no foreign code."""
    _check_archive(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # whatever a hostile file makes the reader do, it is the file that is at fault
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "eights only" in first or "nsupported" in first:
            raise ForeignError(
                f"{path.name} holds more than weights, and code is never run here; save its state_dict() instead, "
                "best as .safetensors."
            ) from None
        raise ForeignError(f"{path.name} cannot be read as weights ({first[:200]}).") from None
    tensors = _innermost(found)
    for name, tensor in tensors.items():
        needed = prod(tensor.shape) * tensor.dtype.itemsize
        if tensor.layout != torch.strided:
            raise ForeignError(f"{path.name} holds {name} as a sparse tensor; Palette mixes plain ones.")
        if tensor.is_meta or needed > tensor.untyped_storage().nbytes():
            raise ForeignError(f"{path.name} says that {name} is larger than what the file holds of it.")
        if tensor.is_complex() or tensor.is_quantized:
            raise ForeignError(
                f"{path.name} holds {name} as {tensor.dtype}; Palette mixes plain floating-point weights."
            )
    return tensors


def _check_archive(path: Path) -> None:
    """Refuse archives that unpack to more than they are, or that hold code, before anything is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise ForeignError(
            f"{path.name} is not what torch.save writes (since 1.6), or it is cut short; save the state_dict again, "
            "best as .safetensors."
        ) from None
    names = {Path(entry.filename).name for entry in entries}
    if "constants.pkl" in names:
        raise ForeignError(f"{path.name} is a TorchScript archive, which holds code; save its state_dict() instead.")
    if any(e.compress_type != zipfile.ZIP_STORED for e in entries):
        raise ForeignError(f"{path.name} is compressed, as torch.save never does; it is not unpacked.")
    if sum(e.file_size for e in entries) > path.stat().st_size or len(entries) > MOST_TENSORS:
        raise ForeignError(f"{path.name} claims to hold more than it is; it is not unpacked.")
    if any(e.filename.endswith("data.pkl") and e.file_size > LARGEST_PICKLE for e in entries):
        raise ForeignError(f"The table of contents of {path.name} is too large to be a checkpoint's.")


def _innermost(found: object, depth: int = 4) -> dict[str, torch.Tensor]:
    """The weights in a training checkpoint: itself, or under state_dict, model and the like; numbers beside them go."""
    if isinstance(found, Mapping) and depth:
        for key in ("state_dict", "model_state_dict", "model", "module", "weights"):
            if isinstance(found.get(key), Mapping):
                return _innermost(found[key], depth - 1)
        return {str(k): t.detach() for k, t in found.items() if isinstance(t, torch.Tensor)}
    return {}
