"""What the patch fixed and broke: the pictures themselves, before and after, and the accuracy of each class."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.lab import Lab
from core.recipe import Recipe
from pages.shared import address, alpha_view, pictures, tables
from pages.shared.alpha_view import View
from pages.shared.frame import one_sentence
from pages.shared.pickers import seed
from pages.shared.wording import alpha_text, percent

PER_PAGE = 16


def draw(lab: Lab, view: View, recipe: Recipe, anew: bool) -> None:
    """Pictures of one task's test split whose answer turned right or wrong between the base and ``recipe``."""
    keys = {"alpha.pictures": view.pictures_of, "alpha.flip": view.flip, "alpha.class": view.label}
    seed(keys, anew)
    _changes(lab, view, recipe)


@st.fragment
def _changes(lab: Lab, view: View, recipe: Recipe) -> None:
    with one_sentence():
        _pick_and_show(lab, view, recipe)


def _pick_and_show(lab: Lab, view: View, recipe: Recipe) -> None:
    st.subheader(f"What the patch fixed and broke at α = {alpha_text(view.alpha or 0)}", anchor=False)
    of, which, only = st.columns([1.2, 1.4, 1])
    options = [*lab.trained_on(view.task), *view.supported]
    if st.session_state["alpha.pictures"] not in options:
        st.session_state["alpha.pictures"] = options[0]
    with of:
        name = st.selectbox("On", options, key="alpha.pictures", format_func=lambda n: lab.task(n).title)
    table = tables.flips_at(lab, lab.weights_key(recipe), recipe, name)
    count = table["flip"].value_counts()
    with which:
        flip = st.segmented_control(
            "Answers that the patch",
            alpha_view.FLIPS,
            key="alpha.flip",
            required=True,
            format_func=lambda f: f"{f} ({count.get(f, 0)})",
        )
    with only:
        classes = ["", *lab.task(name).class_names]
        if st.session_state["alpha.class"] not in classes:
            st.session_state["alpha.class"] = ""
        label = st.selectbox("True class", classes, key="alpha.class", format_func=lambda c: c or "all")
    shown = table[(table["flip"] == flip) & ((table["label"] == label) | (label == ""))]
    _grid(lab, name, shown, flip, label)
    _per_class(lab, name, recipe)
    st.download_button(
        "Download all changes (CSV)",
        lambda: table.to_csv(index=False),
        file_name=f"{view.task}-alpha{alpha_text(view.alpha or 0)}-changes-{name}.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
    )
    chosen = replace(st.session_state["alpha.view"], pictures_of=name, flip=flip, label=label)
    address.save("alpha", chosen, alpha_view.write)


def _grid(lab: Lab, name: str, shown, flip: str, label: str) -> None:
    if shown.empty:
        st.caption(f"Nothing was {flip} here" + (f" for {label!r}." if label else "."))
        return
    pages = -(-len(shown) // PER_PAGE)
    page = st.pagination(pages, key=f"alpha.page.{name}.{flip}.{label}.{pages}") if pages > 1 else 1
    rows = shown.iloc[(page - 1) * PER_PAGE : page * PER_PAGE]
    with st.spinner(f"Getting the test pictures of {lab.task(name).title} (only the first time takes a moment) …"):
        images = lab.pictures(name, "test").images
    pictures.grid([_captioned(images[row.picture], row) for row in rows.itertuples()])


def _captioned(image, row) -> pictures.Captioned:
    before = f"{_mark(row.before == row.label)} base: {row.before}, {percent(row.before_probability)}"
    after = f"{_mark(row.after == row.label)} patch: {row.after}, {percent(row.after_probability)}"
    return pictures.Captioned(image, (str(row.label), before, after))


def _mark(right: bool) -> str:
    return "✓" if right else "✗"


def _per_class(lab: Lab, name: str, recipe: Recipe) -> None:
    with st.expander(f"Each class of {lab.task(name).title}, before and after"):
        before, after = (lab.evaluate(r, name, "test") for r in (lab.base, recipe))
        number = st.column_config.NumberColumn
        st.dataframe(
            tables.classes(lab, name, before, after),
            hide_index=True,
            height=300,
            column_config={
                "class": st.column_config.TextColumn("Class", pinned=True),
                "base": number("Base", format="%.1f %%"),
                "patch": number("Patch", format="%.1f %%"),
                "difference": number("Difference (points)", format="%+.1f"),
                "low": number("95 % from", format="%.1f"),
                "high": number("to", format="%.1f"),
                "n": number("n"),
            },
        )
