"""Palette's frame: which workspace, which page. Start it with ``streamlit run app.py`` from any folder."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:  # whatever the working directory, and wherever Streamlit was started from
    sys.path.insert(0, str(HERE))

import streamlit as st  # noqa: E402

from pages.shared.app import frame, handover, job_status, no_tasks, workspace  # noqa: E402


def _page(file: str, title: str, icon: str, default: bool = False):
    """A page at the address that is its file's name, as ``frame.within_app`` needs it."""
    return st.Page(
        HERE / "pages" / f"{file}.py", title=title, icon=f":material/{icon}:", url_path=file, default=default
    )


def main() -> None:
    """One run of the app."""
    frame.begin()
    pages = {
        "Patch": [
            _page("alpha", "How much patch?", "tune", default=True),
            _page("strategies", "Many tasks", "stacks"),
            _page("soups", "Soups and mixing", "blender"),
        ],
        "Try": [
            _page("typographic", "Typographic lab", "text_fields"),
            _page("classify", "Your images", "image_search"),
        ],
        "Keep": [
            _page("recipe", "Recipes", "receipt_long"),
            _page("export", "Take it home", "download"),
            _page("import_checkpoint", "Bring a checkpoint", "login"),
        ],
        "Look": [
            _page("gallery", "Gallery of tasks", "grid_view"),
            _page("datasets", "Data", "database"),
            _page("models", "Models", "deployed_code"),
        ],
    }
    page = st.navigation(pages, expanded=True)
    frame.pages_are_known()
    handover.know([each for section in pages.values() for each in section])
    with frame.one_sentence():
        with st.sidebar:
            workspace.pick()
            job_status.panel(workspace.jobs())
        if not no_tasks.instead_of(page.url_path):
            page.run()
        workspace.tell_notices()


if __name__ == "__main__":  # and not where a worker process loads this file again
    main()
