"""Which mix of models is best? Soups and manifold mixing: search, watch, steer by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from core.soups import pool_results
from pages.shared.app import frame, url_state, workspace
from pages.shared.app.welcome import welcome
from pages.shared.soups import build_offer, by_hand, search, search_controls
from pages.shared.soups import results as soup_results
from pages.shared.soups import view as soup_view
from pages.shared.widgets.pickers import seed

frame.within_app()

MANIFOLD = "https://arxiv.org/abs/2309.08610"

lab, jobs = workspace.lab(), workspace.jobs()
known = pool_results(lab)
frame.title(
    "Which mix of models is best?",
    "Fine-tune one model many times, then mix the weights: an average, or one mixing factor for each part of the "
    f"network, found by search ([manifold mixing model soup]({MANIFOLD}), §3 and §4).",
)
welcome(
    "soups",
    "Every diamond is the same model, fine-tuned with other settings. Right is better on pictures like those it was "
    "tuned on, up is better on pictures in other looks. Violet marks are mixes: one model each, as fast as any. "
    "Search for a better mix, or set the mixing factors by hand.",
)
view, anew = url_state.load("soups", partial(soup_view.read, known))
controls, main = frame.controls_and_main()
with controls:
    seed({"soups.show": view.show}, anew)
    shown = st.segmented_control(
        "Show", list(soup_view.SHOWN), key="soups.show", format_func=soup_view.SHOWN.__getitem__, required=True
    )
    view = replace(view, show=shown or "results")
here = build_offer.here(lab)
if view.show == "results":
    with controls:
        view = soup_results.pick(lab, known, view, anew)
    with main:
        if known:
            soup_results.main(lab, soup_view.pool_of(known, view.pool), view)
        else:
            soup_results.nothing(lab, here)
    if known:
        soup_results.details(lab, jobs, soup_view.pool_of(known, view.pool), view)
elif len(here) < 2:
    with main:
        build_offer.offer(lab, jobs)
else:
    pool = build_offer.pool_here(lab, here)
    if view.show == "search":
        with controls:
            view = search_controls.controls(view, anew)
        with main:
            search.draw(lab, jobs, pool, view)
    else:
        view = by_hand.page(lab, jobs, known, pool, view, (controls, main), anew)
    with main:
        build_offer.offer(lab, jobs)
url_state.save("soups", view, soup_view.write)
