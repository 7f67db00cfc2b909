"""Which workspace is open. One Lab per workspace and one queue of jobs serve every visitor and every tab."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import streamlit as st

from core import PaletteError
from core.jobs import Jobs
from core.workspace import CACHE, Lab, workspaces


def cache_folder() -> Path:
    """Home of the workspaces: PALETTE_CACHE, or ``cache/`` beside the app."""
    return Path(os.environ.get("PALETTE_CACHE") or CACHE)


@st.cache_resource(max_entries=4, show_spinner="Opening the workspace …")
def _lab(name: str, cache: Path, changed: tuple[int, int]) -> Lab:
    return Lab(name, cache)


def _changed(name: str, cache: Path) -> tuple[int, int]:
    """Time and size of a workspace's facts: what a terminal adds is seen here at the next run. (0, 0) if it is gone."""
    try:
        found = (cache / name / "workspace.json").stat()
    except (OSError, ValueError):
        return 0, 0
    return found.st_mtime_ns, found.st_size


@st.cache_resource(max_entries=4, show_spinner=False)
def _jobs(cache: Path) -> Jobs:
    return Jobs(cache / "jobs")


def jobs() -> Jobs:
    """The queue of this machine's device, shared by all sessions."""
    return _jobs(cache_folder())


def pick() -> None:
    """Let the visitor choose a workspace, if there is a choice; the choice is in the URL."""
    names = workspaces(cache_folder())
    asked = st.query_params.get("workspace")
    if "workspace" not in st.session_state:
        st.session_state["workspace"] = asked if asked in names else next(iter(names), "mini")
        if asked and asked not in names:
            known = ", ".join(names) or "none yet"
            st.warning(f"There is no workspace {asked!r}; there is {known}. {st.session_state['workspace']!r} is open.")
    now = st.session_state["workspace"]
    names = names if now in names else [now, *names]  # one that vanished while it was open
    if len(names) > 1:
        picked = st.selectbox("Workspace", names, index=names.index(now), help="One base model with its tasks.")
        if picked != now:
            switch_to(picked)


def switch_to(picked: str) -> None:
    """Open another workspace: what the pages showed of the last one means nothing there."""
    for key in list(st.session_state):
        del st.session_state[key]
    st.session_state["workspace"] = picked
    st.query_params.clear()
    st.rerun()


def tell_notices() -> None:
    """Say once to every visitor what the open workspace has noticed, such as a damaged file that it set aside."""
    shown = st.session_state.setdefault("workspace.told", set())
    with suppress(PaletteError):  # one that cannot be opened: the page has said so
        for notice in list(lab().notices):
            if notice not in shown:
                shown.add(notice)
                st.toast(notice, icon=":material/info:", duration="infinite")


def reopen() -> None:
    """Open every workspace anew when it is next asked for, because what it consists of has changed on disk."""
    _lab.clear()


def name() -> str:
    """Name of the open workspace."""
    return st.session_state.get("workspace", "mini")


def lab() -> Lab:
    """The open workspace. Raises PaletteError if it cannot be opened or has no base model."""
    opened = _lab(name(), cache_folder(), _changed(name(), cache_folder()))
    if "base" not in opened.zoo:
        raise PaletteError(
            f"The workspace {opened.name!r} has no base model yet: {opened.folder / 'base'} is empty. "
            "Restore that folder from the repository, or train a base."
        )
    return opened
