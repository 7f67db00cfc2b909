"""A field for longer text that tells what is in it while one types (``st.text_area`` speaks only when it is left)."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_field = st.components.v2.component(
    "palette_live_text",
    html='<div class="live-text"><label><span></span><textarea spellcheck="false" rows="1"></textarea></label></div>',
    css=(_HERE / "live_text.css").read_text(encoding="utf-8"),
    js=(_HERE / "live_text.js").read_text(encoding="utf-8"),
)


def live_text(key: str, label: str, value: str, rows: int) -> str:
    """Draw the field, ``rows`` lines high, and return its text: ``value`` until something is typed.

    A field of another ``key`` begins anew.
    """
    said = (st.session_state.get(key) or {}).get("text")
    text = value if said is None else str(said)
    data = {"label": label, "value": text, "rows": rows, "key": key}
    _field(key=key, data=data, on_text_change=lambda: None)  # what it says is kept only where somebody listens
    return text
