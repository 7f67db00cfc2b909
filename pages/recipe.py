"""What is in this mix? Its coefficients, how it differs from another, ways to change it, and all that was tried."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.shared import (
    address,
    editing,
    frame,
    handover,
    history_list,
    matrix,
    measuring,
    mix_picker,
    recipe_view,
    versus,
    workspace,
)
from pages.shared.pickers import seed
from pages.shared.recipe_view import SHOWS, View

frame.within_app()

lab, jobs = workspace.lab(), workspace.jobs()
frame.title(
    "What is in this mix?",
    "Every way of mixing is a matrix, models × parts of the network, whose columns sum to 1 "
    f"([PAINT]({frame.PAINT}), §2; [manifold mixing]({frame.MANIFOLD}), eq. 1).",
)
view, complaints, anew = address.load("recipe", partial(recipe_view.read, lab))
frame.complain(complaints)
seed({"recipe.mix": view.word, "recipe.against": view.against, "recipe.show": view.show}, anew)
if anew:
    st.session_state.pop("recipe.task", None)
controls, main = frame.controls_and_main()
with controls:
    mix = mix_picker.pick(lab, "Mix", "recipe.mix", view.word)
    other = mix_picker.pick(lab, "Compared with", "recipe.against", view.against, paste=False)
    show = st.radio("Show", list(SHOWS), key="recipe.show", format_func=SHOWS.get)
    handover.downloads(mix)
task = ""
with main:
    if show == "mix":
        matrix.draw(mix.recipe, "recipe.matrix")
        measuring.row(lab, mix, other)
        handover.go_on(lab, mix.recipe, mix.title, "recipe", {"recipe": mix.word}, "recipe", but="recipe")
        measuring.draw_table(lab, mix, other)
        measuring.offer(lab, jobs, (mix, other), "recipe.mix")
        handover.note_figures(lab, mix)
    elif show == "compare":
        task = versus.draw(lab, jobs, mix, other, view.task)
    elif show == "change":
        editing.draw(lab, mix)
    else:
        history_list.draw(lab)
address.save("recipe", View(mix.word, other.word, show, task), recipe_view.write)
