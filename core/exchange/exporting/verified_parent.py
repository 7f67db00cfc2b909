"""A parent of a mix that is compared with its digest while it is read for the mix."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from core.exchange.slices import Piece, TensorSlice, tower_of
from core.models import MergeError
from core.storage import Mapped


class VerifiedParent:
    """A parent while it is mixed: its tower's digest is taken of the very pieces that are read for the mix.

    Where the file that is written has not just the tensors that the parent's digest is of, in the same order, the
    parent is read twice: ``check`` reads it before, and compares all that no mixing will pass. A ``sound`` parent, one
    that has not changed since it was last compared, is not compared again.
    """

    def __init__(self, name: str, mapped: Mapped, slices: Mapping[str, TensorSlice], mixed: bool, sound: bool) -> None:
        facts = {} if sound else mapped.facts
        self.name, self.mapped = name, mapped
        known = facts.get("image_digest") or facts.get("digest")
        names = [n for n in mapped.layout if tower_of(n) or "image_digest" not in facts]
        whole = [n for n in sorted(slices) if tower_of(n) and slices[n] == TensorSlice(n)]
        passing = mixed and known and names == whole
        self._expected = known if passing else None
        self._sha = hashlib.sha256()
        self._before: list[tuple[Callable[[str], bool], str]] = []
        if mixed and known and not passing:
            self._before.append((set(names).__contains__, known))
        if "image_digest" in facts and "text_digest" in facts:
            self._before.append((lambda name: not tower_of(name), facts["text_digest"]))

    def check(self) -> None:
        """Read what no mixing will pass and compare it. Raises MergeError if the parent is damaged."""
        self._compare(*((self.mapped.digest(wanted), digest) for wanted, digest in self._before))

    def watches(self, name: str) -> bool:
        """Whether its numbers are to be ``passed`` when they are mixed."""
        return bool(self._expected) and tower_of(name)

    def passed(self, piece: Piece) -> None:
        """Take a piece's numbers into the digest and give their pages back; pieces come in order, once mixed."""
        self.mapped.digest_piece(self._sha, piece.source, piece.start, piece.stop)
        self.mapped.forget(piece.source, piece.start, piece.stop)

    def finish(self) -> None:
        """Compare the digest of all that has passed. Raises MergeError if the parent is damaged."""
        if self._expected:
            self._compare((self._sha.hexdigest(), self._expected))

    def _compare(self, *digests: tuple[str, str]) -> None:
        if any(digest != expected for digest, expected in digests):
            raise MergeError(f"{self.name!r} is damaged: its content does not match its digest. Run verify.")
