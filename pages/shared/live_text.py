"""A field for longer text that tells what is in it while one types (``st.text_area`` speaks only when it is left)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_field = st.components.v2.component(
    "palette_live_text",
    html='<div class="live-text"><label><span></span><textarea spellcheck="false" rows="1"></textarea></label></div>',
    css=(_HERE / "live_text.css").read_text(encoding="utf-8"),
    js=(_HERE / "live_text.js").read_text(encoding="utf-8"),
)


def typed(key: str) -> str | None:
    """What the field last said in this session, or None if it was not touched yet."""
    said = (st.session_state.get(key) or {}).get("text")
    return None if said is None else str(said)


def live_text(
    key: str, label: str, value: str, rows: int, placeholder: str = "", on_text: Callable[[], None] | None = None
) -> str:
    """Draw the field, ``rows`` lines high, and return its text: ``value`` until something is typed.

    ``on_text`` runs before the page runs again. A field of another ``key`` begins anew.
    """
    now = typed(key)
    text = value if now is None else now
    data = {"label": label, "value": text, "rows": rows, "placeholder": placeholder, "key": key}
    _field(key=key, data=data, on_text_change=on_text or (lambda: None))
    return text
