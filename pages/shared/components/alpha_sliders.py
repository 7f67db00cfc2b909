"""A table of tasks with a live slider in each row: α_i, and what the mix is worth on each task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from pages.shared.components.declare import declare
from pages.shared.components.live_control import LiveControl, Move

_sliders = declare("alpha_sliders", '<div class="mixer"></div>')


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
    tooltip: str


@dataclass(frozen=True)
class Preset:
    """A mix that a button goes to."""

    label: str
    title: str
    values: tuple[float, ...]


def alpha_sliders(
    control: LiveControl,
    lines: Sequence[Line],
    alphas: tuple[float, ...],
    presets: Sequence[Preset],
    on_move: Callable[[Move], bool],
    enabled: bool,
) -> None:
    """Draw the table; ``on_move`` is as in ``LiveControl`` and gets every α_i."""
    rows, buttons = [asdict(line) for line in lines], [asdict(preset) for preset in presets]
    control.draw(_sliders, alphas, {"rows": rows, "presets": buttons, "enabled": enabled}, on_move)
