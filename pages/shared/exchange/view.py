"""What the export page shows, as a value: read from the address, written to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.exchange import DTYPES, FORMATS
from core.workspace import Lab
from pages.shared.widgets import recipe_picker


@dataclass(frozen=True)
class View:
    """Which mix (its word), in which format and dtype."""

    word: str
    fmt: str = "open_clip"
    dtype: str = "float32"


def read(lab: Lab, parameters: Mapping[str, str]) -> tuple[View, list[str]]:
    """The view that an address asks for, and one sentence for each part of it that makes no sense."""
    usual = recipe_picker.usual(lab)
    word, complaints = recipe_picker.understood(lab, parameters.get("recipe", usual), usual)
    chosen = {}
    for name, known in (("format", list(FORMATS)), ("dtype", list(DTYPES))):
        chosen[name] = parameters.get(name, known[0])
        if chosen[name] not in known:
            complaints.append(f"This link asks for {name} {chosen[name]!r}; there is {', '.join(known)}.")
            chosen[name] = known[0]
    return View(word, chosen["format"], chosen["dtype"]), complaints


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out."""
    usual = View(view.word)
    parameters = {"recipe": view.word}
    if view.fmt != usual.fmt:
        parameters["format"] = view.fmt
    if view.dtype != usual.dtype:
        parameters["dtype"] = view.dtype
    return parameters
