"""Safetensors files as strangers write them: 8-bit floats, and metadata that the library refuses."""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch

from core.exchange.importing.formats.foreign import ForeignError
from core.storage import FILE_DTYPES, Mapped
from core.storage import files as disk

LARGEST_HEADER = 100_000_000  # bytes, as in the library
DTYPES = {**FILE_DTYPES, "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2}
EIGHT_BITS = (torch.float8_e4m3fn, torch.float8_e5m2)


def read_safetensors(path: Path) -> tuple[Mapping[str, torch.Tensor], Mapping[str, Any], tuple[str, ...]]:
    """The tensors (memory-mapped), Palette's facts in the header, and sentences on what was odd.

    What the library refuses is read by a parser of this file's own if every tensor lies where the header says.
    Raises ForeignError in one sentence.
    """
    check_start(path)
    try:
        mapped = Mapped(path)
    except FileNotFoundError as error:
        raise ForeignError(f"{path.name} is no whole safetensors file: {error}") from None
    except disk.DamagedError as error:
        tensors, notes = _tolerant(path, str(error))
        return tensors, {}, notes
    if mapped.facts.get("digest", "") not in ("", mapped.digest()):
        raise ForeignError(f"{path.name} is damaged: its content does not match the digest in its header.")
    return mapped, mapped.facts, ()


def check_start(path: Path) -> None:
    """Refuse what is called a checkpoint and is none: a pointer of git-lfs, a page of a website."""
    try:
        with path.open("rb") as file:
            start = file.read(64).lstrip().lower()
    except OSError as error:
        raise ForeignError(f"{path.name} cannot be read ({error.strerror or error}).") from None
    if start.startswith(b"version https://git-lfs"):
        raise ForeignError(
            f"{path.name} is a pointer of git-lfs, not the weights themselves: run `git lfs pull` there."
        )
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise ForeignError(f"{path.name} is a page of a website, not weights: download the file itself.")


def widened(tensors: Mapping[str, torch.Tensor], name: str) -> tuple[Mapping[str, torch.Tensor], tuple[str, ...]]:
    """The tensors with 8-bit floats as float16, which holds each of their values exactly; and a sentence on it."""
    small = {n: t for n, t in tensors.items() if t.dtype in EIGHT_BITS}
    if not small:
        return tensors, ()
    kinds = ", ".join(sorted({str(t.dtype).removeprefix("torch.") for t in small.values()}))
    said = f"{len(small)} tensors of {name} are 8-bit floats ({kinds}); they are taken as float16, value for value."
    return {**tensors, **{n: t.half() for n, t in small.items()}}, (said,)


def _tolerant(path: Path, complaint: str) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    start, header = _header(path, complaint)
    said = header.pop("__metadata__", {})
    notes = []
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        odd = [str(k) for k, v in said.items() if not isinstance(v, str)] if isinstance(said, dict) else ["no table"]
        notes.append(
            f"{path.name} is whole, but its metadata is not words alone ({', '.join(odd)[:100]}), which the "
            "safetensors library refuses: the metadata was left out (write it as text to mend that)."
        )
    size = path.stat().st_size - start
    places = {name: _place(path, name, entry, size) for name, entry in header.items()}
    end = 0
    for first, last, name in sorted((*place[2:], name) for name, place in places.items()):
        if first != end:
            raise ForeignError(
                f"{path.name} is no whole safetensors file: {name!r:.100} is not where the last one ends."
            )
        end = last
    if end != size:
        raise ForeignError(
            f"{path.name} is no whole safetensors file: it holds {size:,} bytes of numbers, not {end:,}."
        )
    with path.open("rb") as file:
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    found = {}
    for name, (dtype, shape, first, _) in places.items():
        count = prod(shape)
        flat = torch.frombuffer(whole, dtype=dtype, count=count, offset=start + first) if count else None
        found[name] = torch.empty(shape, dtype=dtype) if flat is None else flat.view(shape)
    return found, tuple(notes)


def _header(path: Path, complaint: str) -> tuple[int, dict[str, Any]]:
    """Where the numbers begin, and the header. Raises ForeignError with the library's complaint."""
    broken = ForeignError(f"{path.name} is no whole safetensors file: {complaint}")
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > min(LARGEST_HEADER, path.stat().st_size - 8):
                raise broken
            header = json.loads(file.read(length), object_pairs_hook=_once)
    except (OSError, ValueError, RecursionError):
        raise broken from None
    if not isinstance(header, dict):
        raise broken
    return 8 + length, header


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _place(path: Path, name: str, entry: Any, size: int) -> tuple[torch.dtype, tuple[int, ...], int, int]:
    """Dtype, shape, and first and last byte of a tensor. Raises ForeignError unless they agree with each other."""
    broken = ForeignError(f"{path.name} is no whole safetensors file: its header makes no sense at {name!r:.100}.")
    if not isinstance(entry, dict):
        raise broken
    kind, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(kind, str) or not isinstance(shape, list) or not isinstance(offsets, list):
        raise broken
    if kind not in DTYPES:
        raise ForeignError(
            f"{path.name} holds numbers of a kind that Palette does not read ({kind[:40]}); save it as float16 or "
            "float32."
        )
    if len(offsets) != 2 or len(shape) > 16 or not all(type(n) is int and 0 <= n < 2**63 for n in (*shape, *offsets)):
        raise broken
    if offsets[1] - offsets[0] != prod(shape) * DTYPES[kind].itemsize or offsets[1] > size:
        raise broken
    return DTYPES[kind], tuple(shape), offsets[0], offsets[1]
