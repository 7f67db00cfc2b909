"""Palette's frame: which workspace, which page. Start it with ``streamlit run app.py`` from any folder."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:  # whatever the working directory, and wherever Streamlit was started from
    sys.path.insert(0, str(HERE))

import streamlit as st  # noqa: E402

from pages.shared import empty, frame, handover, waiting, workspace  # noqa: E402


def _page(file: str, title: str, icon: str, address: str, default: bool = False):
    return st.Page(
        HERE / "pages" / f"{file}.py", title=title, icon=f":material/{icon}:", url_path=address, default=default
    )


st.set_page_config("Palette", frame.icon(), layout="wide", initial_sidebar_state=230)
# An address must not be the name of a file in pages/: a fresh server would run that file alone, without this frame.
PAGES = {
    "Patch": [
        _page("alpha", "How much patch?", "tune", "patch", default=True),
        _page("strategies", "Many tasks", "stacks", "many-tasks"),
        _page("soups", "Soups and mixing", "blender", "mixing"),
    ],
    "Try": [
        _page("typographic", "Typographic lab", "text_fields", "attacks"),
        _page("classify", "Your images", "image_search", "your-images"),
    ],
    "Keep": [
        _page("recipe", "Recipes", "receipt_long", "recipes"),
        _page("export", "Take it home", "download", "take-home"),
        _page("import_checkpoint", "Bring a checkpoint", "login", "bring-in"),
    ],
    "Look": [
        _page("gallery", "Gallery of tasks", "grid_view", "tasks"),
        _page("datasets", "Data", "database", "data"),
        _page("models", "Models", "deployed_code", "workspaces"),
    ],
}
page = st.navigation(PAGES, expanded=True)
handover.know([each for section in PAGES.values() for each in section])
with frame.one_sentence():
    with st.sidebar:
        workspace.pick()
        waiting.panel(workspace.jobs())
    if not empty.instead_of(page.url_path):
        page.run()
    workspace.tell_notices()
