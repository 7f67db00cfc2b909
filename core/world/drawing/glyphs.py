"""The icons: every glyph that the fonts inside the qtawesome package draw for the world's concepts.

The fonts are read as plain files; qtawesome itself, which wants Qt, is never imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.storage import digest_of
from core.world.concepts import CONCEPTS
from core.world.errors import WorldError

SIDE = 64  # masks are SIDE × SIDE
INK = 60  # the longer side of a glyph's ink; the rest is margin, so that bilinear sampling fades out at the edge

FONTS: dict[str, str] = {
    "mdi": "materialdesignicons6-webfont{}-6.9.96",
    "fa-solid": "fontawesome6-solid-webfont{}-6.7.2",
    "fa-regular": "fontawesome6-regular-webfont{}-6.7.2",
    "phosphor": "phosphor{}-1.3.0",
    "remix": "remixicon{}-2.5.0",
    "codicon": "codicon{}-0.0.36",
    "elusive": "elusiveicons-webfont{}-2.0",
}

STYLES: tuple[str, ...] = ("filled", "outline", "thin", "bold")

# font, family, style, and the names a concept goes by in that font; the first one found is drawn.
_PLACES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("mdi", "mdi", "filled", ("{}",)),
    ("mdi", "mdi", "outline", ("{}-outline",)),
    ("mdi", "mdi", "filled", ("{}-variant",)),
    ("fa-solid", "fontawesome", "filled", ("{}",)),
    ("fa-regular", "fontawesome", "outline", ("{}",)),
    ("phosphor", "phosphor", "thin", ("{}-thin",)),
    ("phosphor", "phosphor", "thin", ("{}-light",)),
    ("phosphor", "phosphor", "outline", ("{}",)),
    ("phosphor", "phosphor", "bold", ("{}-bold",)),
    ("phosphor", "phosphor", "filled", ("{}-fill",)),
    ("remix", "remix", "outline", ("{}-line",)),
    ("remix", "remix", "filled", ("{}-fill",)),
    ("remix", "remix", "outline", ("{}-2-line",)),
    ("remix", "remix", "filled", ("{}-2-fill",)),
    ("codicon", "codicon", "outline", ("{}",)),
    ("elusive", "elusive", "filled", ("{}", "{}-alt")),
)
FAMILIES: tuple[str, ...] = ("mdi", "fontawesome", "phosphor", "remix", "codicon", "elusive")

# SHA-256 of the font files and of the glyph table below; see table_digest().
EXPECTED_DIGEST = "8d9297ec3de029e40286577cd40015760ae25372fda36f228ba34ddb7355248f"


@dataclass(frozen=True)
class Glyph:
    """One drawing of one concept: indices into CONCEPTS, FAMILIES and STYLES, and where it is found."""

    concept: int
    family: int
    style: int
    font: str
    name: str
    code: int


@dataclass(frozen=True)
class Atlas:
    """All glyphs as masks.

    ``masks`` is uint8 (G, SIDE, SIDE), 0 empty to 255 ink; ``concept``, ``family`` and ``style`` are int64 (G,)
    indices into ``concepts``, ``families`` and ``styles``.
    """

    masks: np.ndarray
    concept: np.ndarray
    family: np.ndarray
    style: np.ndarray
    concepts: tuple[str, ...] = CONCEPTS
    families: tuple[str, ...] = FAMILIES
    styles: tuple[str, ...] = STYLES

    def where(self, concepts: tuple[str, ...], looks: tuple[tuple[str, str], ...] = ()) -> dict[int, np.ndarray]:
        """Glyph numbers of each concept, by its place in ``concepts``, of the given (family, style) pairs (or all).

        A concept that none of the looks draws is left out.
        """
        wanted = {(FAMILIES.index(f), STYLES.index(s)) for f, s in looks}
        fits = np.array([not wanted or (f, s) in wanted for f, s in zip(self.family, self.style, strict=True)])
        found = {i: np.flatnonzero(fits & (self.concept == CONCEPTS.index(c))) for i, c in enumerate(concepts)}
        return {i: numbers for i, numbers in found.items() if len(numbers)}


def fonts_folder() -> Path:
    """The folder of font files inside the installed qtawesome; raises WorldError if it is not installed."""
    spec = importlib.util.find_spec("qtawesome")
    if spec is None or not spec.submodule_search_locations:
        raise WorldError("The mini world's icons come from the qtawesome package; pip install qtawesome==1.4.2.")
    return Path(next(iter(spec.submodule_search_locations))) / "fonts"


def _read(font: str, ending: str) -> bytes:
    path = fonts_folder() / (FONTS[font].format("-charmap" if ending == "json" else "") + "." + ending)
    try:
        return path.read_bytes()
    except OSError:
        raise WorldError(f"The icon font file {path.name} is missing; pip install qtawesome==1.4.2.") from None


def charmap(font: str) -> dict[str, int]:
    """The code of every glyph name of one of FONTS; raises WorldError if the font is missing."""
    return {name: int(code, 16) for name, code in json.loads(_read(font, "json")).items()}


@lru_cache(maxsize=1)
def table() -> tuple[Glyph, ...]:
    """Every glyph of every concept, in a fixed order; the same drawing under two names is listed once."""
    charmaps = {font: charmap(font) for font in FONTS}
    glyphs, seen = [], set()
    for number, concept in enumerate(CONCEPTS):
        for font, family, style, names in _PLACES:
            name = next((n.format(concept) for n in names if n.format(concept) in charmaps[font]), None)
            if name is None or (font, charmaps[font][name]) in seen:
                continue
            seen.add((font, charmaps[font][name]))
            place = (FAMILIES.index(family), STYLES.index(style))
            glyphs.append(Glyph(number, *place, font, name, charmaps[font][name]))
    return tuple(glyphs)


def table_digest() -> str:
    """Hex SHA-256 of the font files' bytes and the glyph table: what decides how every icon looks."""
    fonts = {f: hashlib.sha256(_read(f, "ttf")).hexdigest() for f in FONTS}
    return digest_of(fonts=fonts, glyphs=[[g.concept, g.family, g.style, g.font, g.code] for g in table()])


