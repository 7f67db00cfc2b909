"""Safetensors files tensor by tensor: read through a memory map that gives its pages back, written as a stream."""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import BinaryIO

import torch
from safetensors import SafetensorError, safe_open

from core.storage import files
from core.storage.files import DamagedError

FILE_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
NAMES = {dtype: name for name, dtype in FILE_DTYPES.items()}
PIECE = 2**20  # numbers looked at together: 4 MB of each parent in float32, however large the tensor
UNKNOWN_YET = {"digest": "d" * 64, "image_digest": "i" * 64, "text_digest": "t" * 64}

Layout = Mapping[str, tuple[torch.dtype, tuple[int, ...]]]
"""What a file is going to hold: dtype and shape of every tensor."""


def raw(tensor: torch.Tensor) -> memoryview:
    """The bytes of a contiguous CPU tensor, without a copy."""
    return tensor.reshape(-1).view(torch.uint8).numpy().data


def pieces(start: int, stop: int) -> list[tuple[int, int]]:
    """A range of numbers cut at every PIECE of them; one empty piece if the range is empty."""
    return [(a, min(a + PIECE, stop)) for a in range(start, stop, PIECE)] or [(start, stop)]


class Mapped(Mapping[str, torch.Tensor]):
    """The tensors of a safetensors file, memory-mapped: nothing is read before it is used.

    ``forget(name)`` gives a tensor's pages back to the system, so that walking through any number of files keeps no
    more than what is looked at. ``facts`` is what the header says. Raises DamagedError or FileNotFoundError.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.facts = path, files.read_facts(path)
        try:
            with safe_open(path, "pt"):  # checks that the header tells the truth about the file
                pass
            with path.open("rb") as file:
                size = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(size))
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)  # private: never written back
        except (SafetensorError, ValueError, OSError) as error:
            raise DamagedError(f"{path.name} is damaged ({error}).") from error
        self._start = 8 + size
        header.pop("__metadata__", None)
        if odd := sorted({entry["dtype"] for entry in header.values()} - FILE_DTYPES.keys()):
            raise DamagedError(f"{path.name} holds numbers of a kind that Palette does not read ({', '.join(odd)}).")
        self.layout: Layout = {n: (FILE_DTYPES[e["dtype"]], tuple(e["shape"])) for n, e in sorted(header.items())}
        self._offsets = {name: tuple(entry["data_offsets"]) for name, entry in header.items()}

    def __getitem__(self, name: str) -> torch.Tensor:
        dtype, shape = self.layout[name]
        if not prod(shape):
            return torch.empty(shape, dtype=dtype)
        at = self._start + self._offsets[name][0]
        return torch.frombuffer(self._map, dtype=dtype, count=prod(shape), offset=at).view(shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self.layout)

    def __len__(self) -> int:
        return len(self.layout)

    def forget(self, name: str, start: int = 0, stop: int | None = None) -> None:
        """Give the pages of a tensor, or of its numbers ``start`` to ``stop``, back; the file still has them."""
        width = self.layout[name][0].itemsize
        begin = self._start + self._offsets[name][0] + start * width
        end = self._start + (self._offsets[name][1] if stop is None else self._offsets[name][0] + stop * width)
        begin -= begin % mmap.PAGESIZE
        if hasattr(mmap, "MADV_DONTNEED") and end > begin:
            self._map.madvise(mmap.MADV_DONTNEED, begin, end - begin)

    def digest(self, wanted: Callable[[str], bool] = lambda _: True) -> str:
        """``disk.digest_tensors`` of the tensors with a ``wanted`` name; their pages are given back."""
        sha = hashlib.sha256()
        for name in filter(wanted, self.layout):
            for start, stop in pieces(0, prod(self.layout[name][1])):
                self.digest_piece(sha, name, start, stop)
                self.forget(name, start, stop)
        return sha.hexdigest()

    def digest_piece(self, sha: hashlib._Hash, name: str, start: int, stop: int) -> None:
        """Add the numbers ``start`` to ``stop`` of a tensor to a digest, which takes tensors in order of name."""
        if start == 0:
            sha.update(_introduction(name, *self.layout[name]))
        sha.update(raw(self[name].reshape(-1)[start:stop]))


def _introduction(name: str, dtype: torch.dtype, shape: tuple[int, ...]) -> bytes:
    return f"{name}\0{dtype}\0{tuple(shape)}\0".encode()  # as in disk.digest_tensors


class Writer:
    """A safetensors file being written: ``put`` its tensors in order of name, each whole or in consecutive pieces."""

    def __init__(self, file: BinaryIO, layout: Layout, facts: Mapping[str, object], image: str, pool: Executor) -> None:
        self._file, self._layout, self._facts, self._image = file, layout, facts, image
        self._left = {name: prod(shape) * dtype.itemsize for name, (dtype, shape) in layout.items()}
        # Widest numbers first, as the safetensors library does, so that every tensor starts at a multiple of its width.
        self._places, end = {}, 0
        for name in sorted(layout, key=lambda n: (-layout[n][0].itemsize, n)):
            self._places[name] = (end, end + self._left[name])
            end += self._left[name]
        parts = {self._part(name) for name in layout}  # a file without image tower has no digest of one
        self._shas = {kind: hashlib.sha256() for kind in UNKNOWN_YET if kind == "digest" or len(parts) == 2}
        self._image_alone = parts == {"image_digest"}  # its digest is then the file's
        self._start = len(self._header(self._named({kind: UNKNOWN_YET[kind] for kind in self._shas})))
        self._order = iter(sorted(layout))
        self._now = ""
        self.digests: dict[str, str] = {}
        self._pool, self._hashing = pool, list[Future]()
        file.truncate(self._start + end)

    def _part(self, name: str) -> str:
        return "image_digest" if name.startswith(self._image) else "text_digest"

    def _named(self, digests: dict[str, str]) -> dict[str, str]:
        return {**digests, "image_digest": digests["digest"]} if self._image_alone else digests

    def _header(self, digests: Mapping[str, str]) -> bytes:
        palette = json.dumps({**self._facts, **digests}, sort_keys=True)
        entries: dict[str, object] = {"__metadata__": {"format": "pt", "palette": palette}}
        for name, place in self._places.items():
            dtype, shape = self._layout[name]
            entries[name] = {"dtype": NAMES[dtype], "shape": list(shape), "data_offsets": list(place)}
        text = json.dumps(entries, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text

    def put(self, name: str, piece: torch.Tensor) -> None:
        """Write the next piece of a tensor: contiguous, on the CPU, of the promised dtype, not changed later."""
        shas = [self._shas[kind] for kind in ("digest", self._part(name)) if kind in self._shas]
        if name != self._now:
            if self._left.get(self._now) or next(self._order, None) != name or piece.dtype != self._layout[name][0]:
                raise ValueError(f"{name} is not what this file was to hold next.")
            self._now = name
            self._wait()
            for sha in shas:
                sha.update(_introduction(name, *self._layout[name]))
        bytes_ = raw(piece)
        self._wait()
        self._hashing = [self._pool.submit(sha.update, bytes_) for sha in shas]  # while the next piece is being made
        self._file.seek(self._start + self._places[name][1] - self._left[name])
        self._file.write(bytes_)
        self._left[name] -= len(bytes_)

    def _wait(self) -> None:
        for one in self._hashing:
            one.result()
        self._hashing = []

    def finish(self) -> None:
        """Write the header, now that the digests are known."""
        self._wait()
        if any(self._left.values()):
            raise ValueError("The file is not finished.")
        self.digests = self._named({kind: sha.hexdigest() for kind, sha in self._shas.items()})
        self._file.seek(0)
        self._file.write(self._header(self.digests))


@contextmanager
def writing(path: Path, layout: Layout, facts: Mapping[str, object], image: str = "visual.") -> Iterator[Writer]:
    """Write a safetensors file atomically, as a stream; its header gets ``facts`` and the digests of its tensors.

    Byte for byte the file depends on the layout, the facts and the tensors alone. ``image`` is how the names of the
    image tower begin: it has a digest of its own. Raises DiskError; whatever else goes wrong leaves no file.
    """
    with files.replacing(path) as temporary, temporary.open("r+b") as file, ThreadPoolExecutor(2) as pool:
        writer = Writer(file, layout, facts, image, pool)
        yield writer
        writer.finish()
