"""Any text on any picture, in any look: deterministic, wrapped or shrunk until it fits."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, field, fields

import numpy as np
from PIL import Image

from core import PaletteError
from core.attacks import fonts
from core.attacks.fonts import Face

LONGEST = 400  # characters
SMALLEST = 4  # pixels of letter height; below that nobody reads
FILL = 0.98  # share of the picture that text and plate may take
Masks = tuple[Image.Image, Image.Image, Image.Image]
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class TypographyError(PaletteError):
    """A look that makes no sense, or a text that cannot be written; the message says what to change."""


@dataclass(frozen=True)
class Look:
    """How a text looks and where it stands.

    ``size`` is the font's size (its em) as a share of the picture's shorter side; ``outline`` the outline's width as a
    share of that. Colours are "#rrggbb"; no ``plate`` is "". ``x`` and ``y`` say where its middle is, as shares of
    width and height; what would stick out is moved inside. ``rotation`` is in degrees against the clock, ``opacity``
    in (0, 1]. By default dark letters on a white note, as on PAINT's photographs. Raises TypographyError for values
    outside LIMITS and colours that are none.
    """

    face: Face = field(default_factory=Face)
    size: float = 0.24
    colour: str = "#202020"
    outline: float = 0.0
    outline_colour: str = "#ffffff"
    plate: str = "#ffffff"
    x: float = 0.5
    y: float = 0.8
    rotation: float = 0.0
    opacity: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise TypographyError(f"{name} must lie between {low:g} and {high:g}, not {value:g}.")
        for name in ("colour", "outline_colour", *(["plate"] if self.plate else [])):
            if not _COLOUR.fullmatch(getattr(self, name)):
                said = name.replace("_", " ")
                raise TypographyError(f"The {said} must be written like #ff8800, not {getattr(self, name)!r}.")
        fonts.sized(self.face, 12)


LIMITS: dict[str, tuple[float, float]] = {
    "size": (0.03, 1.0),
    "outline": (0.0, 0.3),
    "x": (0.0, 1.0),
    "y": (0.0, 1.0),
    "rotation": (-180.0, 180.0),
    "opacity": (0.05, 1.0),
}
"""Least and greatest value of each number of a look."""
assert set(LIMITS) <= {f.name for f in fields(Look)}


def write(image: np.ndarray, text: str, look: Look = Look()) -> np.ndarray:
    """A copy of ``image``, uint8 (height, width, 3), with ``text`` on it; no text gives the picture itself.

    A line break in the text starts a line. Raises FontError for a character that the font lacks, TypographyError for
    a text that is too long to be read on a picture of this size.
    """
    text = unicodedata.normalize("NFC", text)  # é as one character: fonts place an accent of its own badly
    text = "\n".join(" ".join(part.split()) for part in text.strip().splitlines())
    if not text:
        return image.copy()
    if len(text) > LONGEST:
        raise TypographyError(f"That text has {len(text):,} characters; {LONGEST} are the most that is written.")
    fonts.check(look.face, text)
    height, width = image.shape[:2]
    plate, outline, ink = (_turn(mask, look.rotation) for mask in _block(text, look, width, height))
    before = Image.fromarray(np.ascontiguousarray(image))
    canvas, place = before.copy(), _place(look, ink.size, (width, height))
    for colour, mask in ((look.plate, plate), (look.outline_colour, outline), (look.colour, ink)):
        if colour and mask.getbbox():
            canvas.paste(colour, (*place, place[0] + mask.width, place[1] + mask.height), mask)
    return np.array(canvas if look.opacity == 1 else Image.blend(before, canvas, look.opacity))


def wrap(text: str, face: Face, pixels: int, width: float) -> list[str]:
    """Lines of ``text`` that are at most ``width`` pixels wide, broken at spaces; a single word may be wider."""
    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}".strip()
            if line and fonts.length(face, pixels, longer) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return lines


def _block(text: str, look: Look, width: int, height: int) -> Masks:
    """Plate, outline and ink of the text as masks of one size, as large as asked for, or as large as fits."""
    pixels = max(SMALLEST, round(look.size * min(width, height)))
    while True:
        stroke = round(look.outline * pixels)
        margin = stroke + (max(1, round(0.2 * pixels)) if look.plate else 0)
        across = _room(look.rotation, width * FILL, height * FILL)
        lines = wrap(text, look.face, pixels, across - 2 * margin)
        wide = max(fonts.length(look.face, pixels, line) for line in lines) + 2 * margin
        tall = fonts.line_height(look.face, pixels) * len(lines) + 2 * margin
        if _fits(wide, tall, look.rotation, width * FILL, height * FILL):
            return _masks(lines, look.face, pixels, stroke, margin)
        if pixels <= SMALLEST:
            raise TypographyError(f"{text[:20]!r}… is too long for a picture of {width} × {height}; write less.")
        pixels = max(SMALLEST, min(pixels - 1, round(pixels * 0.94)))


def _room(rotation: float, width: float, height: float) -> float:
    """The longest line that a turned text may have."""
    turn = math.radians(rotation)
    return min(width / max(abs(math.cos(turn)), 1e-6), height / max(abs(math.sin(turn)), 1e-6))


def _fits(wide: float, tall: float, rotation: float, width: float, height: float) -> bool:
    cos, sin = abs(math.cos(math.radians(rotation))), abs(math.sin(math.radians(rotation)))
    return wide * cos + tall * sin <= width + 1 and wide * sin + tall * cos <= height + 1


def _masks(lines: list[str], face: Face, pixels: int, stroke: int, margin: int) -> Masks:
    drawn = [[fonts.line(face, pixels, line, s) for line in lines] for s in (0, stroke)]
    step = fonts.line_height(face, pixels)
    size = (max(m.shape[1] for m in drawn[0]) + 2 * margin, step * len(lines) + 2 * margin)
    layers = []
    for masks, grown in zip(drawn, (0, stroke), strict=True):
        layer = np.zeros(size[::-1], np.uint8)
        for i, mask in enumerate(masks):
            top, left = margin + i * step - grown, (size[0] - mask.shape[1]) // 2
            part = layer[top : top + mask.shape[0], left : left + mask.shape[1]]
            np.maximum(part, mask, out=part)
        layers.append(Image.fromarray(layer))
    outline = layers[1] if stroke else Image.new("L", size)
    return Image.new("L", size, 255), outline, layers[0]


def _turn(mask: Image.Image, degrees: float) -> Image.Image:
    return mask.rotate(degrees, Image.Resampling.BICUBIC, expand=True) if degrees else mask


def _place(look: Look, size: tuple[int, int], picture: tuple[int, int]) -> tuple[int, int]:
    """Upper left corner of a block with its middle where the look says, moved inside if it would stick out."""

    def corner(share: float, part: int, whole: int) -> int:
        return max(0, min(round(share * whole - part / 2), whole - part))

    return corner(look.x, size[0], picture[0]), corner(look.y, size[1], picture[1])
