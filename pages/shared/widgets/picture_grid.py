"""Small pictures with captions, as one grid."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st
from PIL import Image

_STYLE = """<style>
.contact { display: grid; grid-template-columns: repeat(auto-fill, minmax(WIDTHpx, 1fr)); gap: 0.75rem 0.6rem; }
.contact figure { margin: 0; font-size: 0.78rem; line-height: 1.3; overflow-wrap: anywhere; }
.contact img { width: 100%; image-rendering: pixelated; border-radius: 0.3rem; display: block; margin-bottom: 0.25rem; }
.contact .was { opacity: 0.75; }
</style>"""


@dataclass(frozen=True)
class Captioned:
    """A picture uint8 (height, width, 3) with lines of plain text below it; the first one is set in bold."""

    image: np.ndarray
    lines: tuple[str, ...]


def grid(pictures: Sequence[Captioned], width: int = 112) -> None:
    """Draw the pictures, as many in a row as fit, each at least ``width`` pixels wide, with sharp pixels."""
    cells = "".join(_cell(picture) for picture in pictures)
    st.html(f'{_STYLE.replace("WIDTH", str(width))}<div class="contact">{cells}</div>')


def _cell(picture: Captioned) -> str:
    head, *rest = (escape(line) for line in picture.lines)
    below = "".join(f'<div class="was">{line}</div>' for line in rest)
    alt = escape(", ".join(picture.lines), quote=True)
    return f'<figure><img alt="{alt}" src="{data_url(picture.image)}"><div><b>{head}</b></div>{below}</figure>'


def data_url(image: np.ndarray) -> str:
    """A picture uint8 (h, w, 3) as a PNG inside an address."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
