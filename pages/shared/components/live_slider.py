"""A slider for α that moves things while it is dragged (``st.slider`` speaks only when it is let go)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages.shared.widgets import colours

_HERE = Path(__file__).parent
_HTML = """
<div class="live-slider">
  <label><span>α, how much of the patch</span><output></output></label>
  <div class="track"><input type="range" min="0" max="100" step="1"
    aria-label="alpha: 0 is the base, 1 is the fine-tuned model; arrow keys go to the next evaluated value"></div>
  <div class="ticks" aria-hidden="true"></div>
</div>
"""
_slider = st.components.v2.component(
    "palette_live_slider",
    html=_HTML,
    css=(_HERE / "live_slider.css").read_text(encoding="utf-8"),
    js=(_HERE / "live_slider.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Move:
    """What the slider last said: where it is, and whether the hand has let go."""

    alpha: float
    settled: bool
    sequence: int


def last_move(key: str) -> Move | None:
    """The slider's last word in this session, or None if it was not touched yet."""
    said = (st.session_state.get(key) or {}).get("moved")
    return Move(round(float(said["alpha"]), 2), bool(said["settled"]), int(said["sequence"])) if said else None


def live_slider(
    key: str, value: float, stops: Sequence[float], chosen: float, stamp: int, on_move: Callable[[], None]
) -> None:
    """Draw the slider; ``on_move`` runs before the fragment that holds it runs again, and reads ``last_move(key)``.

    It stops at ``stops``. ``stamp`` is raised whenever ``value`` comes from elsewhere than the slider itself.
    """
    move = last_move(key)
    marks = [
        {"at": 0, "text": "base", "title": "α = 0: the base, bit for bit", "colour": colours.BASE},
        {"at": 1, "text": "fine-tuned", "title": "α = 1: the fine-tuned model", "colour": colours.TUNED},
    ]
    if 0.05 < chosen < 0.92:
        marks.append({"at": chosen, "text": "★", "title": f"α = {chosen:g}, chosen on val", "colour": colours.PATCH})
    data = {
        "value": value,
        "stops": list(stops),
        "marks": marks,
        "stamp": stamp,
        "answered": move.sequence if move else 0,
    }
    _slider(key=key, data=data, on_moved_change=on_move)
