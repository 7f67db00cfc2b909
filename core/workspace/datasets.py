"""Adding real data to a workspace: what would be added, whether it fits, and writing it down."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ImageOps

from core.models import alike, clip, not_told_apart
from core.progress import SILENT, Progress, duration
from core.storage import files, megabytes
from core.tasks import (
    ROLES,
    AbsentError,
    DataError,
    FileSource,
    Task,
    bytes_needed,
    cores,
    entries,
    guess,
    home,
    look,
    open_parts,
)
from core.workspace.lab import Lab
from core.workspace.tasks import DEFAULT_TEMPLATES, catalogued, placed, task_of

MOST_COMPARED = 500  # class names whose features are compared when data are looked at
NEEDED = {"patching": ("train", "val", "test"), "supported": ("val", "test"), "ood": ("test",), "attack": ("test",)}


@dataclass(frozen=True)
class Preview:
    """What a task would be: its images of each class per split, and the space that decoding them takes, in bytes.

    ``said`` tells what is left out, and what was understood in a certain way: a sentence each.
    """

    facts: Mapping[str, Any]
    task: Task
    counts: Mapping[str, Sequence[int]]
    space: int
    said: tuple[str, ...] = ()

    @property
    def sizes(self) -> dict[str, int]:
        """Images of each split."""
        return {split: sum(counts) for split, counts in self.counts.items()}


def own(
    path: Path,
    name: str = "",
    role: str = "patching",
    title: str = "",
    class_names: Sequence[str] = (),
    templates: Sequence[str] = (),
    image: str | None = None,
    label: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """The table of data of a person's own: a folder per class, parquet, CSV, zip. Raises DataError in one sentence."""
    where = guess(path, image, label)
    parts = open_parts(where)
    found = next(iter(parts.values())).class_names
    if class_names and len(class_names) != len(found):
        raise DataError(
            f"{len(class_names)} class names are given, but the labels of {path.name} are of {len(found)} classes; "
            "name one for each, in their order."
        )
    return {
        "name": name or re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._") or "own",
        "role": role,
        "title": title or path.stem,
        "description": f"Pictures from {path.name}.",
        "class_names": list(class_names or found),
        "templates": list(templates or DEFAULT_TEMPLATES),
        "seed": seed,
        "from": placed(where),
    }


def facts_of(asked: str, progress: Progress = SILENT, **chosen: Any) -> dict[str, Any]:
    """The table of a data set of the catalogue, or of data at a path; ``chosen`` overrules what is usual for it.

    ``progress`` follows the looking at a folder of one's own.
    """
    if asked in entries():
        columns = {k: chosen.pop(k, None) for k in ("image", "label")}
        if any(columns.values()):
            raise DataError(f"{asked} is of the catalogue, which knows its columns; leave out image and label.")
        return {**catalogued(asked), **{k: v for k, v in chosen.items() if v not in (None, "", ())}}
    if re.fullmatch(r"[a-z0-9_]+", asked) and not Path(asked).exists():
        raise AbsentError(
            f"{asked!r} is neither in the catalogue nor a path; the catalogue has {', '.join(entries())}."
        )
    look(Path(asked), progress)
    return own(Path(asked), **{k: v for k, v in chosen.items() if v is not None})


def preview(lab: Lab, facts: Mapping[str, Any]) -> Preview:
    """What a table would add to a workspace. Raises DataError or TaskError if it cannot be what its role needs."""
    disk_name = str(facts["name"])
    try:
        files.safe_name(disk_name)
    except ValueError as error:
        raise DataError(str(error)) from None
    if facts["role"] not in ROLES:
        raise DataError(f"{facts['role']!r} is no role; it must be one of {', '.join(ROLES)}.")
    task = task_of(facts)
    assert isinstance(task.source, FileSource)
    counts, said = {}, dict[str, None]()
    for split in task.source.sizes():
        part, rows = task.source.split(split)
        said |= dict.fromkeys(part.said)
        counts[split] = np.bincount(part.labels[rows], minlength=len(task.class_names)).tolist()
    if missing := [split for split in NEEDED[task.role] if split not in counts]:
        raise DataError(
            f"{task.title} has no {' and no '.join(missing)} images, which a task with the role {task.role} needs; "
            f"it has {', '.join(counts)}."
        )
    space = bytes_needed(sum(map(sum, counts.values())), preprocess(lab))
    said |= dict.fromkeys(filter(None, [meeting(lab, task)]))
    return Preview(facts, task, counts, space, tuple(said))


