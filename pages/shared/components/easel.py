"""A picture on which something is put in its place with the mouse, a finger or the arrow keys."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from pages.shared.components.declare import declare
from pages.shared.components.live_control import LiveControl, Move
from pages.shared.widgets.picture_grid import data_url

_HTML = '<div class="easel"><img tabindex="0" draggable="false" role="application"></div>'
_easel = declare("easel", _HTML)
SHARP_BELOW = 200  # pixels: smaller pictures are enlarged with sharp pixels
LARGEST = 900


def easel(
    control: LiveControl, image: np.ndarray, place: tuple[float, float], alt: str, on_move: Callable[[Move], bool]
) -> None:
    """Show a picture, uint8 (h, w, 3); ``on_move`` is as in ``LiveControl`` and gets shares of width and height."""
    picture = Image.fromarray(np.ascontiguousarray(image))
    picture.thumbnail((LARGEST, LARGEST))
    coarse = max(image.shape[:2]) < SHARP_BELOW
    control.draw(_easel, place, {"source": data_url(np.asarray(picture)), "coarse": coarse, "alt": alt}, on_move)
