"""A field for longer text that tells what is in it while one types (``st.text_area`` speaks only when it is left)."""

from __future__ import annotations

import streamlit as st

from pages.shared.components.declare import declare

_HTML = '<div class="live-text"><label><span></span><textarea spellcheck="false" rows="1"></textarea></label></div>'
_field = declare("live_text", _HTML)


def live_text(key: str, label: str, value: str, rows: int) -> str:
    """Draw the field, ``rows`` lines high, and return its text: ``value`` until something is typed.

    A field of another ``key`` begins anew.
    """
    typed = (st.session_state.get(key) or {}).get("text")
    text = value if typed is None else str(typed)
    data = {"label": label, "value": text, "rows": rows, "key": key}
    _field(key=key, data=data, on_text_change=lambda: None)  # what it says is kept only where somebody listens
    return text
