"""Asking for a comparison: which tasks, in how many orders, at which budget; what is missing, and the button for it."""

from __future__ import annotations

from functools import lru_cache, partial

import streamlit as st

from core import PaletteError
from core.cli import comparison_command
from core.jobs import Jobs
from core.patching import ComparisonPlan, Part, compare, outcome_path, remaining
from core.recipes import OPTIMISERS
from core.workspace import Lab
from pages.shared.app import job_status
from pages.shared.app.pace import machine, time_for
from pages.shared.strategies.view import LIMITS, Request
from pages.shared.widgets.escape import plain
from pages.shared.widgets.formatting import listed
from pages.shared.widgets.pickers import by_role, seed

RUNNING = "many.running"


def form(lab: Lab, request: Request, anew: bool) -> Request:
    """The widgets of a request; what they say."""
    names = ("optimiser", "trials", "exhaustive", "orders", "seed")
    seed({f"many.{n}": getattr(request, n) for n in names}, anew)
    seed({"many.tasks": list(request.tasks), "many.supported": list(request.supported)}, anew)
    seed({"many.budget": request.budget, "many.total": request.total == 1}, anew)
    left, right = st.columns([1.6, 1])
    with left:
        tasks = _tasks(lab, "Patching tasks", lab.by_role("patching"), "many.tasks", "The tasks that are to be learnt.")
    with right:
        others = by_role(lab, ("supported", "ood", "attack"))
        supported = _tasks(lab, "Supported tasks", others, "many.supported", "The tasks that must not suffer.")
    few, orders, search, trials = st.columns(4)
    with few:
        budget = _number(
            "Optimiser steps",
            "budget",
            "In total, the same for every strategy. Empty: as many as the tasks’ own checkpoints took.",
        )
    with orders:
        count = _number(
            "Orders of the sequences",
            "orders",
            "Sequences depend on the order; the mean and spread of so many drawn ones are shown. 0: one sequence, in "
            "the order in which the tasks stand above.",
        )
    with search:
        optimiser = st.selectbox("Search for αᵢ with", OPTIMISERS, key="many.optimiser", help="Nevergrad’s optimisers.")
    with trials:
        points = _number("Mixes to try", "trials", "Mixes that the search may evaluate on val.")
    bounded, every, number, _ = st.columns(4, vertical_alignment="bottom")
    with bounded:
        total = st.checkbox("Σ αᵢ at most 1", key="many.total", help="Else each α_i goes from 0 to 1 by itself.")
    with every:
        exhaustive = _number(
            "Values of each αᵢ",
            "exhaustive",
            "Tries every mix of so many values; for two or three tasks. 0: not at all. Empty: 11 for two tasks.",
        )
    with number:
        drawn = _number("Seed", "seed", "Of the orders and of the search.")
    count = 1 if count is None else count
    numbers = {"orders": count, "seed": drawn or 0, "trials": points or 1, "exhaustive": exhaustive}
    return Request(tasks, supported, budget=budget, optimiser=optimiser, total=1.0 if total else None, **numbers)


def _tasks(lab: Lab, label: str, options: list[str], key: str, hint: str) -> tuple[str, ...]:
    options = [*options, *(word for word in st.session_state[key] if word not in options)]
    chosen = st.multiselect(
        label,
        options,
        key=key,
        accept_new_options=True,
        wrap=True,
        format_func=lambda n: lab.tasks[n].title if n in lab.tasks else n,
        help=f"{hint} Type `digits/5` for its classes in five groups, each a task of its own (as in SplitCIFAR).",
    )
    return tuple(dict.fromkeys(word.strip() for word in chosen))


def _number(label: str, name: str, hint: str) -> int | None:
    low, high = LIMITS[name]
    return st.number_input(label, low, high, key=f"many.{name}", step=1, help=hint, placeholder="as usual")


def offer(lab: Lab, jobs: Jobs, request: Request) -> str | None:
    """Say what is missing, how long it takes, and offer it; the key of an outcome that is there to be shown."""
    try:
        plan = request.plan(lab)
    except PaletteError as error:
        st.warning(plain(str(error)), icon=":material/info:")
        return None
    path = outcome_path(lab, plan)
    key = job_key(lab, path.stem)
    if job_status.watch(
        jobs, key, "This comparison is being made. You can look around meanwhile; what is done is kept."
    ):
        st.session_state[RUNNING] = path.stem
        return None
    if path.exists():
        return path.stem if st.session_state.pop(RUNNING, None) == path.stem or _show() else None
    _missing(lab, plan)
    title, work = f"Comparing strategies for {len(plan.tasks)} tasks", partial(compare, lab, plan)
    job_status.offer(jobs, key, title, work, "Compare them", command=comparison_command(lab, plan), key="many.run")
    return None


def job_key(lab: Lab, outcome: str) -> str:
    """The key of the job that makes an outcome."""
    return f"{lab.name}:strategies {outcome}"


def _show() -> bool:
    st.success("This comparison is there already.", icon=":material/check:")
    return st.button("Show it", type="primary", key="many.show")


def _missing(lab: Lab, plan: ComparisonPlan) -> None:
    with st.spinner("Looking at what is there …"):
        todo = left(lab, plan)
    missing = f"Missing: {listed([part.title for part in todo])}" if len(todo) < 8 else f"{len(todo)} parts are missing"
    st.info(
        f"{plan.budget:,} optimiser steps for each strategy, {plan.steps_each:,} for each task. {missing}. "
        f"This takes at most {time_for(lab, sum(part.cost for part in todo))} on {machine(lab)}; it can be stopped at "
        "any time and goes on where it was.",
        icon=":material/hourglass_empty:",
    )
    if len(todo) >= 8:
        with st.expander("What is missing"):
            st.markdown("\n".join(f"- {part.title}" for part in todo))


def left(lab: Lab, plan: ComparisonPlan) -> list[Part]:
    """The parts of a comparison that remain, asked anew once a checkpoint or an answer has come."""
    return _remaining(lab, plan, (*lab.zoo.names(), lab.store.changed()))


@lru_cache(maxsize=32)
def _remaining(lab: Lab, plan: ComparisonPlan, _state: tuple[object, ...]) -> list[Part]:
    return remaining(lab, plan)
