"""What was tried: every kept mix with its figures, to search, name, star, open, and go back to where it was made."""

from __future__ import annotations

import time
from urllib.parse import parse_qsl

import pandas as pd
import streamlit as st

from core import PaletteError
from core.workspace import BASE, History, HistoryEntry, Lab
from pages.shared.app.handover import places
from pages.shared.widgets import recipe_picker
from pages.shared.widgets.escape import plain
from pages.shared.widgets.formatting import percent

PER_PAGE = 8


def draw(lab: Lab) -> None:
    """The list with its search, a page at a time."""
    history = History(lab.folder)
    words = st.text_input(
        "Search", key="history.words", placeholder="A name, a model, a task …", icon=":material/search:"
    )
    entries = history.entries(words)
    if not entries:
        summary = (
            f"Nothing that was kept matches {words!r}."
            if words.strip()
            else ("Nothing is kept yet. “Keep” on any page, or “Open this mix” under Change, puts a mix here.")
        )
        st.info(summary, icon=":material/history:")
        return
    pages = -(-len(entries) // PER_PAGE)
    page = st.pagination(pages, key=f"history.page.{pages}.{words}") if pages > 1 else 1
    for entry in entries[(page - 1) * PER_PAGE : page * PER_PAGE]:
        _row(lab, history, entry)
    st.download_button(
        "All of these (CSV)",
        lambda: _csv(entries),
        file_name="history.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
    )


def _row(lab: Lab, history: History, entry: HistoryEntry) -> None:
    with st.container(border=True):
        star, name, go = st.columns([0.5, 5, 4], vertical_alignment="center")
        star.button(
            "",
            icon="⭐" if entry.star else ":material/star:",
            key=f"history.star.{entry.key}",
            type="tertiary",
            on_click=_change,
            args=(history, entry.key),
            kwargs={"star": not entry.star},
            help="Take the star away" if entry.star else "Star it: starred ones come first",
        )
        key = f"history.name.{entry.key}"
        name.text_input(
            "Name",
            entry.name,
            key=key,
            placeholder=entry.title,
            label_visibility="collapsed",
            max_chars=120,
            on_change=_rename,
            args=(history, entry.key, key),
        )
        with go.container(horizontal=True):
            st.button(
                "Open",
                key=f"history.open.{entry.key}",
                icon=":material/arrow_forward:",
                on_click=_open,
                args=(entry.key,),
            )
            path, _, query = entry.origin.partition("?")
            if (
                path in places()
                and path != "recipe"
                and st.button("Where it was made", key=f"history.origin.{entry.key}", icon=":material/undo:")
            ):
                st.switch_page(places()[path], query_params=dict(parse_qsl(query)))
            st.button(
                "",
                icon=":material/delete:",
                key=f"history.forget.{entry.key}",
                type="tertiary",
                help="Forget it",
                on_click=_forget,
                args=(lab, history, entry.key),
            )
        st.caption(_said(lab, entry))
        if complaint := st.session_state.pop(f"history.complaint.{entry.key}", ""):
            st.error(plain(complaint))


def _said(lab: Lab, entry: HistoryEntry) -> str:
    tested = [f for f in entry.figures if f["split"] == "test" and f["task"] in lab.tasks]
    figures = ", ".join(
        f"{lab.task(f['task']).title} {percent(f['accuracy'])} [{100 * f['low']:.1f} to {100 * f['high']:.1f}]"
        for f in tested[:4]
    )
    more = f" and {len(tested) - 4} more" if len(tested) > 4 else ""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.when))
    return f"{when} · {plain(entry.title)} · {figures + more + ' (test)' if figures else 'not measured yet'}"


def _csv(entries: list[HistoryEntry]) -> str:
    rows = [
        {"key": e.key, "name": e.name, "title": e.title, "star": e.star, "when": e.when, "origin": e.origin, **f}
        for e in entries
        for f in (e.figures or ({},))
    ]
    return pd.DataFrame(rows).to_csv(index=False)


def _open(key: str) -> None:
    st.session_state["recipe.mix"], st.session_state["recipe.show"] = key, "mix"


def _forget(lab: Lab, history: History, key: str) -> None:
    history.forget(key)
    for shown, instead in (("recipe.mix", recipe_picker.usual(lab)), ("recipe.against", BASE)):
        if st.session_state.get(shown) == key:
            st.session_state[shown] = instead


def _rename(history: History, key: str, widget: str) -> None:
    _change(history, key, name=st.session_state[widget])


def _change(history: History, key: str, **what: object) -> None:
    try:
        history.change(key, **what)
    except PaletteError as error:
        st.session_state[f"history.complaint.{key}"] = str(error)
