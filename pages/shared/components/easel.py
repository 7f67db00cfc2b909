"""A picture on which something is put in its place with the mouse, a finger or the arrow keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from pages.shared.widgets.picture_grid import data_url

_HERE = Path(__file__).parent
_HTML = '<div class="easel"><img tabindex="0" draggable="false" role="application"></div>'
_CSS = """
.easel img {
  display: block; width: 100%; max-height: 15.5rem; object-fit: contain; object-position: left top; cursor: crosshair;
  border-radius: 0.3rem; touch-action: none; user-select: none;
}
.easel img.coarse { image-rendering: pixelated; }
.easel img:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
"""
_easel = st.components.v2.component(
    "palette_easel", html=_HTML, css=_CSS, js=(_HERE / "easel.js").read_text(encoding="utf-8")
)
SHARP_BELOW = 200  # pixels: smaller pictures are enlarged with sharp pixels
LARGEST = 900


@dataclass(frozen=True)
class Spot:
    """Where the hand last put it, as shares of width and height, and whether it has let go."""

    x: float
    y: float
    settled: bool


def last_spot(key: str) -> Spot | None:
    """The easel's last word in this session, or None if it was not touched yet."""
    said = (st.session_state.get(key) or {}).get("put")
    if not said:
        return None
    x, y = (round(min(1.0, max(0.0, float(said[axis]))), 3) for axis in "xy")
    return Spot(x, y, bool(said["settled"]))


def easel(key: str, image: np.ndarray, at: tuple[float, float], alt: str, on_put: Callable[[], None]) -> None:
    """Show a picture, uint8 (h, w, 3); ``on_put`` runs before the fragment around it runs again."""
    picture = Image.fromarray(np.ascontiguousarray(image))
    picture.thumbnail((LARGEST, LARGEST))
    coarse = max(image.shape[:2]) < SHARP_BELOW
    _easel(
        key=key,
        data={"source": data_url(np.asarray(picture)), "coarse": coarse, "alt": alt, "x": at[0], "y": at[1]},
        on_put_change=on_put,
    )
