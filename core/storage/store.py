"""The one store of results: logits and features, keyed by content, written atomically, checked when read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import torch

from core.storage import files as disk
from core.storage.content_keys import digest_of


class Store:
    """Named groups of tensors in ``folder``, one safetensors file per key.

    A key is the digest of facts about content (checkpoint digests, coefficients, head digest, data digest), never a
    name or a path. A damaged entry is set aside and counts as absent; ``tell`` gets
    a sentence for people about that, and about results that could not be kept.
    """

    def __init__(self, folder: Path, tell: Callable[[str], object] = lambda _: None) -> None:
        self.folder, self.tell = folder, tell

    @staticmethod
    def key(**facts: object) -> str:
        """The key that belongs to facts about content."""
        return digest_of(**facts)

    def path(self, key: str) -> Path:
        """Where the entry is, or would be."""
        return self.folder / "results" / key[:2] / f"{key[2:32]}.safetensors"

    def __contains__(self, key: str) -> bool:
        return self.path(key).exists()

    def get(self, key: str) -> dict[str, torch.Tensor] | None:
        """The entry's tensors, or None if there is none or it is damaged."""
        path = self.path(key)
        try:
            return disk.read_tensors(path)
        except FileNotFoundError:
            return None
        except disk.DamagedError as error:
            disk.set_aside(path, self.folder / "damaged")
            self.tell(f"A stored result was damaged, set aside, and is computed again: {error}")
            return None

    def put(self, key: str, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, object] | None = None) -> None:
        """Keep an entry; ``facts`` go into its header for people. Raises DiskError."""
        disk.write_tensors(self.path(key), tensors, facts)

    def lock(self, key: str, waiting: Callable[[], None] = lambda: None) -> AbstractContextManager[None]:
        """A lock between processes for the work behind one key."""
        return disk.locked(self.folder / "locks" / f"{key[:32]}.lock", waiting)

    def get_or_make(
        self,
        key: str,
        make: Callable[[], Mapping[str, torch.Tensor]],
        facts: Mapping[str, object] | None = None,
        waiting: Callable[[], None] = lambda: None,
    ) -> dict[str, torch.Tensor]:
        """The entry, made and kept if it is not there; two processes that ask at once make it once.

        If the disk refuses the write the result is still returned, and ``tell`` says so: nothing computed is lost to a
        read-only or full folder.
        """
        if (found := self.get(key)) is not None:
            return found
        try:
            with self.lock(key, waiting):
                if (found := self.get(key)) is not None:
                    return found
                made = dict(make())
                self.put(key, made, facts)
                return made
        except disk.DiskError as error:
            self.tell(f"A result could not be kept: {error}")
            return dict(make())

    def changed(self) -> int:
        """When an entry last came or went, in ns: what was learnt from the store before then may be out of date."""
        return max((folder.stat().st_mtime_ns for folder in (self.folder / "results").glob("*")), default=0)

    def files(self) -> Iterator[Path]:
        """Every entry's file."""
        return (self.folder / "results").glob("*/*.safetensors")
