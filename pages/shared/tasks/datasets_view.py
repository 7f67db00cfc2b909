"""The data page's view as a value, and the catalogue's status as a table."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.tasks import STATES, Status, entries, home, statuses
from core.tasks import clear_cache as forget
from pages.shared.app.url_state import Parameters, written

OWN = "own"
MARKS = {"there": "✓ there", "half": "◐ half there", "download": "↓ can be downloaded", "hand": "○ by hand"}


@dataclass(frozen=True)
class View:
    """What is looked at: a data set of the catalogue (``data``), or data at a ``path``; and which states are listed."""

    data: str = ""
    path: str = ""
    state: str = ""

    @property
    def asked(self) -> str:
        """What would be added: a name of the catalogue, or a path; empty if nothing is chosen."""
        return self.path if self.data == OWN else self.data


def read(parameters: Parameters) -> View:
    """The view that an address asks for."""
    data = parameters.one_of("data", (OWN, *entries()), "", "which is not in the catalogue")
    path = parameters.text("path") if data == OWN else ""
    return View(data, path, parameters.one_of("state", STATES, "", f"which may be {', '.join(STATES)}"))


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out."""
    values = {"data": view.data, "path": view.path, "state": view.state}
    return written(values, dict.fromkeys(values, ""))


@st.cache_data(ttl=600, show_spinner="Looking which data sets are there …")
def _statuses(folder: str) -> list[Status]:
    return statuses()


def catalogue() -> list[Status]:
    """The status of the whole catalogue in the data folder; looked up again after ten minutes, or when asked."""
    return _statuses(str(home()))


def look_again() -> None:
    """Look at the disk anew."""
    forget()
    _statuses.clear()


def table(view: View, below: bool) -> None:
    """The whole catalogue: how many data sets stand how, then a row each."""
    every = catalogue()
    if below:
        st.subheader("The whole catalogue", anchor=False)
    else:
        for column, state in zip(st.columns(len(STATES)), STATES, strict=True):
            column.metric(MARKS[state], sum(s.state == state for s in every))
    rows = [_row(s) for s in every if view.state in ("", s.state)]
    columns = {
        "Data set": st.column_config.TextColumn(pinned=True, width=170),
        "Role": st.column_config.TextColumn(width=85),
        "Images": st.column_config.TextColumn(width=150),
        "How": st.column_config.TextColumn(width=420, help="Where it is, or what to do, with the reason."),
        "Page": st.column_config.LinkColumn(display_text="open ↗"),
    }
    listed = pd.DataFrame(
        rows, columns=["Data set", "State", "Role", "Images", "How", "Classes", "Paper", "Licence", "Page"]
    )
    if rows:
        st.dataframe(
            listed, hide_index=True, column_config=columns, height=min(460, 37 * len(rows) + 40), placeholder="–"
        )
    else:
        st.caption("No data set stands so.")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Look again", icon=":material/refresh:", on_click=look_again)
        csv = listed.to_csv(index=False)
        st.download_button("CSV", csv, "data-sets.csv", "text/csv", icon=":material/download:", on_click="ignore")
        st.caption(f"Data folder: `{home()}`; `PALETTE_DATA` names another. In a terminal: `python -m core data`")


def _row(status: Status) -> tuple:
    entry = status.entry
    sizes = ", ".join(f"{n:,} {part}" for part, n in status.sizes.items()) or None
    how = status.said.replace("`", "") + (f" {status.note}" if status.note not in status.said else "")
    return (
        entry.title,
        MARKS[status.state],
        entry.role,
        sizes,
        how,
        entry.classes or None,
        entry.paper,
        entry.licence,
        entry.home,
    )
