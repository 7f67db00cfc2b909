"""The Python side of a live control: what it told last, what it has to hear, and whether the hand has let go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

Value = float | tuple[float, ...]


@dataclass(frozen=True)
class Move:
    """A word of a live control: a number or several in [0, 1], and whether the hand has let go there."""

    value: Any
    settled: bool


class LiveControl:
    """A control in the browser that tells its value while it is moved (``live_control.js`` is its other side).

    The browser hears of a value only where that is not the control's own last word, so that an answer that comes late
    never moves a control in somebody's hand. ``digits`` is what values are rounded to.
    """

    def __init__(self, key: str, digits: int = 2) -> None:
        self.key, self.digits = key, digits
        self._told, self._stamp, self._settled = (f"{key}.{name}" for name in ("told", "stamp", "settled"))

    def last(self) -> Move | None:
        """The control's last word in this session, or None if it was not touched yet."""
        word = self._word()
        return Move(self._value(word["value"]), bool(word["settled"])) if word else None

    def held_at(self, value: Value) -> bool:
        """Whether a hand holds the control at this value."""
        move = self.last()
        return move is not None and move.value == value and not move.settled

    def settle(self) -> None:
        """Have the whole page follow, as when the hand lets go."""
        st.session_state[self._settled] = True

    def has_settled(self) -> bool:
        """Whether the hand has let go since this was last asked."""
        return st.session_state.pop(self._settled, False)

    def draw(self, component: Any, value: Value, data: Mapping[str, Any], on_move: Callable[[Move], bool]) -> None:
        """Draw the control at ``value``; ``data`` is what else the browser part needs.

        ``on_move`` runs before the fragment around the control runs again, and returns whether it took the move.
        """
        state = st.session_state
        if value != state.get(self._told):
            state[self._told], state[self._stamp] = value, state.get(self._stamp, 0) + 1
        word = self._word()
        sent = {"value": value, "stamp": state[self._stamp], "answered": int(word["sequence"]) if word else 0}
        component(key=self.key, data={**data, **sent}, on_moved_change=partial(self._moved, on_move))

    def _moved(self, on_move: Callable[[Move], bool]) -> None:
        move = self.last()
        if move is None:
            return
        if on_move(move):
            st.session_state[self._told], st.session_state[self._settled] = move.value, move.settled
        else:
            st.session_state.pop(self._told, None)  # it has to hear that

    def _word(self) -> Mapping[str, Any] | None:
        return (st.session_state.get(self.key) or {}).get("moved")

    def _value(self, raw: float | Sequence[float]) -> Value:
        if isinstance(raw, Sequence):
            return tuple(round(min(1.0, max(0.0, float(number))), self.digits) for number in raw)
        return round(min(1.0, max(0.0, float(raw))), self.digits)
