"""One live slider per component in a single component: mixing factors that move things while they are dragged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pages.shared.components.declare import declare
from pages.shared.components.live_control import LiveControl, Move

_HTML = '<div class="factor-sliders" role="group" aria-label="Mixing factor of each component"></div>'
_sliders = declare("factor_sliders", _HTML)


def factor_sliders(
    control: LiveControl, names: Sequence[str], factors: tuple[float, ...], on_move: Callable[[Move], bool]
) -> None:
    """Draw a slider for each name; ``on_move`` is as in ``LiveControl`` and gets every factor."""
    control.draw(_sliders, factors, {"names": list(names)}, on_move)
