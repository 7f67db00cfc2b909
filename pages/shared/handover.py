"""From one page to the next with a recipe in hand: it is remembered on disk, and its key goes into the address."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from core.history import Entry, History
from core.lab import Lab
from core.recipe import Recipe

PAGES = Path(__file__).resolve().parents[1]
DESTINATIONS = {  # page file: what one does there, its icon, and a hint
    "recipe": ("What it fixed and broke", ":material/difference:", "Open this mix on the recipe page."),
    "classify": ("Classify images", ":material/image_search:", "Use this mix on your own images."),
    "typographic": ("Attack it", ":material/text_fields:", "Write words on pictures and see whether it follows them."),
    "export": ("Take it home", ":material/download:", "Export these merged weights."),
}


def go_on(
    lab: Lab, recipe: Recipe, title: str, page: str, parameters: dict[str, str], key: str, here: str = ""
) -> None:
    """A row of buttons that go on with ``recipe`` elsewhere; ``page`` and ``parameters`` lead back to where it is.

    ``here`` is the file of the page that draws them, if it is a destination itself.
    """
    there = {name: said for name, said in DESTINATIONS.items() if name != here and (PAGES / f"{name}.py").exists()}
    with st.container(horizontal=True, key=f"{key}.go_on"):
        for name, (label, icon, hint) in there.items():
            if st.button(label, icon=icon, help=hint, key=f"{key}.{name}"):
                entry = History(lab.folder).remember(recipe, title, f"{page}?{urlencode(parameters)}")
                st.switch_page(str(PAGES / f"{name}.py"), query_params={"recipe": entry.key})


def asked(lab: Lab, parameters: dict[str, str]) -> Entry | None:
    """The recipe that an address names (``?recipe=KEY``), or None. Raises PaletteError if it is not kept here."""
    return History(lab.folder)[parameters["recipe"]] if "recipe" in parameters else None
