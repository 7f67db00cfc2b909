"""A workspace without tasks, on whichever page it is opened: what is missing, and what adds it."""

from __future__ import annotations

import streamlit as st

from pages.shared.app import frame, workspace

WITHOUT_TASKS = ("models", "datasets")  # addresses of the pages that a workspace without tasks is made for


def instead_of(address: str) -> bool:
    """Whether the open workspace has nothing that the page at ``address`` could show; then it has said so."""
    if address in WITHOUT_TASKS or (lab := workspace.lab()).tasks:
        return False
    frame.title(
        "Which tasks should this model learn and keep?",
        f"{lab.name} has its base model, {lab.facts.base_model or lab.name}, and no tasks yet. Patching needs one "
        f"task that the base is poor at and one that it should keep ([PAINT]({frame.PAINT}), §2).",
    )
    st.info(
        "Add tasks from the catalogue, or pictures of your own, on the *Data* page; a folder with one subfolder a "
        "class takes seconds. Or in a terminal, which also lists what there is:",
        icon=":material/add_photo_alternate:",
    )
    st.code(f"python -m core data\npython -m core data add {lab.name} TASK", language="bash")
    return True
