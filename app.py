"""Palette's frame: which workspace, which page. Start it with ``streamlit run app.py`` from any folder."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:  # whatever the working directory, and wherever Streamlit was started from
    sys.path.insert(0, str(HERE))

import streamlit as st  # noqa: E402

from pages.shared import frame, waiting, workspace  # noqa: E402

st.set_page_config("Palette", frame.icon(), layout="wide", initial_sidebar_state=230)
# An address must not be the name of a file in pages/: a fresh server would run that file alone, without this frame.
PAGES = [
    st.Page(
        HERE / "pages" / "alpha.py", title="How much patch?", icon=":material/tune:", url_path="patch", default=True
    ),
    st.Page(HERE / "pages" / "soups.py", title="Soups and mixing", icon=":material/blender:", url_path="mixing"),
    st.Page(HERE / "pages" / "gallery.py", title="Gallery of tasks", icon=":material/grid_view:", url_path="tasks"),
]
page = st.navigation(PAGES)
with frame.one_sentence():
    with st.sidebar:
        workspace.pick()
        waiting.panel(workspace.jobs())
    page.run()
    workspace.tell_notices()
