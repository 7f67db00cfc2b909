"""One picture from bytes that anybody may have sent: upright and in plain RGB, or refused in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from core import PaletteError
from core.tasks import pictures

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 64_000_000
MAX_ASPECT = 100  # a picture longer than this many times its width holds nothing that a square model could see
_SEND = "send PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF or JPEG 2000"
_NOT_READ = {
    b"<svg": "an SVG drawing",
    b"<!doctype html": "a web page (HTML)",
    b"<html": "a web page (HTML)",
    b"%pdf": "a PDF",
    b"%!ps": "a PostScript file",
    b"pk\x03\x04": "a zip file",
    b"8bps": "a Photoshop file",
    b"\x1f\x8b": "a gzip file",
    b"version https://git-lfs": "a Git LFS pointer, which stands for a picture that was not downloaded (git lfs pull)",
}


class IntakeError(PaletteError):
    """A file that is no usable picture; the message names it and says what to do."""


@dataclass(frozen=True)
class Decoded:
    """Pixels uint8 (height, width, 3), upright RGB, and what had to be done to get them, in a few words each."""

    pixels: np.ndarray
    notes: tuple[str, ...] = ()


def shown(name: str) -> str:
    """A file's name as people can read it: printable, and at most 80 characters of its end."""
    text = "".join(c if c.isprintable() else "�" for c in name.encode("utf-8", "replace").decode())
    return f"…{text[-79:]}" if len(text) > 80 else text or "a file without a name"


def decode_picture(data: bytes, name: str) -> np.ndarray:
    """Pixels uint8 (height, width, 3) of a picture file, upright, RGB, on white. Raises IntakeError."""
    return read(data, name).pixels


def read(data: bytes, name: str) -> Decoded:
    """A picture file, with notes on what was done to it. Its content decides what it is, never its name.

    Only headers are read before the limits on bytes, pixels and shape are checked. Raises IntakeError.
    """
    said = shown(name)
    if not data:
        raise IntakeError(f"{said} is empty (0 bytes); send it again.")
    if len(data) > MAX_BYTES:
        raise IntakeError(f"{said} is larger than {MAX_BYTES >> 20} MB; make it smaller.")
    try:
        with pictures.opened(data) as image:
            _check(image.size, said)
        found = pictures.read_noted(data)
        return Decoded(np.asarray(found.image), found.notes)
    except IntakeError:
        raise
    except Image.DecompressionBombError:
        raise IntakeError(f"{said} has more than {MAX_PIXELS / 1e6:.0f} million pixels; make it smaller.") from None
    except UnidentifiedImageError:
        raise IntakeError(_unreadable(data, said)) from None
    except Exception as error:  # on damaged files Pillow's readers raise almost anything
        said_why = f"{type(error).__name__}: {error}"[:120]
        raise IntakeError(f"{said} is damaged or cut off ({said_why}); save it again from its source.") from None


def refuse_by_head(head: bytes, name: str) -> None:
    """Raise IntakeError if a file that begins like this (64 bytes are enough) cannot be a picture that we read."""
    if not pictures.kind(head):
        raise IntakeError(_unreadable(head, shown(name)) if head else f"{shown(name)} is empty (0 bytes).")


def _check(size: tuple[int, int], said: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise IntakeError(
            f"{said} is {width:,} × {height:,} pixels, more than {MAX_PIXELS / 1e6:.0f} million; make it smaller."
        )
    if max(size) > MAX_ASPECT * min(size):
        raise IntakeError(f"{said} is {width:,} × {height:,} pixels: too long and thin to show anything; crop it.")


def _unreadable(data: bytes, said: str) -> str:
    if kind := pictures.kind(data):
        return f"{said} begins as a {kind} but is damaged or cut off; save it again from its source."
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    found = next((kind for mark, kind in _NOT_READ.items() if head.startswith(mark)), "")
    if head.startswith((b"<?xml", b"<!--")) and b"<svg" in head:
        found = "an SVG drawing"
    if data[4:8] == b"ftyp":
        found = {b"heic": "a HEIC photo", b"heix": "a HEIC photo", b"mif1": "a HEIC photo"}.get(data[8:12], "a video")
    what = found or "not a picture that can be read here"
    return f"{said} is {what}; {_SEND}."
