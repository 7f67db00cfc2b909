"""Written words and figures as masks, in several looks: Pillow's two built-in fonts and the icon fonts' letters."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.storage import digest_of
from core.world.drawing.glyphs import charmap, glyph_mask
from core.world.errors import WorldError

HEIGHT, WIDTH = 24, 120  # the canvas of one word
MARGIN = 2

Face = Literal["aileron", "bitmap", "mdi", "fontawesome"]


@dataclass(frozen=True)
class Look:
    """How letters are drawn: the face; upper, lower or title case; weight in extra pixels; slant; outline only."""

    face: Face
    case: Literal["lower", "upper", "title"] = "lower"
    weight: int = 0
    slant: float = 0.0
    outlined: bool = False


LOOKS: dict[str, Look] = {
    "plain": Look("aileron"),
    "bold": Look("aileron", weight=1),
    "capitals": Look("aileron", "upper"),
    "bold capitals": Look("aileron", "upper", weight=1),
    "title": Look("aileron", "title", weight=1),
    "slanted": Look("aileron", slant=0.25),
    "outlined": Look("aileron", "upper", weight=1, outlined=True),
    "terminal": Look("bitmap"),
    "terminal capitals": Look("bitmap", "upper"),
    "terminal slanted": Look("bitmap", slant=0.25),
    "technical": Look("mdi", "upper"),
    "rounded": Look("fontawesome", "upper"),
}


@dataclass(frozen=True)
class Lettering:
    """Words drawn in looks: ``masks`` uint8 (words, looks, HEIGHT, WIDTH), ``aspect`` float32 (words, looks): the ink's
    width over its height; ``ink`` float32 (words, looks, 2): the ink's share of the canvas, (height, width)."""

    words: tuple[str, ...]
    looks: tuple[str, ...]
    masks: np.ndarray
    aspect: np.ndarray
    ink: np.ndarray


def word_masks(words: Sequence[str], look: str) -> np.ndarray:
    """Words in one look, uint8 (words, HEIGHT, WIDTH): 0 empty to 255 ink, centred, as large as the canvas allows.

    Raises WorldError for a look that is not in LOOKS, or a character that its face does not draw.
    """
    if look not in LOOKS:
        raise WorldError(f"There is no lettering look {look!r}; the looks are {', '.join(LOOKS)}.")
    return np.stack([_fit(_draw(word, LOOKS[look])) for word in words])


@lru_cache(maxsize=8)
def lettering(words: tuple[str, ...], looks: tuple[str, ...] = tuple(LOOKS)) -> Lettering:
    """Every word in every look, drawn once and kept in memory."""
    masks = np.stack([word_masks(words, look) for look in looks], axis=1)
    tall = _extent((masks > 32).any(axis=3))
    wide = _extent((masks > 32).any(axis=2))
    return Lettering(words, looks, masks, wide / tall, np.stack([tall / HEIGHT, wide / WIDTH], axis=-1))


def _extent(inked: Any) -> np.ndarray:
    """From the first to the last True along the last axis, gaps included, float32."""
    return (inked.shape[-1] - inked[..., ::-1].argmax(axis=-1) - inked.argmax(axis=-1)).astype(np.float32)


def _draw(word: str, look: Look) -> Image.Image:
    text = {"lower": str.lower, "upper": str.upper, "title": str.title}[look.case](word)
    picture = _from_icons(text, look.face) if look.face in ("mdi", "fontawesome") else _from_font(text, look)
    if look.slant:
        shift = look.slant * picture.height
        grown = Image.new("L", (picture.width + round(shift) + 1, picture.height), 0)
        grown.paste(picture, (round(shift), 0))
        shear = (1, look.slant, 0, 0, 1, 0)
        picture = grown.transform(grown.size, Image.Transform.AFFINE, shear, Image.Resampling.BILINEAR)
    return picture.crop(picture.getbbox() or (0, 0, 1, 1))


def _from_font(text: str, look: Look) -> Image.Image:
    font = ImageFont.load_default(28) if look.face == "aileron" else ImageFont.load_default_imagefont()
    left, top, right, bottom = (int(v) for v in font.getbbox(text))
    size = (right - left + 12, bottom - top + 12)
    picture = Image.new("L", size, 0)
    place, stroke = (6 - left, 6 - top), look.weight
    if look.face == "bitmap":  # drawn at its only size, then doubled: its pixels stay visible
        ImageDraw.Draw(picture).text(place, text, fill=255, font=font)
        return picture.resize((size[0] * 2, size[1] * 2), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(picture)
    if look.outlined:
        pen.text(place, text, fill=255, font=font, stroke_width=2, stroke_fill=255)
        pen.text(place, text, fill=0, font=font)
    else:
        pen.text(place, text, fill=255, font=font, stroke_width=stroke)
    return picture


def _from_icons(text: str, face: str) -> Image.Image:
    letters = [np.zeros((28, 12), np.uint8) if c == " " else _letter(c, face) for c in text]
    return Image.fromarray(np.concatenate(letters, axis=1))


@lru_cache(maxsize=256)
def _letter(character: str, face: str) -> np.ndarray:
    """One capital or figure from an icon font, uint8 (28, its own width), with a hair of space on both sides."""
    if not (character.isascii() and character.isalnum()):
        raise WorldError(f"The icon fonts draw letters a to z and figures, not {character!r}.")
    mask = glyph_mask(*_icon_of(character, face), side=32, ink=28)
    columns = np.flatnonzero(mask.any(axis=0))
    return np.pad(mask[2:30, columns[0] : columns[-1] + 1], ((0, 0), (2, 2)))


@lru_cache(maxsize=1)
def _charmaps() -> dict[str, dict[str, int]]:
    return {font: charmap(font) for font in ("mdi", "fa-solid")}


def _icon_of(character: str, face: str) -> tuple[str, int]:
    low = character.lower()
    if face == "mdi":
        return "mdi", _charmaps()["mdi"][f"numeric-{low}" if low.isdigit() else f"alpha-{low}"]
    return "fa-solid", _charmaps()["fa-solid"][low]


def _fit(picture: Image.Image) -> np.ndarray:
    scale = min((HEIGHT - 2 * MARGIN) / picture.height, (WIDTH - 2 * MARGIN) / picture.width)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    canvas = Image.new("L", (WIDTH, HEIGHT), 0)
    small = picture.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    canvas.paste(small, ((WIDTH - size[0]) // 2, (HEIGHT - size[1]) // 2))
    return np.asarray(canvas, dtype=np.uint8)


@lru_cache(maxsize=8)
def lettering_digest(words: tuple[str, ...]) -> str:
    """Hex SHA-256 of the words, and of what two of all words look like: changes when Pillow's built-in fonts do.

    Two words say it of them all, in a hundredth of the time that lettering them takes.
    """
    return digest_of(words=words, sample=hashlib.sha256(lettering(("sphinx", "quartz")).masks.tobytes()).hexdigest())
