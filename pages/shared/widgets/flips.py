"""Pictures whose answer turned right or wrong between two models, and the accuracy of each class under both."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.recipes import Recipe
from core.workspace import Lab
from pages.shared.widgets import picture_grid, tables
from pages.shared.widgets.formatting import percent

PER_PAGE = 16
Names = tuple[str, str]
"""What the model before and the one after are called."""


def grid(
    lab: Lab, name: str, shown: pd.DataFrame, flip: str, label: str, key: str, called: Names = ("base", "patch")
) -> None:
    """The test pictures of the rows ``shown`` of ``tables.flips``, a page at a time."""
    if shown.empty:
        st.caption(f"Nothing was {flip} here" + (f" for {label!r}." if label else "."))
        return
    pages = -(-len(shown) // PER_PAGE)
    page = st.pagination(pages, key=f"{key}.page.{name}.{flip}.{label}.{pages}") if pages > 1 else 1
    rows = shown.iloc[(page - 1) * PER_PAGE : page * PER_PAGE]
    with st.spinner(f"Getting the test pictures of {lab.task(name).title} (only the first time takes a moment) …"):
        images = lab.pictures(name, "test").images
    picture_grid.grid([_captioned(images[row.picture], row, called) for row in rows.itertuples()])


def _captioned(image, row, called: Names) -> picture_grid.Captioned:
    before = f"{_mark(row.before == row.label)} {called[0]}: {row.before}, {percent(row.before_probability)}"
    after = f"{_mark(row.after == row.label)} {called[1]}: {row.after}, {percent(row.after_probability)}"
    return picture_grid.Captioned(image, (str(row.label), before, after))


def _mark(right: bool) -> str:
    return "✓" if right else "✗"


def per_class(lab: Lab, name: str, first: Recipe, second: Recipe, called: Names = ("Base", "Patch")) -> None:
    """A folded table: each class of a task under both models, with its interval and n."""
    with st.expander(f"Each class of {lab.task(name).title}, before and after"):
        before, after = (lab.evaluate(r, name, "test") for r in (first, second))
        number = st.column_config.NumberColumn
        st.dataframe(
            tables.classes(lab, name, before, after),
            hide_index=True,
            height=300,
            column_config={
                "class": st.column_config.TextColumn("Class", pinned=True),
                "base": number(called[0], format="%.1f %%"),
                "patch": number(called[1], format="%.1f %%"),
                "difference": number("Difference (points)", format="%+.1f"),
                "low": number("95 % from", format="%.1f"),
                "high": number("to", format="%.1f"),
                "n": number("n"),
            },
        )
