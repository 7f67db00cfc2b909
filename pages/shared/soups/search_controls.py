"""The controls of a search: which method, how it cuts the network, and how long it looks."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.recipes import OPTIMISERS, PARTITIONS, PRESETS
from core.soups import (
    METHODS,
    SoupPlan,
)
from pages.shared.soups.view import View
from pages.shared.widgets.pickers import seed

HELP = {
    "method": "Manifold mixing searches one mixing factor per component; the others are quick.",
    "partition": "Which parts of the network get a factor of their own; a number cuts into so many equal parts.",
    "preset": "“paper”: λ in [0, 1] and one budget per search. “as published”: the authors' code, with narrow bounds, "
    "30 evaluations per component and a second pass on success.",
    "tau": "A candidate is searched only if the average with it reaches τ × the best so far; lower τ searches more.",
    "optimiser": "NGOpt chooses by itself and says what it chose.",
    "racing": "Gives up a hopeless λ before it saw every picture: saves time, and may cost a little accuracy.",
}


def controls(view: View, anew: bool) -> View:
    """What to make, and how."""
    seed(
        {f"soups.{n}": getattr(view, n) for n in ("method", "partition", "preset", "optimiser", "budget", "tau")},
        anew,
    )
    seed({"soups.seed": view.seed, "soups.racing": view.racing}, anew)
    method = st.selectbox("Method", METHODS, key="soups.method", help=HELP["method"], format_func=str.capitalize)
    view = replace(view, method=method)
    if method in ("manifold", "learned"):
        known = [*PARTITIONS, *dict.fromkeys(["4", "8", st.session_state["soups.partition"]])]
        partition = st.selectbox(
            "Components",
            list(dict.fromkeys(known)),
            key="soups.partition",
            help=HELP["partition"],
            accept_new_options=True,
            format_func=lambda p: f"{p} balanced parts" if p.isdigit() else p,
        )
        view = replace(view, partition=partition or "C8")
    if method != "manifold":
        return view
    preset = st.segmented_control("Preset", list(PRESETS), key="soups.preset", help=HELP["preset"]) or "paper"
    optimiser = st.selectbox("Optimiser", OPTIMISERS, key="soups.optimiser", help=HELP["optimiser"])
    budget, seeded = view.budget, view.seed
    with st.container(horizontal=True):
        if preset == "paper":
            budget = st.number_input("Budget", 2, 5000, key="soups.budget", help="Evaluations for each search.")
        tau = st.number_input("Tolerance τ", 0.0, 1.0, step=0.001, format="%.3f", key="soups.tau", help=HELP["tau"])
        seeded = st.number_input("Seed", 0, 9999, key="soups.seed")
    racing = st.checkbox("Racing", key="soups.racing", help=HELP["racing"])
    return replace(
        view, preset=preset, optimiser=optimiser, budget=int(budget), tau=tau, seed=int(seeded), racing=racing
    )


def plan_of(view: View) -> SoupPlan:
    """The plan that the controls describe."""
    budget = view.budget if view.preset == "paper" and view.budget != PRESETS["paper"].budget else None
    if view.method != "manifold":
        partition = view.partition if view.method == "learned" else "whole"
        return SoupPlan(view.method, partition=partition)
    tau = view.tau if view.tau != PRESETS[view.preset].tau else None
    return SoupPlan("manifold", view.partition, view.preset, budget, tau, view.optimiser, view.seed, view.racing)
