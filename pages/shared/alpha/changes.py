"""What the patch fixed and broke: the pictures themselves, before and after, and the accuracy of each class."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.recipes import Recipe
from core.workspace import Lab
from pages.shared.alpha import view as alpha_view
from pages.shared.alpha.view import View
from pages.shared.app import url_state
from pages.shared.app.frame import one_sentence
from pages.shared.widgets import flips, tables
from pages.shared.widgets.formatting import alpha_text
from pages.shared.widgets.pickers import seed


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
    flips.grid(lab, name, shown, flip, label, "alpha")
    flips.per_class(lab, name, lab.base, recipe)
    st.download_button(
        "Download all changes (CSV)",
        lambda: table.to_csv(index=False),
        file_name=f"{view.task}-alpha{alpha_text(view.alpha or 0)}-changes-{name}.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
    )
    chosen = replace(st.session_state["alpha.view"], pictures_of=name, flip=flip, label=label)
    url_state.save("alpha", chosen, alpha_view.write)
