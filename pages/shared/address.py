"""The address bar: a view is read from it once, kept in the session, and written back when it changes.

A link that somebody copied, the browser's back button and an address typed by hand all arrive here as parameters that
differ from what was last written; then the view is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import streamlit as st

V = TypeVar("V")
Reader = Callable[[Mapping[str, str]], tuple[V, list[str]]]


def load(page: str, read: Reader[V]) -> tuple[V, list[str], bool]:
    """The view of ``page``, what could not be understood in the address, and whether it was read anew just now."""
    found = st.query_params.to_dict()
    kept = st.session_state.get(f"{page}.view")
    written = st.session_state.get(f"{page}.address")
    if kept is not None and (found == written or not found):
        return kept, st.session_state.get(f"{page}.complaints", []), False
    view, complaints = read(found)
    st.session_state[f"{page}.view"], st.session_state[f"{page}.complaints"] = view, complaints
    return view, complaints, True


def save(page: str, view: V, write: Callable[[V], dict[str, str]]) -> None:
    """Keep the view, and put it into the address if that says something else."""
    parameters = write(view)
    if (name := st.session_state.get("workspace", "mini")) != "mini":
        parameters = {"workspace": name, **parameters}
    if st.session_state.get(f"{page}.view") != view:
        st.session_state[f"{page}.complaints"] = []
    st.session_state[f"{page}.view"], st.session_state[f"{page}.address"] = view, parameters
    if st.query_params.to_dict() != parameters:
        st.query_params.from_dict(parameters)
