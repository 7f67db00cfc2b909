"""How are many tasks patched best? Joint, sequential and parallel patching at equal budget, side by side."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from core.patching import outcomes
from pages.shared.app import frame, url_state, workspace
from pages.shared.app.welcome import welcome
from pages.shared.strategies import controls as steering
from pages.shared.strategies import request, results, view

frame.within_app()

lab, jobs = workspace.lab(), workspace.jobs()
frame.title(
    "How are many tasks patched best?",
    "Together (joint), one after the other (sequential) or apart (parallel), with the same number of training steps in "
    f"all ([PAINT]({frame.PAINT}), §5 and appendix J).",
)
welcome(
    "many",
    "Each bar is one way to teach a model several tasks without losing the others. Joint needs all the data at once; "
    "sequential takes tasks as they come; parallel trains apart and mixes. The dashed line is the model as it was, "
    "the last bar what a separate model for every task could do.",
)
kept = outcomes(lab)
shown, anew = url_state.load("many", partial(view.read, lab, kept))
if shown.key not in (*kept, view.NEW):
    shown, anew = view.read(lab, kept, url_state.Parameters({})), True
controls, main = frame.controls_and_main()
with controls:
    shown = steering.pick(kept, shown, anew)
if shown.key == view.NEW:
    with main:
        shown = replace(shown, request=request.form(lab, shown.request, anew))
        if made := request.offer(lab, jobs, shown.request):
            url_state.save("many", view.View(made), view.write)
            st.rerun()
    url_state.save("many", shown, view.write)
else:
    outcome = kept[shown.key]
    with controls:
        steering.facts(lab, shown, outcome)
    with main:
        shown = steering.look(outcome, shown, anew)
    url_state.save("many", shown, view.write)
    with main:
        url_state.save("many", steering.figure(lab, jobs, shown, outcome), view.write)
    results.details(outcome)
