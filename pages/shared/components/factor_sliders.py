"""One live slider per component in a single component: mixing factors that move things while they are dragged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_sliders = st.components.v2.component(
    "palette_factor_sliders",
    html='<div class="factor-sliders" role="group" aria-label="Mixing factor of each component"></div>',
    css=(_HERE / "factor_sliders.css").read_text(encoding="utf-8"),
    js=(_HERE / "factor_sliders.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Moved:
    """What the sliders last said: every factor in [0, 1], and whether the hand has let go."""

    factors: tuple[float, ...]
    settled: bool
    sequence: int


def last_move(key: str) -> Moved | None:
    """The sliders' last word in this session, or None if they were not touched yet."""
    said = (st.session_state.get(key) or {}).get("moved")
    if not said:
        return None
    factors = tuple(min(1.0, max(0.0, round(float(f), 3))) for f in said["factors"])
    return Moved(factors, bool(said["settled"]), int(said["sequence"]))


def factor_sliders(
    key: str, names: Sequence[str], factors: Sequence[float], stamp: int, on_move: Callable[[], None]
) -> None:
    """Draw them; ``on_move`` runs before the fragment that holds them runs again, and reads ``last_move(key)``.

    ``stamp`` is raised whenever ``factors`` come from elsewhere than the sliders themselves.
    """
    move = last_move(key)
    data = {
        "names": list(names),
        "factors": list(factors),
        "stamp": stamp,
        "answered": move.sequence if move else 0,
    }
    _sliders(key=key, data=data, on_moved_change=on_move)
