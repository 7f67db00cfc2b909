"""The zoo: the checkpoints of a workspace, each a safetensors file with its digest, settings and start recipe."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch

from core import PaletteError
from core.recipes import Recipe
from core.storage import IntegrityRecord, files, quantised, signature

BASE = "base"
IMAGE_TOWER = "visual"
HEAD = "head"


class CheckpointError(PaletteError):
    """A checkpoint that is missing, damaged or does not fit; the message says what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """One set of trained weights on disk.

    ``digest`` is the SHA-256 of its tensors (of a base: of its image tower's); ``start`` the recipe whose weights it
    was fine-tuned from (None for a base); ``settings`` and ``seed`` what it was trained with; ``tasks`` what it was
    trained on; ``classes`` what its own trained head tells apart, none where the head is the text tower's. ``bits``
    is how many bits of a weight's difference from the base are stored, 0 where the weights themselves are; the digest
    is always of the weights that are used.
    """

    name: str
    digest: str
    path: Path
    tasks: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    seed: int | None = None
    start: Recipe | None = None
    classes: tuple[str, ...] = ()
    bits: int = 0

    @property
    def bytes(self) -> int:
        """Size on disk in bytes."""
        return self.path.stat().st_size


class Zoo:
    """The checkpoints in ``folder``: the base (a whole CLIP) and ``checkpoints/NAME.safetensors`` (image towers)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.verified = IntegrityRecord(folder / "verified.json")
        self._weights: dict[tuple[str, int, int], dict[str, dict[str, torch.Tensor]]] = {}
        self._headers: dict[str, tuple[tuple[int, int], Checkpoint]] = {}

    def path(self, name: str) -> Path:
        """Where the checkpoint ``name`` is, or would be. Raises CheckpointError for a name that could be a path."""
        if name == BASE:
            return self.folder / "base" / "open_clip_model.safetensors"
        try:
            return self.folder / "checkpoints" / f"{files.safe_name(name)}.safetensors"
        except ValueError as error:
            raise CheckpointError(str(error)) from None

    def names(self) -> list[str]:
        """Names of all checkpoints on disk, the base first."""
        found = sorted(p.stem for p in (self.folder / "checkpoints").glob("*.safetensors"))
        return [BASE, *found] if self.path(BASE).exists() else found

    def __contains__(self, name: str) -> bool:
        return self.path(name).exists()

    def __getitem__(self, name: str) -> Checkpoint:
        """What is known of a checkpoint, from its header alone. Raises CheckpointError if missing or damaged."""
        path = self.path(name)
        try:
            stat = path.stat()
            seen = (stat.st_size, stat.st_mtime_ns)
            if name in self._headers and self._headers[name][0] == seen:
                return self._headers[name][1]
            facts = files.read_facts(path)
        except FileNotFoundError:
            raise CheckpointError(self._missing(name)) from None
        except files.DamagedError as error:
            raise CheckpointError(self._damaged(name, error)) from None
        start = facts.get("start")
        found = Checkpoint(
            name=name,
            digest=facts.get("image_digest") or facts.get("digest") or self._digest(name),
            path=path,
            tasks=tuple(facts.get("tasks", ())),
            settings=facts.get("settings", {}),
            seed=facts.get("seed"),
            start=Recipe.from_json(start) if start else None,
            classes=tuple(facts.get("classes", ())),
            bits=int(facts.get("bits", 0)),
        )
        self._headers[name] = (seen, found)
        return found

    def weights(self, name: str) -> dict[str, torch.Tensor]:
        """The image tower's tensors, memory-mapped, named as in open_clip (``visual. ...``); verified unless the file
        has not changed since that was last done.

        A damaged checkpoint is set aside (never the base) and CheckpointError says how to get it back.
        """
        return self._tensors(name)[IMAGE_TOWER]

    def head(self, name: str) -> dict[str, torch.Tensor]:
        """``head.weight`` (classes, embed_dim) and ``head.bias`` (classes,) of a checkpoint that has them.

        Empty for one without a trained head. Raises CheckpointError as ``weights`` does.
        """
        return self._tensors(name)[HEAD]

    def whole(self, name: str) -> Path:
        """The file with a checkpoint's weights: its own, or, where few bits are stored, one in ``restored/`` made of
        those and the base at first use (in the system's temporary folder where the workspace cannot be written).

        Raises CheckpointError if it is missing, damaged, or was compressed against another base.
        """
        checkpoint = self[name]
        if not checkpoint.bits:
            return checkpoint.path
        file = f"{checkpoint.digest[:32]}.safetensors"
        for folder in (self.folder / "restored", self._temporary / "restored"):
            if (folder / file).exists():
                return folder / file
        facts, tensors = self._restored(checkpoint)
        try:
            path = self.folder / "restored" / file
            files.write_tensors(path, tensors, facts)
        except files.DiskError:
            path = self._temporary / "restored" / file
            files.write_tensors(path, tensors, facts)
        return path

    @cached_property
    def _temporary(self) -> Path:
        folder = tempfile.mkdtemp(prefix="palette-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def _restored(self, checkpoint: Checkpoint) -> tuple[dict, dict[str, torch.Tensor]]:
        """The header and the weights of a checkpoint whose task vector is stored in few bits."""
        try:
            facts, stored = files.read_facts(checkpoint.path), files.read_tensors(checkpoint.path)
        except files.DamagedError as error:
            raise CheckpointError(self._damaged(checkpoint.name, error)) from None
        if facts["base"] != self[BASE].digest:
            raise CheckpointError(
                f"Checkpoint {checkpoint.name!r} stores its difference from another base than that of "
                f"{self.folder.name}; bring in its whole weights."
            )
        weights = quantised.restore(self.weights(BASE), stored, checkpoint.bits)
        if files.digest_tensors(weights) != checkpoint.digest:
            raise CheckpointError(self._damaged(checkpoint.name, "its weights do not match their digest."))
        return {k: v for k, v in facts.items() if k not in ("bits", "base", "image_digest", "digest")}, weights

    def _tensors(self, name: str) -> dict[str, dict[str, torch.Tensor]]:
        path = self.whole(name)
        stat = path.stat()
        key = (name, stat.st_size, stat.st_mtime_ns)
        if key not in self._weights:
            before = signature(path)
            try:
                tensors = files.read_tensors(path, verify=path not in self.verified)
            except files.DamagedError as error:
                raise CheckpointError(self._damaged(name, error)) from None
            self.verified.add(path, before)
            parts = {p: {n: t for n, t in tensors.items() if n.startswith(p + ".")} for p in (IMAGE_TOWER, HEAD)}
            self._weights = {k: v for k, v in self._weights.items() if k[0] != name}
            self._weights[key] = parts
        return self._weights[key]

    def add(
        self,
        name: str,
        weights: Mapping[str, torch.Tensor],
        *,
        tasks: tuple[str, ...] = (),
        settings: Mapping[str, object] | None = None,
        seed: int | None = None,
        start: Recipe | None = None,
        classes: tuple[str, ...] = (),
        bits: int = 0,
    ) -> Checkpoint:
        """Keep an image tower under ``name``, atomically; an older one of that name is replaced. Raises DiskError.

        The weights may hold a head, which then tells ``classes`` apart. With ``bits`` (8 or 4) their difference from
        the base is stored in that many bits a weight, and what is stored is the checkpoint.
        """
        facts = {
            "tasks": list(tasks),
            "settings": dict(settings or {}),
            "seed": seed,
            "start": start.to_json() if start else None,
            **({"classes": list(classes)} if classes else {}),
        }
        if bits:
            base = self.weights(BASE)
            stored = quantised.difference(base, weights, bits)
            digest = files.digest_tensors(quantised.restore(base, stored, bits))
            facts |= {"bits": bits, "base": self[BASE].digest, "image_digest": digest}
            weights = stored
        files.write_tensors(self.path(name), weights, facts)
        return self[name]

    def verify(self, name: str) -> str | None:
        """Read every byte of a checkpoint again; returns what is wrong in one sentence, or None."""
        try:
            files.read_tensors(self.path(name))
            if self[name].bits:
                self._restored(self[name])
        except CheckpointError as error:
            return str(error)
        except FileNotFoundError:
            return self._missing(name)
        except files.DamagedError as error:
            return str(error)
        return None

    def _digest(self, name: str) -> str:
        tensors = files.read_tensors(self.path(name))  # a file of others, whose header says nothing
        return files.digest_tensors({n: t for n, t in tensors.items() if n.startswith(IMAGE_TOWER + ".")})

    def _missing(self, name: str) -> str:
        known = ", ".join(self.names()) or "none"
        return f"{self.folder.name} has no checkpoint {name!r}, only {known}. Run `python -m core build`."

    def _damaged(self, name: str, error: Exception | str) -> str:
        if name == BASE:
            return f"The base model of {self.folder.name} cannot be read: {error} Restore it from the repository."
        moved = files.set_aside(self.path(name), self.folder / "damaged")
        where = f"It was set aside as damaged/{moved.name}" if moved else "It could not be moved away"
        return f"Checkpoint {name!r} cannot be read: {error} {where}; `python -m core build` makes it again."
