"""What torch.save wrote, unpickled by torch's own restricted reader, which calls no foreign code."""

from __future__ import annotations

import argparse
import re
import zipfile
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch

from core.exchange.importing.formats.foreign import ForeignError
from core.exchange.importing.formats.safetensors_file import check_start

LARGEST_PICKLE = 64 * 2**20  # bytes of a .pt's table of contents; a CLIP's is about 100 kB
MOST_TENSORS = 100_000
DEEPEST = 12  # tables within tables


def read_torch(path: Path) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    """The tensors, by their names with the tables' names before them, and the names of what is no tensor.

    Raises ForeignError in one sentence.
    """
    check_start(path)
    _check_archive(path)
    try:
        # A parser's Namespace is a table of settings that most training loops save along; building one calls nothing.
        with torch.serialization.safe_globals([argparse.Namespace]):
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # whatever a hostile file makes the reader do, it is the file that is at fault
        raise _refusal(path, str(error) or type(error).__name__) from None
    tensors: dict[str, torch.Tensor] = {}
    beside: list[str] = []
    odd = ""
    for name, value in _leaves(found):
        if not isinstance(value, torch.Tensor):
            beside.append(name)
        elif complaint := _complaint(path, name, value):
            odd = odd or complaint
            beside.append(f"{name} (no plain tensor)")
        else:
            tensors[name] = value.detach()
        if len(tensors) + len(beside) > MOST_TENSORS:
            raise ForeignError(f"{path.name} holds more than {MOST_TENSORS:,} entries; it is no checkpoint of a CLIP.")
    if odd and not any(t.is_floating_point() for t in tensors.values()):
        raise ForeignError(odd)
    return tensors, tuple(beside)


def _refusal(path: Path, said: str) -> ForeignError:
    first = said.splitlines()[0]
    if "eights only" in first or "nsupported" in first:
        named = re.search(r"GLOBAL ([\w.]{1,80})", said)
        what = f" ({named[1]})" if named else ""
        return ForeignError(
            f"{path.name} holds more than weights{what}, and code is never run here; save its state_dict() instead, "
            "best as .safetensors."
        )
    return ForeignError(f"{path.name} cannot be read as weights ({first[:200]}).")


def _leaves(found: Any) -> Iterator[tuple[str, Any]]:
    """Everything in tables within tables that is no table itself, by its path; a table that is there twice once."""
    seen: set[int] = set()
    left: list[tuple[tuple[str, ...], Any]] = [((), found)]
    while left:
        path, value = left.pop()
        entries = _entries(value)
        if entries is None or len(path) > DEEPEST:
            if path:
                yield ".".join(path), value
        elif id(value) not in seen:
            seen.add(id(value))
            left += [((*path, str(key)[:300]), inner) for key, inner in reversed(entries)]


def _entries(value: Any) -> list[tuple[Any, Any]] | None:
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, (list, tuple)) and any(isinstance(v, (Mapping, torch.Tensor, list, tuple)) for v in value):
        return list(enumerate(value))
    return None


def _complaint(path: Path, name: str, tensor: torch.Tensor) -> str:
    """Why a tensor is not to be touched; "" for a plain one."""
    if tensor.layout != torch.strided:
        return f"{path.name} holds {name} as a sparse tensor; Palette mixes plain ones."
    if tensor.is_meta or prod(tensor.shape) * tensor.dtype.itemsize > tensor.untyped_storage().nbytes():
        return f"{path.name} says that {name} is larger than what the file holds of it."
    if tensor.is_complex() or tensor.is_quantized:
        return f"{path.name} holds {name} as {tensor.dtype}; Palette mixes plain floating-point weights."
    return ""


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
