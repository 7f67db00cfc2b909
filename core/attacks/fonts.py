"""Fonts to write with, by family: Pillow's own two, and the Source family that comes inside the streamlit package."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core import PaletteError

WEIGHTS = {"light": 300, "regular": 400, "bold": 700, "black": 900}
_FILES = {
    "Source Sans": ("SourceSansVF-Upright", "SourceSansVF-Italic"),
    "Source Serif": ("SourceSerifVariable-Roman", "SourceSerifVariable-Italic"),
    "Source Code": ("SourceCodeVF-Upright", "SourceCodeVF-Italic"),
}
PIXEL_HEIGHT = 11  # of the bitmap font's only size
_ABSENT = "\U0010ffff"  # no font draws this


class FontError(PaletteError):
    """A font that is not there, or a character that it does not draw."""


@dataclass(frozen=True)
class Face:
    """One member of a family: its weight (a name in WEIGHTS) and whether it is italic. Pillow's own have one each."""

    family: str = "Aileron"
    weight: str = "regular"
    italic: bool = False


@lru_cache(maxsize=1)
def families() -> dict[str, tuple[Path, ...]]:
    """Every family that can be written with, and its files (upright, italic); Pillow's own need none."""
    found: dict[str, tuple[Path, ...]] = {"Aileron": (), "Pixel": ()}
    package = importlib.util.find_spec("streamlit")
    if package is None or package.origin is None:
        return found
    folder = Path(package.origin).parent / "static"
    for family, stems in _FILES.items():
        files = [next(iter(sorted(folder.rglob(f"{stem}*.woff2"))), None) for stem in stems]
        if all(files):
            found[family] = tuple(f for f in files if f)
    return found


@lru_cache(maxsize=256)
def sized(face: Face, pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A face at a size in pixels (the bitmap font has only one). Raises FontError for an unknown family or weight."""
    if face.family not in families():
        raise FontError(f"There is no font {face.family!r}; the fonts are {', '.join(families())}.")
    if face.weight not in WEIGHTS:
        raise FontError(f"There is no weight {face.weight!r}; the weights are {', '.join(WEIGHTS)}.")
    if face.family == "Pixel":
        return ImageFont.load_default_imagefont()
    if face.family == "Aileron":
        return ImageFont.load_default(pixels)
    path = families()[face.family][int(face.italic)]
    font = ImageFont.truetype(path, pixels, layout_engine=ImageFont.Layout.BASIC)  # the same with and without Raqm
    axes = [(a["name"], float(a["default"] or 0)) for a in font.get_variation_axes()]
    font.set_variation_by_axes([float(WEIGHTS[face.weight]) if name == b"Weight" else at for name, at in axes])
    return font


@lru_cache(maxsize=4096)
def draws(face: Face, character: str) -> bool:
    """Whether the face has this character: whether it looks other than one that no font has."""
    if character.isspace():
        return True
    font = sized(face, 24)
    if isinstance(font, ImageFont.ImageFont):
        return character.isprintable() and ord(character) < 256
    return bytes(font.getmask(character)) != bytes(font.getmask(_ABSENT))


def check(face: Face, text: str) -> None:
    """Raise FontError, in one sentence with a way out, if the face lacks a character of ``text``."""
    missing = list(dict.fromkeys(c for c in text if not draws(face, c)))
    if not missing:
        return
    others = [f for f in families() if all(draws(Face(f), c) for c in text)]
    instead = f"{' or '.join(others)} would do" if others else "no font here has all of that, so write something else"
    shown = ", ".join(f"{c!r}" if c.isprintable() else f"U+{ord(c):04X}" for c in missing[:5])
    more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
    raise FontError(f"{face.family} cannot draw {shown}{more}; {instead}.")


def line_height(face: Face, pixels: int) -> int:
    """Pixels from one line to the next at a size."""
    font = sized(face, pixels)
    if isinstance(font, ImageFont.ImageFont):
        return max(1, round(pixels * 1.1))
    ascent, descent = font.getmetrics()
    return ascent + descent


def length(face: Face, pixels: int, text: str) -> float:
    """Width of a line of text in pixels."""
    font = sized(face, pixels)
    scale = pixels / PIXEL_HEIGHT if isinstance(font, ImageFont.ImageFont) else 1.0
    return font.getlength(text) * scale


def line(face: Face, pixels: int, text: str, stroke: int = 0) -> np.ndarray:
    """One line of text as coverage, uint8 (line height + 2 stroke, width + 2 stroke): 0 empty to 255 ink."""
    font = sized(face, pixels)
    size = (max(1, round(length(face, pixels, text))) + 2 * stroke, line_height(face, pixels) + 2 * stroke)
    if isinstance(font, ImageFont.ImageFont):
        return _bitmap_line(font, text, size, stroke)
    picture = Image.new("L", size)
    ImageDraw.Draw(picture).text((stroke, stroke), text, fill=255, font=font, stroke_width=stroke)
    return np.asarray(picture)


def _bitmap_line(font: ImageFont.ImageFont, text: str, size: tuple[int, int], stroke: int) -> np.ndarray:
    """The bitmap font at another size: its own pixels, enlarged without smoothing; outlined by shifting."""
    small = Image.new("L", (max(1, round(font.getlength(text))), PIXEL_HEIGHT))
    ImageDraw.Draw(small).text((0, 0), text, fill=255, font=font)
    inner = (max(1, size[0] - 2 * stroke), max(1, size[1] - 2 * stroke))
    way = Image.Resampling.NEAREST if inner[1] >= PIXEL_HEIGHT else Image.Resampling.BOX
    ink = np.pad(np.asarray(small.resize(inner, way)), stroke)
    shifts = [(y, x) for y in range(-stroke, stroke + 1) for x in range(-stroke, stroke + 1)]
    return np.max([np.roll(ink, shift, (0, 1)) for shift in shifts], axis=0)
