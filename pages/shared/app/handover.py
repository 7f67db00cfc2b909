"""From one page to the next with a recipe in hand: it is remembered on disk, and its key goes into the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from core.exchange import known_figures
from core.recipes import Recipe
from core.workspace import History, HistoryEntry, Lab, Mix

PAGES = Path(__file__).resolve().parents[2]
DESTINATIONS = {  # page file: what one does there, its icon, and a hint
    "recipe": ("What it fixed and broke", ":material/difference:", "Open this mix on the recipe page."),
    "classify": ("Classify images", ":material/image_search:", "Use this mix on your own images."),
    "typographic": ("Attack it", ":material/text_fields:", "Write words on pictures and see whether it follows them."),
    "export": ("Take it home", ":material/download:", "Export these merged weights."),
}
_PLACES = "handover.places"


def know(pages: Sequence) -> None:
    """Learn which page is at which address; the app says so on every run. The first page is at ``alpha``, too."""
    st.session_state[_PLACES] = {page.url_path or "alpha": page for page in pages}


def places() -> Mapping:
    """The pages by address."""
    return st.session_state.get(_PLACES, {})


def keep(lab: Lab, recipe: Recipe, title: str, page: str, parameters: dict[str, str]) -> HistoryEntry:
    """Remember a recipe with its known figures; ``page`` and ``parameters`` lead back to where it is."""
    origin = f"{page}?{urlencode(parameters)}" if parameters else ""
    return History(lab.folder).remember(recipe, title, origin, known_figures(lab, recipe))


def go_on(lab: Lab, recipe: Recipe, title: str, page: str, parameters: dict[str, str], key: str, but: str = "") -> None:
    """A row of buttons that keep ``recipe`` or go on with it elsewhere; ``but`` is the page file that asks.

    ``page`` and ``parameters`` lead back to where it is.
    """
    destinations = {name: words for name, words in DESTINATIONS.items() if name != but}
    with st.container(horizontal=True, key=f"{key}.go_on"):
        if st.button("Keep", icon=":material/bookmark:", help="Put this mix into the history.", key=f"{key}.keep"):
            keep(lab, recipe, title, page, parameters)
            st.toast(f"{title} is in the history now.", icon=":material/bookmark:")
        for name, (label, icon, hint) in destinations.items():
            if st.button(label, icon=icon, help=hint, key=f"{key}.{name}"):
                entry = keep(lab, recipe, title, page, parameters)
                st.switch_page(str(PAGES / f"{name}.py"), query_params={"recipe": entry.key})


def asked(lab: Lab, parameters: dict[str, str]) -> HistoryEntry | None:
    """The recipe that an address names (``?recipe=KEY``), or None. Raises PaletteError if it is not kept here."""
    return History(lab.folder)[parameters["recipe"]] if "recipe" in parameters else None


def note_figures(lab: Lab, mix: Mix) -> None:
    """Write what is known of a kept mix by now into the history."""
    history = History(lab.folder)
    entry = history.find(mix.recipe)
    if entry is not None and list(entry.figures) != (figures := known_figures(lab, mix.recipe)):
        history.change(entry.key, figures=figures)


def downloads(mix: Mix) -> None:
    """The recipe as a file, as commands and other pages read it."""
    st.download_button(
        "Recipe (JSON)",
        mix.recipe.to_json(),
        file_name="recipe.json",
        mime="application/json",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
    )
