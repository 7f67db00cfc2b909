"""The parts of the gallery: a task's facts, its pictures, its words, all tasks in a table, and the base's own card."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from core.cli import command_line
from core.metrics import Accuracy, paired
from core.recipes import Recipe
from core.training import describe_training
from core.workspace import Lab
from pages.shared.widgets import metric_row, picture_grid
from pages.shared.widgets.colours import ROLE_NAMES
from pages.shared.widgets.formatting import interval, percent
from pages.shared.widgets.metric_row import Figure
from pages.shared.widgets.pickers import by_role

SHOWN = 32
ROLE_MEANS = {
    "patching": "a patching task: the base is poor at it, a patch should gain it",
    "supported": "a supported task: the base is good at it, a patch should keep it",
    "ood": "a natural shift: the same question as a supported task, drawn in another way",
    "attack": "an attack: words on the picture that mislead a model that can read",
}


def facts(lab: Lab, name: str) -> None:
    """What a task is, in a few lines."""
    task = lab.task(name)
    st.markdown(f":{ROLE_NAMES[task.role]}-badge[{task.role}]" + (f" plays **{task.plays}**" if task.plays else ""))
    st.markdown(task.description)
    sizes = task.source.sizes()
    counts = ", ".join(f"{n:,} {split}" for split, n in sizes.items())
    st.caption(f"{len(task.class_names)} classes; {counts}. This is {ROLE_MEANS[task.role]}.")


def accuracy_known(lab: Lab, recipe: Recipe | None, name: str) -> Accuracy | None:
    """Test accuracy if it is there already; nothing is computed."""
    if recipe is None or "test" not in lab.task(name).source.sizes() or not lab.is_cached(recipe, name, "test"):
        return None
    return lab.evaluate(recipe, name, "test").accuracy


def _tuned(lab: Lab, name: str) -> Recipe | None:
    return lab.tuned(name) if name in lab.zoo else None


def accuracies(lab: Lab, name: str) -> None:
    """Base and fine-tuned accuracy, as far as they are known."""
    base, tuned = accuracy_known(lab, lab.base, name), accuracy_known(lab, _tuned(lab, name), name)
    row = []
    if base:
        row.append(Figure(":gray[■] Base, zero-shot", base.value, base))
    if base and tuned:
        first, second = (lab.evaluate(r, name, "test").right for r in (lab.base, lab.tuned(name)))
        flips = paired(first, second)
        row.append(Figure(":orange[◆] Fine-tuned on it", tuned.value, tuned, flips.difference, flips))
    if row:
        metric_row.row(row, places=3)
        if name in lab.zoo and "steps" in lab.zoo[name].settings:
            st.caption(f"Fine-tuned for {describe_training(lab.zoo[name].settings)}.")
    else:
        st.caption(
            "How well the models do here was not evaluated yet: "
            + ("see *How much patch?*, which builds it." if lab.task(name).role == "patching" else "")
            + f" Or `{command_line(lab, ['eval', 'base', '--task', name])}`."
        )


def sample(lab: Lab, name: str, classes: Sequence[str], number: int) -> None:
    """A contact sheet of validation pictures: with no classes chosen, the classes in turn."""
    task = lab.task(name)
    split = "val" if "val" in task.source.sizes() else next(iter(task.source.sizes()))
    with st.spinner(f"Getting the pictures of {task.title} (only the first time takes a moment) …"):
        pictures = lab.pictures(name, split)
    allowed = [task.class_names.index(c) for c in classes] or range(len(task.class_names))
    rows = in_turn(pictures.labels, list(allowed), np.random.default_rng(number), SHOWN)
    picture_grid.grid(
        [picture_grid.Captioned(pictures.images[i], (task.class_names[pictures.labels[i]],)) for i in rows], 84
    )
    st.caption(f"{len(rows)} of the {len(pictures.labels):,} {split} pictures.")


def in_turn(labels: np.ndarray, allowed: list[int], rng: np.random.Generator, count: int) -> list[int]:
    """Up to ``count`` rows, one random picture of each class in turn, until there are enough."""
    order = {c: rng.permutation(np.flatnonzero(labels == c)) for c in allowed}
    longest = max((len(rows) for rows in order.values()), default=0)
    turns = (int(rows[i]) for i in range(longest) for rows in order.values() if i < len(rows))
    return [row for _, row in zip(range(count), turns, strict=False)]


def words(lab: Lab, name: str) -> None:
    """Class names and prompt templates: what the text tower reads to make the head."""
    task = lab.task(name)
    with st.expander(f"The words of {task.title}: {len(task.class_names)} classes, {len(task.templates)} templates"):
        st.markdown("**Classes.** " + ", ".join(task.class_names))
        st.markdown("**Templates.** Each class is the mean of these prompts, with its name in the place of `{}`:")
        st.markdown("\n".join(f"- `{template}`" for template in task.templates))


def every_task(lab: Lab) -> None:
    """All tasks in one table."""
    st.subheader("All tasks of this workspace", anchor=False)
    rows = []
    for name in by_role(lab):
        task, sizes = lab.task(name), lab.task(name).source.sizes()
        accuracies = [accuracy_known(lab, r, name) for r in (lab.base, _tuned(lab, name))]
        texts = [f"{percent(a.value)} [{interval(a)}]" if a else None for a in accuracies]
        counts = [sizes.get(split) for split in ("train", "val", "test")]
        rows.append((task.title, task.role, task.plays or None, len(task.class_names), *counts, *texts))
    columns = ["Task", "Role", "Plays", "Classes", "Train", "Val", "Test", "Base [95 %]", "Fine-tuned [95 %]"]
    wide = {name: st.column_config.TextColumn(width=170) for name in columns[-2:]}
    pinned = {"Task": st.column_config.TextColumn(pinned=True), **wide}
    st.dataframe(pd.DataFrame(rows, columns=columns), hide_index=True, column_config=pinned, placeholder="–")


def base_card(lab: Lab) -> None:
    """The base's model card, if there is one."""
    path = lab.folder / "base" / "README.md"
    if path.is_file():
        with st.expander("The base model's own card"):
            text = path.read_text(encoding="utf-8", errors="replace")
            st.markdown(re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL))
