"""One picture from bytes that anybody may have sent: upright and in plain RGB, or refused in one sentence."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from core import PaletteError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
SUFFIXES = ("png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff")
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 64_000_000
MAX_ASPECT = 100  # a picture longer than this many times its width holds nothing that a square model could see

_TURN = Image.Transpose
_UPRIGHT = {  # EXIF orientation (tag 274): what to do to see the picture as it was taken
    2: _TURN.FLIP_LEFT_RIGHT,
    3: _TURN.ROTATE_180,
    4: _TURN.FLIP_TOP_BOTTOM,
    5: _TURN.TRANSPOSE,
    6: _TURN.ROTATE_270,
    7: _TURN.TRANSVERSE,
    8: _TURN.ROTATE_90,
}
_READ = {b"\x89PNG": "PNG", b"\xff\xd8": "JPEG", b"RIFF": "WebP", b"GIF8": "GIF", b"BM": "BMP"} | dict.fromkeys(
    (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"), "TIFF"
)
_NOT_READ = {
    b"<svg": "an SVG drawing",
    b"<!doctype html": "a web page (HTML)",
    b"<html": "a web page (HTML)",
    b"%pdf": "a PDF",
    b"%!ps": "a PostScript file",
    b"pk\x03\x04": "a zip file",
    b"8bps": "a Photoshop file",
    b"\x1f\x8b": "a gzip file",
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
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check(image.size, said)
            return _plain(image)
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
    if not any(head.startswith(mark) for mark in _READ):
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
    for mark, kind in _READ.items():
        if data.startswith(mark):
            return f"{said} begins as a {kind} but is damaged or cut off; save it again from its source."
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    found = next((kind for mark, kind in _NOT_READ.items() if head.startswith(mark)), "")
    if head.startswith((b"<?xml", b"<!--")) and b"<svg" in head:
        found = "an SVG drawing"
    if data[4:8] == b"ftyp":
        found = {b"heic": "a HEIC photo", b"heix": "a HEIC photo", b"avif": "an AVIF picture"}.get(
            data[8:12], "a video"
        )
    what = found or "not a picture that can be read here"
    return f"{said} is {what}; send PNG, JPEG, WebP, GIF, BMP or TIFF."


def _plain(image: Image.Image) -> Decoded:
    notes = []
    if getattr(image, "is_animated", False) and image.format != "MPO":  # some phones' JPEGs hold a second view
        notes.append("first page only" if image.format == "TIFF" else "first frame only")
    image.load()
    turn = _UPRIGHT.get(_orientation(image))
    if turn is not None:
        notes.append("turned upright (EXIF)")
    if image.mode.startswith(("I", "F")):
        image, note = _eight_bits(image)
        notes.append(note)
    if image.mode == "CMYK":
        notes.append("CMYK turned into RGB")
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        image = Image.new("RGB", clear.size, "white")
        image.paste(clear, mask=clear)
        if np.asarray(clear.getchannel("A")).min() < 255:
            notes.append("transparency put on white")
    image = image.convert("RGB")
    return Decoded(np.asarray(image if turn is None else image.transpose(turn)), tuple(notes))


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a broken EXIF block says nothing, and does no harm
        return 1


def _eight_bits(image: Image.Image) -> tuple[Image.Image, str]:
    """Deep grey as 8 bits: 16-bit by its high byte, or as 12-bit where nothing is brighter than that, as cameras write
    it; whatever has no fixed range from its darkest to its brightest."""
    if image.mode.startswith("I;16"):
        deep = np.asarray(image)
        bits = 12 if 255 < deep.max() < 4096 else 16
        return Image.fromarray((deep >> (bits - 8)).astype(np.uint8)), f"{bits} bits turned into 8"
    values = np.array(image, dtype=np.float32) / 255  # so that no difference overflows
    finite = np.isfinite(values)
    low = float(values.min(where=finite, initial=np.inf))
    values[~finite] = low if np.isfinite(low) else 0.0  # holes in a measurement are dark
    values -= values.min()
    values *= 255 / (float(values.max()) or 1.0)
    return Image.fromarray(values.astype(np.uint8)), "stretched from its darkest to its brightest value"