def meeting(lab: Lab, task: Task) -> str:
    """One sentence on class names that the workspace's text tower hardly tells apart; "" if there are none.

    Of many names only those are looked at that a tokenizer reads alike, since reading all would take minutes.
    """
    names = task.class_names
    if task.per_picture or lab.closed:
        return ""
    if len(names) <= MOST_COMPARED:
        rows = lab.class_features([[task.templates[0].replace("{}", name)] for name in names])
        return not_told_apart(alike(rows, names))
    plain: dict[str, list[str]] = {}
    for name in names:
        plain.setdefault(" ".join(name.casefold().split()), []).append(name)
    return not_told_apart([some for some in plain.values() if len(some) > 1])


def preprocess(lab: Lab) -> Mapping[str, Any]:
    """The base model's own preprocessing."""
    return clip.read_config(lab.folder / "base")["preprocess_cfg"]


def add(lab: Lab, facts: Mapping[str, Any], replace: bool = False) -> None:
    """Write a task into workspace.json; a Lab opened after this has it. Raises DataError if the name is taken."""
    preview(lab, facts)
    path = lab.folder / "workspace.json"
    with files.locked(lab.folder / "locks" / "workspace.lock"):
        known = json.loads(path.read_text(encoding="utf-8"))
        listed = [known["tasks"]] if isinstance(known["tasks"], str) else list(known["tasks"])
        mine = [t for t in listed if (t if isinstance(t, str) else t["name"]) == facts["name"]]
        if facts["name"] in lab.tasks and not mine:
            raise DataError(f"{lab.name} has a built-in task called {facts['name']!r}; choose another name.")
        if mine and not replace:
            raise DataError(f"{lab.name} has a task called {facts['name']!r}; choose another name, or replace it.")
        known["tasks"] = [t for t in listed if t not in mine] + [dict(facts)]
        files.write_json(path, known)


def remove(lab: Lab, name: str) -> None:
    """Take a task that was added out of workspace.json; its files, results and checkpoints stay where they are."""
    path = lab.folder / "workspace.json"
    with files.locked(lab.folder / "locks" / "workspace.lock"):
        known = json.loads(path.read_text(encoding="utf-8"))
        listed = [known["tasks"]] if isinstance(known["tasks"], str) else list(known["tasks"])
        left = [t for t in listed if (t if isinstance(t, str) else t["name"]) != name]
        if len(left) == len(listed) or name == "mini":
            raise DataError(f"{lab.name} has no added task {name!r}; built-in ones stay.")
        known["tasks"] = left
        files.write_json(path, known)


def decode(lab: Lab, names: Sequence[str], progress: Any) -> dict[str, int]:
    """Decode all splits of these tasks now; returns how many pictures each has in the end, damaged ones left out."""
    pairs = [(name, split) for name in names for split in lab.task(name).source.sizes()]
    done: dict[str, int] = dict.fromkeys(names, 0)
    for name, split in progress(pairs, costs=[lab.task(n).size(s) for n, s in pairs]):
        done[name] += len(lab.pictures(name, split, progress).labels)
    return done


def added(lab: Lab) -> list[str]:
    """Names of the workspace's tasks that are real data."""
    return [name for name, task in lab.tasks.items() if isinstance(task.source, FileSource)]


def sample(shown: Preview, count: int = 16, seed: int = 0) -> list[tuple[np.ndarray, str]]:
    """A few images as they lie on disk, made small and square, with their class names: uint8 (120, 120, 3) each."""
    source = shown.task.source
    assert isinstance(source, FileSource)
    part, rows = source.split(next(iter(shown.counts)))
    rng, found = np.random.default_rng(seed), []
    for row in rng.permutation(rows)[: 2 * count]:
        try:
            image = part.images.open(int(row))
        except Exception:  # damaged ones are left out and counted when they are decoded
            continue
        found.append((np.asarray(ImageOps.fit(image, (120, 120))), shown.task.class_names[int(part.labels[row])]))
        if len(found) == count:
            break
    return found


def seconds_to_decode(count: int) -> float:
    """A rough time for so many images: a core decodes and resizes about 250 photographs a second."""
    return count / (250 * cores())


def cost(lab: Lab, count: int) -> str:
    """What it takes to decode so many images for the workspace's model: how much space, where, and how long."""
    space, expected = megabytes(bytes_needed(count, preprocess(lab))), duration(seconds_to_decode(count))
    return f"Decoding takes {space} in {lab.folder / 'images'}, and very roughly {expected}."


def keep_upload(name: str, content: bytes) -> Path:
    """Put an uploaded file (zip or parquet) into the data folder, under its content's digest. Raises DataError."""
    suffix = Path(name).suffix.lower()
    if suffix not in (".zip", ".parquet"):
        raise DataError(f"{name} is neither zip nor parquet; give a path for folders and CSV lists.")
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(name).stem).strip("-")[:40] or "own"
    path = home() / "own" / f"{stem}-{hashlib.sha256(content).hexdigest()[:8]}{suffix}"
    if not path.exists():
        with files.replacing(path) as temporary:
            temporary.write_bytes(content)
    return path
