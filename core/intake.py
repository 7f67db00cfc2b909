"""Pictures from outside: the bytes of a file somebody gave, as RGB."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from core import PaletteError

MAX_PIXELS = 40_000_000


class IntakeError(PaletteError):
    """A file that is no picture, or one that cannot be used; the message names it and says why."""


def decode(data: bytes, name: str) -> np.ndarray:
    """A picture file's first frame, upright, on white, as uint8 (height, width, 3). Raises IntakeError."""
    if not data:
        raise IntakeError(f"{name} is empty (0 bytes); save it again.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data))
        if picture.width * picture.height > MAX_PIXELS:
            size = f"{picture.width} × {picture.height} pixels"
            raise IntakeError(f"{name} has {size}, more than {MAX_PIXELS / 1e6:.0f} million; make it smaller.")
        upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except IntakeError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise IntakeError(f"{name} is no picture that can be read; use PNG, JPEG, WebP, GIF, BMP or TIFF.") from None
    except (OSError, ValueError, SyntaxError, MemoryError, EOFError) as error:
        raise IntakeError(f"{name} is damaged or cut off ({error}); save it again.") from None
    white = Image.new("RGBA", upright.size, "white")
    return np.asarray(Image.alpha_composite(white, upright).convert("RGB"))
