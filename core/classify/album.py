"""Pictures that are ready for a model, kept small: prepared pixels, a thumbnail, a name, a label if there is one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.classify import decode
from core.classify.decode import IntakeError
from core.classify.uploads import Incoming
from core.progress import SILENT, Progress

THUMBNAIL = 160  # pixels on its longer side
MAX_ALBUM_BYTES = 512 * 2**20
Fit = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture: ``pixels`` uint8 (size, size, 3) as the model takes them, ``thumbnail`` uint8 (h, w, 3) for people.

    ``digest`` is of the pixels: equal pictures share their features. ``notes`` say what decoding had to do.
    """

    name: str
    label: str | None
    pixels: np.ndarray
    thumbnail: np.ndarray
    digest: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Album:
    """Pictures, and one sentence for each file that is none."""

    pictures: tuple[Picture, ...]
    refused: tuple[str, ...] = ()

    @classmethod
    def joined(cls, albums: Iterable[Album]) -> Album:
        """Several albums as one."""
        every = list(albums)
        return cls(tuple(p for a in every for p in a.pictures), tuple(s for a in every for s in a.refused))

    @property
    def bytes(self) -> int:
        """Memory that it takes, nearly."""
        pixels = sum(p.pixels.nbytes + p.thumbnail.nbytes for p in self.pictures)
        return pixels + 500 * (len(self.pictures) + len(self.refused))

    @property
    def labels(self) -> list[str | None]:
        """The label of each picture, as its folder was called."""
        return [picture.label for picture in self.pictures]


def picture(pixels: np.ndarray, fit: Fit, name: str, label: str | None = None, notes: Sequence[str] = ()) -> Picture:
    """A picture from pixels uint8 (h, w, 3); ``fit`` is the model's own transform (``vision.fitting``)."""
    prepared = np.ascontiguousarray(fit(pixels))
    small = Image.fromarray(pixels)
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    return Picture(
        _text(name),
        label if label is None else _text(label),
        prepared,
        np.asarray(small),
        hashlib.sha256(prepared.tobytes()).hexdigest(),
        tuple(notes),
    )


def take_in(incoming: Sequence[Incoming], fit: Fit, progress: Progress = SILENT) -> Album:
    """Decode files one after the other, so that memory holds one large picture at a time.

    A file that is no picture becomes a sentence and the others go on; when ``MAX_ALBUM_BYTES`` are full the rest is
    left out, and said.
    """
    taken: list[Picture] = []
    refused: list[str] = []
    room = MAX_ALBUM_BYTES
    for file in progress(incoming, "Reading pictures"):
        if room <= 0:
            refused.append(f"{decode.shown(file.name)} was left out: {len(taken):,} pictures are all that fit at once.")
            continue
        try:
            found = decode.read(file.read(), file.name)
        except IntakeError as error:
            refused.append(str(error))
            continue
        taken.append(picture(found.pixels, fit, file.name, file.label, found.notes))
        room -= taken[-1].pixels.nbytes + taken[-1].thumbnail.nbytes
    return Album(tuple(taken), tuple(refused))


def _text(name: str) -> str:
    return name.encode("utf-8", "replace").decode()
