"""The address bar: a view is read from it once, kept in the session, and written back when it changes.

A link that somebody copied, the browser's back button and an address typed by hand all arrive here as parameters that
differ from what was last written; then the view is read again. What somebody does before the browser has heard of the
new address comes with the old one, which is then no wish to go back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlencode

import streamlit as st

V = TypeVar("V")
Reader = Callable[[Mapping[str, str]], tuple[V, list[str]]]
ECHO = 3.0  # seconds in which an address that was just left is taken for an echo, not for the back button
_replace = st.components.v2.component(
    "palette_address",
    html="<i hidden></i>",
    js="export default ({ data }) => { if (location.search !== data.search) "
    "history.replaceState(history.state, '', data.search + location.hash) }",
)


def whole_number(text: str, low: int, high: int) -> int | None:
    """The whole number that an address holds, if it lies from ``low`` to ``high``."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return None
    return int(text) if low <= int(text) <= high else None


def load(page: str, read: Reader[V]) -> tuple[V, list[str], bool]:
    """The view of ``page``, what could not be understood in the address, and whether it was read anew just now."""
    found = st.query_params.to_dict()
    kept = st.session_state.get(f"{page}.view")
    written = st.session_state.get(f"{page}.address")
    left = [
        address
        for address, when in st.session_state.get(f"{page}.addresses_left", ())
        if time.monotonic() - when < ECHO
    ]
    ours = [written, *left, *st.session_state.get(f"{page}.addresses", ())]
    if kept is not None and (found in ours or not found):
        return kept, st.session_state.get(f"{page}.complaints", []), False
    view, complaints = read(found)
    st.session_state[f"{page}.view"], st.session_state[f"{page}.complaints"] = view, complaints
    return view, complaints, True


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
