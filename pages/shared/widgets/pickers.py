"""Pickers take plain options and return plain values; each owns its key."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from core.tasks import ROLES
from core.workspace import Lab, named_recipes
from pages.shared.widgets.colours import ROLE_NAMES

HELD = "pickers.held"
ECHO = 1.5  # seconds in which the value of before is taken for an echo, not for a choice


def seed(values: Mapping[str, object], anew: bool) -> None:
    """Give widgets their values: all of them if the view was read anew, else those that a page change forgot."""
    for key, value in values.items():
        if anew or key not in st.session_state:
            st.session_state[key] = value


def put(values: Mapping[str, object]) -> None:
    """Give widgets other values, in a callback; ``hold`` keeps them through what the browser says a moment later."""
    held = st.session_state.setdefault(HELD, {})
    for key, value in values.items():
        held[key] = (st.session_state.get(key), value, time.monotonic())
        st.session_state[key] = value


def hold() -> None:
    """Before widgets are drawn, and first in their callbacks: values that were just put stay.

    A run that the next click cuts short tells the browser nothing of them, and the click brings the old ones back.
    """
    for key, (old, new, when) in st.session_state.get(HELD, {}).items():
        if time.monotonic() - when < ECHO and key in st.session_state and st.session_state[key] == old:
            st.session_state[key] = new


def task_label(lab: Lab, name: str) -> str:
    """A task as pickers show it: its title, and what it is called in commands if that differs."""
    return lab.task(name).title


def by_role(lab: Lab, roles: tuple[str, ...] = ROLES) -> list[str]:
    """Names of all tasks, in the order of these roles."""
    return [name for role in roles for name in lab.by_role(role)]


def patch_title(lab: Lab, name: str) -> str:
    """A patch as people read it: its task's title, or the name of a checkpoint that is called otherwise."""
    return lab.task(name).title if lab.trained_on(name) == [name] else name.replace("_", " ").capitalize()


def patch_label(lab: Lab, name: str) -> str:
    """A patch as pickers show it: where its name says too little, with the tasks that it is for."""
    tasks = lab.trained_on(name)
    if tasks == [name]:
        return patch_title(lab, name)
    return f"{patch_title(lab, name)} ({lab.task(tasks[0]).title if len(tasks) == 1 else f'{len(tasks)} tasks'})"


def patch(lab: Lab, key: str) -> str:
    """Choose the patch: a checkpoint of one task, a joint one, or one that was brought in."""
    return st.selectbox(
        "Patching task",
        named_recipes.patches(lab),
        key=key,
        format_func=lambda name: patch_label(lab, name),
        help="What a copy of the base was fine-tuned on, because the base is poor there; α mixes the two. A joint one "
        "was trained on several tasks together, and their mean counts.",
    )


def supported_tasks(lab: Lab, task: str, key: str) -> tuple[str, ...]:
    """Choose the tasks that should keep their accuracy under the patch ``task``; never none."""
    mine = lab.trained_on(task)
    options = [name for name in by_role(lab, ("supported", "ood", "attack", "patching")) if name not in mine]
    st.session_state[key] = [name for name in st.session_state[key] if name in options] or [
        name for name in lab.default_supported() if name in options
    ]
    return tuple(
        st.multiselect(
            "Supported tasks",
            options,
            key=key,
            format_func=lambda name: task_label(lab, name),
            help="The tasks that the base does well and that should stay so. With several, their mean counts.",
        )
    )


def role_mark(lab: Lab, name: str) -> str:
    """A task's title in the colour of its role, as Markdown."""
    task = lab.task(name)
    return f":{ROLE_NAMES[task.role]}[●] {task.title}"


def typed_path(text: str) -> Path:
    """A path on this machine as a person types it, with ``~`` for their home; one of nobody's stays as it is."""
    path = Path(text.strip())
    try:
        return path.expanduser()
    except RuntimeError:
        return path
