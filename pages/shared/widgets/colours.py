"""The colour language, the same on every page and in the theme; markers differ too, so that colour is never alone.

Each colour has a contrast of at least 3:1 on the light and on the dark background.
"""

from __future__ import annotations

BASE, TUNED, PATCH = "#85858d", "#d97706", "#8b5cf6"
SUPPORTED, PATCHING, OOD, ATTACK = "#3b8ad9", "#12a06a", "#0e9aa7", "#d94a5a"

ROLES = {"patching": PATCHING, "supported": SUPPORTED, "ood": OOD, "attack": ATTACK}
"""Colour of a task by its role."""

ROLE_NAMES = {"patching": "green", "supported": "blue", "ood": "gray", "attack": "red"}
"""The same in Streamlit's markdown, where the theme gives the names their colours."""

MODELS = {"base": BASE, "tuned": TUNED, "chosen": PATCH, "current": PATCH}
"""Colour of each model on a chart."""

MARKERS = {"base": "square", "tuned": "diamond", "chosen": "star", "current": "circle-open"}
"""Plotly's marker of each model on a chart."""


def faint(colour: str, share: float = 0.15) -> str:
    """A hex colour as a transparent one, for interval bands; ``share`` is its opacity in [0, 1]."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"
