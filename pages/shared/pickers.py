"""Pickers take plain options and return plain values; each owns its key."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core.lab import Lab
from core.tasks import ROLES
from pages.shared.colours import ROLE_NAMES


def seed(values: Mapping[str, object], anew: bool) -> None:
    """Give widgets their values: all of them if the view was read anew, else those that a page change forgot."""
    for key, value in values.items():
        if anew or key not in st.session_state:
            st.session_state[key] = value


def task_label(lab: Lab, name: str) -> str:
    """A task as pickers show it: its title, and what it is called in commands if that differs."""
    return lab.task(name).title


def by_role(lab: Lab, roles: tuple[str, ...] = ROLES) -> list[str]:
    """Names of all tasks, in the order of these roles."""
    return [name for role in roles for name in lab.by_role(role)]


def patching_task(lab: Lab, key: str) -> str:
    """Choose the task to patch."""
    return st.selectbox(
        "Patching task",
        lab.by_role("patching"),
        key=key,
        format_func=lambda name: task_label(lab, name),
        help="The task where the base is poor. A copy of the base was fine-tuned on it; α mixes the two.",
    )


def supported_tasks(lab: Lab, task: str, key: str) -> tuple[str, ...]:
    """Choose the tasks that should keep their accuracy; never none."""
    options = [name for name in by_role(lab, ("supported", "ood", "attack", "patching")) if name != task]
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
