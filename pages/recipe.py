"""What is in this mix? Its coefficients, how it differs from another, ways to change it, and all that was tried."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.shared.app import frame, handover, url_state, workspace
from pages.shared.recipe import compare, edit, history, measure
from pages.shared.recipe import view as recipe_view
from pages.shared.recipe.view import SHOWS, View
from pages.shared.widgets import coefficients, recipe_picker
from pages.shared.widgets.pickers import seed

frame.within_app()

lab, jobs = workspace.lab(), workspace.jobs()
frame.title(
    "What is in this mix?",
    "Every way of mixing is a matrix, models × parts of the network, whose columns sum to 1 "
    f"([PAINT]({frame.PAINT}), §2; [manifold mixing]({frame.MANIFOLD}), eq. 1).",
)
view, anew = url_state.load("recipe", partial(recipe_view.read, lab))
seed({"recipe.mix": view.word, "recipe.against": view.against, "recipe.show": view.show}, anew)
if anew:
    st.session_state.pop("recipe.task", None)
controls, main = frame.controls_and_main()
with controls:
    mix = recipe_picker.pick(lab, "Mix", "recipe.mix", view.word)
    other = recipe_picker.pick(lab, "Compared with", "recipe.against", view.against, paste=False)
    show = st.radio("Show", list(SHOWS), key="recipe.show", format_func=SHOWS.get)
    handover.downloads(mix)
task = ""
with main:
    if show == "mix":
        coefficients.draw(mix.recipe, "recipe.matrix")
        measure.row(lab, mix, other)
        handover.go_on(lab, mix.recipe, mix.title, "recipe", {"recipe": mix.word}, "recipe", but="recipe")
        measure.draw_table(lab, mix, other)
        measure.offer(lab, jobs, (mix, other), "recipe.mix")
        handover.note_figures(lab, mix)
    elif show == "compare":
        task = compare.draw(lab, jobs, mix, other, view.task)
    elif show == "change":
        edit.draw(lab, mix)
    else:
        history.draw(lab)
url_state.save("recipe", View(mix.word, other.word, show, task), recipe_view.write)
