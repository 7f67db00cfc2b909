"""How a browser part is declared: its JavaScript and its style are files beside this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent
SHARED = "live_control"  # what stands before the JavaScript and the style of every part


def declare(name: str, html: str) -> Any:
    """The component of ``NAME.js`` and ``NAME.css``, as ``st.components.v2.component`` returns it."""
    return st.components.v2.component(f"palette_{name}", html=html, css=_text(name, "css"), js=_text(name, "js"))


def _text(name: str, kind: str) -> str:
    return "".join((_HERE / f"{part}.{kind}").read_text(encoding="utf-8") for part in (SHARED, name))
