"""What the export page shows, as a value: read from the address, written to it."""

from __future__ import annotations

from dataclasses import dataclass

from core.exchange import DTYPES, FORMATS
from core.workspace import Lab
from pages.shared.app.url_state import Parameters, written
from pages.shared.widgets import recipe_picker


@dataclass(frozen=True)
class View:
    """Which mix (its word), in which format and dtype."""

    word: str
    fmt: str = "open_clip"
    dtype: str = "float32"


def read(lab: Lab, parameters: Parameters) -> View:
    """The view that an address asks for."""
    return View(
        recipe_picker.understood(lab, parameters, "recipe", recipe_picker.usual(lab)),
        parameters.one_of("format", FORMATS, View.fmt),
        parameters.one_of("dtype", DTYPES, View.dtype),
    )


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out."""
    values = {"recipe": view.word, "format": view.fmt, "dtype": view.dtype}
    return written(values, {"format": View.fmt, "dtype": View.dtype})
