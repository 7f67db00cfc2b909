"""The address bar: a view is read from it once, kept in the session, and written back when it changes.

A page says how its view is read from ``Parameters``, field by field, and which parameters it is written as.

A link that somebody copied, the browser's back button and an address typed by hand all arrive here as parameters that
differ from what was last written; then the view is read again. What somebody does before the browser has heard of the
new address comes with the old one, which is then no wish to go back.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar
from urllib.parse import urlencode

import streamlit as st

from core import PaletteError
from pages.shared.widgets.escape import plain

V = TypeVar("V")
ECHO = 3.0  # seconds in which an address that was just left is taken for an echo, not for the back button
_replace = st.components.v2.component(
    "palette_address",
    html="<i hidden></i>",
    js="export default ({ data }) => { if (location.search !== data.search) "
    "history.replaceState(history.state, '', data.search + location.hash) }",
)


def whole_number(text: str, low: int, high: int) -> int:
    """The whole number from ``low`` to ``high`` that a text is. Raises ValueError."""
    if text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high:
        return int(text)
    raise ValueError(f"but that is a whole number from {low:,} to {high:,}")


def share(text: str, digits: int = 2) -> float:
    """The number in [0, 1] that a text is, to so many digits. Raises ValueError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise ValueError("but that lies between 0 and 1")
    return round(value, digits)


class Parameters:
    """The parameters of an address, read by name; what makes no sense becomes a complaint and the usual value.

    A parser takes the text of a parameter. It raises a PaletteError, whose sentence is the complaint, or a ValueError,
    whose words end the sentence "This link asks for NAME TEXT, …".
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = given
        self.complaints: list[str] = []

    def parsed(self, name: str, parse: Callable[[str], V], usual: V, shown: str = "") -> V:
        """What ``parse`` makes of a parameter; the usual value, called ``shown``, where that fails or none is given."""
        text = self.given.get(name)
        if text is None:
            return usual
        try:
            return parse(text)
        except PaletteError as error:
            self.complaints.append(str(error))
        except ValueError as error:
            shown = shown or ("the usual" if usual in (None, "", ()) else str(usual))
            self.complaints.append(f"This link asks for {name} {text!r}, {error}; showing {shown}.")
        return usual

    def text(self, name: str, usual: str = "") -> str:
        """A parameter as it stands."""
        return self.given.get(name, usual)

    def flag(self, name: str) -> bool:
        """Whether a parameter is "yes"."""
        return self.given.get(name) == "yes"

    def one_of(self, name: str, allowed: Collection[str], usual: str, why: str = "which is not there") -> str:
        """One of these words; ``why`` says what is wrong with any other."""

        def known(text: str) -> str:
            if text in allowed or text == usual:
                return text
            raise ValueError(why)

        return self.parsed(name, known, usual)

    def whole(self, name: str, low: int, high: int, usual: int | None) -> int | None:
        """A whole number from ``low`` to ``high``."""
        return self.parsed(name, lambda text: whole_number(text, low, high), usual)

    def share(self, name: str, usual: float | None, shown: str = "", digits: int = 2) -> float | None:
        """A number in [0, 1], to so many digits."""
        return self.parsed(name, lambda text: share(text, digits), usual, shown)

    def shares(self, name: str, digits: int, count: int | None = None) -> tuple[float, ...]:
        """Numbers in [0, 1] with commas between them, ``count`` if that is given; none where one of them is none."""

        def numbers(text: str) -> tuple[float, ...]:
            try:
                values = tuple(share(word, digits) for word in text.split(",") if word)
            except ValueError:
                values = None
            if values is None and count is None:
                raise ValueError("which are no numbers from 0 to 1")
            if values is None or count not in (None, len(values)):
                raise ValueError(f"but it takes {count} numbers from 0 to 1")
            return values

        return self.parsed(name, numbers, ())

    def names(self, name: str, allowed: Collection[str]) -> tuple[str, ...]:
        """Words with commas between them, each once; those that are not allowed are left out."""
        words = [word for word in dict.fromkeys(self.given.get(name, "").split(",")) if word]
        if unknown := [word for word in words if word not in allowed]:
            which = "which are" if len(unknown) > 1 else "which is"
            self.complaints.append(
                f"This link asks for {name} {', '.join(map(repr, unknown))}, {which} not usable here and left out."
            )
        return tuple(word for word in words if word in allowed)


def written(values: Mapping[str, object], usual: Mapping[str, object]) -> dict[str, str]:
    """The parameters of these values; what is None or as usual is left out."""
    return {name: _text(value) for name, value in values.items() if value is not None and value != usual.get(name)}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def load(page: str, read: Callable[[Parameters], V]) -> tuple[V, bool]:
    """The view of ``page``, and whether it was read anew just now; what the address asks for in vain is said here."""
    view, complaints, anew = _load(page, read)
    for sentence in complaints:
        st.warning(plain(sentence), icon=":material/link_off:")
    return view, anew


def _load(page: str, read: Callable[[Parameters], V]) -> tuple[V, list[str], bool]:
    given = st.query_params.to_dict()
    kept = st.session_state.get(f"{page}.view")
    last = st.session_state.get(f"{page}.address")
    left = [
        address
        for address, when in st.session_state.get(f"{page}.addresses_left", ())
        if time.monotonic() - when < ECHO
    ]
    ours = [last, *left, *st.session_state.get(f"{page}.addresses", ())]
    if kept is not None and (given in ours or not given):
        return kept, st.session_state.get(f"{page}.complaints", []), False
    parameters = Parameters(given)
    view = read(parameters)
    st.session_state[f"{page}.view"], st.session_state[f"{page}.complaints"] = view, parameters.complaints
    return view, parameters.complaints, True


def save(page: str, view: V, write: Callable[[V], dict[str, str]]) -> None:
    """Keep the view, and put it into the address if that says something else."""
    older = [st.session_state.get(f"{page}.address"), st.query_params.to_dict()]
    parameters = _keep(page, view, write)
    if parameters != older[-1]:
        left = [
            *st.session_state.get(f"{page}.addresses_left", []),
            *((address, time.monotonic()) for address in older),
        ]
        st.session_state[f"{page}.addresses_left"] = left[-40:]
        st.query_params.from_dict(parameters)


def save_quietly(page: str, view: V, write: Callable[[V], dict[str, str]]) -> None:
    """The same without a step in the browser's history: for what changes with every key that is pressed.

    The browser may tell an older address for a while; the last few are remembered, so that they undo nothing.
    """
    parameters = _keep(page, view, write)
    before = [*st.session_state.get(f"{page}.addresses", []), st.query_params.to_dict(), parameters]
    st.session_state[f"{page}.addresses"] = before[-40:]
    _replace(key=f"{page}.replace", data={"search": "?" + urlencode(parameters)})


def _keep(page: str, view: V, write: Callable[[V], dict[str, str]]) -> dict[str, str]:
    parameters = write(view)
    if (name := st.session_state.get("workspace", "mini")) != "mini":
        parameters = {"workspace": name, **parameters}
    if st.session_state.get(f"{page}.view") != view:
        st.session_state[f"{page}.complaints"] = []
    st.session_state[f"{page}.view"], st.session_state[f"{page}.address"] = view, parameters
    return parameters
