"""Which tasks a workspace has: the built-in world's, data sets of the papers, and data of a person's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.tasks import PER_PICTURE, Cut, DataError, DataLocation, FileSource, Task, TaskError, entry, freeze, located

Facts = Mapping[str, Any]
DEFAULT_TEMPLATES = ("a photo of a {}", "a photo of the {}")  # the mini base never met a full stop


def tasks_of(catalog: str | Sequence[str | Facts]) -> dict[str, Task]:
    """All tasks of a workspace, by name, from the ``tasks`` of its workspace.json.

    Either "mini", or a list of "mini", names of the papers' data sets, and tables as ``core.datasets`` writes them.
    Raises TaskError or DataError.
    """
    found: dict[str, Task] = {}
    for asked in [catalog] if isinstance(catalog, str) else catalog:
        for task in _mini() if asked == "mini" else [task_of(asked)]:
            if task.name in found:
                raise TaskError(f"The workspace lists two tasks called {task.name!r}; their names must differ.")
            found[task.name] = task
    return found


def _mini() -> Sequence[Task]:
    from core.world import TASKS  # drawn tasks cost nothing until they are looked at

    return TASKS


def task_of(asked: str | Facts) -> Task:
    """One task from its table, or from the name of a data set that is there. Raises TaskError or DataError."""
    facts = catalogued(asked) if isinstance(asked, str) else asked
    try:
        place = facts["from"]
        names = tuple(map(str, facts["class_names"]))
        source = FileSource(
            DataLocation(place["kind"], Path(place["root"]), freeze(place.get("options", []))),
            len(names),
            int(facts.get("seed", 0)),
            tuple(Cut(*cut) for cut in facts.get("cuts", [])),
            tuple(map(int, facts.get("only", []))),
        )
        title = facts.get("title") or facts["name"]
        said = facts.get("description") or f"Pictures from {Path(place['root']).name}."
        templates = tuple(facts.get("templates") or DEFAULT_TEMPLATES)
        own, plays = place["kind"] in PER_PICTURE, facts.get("plays", "")
        others = tuple(tuple(map(str, group)) for group in facts.get("stands_for", []))
        return Task(facts["name"], facts["role"], title, said, names, templates, source, plays, own, others)
    except (KeyError, TypeError, ValueError) as error:
        raise TaskError(f"A task in workspace.json cannot be read ({error!r}); add it again.") from None


def catalogued(key: str) -> dict[str, Any]:
    """The table of a data set of the papers that is there: what workspace.json keeps. Raises DataError if it is not."""
    known = _known(key)
    found = located(known)
    if found.where is None:
        raise DataError(f"{known.title} cannot be read here.")
    from core.tasks import open_parts

    part = next(iter(open_parts(found.where).values()))
    names = known.class_names(part.class_names)
    return {
        "name": key,
        "data": key,
        "role": known.role,
        "title": known.title,
        "description": f"{known.title}, as in {known.paper}. {found.note}".strip(),
        "plays": known.title,
        "class_names": list(names),
        "templates": list(known.template_texts()),
        "only": [names.index(name) for name in known.only],
        "from": placed(found.where),
        **({"stands_for": [list(group) for group in part.stands_for]} if part.stands_for else {}),
    }


def _known(key: str) -> Any:
    try:
        return entry(key)
    except DataError as error:
        raise TaskError(str(error)) from None


def placed(where: DataLocation) -> dict[str, Any]:
    """An opening as workspace.json keeps it; ``task_of`` reads it back."""
    return {"kind": where.kind, "root": str(where.root), "options": [list(pair) for pair in where.options]}
