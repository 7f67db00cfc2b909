"""Which tasks a workspace has."""

from __future__ import annotations

from core.tasks import Task, TaskError


def tasks_of(catalog: str | list) -> dict[str, Task]:
    """All tasks of a named catalogue, by name. Raises TaskError for an unknown one."""
    if not catalog:
        return {}  # a workspace that was just made
    if catalog == "mini":
        from core.world.tasks import TASKS  # drawn tasks cost nothing until they are looked at

        return {task.name: task for task in TASKS}
    raise TaskError(f"There is no catalogue of tasks called {catalog!r}; 'mini' is the one that ships.")
