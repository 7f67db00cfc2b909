"""A slider for α that moves things while it is dragged (``st.slider`` speaks only when it is let go)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pages.shared.components.declare import declare
from pages.shared.components.live_control import LiveControl, Move
from pages.shared.widgets import colours

_HTML = """
<div class="live-slider">
  <label><span>α, how much of the patch</span><output></output></label>
  <div class="track"><input class="live" type="range" min="0" max="100" step="1"
    aria-label="alpha: 0 is the base, 1 is the fine-tuned model; arrow keys go to the next evaluated value"></div>
  <div class="ticks" aria-hidden="true"></div>
</div>
"""
_slider = declare("live_slider", _HTML)


def live_slider(
    control: LiveControl, value: float, stops: Sequence[float], chosen: float, on_move: Callable[[Move], bool]
) -> None:
    """Draw the slider, which stops at ``stops``, with a star at ``chosen``; ``on_move`` is as in ``LiveControl``."""
    marks = [
        {"at": 0, "text": "base", "title": "α = 0: the base, bit for bit", "colour": colours.BASE},
        {"at": 1, "text": "fine-tuned", "title": "α = 1: the fine-tuned model", "colour": colours.TUNED},
    ]
    if 0.05 < chosen < 0.92:
        marks.append({"at": chosen, "text": "★", "title": f"α = {chosen:g}, chosen on val", "colour": colours.PATCH})
    control.draw(_slider, value, {"stops": list(stops), "marks": marks}, on_move)