@lru_cache(maxsize=1)
def checked_digest() -> str:
    """The glyph table's digest; raises WorldError if the installed fonts are not those this world was made with."""
    digest = table_digest()
    if digest != EXPECTED_DIGEST:
        raise WorldError(
            f"Installed qtawesome {_version()} does not draw the glyphs this world was made with; "
            "pip install qtawesome==1.4.2."
        )
    return digest


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("qtawesome")
    except PackageNotFoundError:
        return "(unknown version)"


def glyph_mask(font: str, code: int, side: int = SIDE, ink: int = INK) -> np.ndarray:
    """One glyph's mask, uint8 (side, side), its ink centred and its longer side ``ink`` pixels."""
    face = _face(font, ink)
    left, top, right, bottom = face.getbbox(chr(code))
    if right <= left or bottom <= top:
        raise WorldError(f"The icon font {font} draws nothing for code {code:#x}; pip install qtawesome==1.4.2.")
    # A glyph seldom fills its em square, so it is drawn once more at the size that makes its ink as long as asked.
    face = _face(font, max(8, round(ink * ink / max(right - left, bottom - top))))
    left, top, right, bottom = face.getbbox(chr(code))
    picture = Image.new("L", (side, side), 0)
    corner = ((side - (right - left)) / 2 - left, (side - (bottom - top)) / 2 - top)
    ImageDraw.Draw(picture).text((round(corner[0]), round(corner[1])), chr(code), fill=255, font=face)
    return np.asarray(picture, dtype=np.uint8)


@lru_cache(maxsize=256)
def _face(font: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(fonts_folder() / (FONTS[font].format("") + ".ttf")), size)


@lru_cache(maxsize=1)
def atlas() -> Atlas:
    """All glyphs, drawn once and kept in memory; raises WorldError if a font is missing or has changed."""
    checked_digest()
    glyphs = table()
    return Atlas(
        masks=np.stack([glyph_mask(g.font, g.code) for g in glyphs]),
        concept=np.array([g.concept for g in glyphs], dtype=np.int64),
        family=np.array([g.family for g in glyphs], dtype=np.int64),
        style=np.array([g.style for g in glyphs], dtype=np.int64),
    )
