"""Digits and short texts as masks that can be stamped on pictures: from the icon fonts and Pillow's own Aileron."""

from __future__ import annotations

import hashlib
import json
from functools import cache

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from core.world.drawing.glyphs import FONTS, fonts_folder, glyph_mask
from core.world.drawing.shapes import SIZE
from core.world.errors import WorldError

SIDE = 64
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# an icon font, and the name that digit d goes by in it
LETTERINGS = (
    ("fa-solid", "{d}"),
    ("mdi", "numeric-{d}"),
    ("phosphor", "number-{word}"),
    ("phosphor", "number-{word}-bold"),
    ("remix", "number-{d}"),
)


@cache
def plate_digits() -> Tensor:
    """The digits in every lettering of the icon fonts: float (5, 10, 64, 64) in 0 to 1, each as tall as its square.

    Raises WorldError if a font or a name is missing.
    """
    masks = [[glyph_mask(font, code, SIDE, SIDE - 2) for code in _codes(font, name)] for font, name in LETTERINGS]
    return torch.from_numpy(np.array(masks, dtype=np.float32) / 255)


def _codes(font: str, name: str) -> list[int]:
    try:
        table = json.loads((fonts_folder() / (FONTS[font].format("-charmap") + ".json")).read_text())
        return [int(table[name.format(d=d, word=WORDS[d])], 16) for d in range(10)]
    except (OSError, KeyError) as missing:
        raise WorldError(f"The icon font {font} lacks its digits ({missing}); pip install qtawesome==1.4.2.") from None


@cache
def stamps_digest() -> str:
    """Hex SHA-256 of all digit masks: changes with the fonts or the way they are rasterised."""
    return hashlib.sha256((plate_digits() * 255).round().to(torch.uint8).numpy().tobytes()).hexdigest()


@cache
def printed(texts: tuple[str, ...]) -> Tensor:
    """Short texts in Aileron, Pillow's own font: float (len(texts), 64, 64) in 0 to 1, each filling its square."""
    font = ImageFont.load_default(96)
    return torch.stack([_filled(text, font) for text in texts])


def bolder(masks: Tensor, by: int) -> Tensor:
    """Masks whose strokes are ``by`` pixels wider on every side."""
    return nn.functional.max_pool2d(masks[:, None], 2 * by + 1, 1, by)[:, 0]


def _filled(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Tensor:
    """The text's ink, cropped and scaled to fit the square with a pixel to spare, its proportions kept."""
    left, top, right, bottom = font.getbbox(text)
    drawn = Image.new("L", (int(right - left) + 8, int(bottom - top) + 8))
    ImageDraw.Draw(drawn).text((4 - left, 4 - top), text, font=font, fill=255)
    ink = drawn.crop(drawn.getbbox())
    scale = (SIDE - 2) / max(ink.size)
    ink = ink.resize((max(1, round(ink.width * scale)), max(1, round(ink.height * scale))), Image.Resampling.BOX)
    square = Image.new("L", (SIDE, SIDE))
    square.paste(ink, ((SIDE - ink.width) // 2, (SIDE - ink.height) // 2))
    return torch.from_numpy(np.asarray(square, dtype=np.float32) / 255)


def stamp(masks: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Cover (n, 64, 64) of masks (n, 64, 64) that fill [-1, 1] of the frame with coordinates u, v (n, 64, 64)."""
    where = torch.stack([u.expand(len(masks), SIZE, SIZE), v.expand(len(masks), SIZE, SIZE)], dim=-1)
    return nn.functional.grid_sample(masks[:, None], where, align_corners=False)[:, 0]
