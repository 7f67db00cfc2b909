"""A table of tasks with a live slider in each row: α_i, and what the mix is worth on each task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_mixer = st.components.v2.component(
    "palette_mixer",
    html='<div class="mixer"></div>',
    css=(_HERE / "alpha_sliders.css").read_text(encoding="utf-8"),
    js=(_HERE / "alpha_sliders.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Line:
    """One task: its title and colour, whether it has a slider, and its figures as text; ``whole``: of the whole val."""

    title: str
    colour: str
    slider: bool
    base: str
    mix: str
    interval: str
    difference: str
    whole: bool
    said: str


@dataclass(frozen=True)
class Preset:
    """A mix that a button goes to."""

    label: str
    title: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Move:
    """What the sliders last said: the α_i, and whether the hand has let go."""

    alphas: tuple[float, ...]
    settled: bool
    sequence: int


def last_move(key: str) -> Move | None:
    """The sliders' last word in this session, or None if they were not touched yet."""
    said = (st.session_state.get(key) or {}).get("moved")
    if not said:
        return None
    alphas = tuple(min(1.0, max(0.0, round(float(a), 4))) for a in said["values"])
    return Move(alphas, bool(said["settled"]), int(said["sequence"]))


def mixer(
    key: str,
    lines: Sequence[Line],
    alphas: tuple[float, ...],
    presets: Sequence[Preset],
    stamp: int,
    on_move: Callable[[], None],
    enabled: bool,
) -> None:
    """Draw the table; ``on_move`` runs before the fragment that holds it runs again, and reads ``last_move(key)``.

    ``stamp`` is raised whenever ``alphas`` come from elsewhere than the sliders themselves.
    """
    move = last_move(key)
    data = {
        "rows": [asdict(line) for line in lines],
        "values": list(alphas),
        "presets": [asdict(preset) for preset in presets],
        "stamp": stamp,
        "answered": move.sequence if move else 0,
        "enabled": enabled,
    }
    _mixer(key=key, data=data, on_moved_change=on_move)
