"""The workspaces that there are, as a table with a button that opens one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from core.exchange import Workspace, inventory
from pages.shared.app import workspace


@st.cache_data(ttl=10, max_entries=4, show_spinner=False)
def shelf(cache: Path, made: int) -> list[Workspace]:
    """The inventory, read again when the number of workspaces ``made`` here changes, or after a few seconds."""
    return inventory(cache)


def draw(listed: list[Workspace]) -> None:
    """The table; a chosen row can be opened."""
    if not listed:
        st.info(
            "There is no workspace yet: make one from any model on the left, or restore `cache/mini` from the "
            "repository, which needs no download.",
            icon=":material/inventory_2:",
        )
        return
    now = workspace.name()
    table = pd.DataFrame(
        [
            ("●" if w.name == now else "", w.name, w.model, w.tasks, w.checkpoints, w.bytes / 1e6, w.precision)
            for w in listed
        ],
        columns=["Open", "Workspace", "Base model", "Tasks", "Checkpoints", "MB", "Computed with"],
    )
    form = {
        "Open": st.column_config.TextColumn(width=50, pinned=True),
        "Workspace": st.column_config.TextColumn(pinned=True),
        "Tasks": st.column_config.TextColumn(help="The catalogue's name, or how many tasks were added."),
        "Checkpoints": st.column_config.NumberColumn(help="Fine-tuned or imported image towers, besides the base."),
        "MB": st.column_config.NumberColumn(format="%.1f", help="Everything that the workspace has on disk."),
    }
    event = st.dataframe(
        table, hide_index=True, column_config=form, key="models.shelf", on_select="rerun", selection_mode="single-row"
    )
    rows = event.selection.rows
    picked = listed[rows[0]].name if rows and rows[0] < len(listed) else None
    if picked and picked != now:
        if st.button(f"Open {picked}", icon=":material/folder_open:", type="primary", key="models.open"):
            workspace.switch_to(picked)
    else:
        st.caption("Choose a row to open its workspace on every page.")
