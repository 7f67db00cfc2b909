"""The one way to read a picture: upright, eight bits, plain RGB on white, whoever asks and wherever the bytes lie."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "QOI")
MOST_PIXELS = 178_956_970  # where Pillow itself takes a file for a bomb
VERSION = 2  # of the pixels that a file is read as; part of the key of whatever is computed from them

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
_MARKS = {b"\x89PNG": "PNG", b"\xff\xd8": "JPEG", b"RIFF": "WebP", b"GIF8": "GIF", b"BM": "BMP", b"qoif": "QOI"} | {
    **dict.fromkeys((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"), "TIFF"),
    **dict.fromkeys((b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51"), "JPEG 2000"),
    **dict.fromkeys((b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"), "PNM"),
}
_SPEECH = (b"iCCP", b"zTXt", b"iTXt", b"tEXt", b"eXIf")  # chunks of a PNG that decide no pixel as it is read here


@dataclass(frozen=True)
class Plain:
    """A picture in mode RGB, upright, and what had to be done to get it, in a few words each."""

    image: Image.Image
    notes: tuple[str, ...] = ()


class TooLargeError(ValueError):
    """A picture with more pixels than were asked for at most; ``size`` is its width and height."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__(f"{size[0]:,} × {size[1]:,} pixels are more than can be read")
        self.size = size


def kind(head: bytes) -> str:
    """What a file is that begins like this (16 bytes are enough), by content alone; "" if no picture read here."""
    if head[4:8] == b"ftyp":
        return "AVIF" if head[8:12] in (b"avif", b"avis") else ""
    if head.startswith(b"RIFF"):
        return "WebP" if head[8:12] == b"WEBP" or len(head) < 12 else ""
    if head[:1] == b"P" and head[2:3] not in b"\n\r\t #":
        return ""
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), "")


def opened(source: bytes | Path) -> Image.Image:
    """A picture whose header is read and whose pixels are not yet. Raises whatever Pillow and the disk raise.

    A PNG whose profile or comments are larger than Pillow allows is read without them: the picture is sound.
    """
    try:
        return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
    except ValueError as error:
        if "MAX_TEXT" not in str(error):
            raise
        return Image.open(io.BytesIO(_silent(_bytes(source))), formats=FORMATS)


def read(source: bytes | Path, most: int = MOST_PIXELS) -> Image.Image:
    """A picture file in RGB, upright, on white. Raises TooLargeError, or whatever Pillow and the disk raise."""
    return read_noted(source, most).image


def read_noted(source: bytes | Path, most: int = MOST_PIXELS) -> Plain:
    """The same, with notes on what was done to it."""
    try:
        with opened(source) as image:
            if image.width * image.height > most:
                raise TooLargeError(image.size)
            return plain(image)
    except ValueError as error:
        if "MAX_TEXT" not in str(error):  # what stands behind the pixels is only met when they are read
            raise
        return plain(opened(_silent(_bytes(source))))


def plain(image: Image.Image) -> Plain:
    """An open picture of any mode in RGB: the first frame, turned as EXIF says, deep grey made 8 bits, on white."""
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
    if image.mode == "LAB":
        image = _from_lab(image)
        notes.append("Lab turned into RGB")
    if image.mode == "CMYK":
        notes.append("CMYK turned into RGB")
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        image = Image.new("RGB", clear.size, "white")
        image.paste(clear, mask=clear)
        if np.asarray(clear.getchannel("A")).min() < 255:
            notes.append("transparency put on white")
    image = image.convert("RGB")
    return Plain(image if turn is None else image.transpose(turn), tuple(notes))


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a broken EXIF block says nothing, and does no harm
        return 1


def _from_lab(image: Image.Image) -> Image.Image:
    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    turned = ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
    assert turned is not None
    return turned


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


def _bytes(source: bytes | Path) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def _silent(png: bytes) -> bytes:
    """A PNG without its profile, comments and EXIF (chunks of RFC 2083 §3.2); rubbish stays rubbish."""
    kept, at = [png[:8]], 8
    while at + 8 <= len(png):
        (size,) = struct.unpack_from(">I", png, at)
        if png[at + 4 : at + 8] not in _SPEECH:
            kept.append(png[at : at + 12 + size])
        at += 12 + size
    return b"".join(kept)
