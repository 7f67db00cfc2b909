"""Mixing by hand: a live slider per component between a soup and a candidate, and how the mix does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.jobs import Jobs
from core.recipes import PARTITIONS, Recipe, single
from core.soups import PRESETS, SKETCH, Hand, Pool, PoolResults, SoupRow, cut_of, desk, in_full, pool_folder, preset
from core.workspace import Lab
from pages.shared.app import handover
from pages.shared.app.frame import one_sentence
from pages.shared.components.factor_sliders import factor_sliders
from pages.shared.components.live_control import LiveControl, Move
from pages.shared.soups import charts, search, search_controls
from pages.shared.soups import view as soup_view
from pages.shared.soups.results import settings_of
from pages.shared.soups.tables import title_of
from pages.shared.soups.view import View
from pages.shared.widgets import metric_row
from pages.shared.widgets.chart_options import options
from pages.shared.widgets.metric_row import Figure
from pages.shared.widgets.pickers import seed

STATE = "soups.hand"
SLIDERS = LiveControl("soups.sliders", digits=3)


@dataclass
class State:
    """What a session's mix by hand is: the mix, what was before it, and whether no hand is on the sliders."""

    hand: Hand
    before: list[tuple[float, ...]]
    settled: bool = True


def page(
    lab: Lab,
    jobs: Jobs,
    known: Sequence[PoolResults],
    pool: Pool,
    view: View,
    places: tuple[DeltaGenerator, DeltaGenerator],
    anew: bool,
) -> View:
    """Controls and the live part; returns the view as it is now."""
    results = next((f for f in known if f.folder == pool_folder(lab, pool).name), None)
    with places[0]:
        view = _controls(lab, pool, results, view, anew)
        state = _state(lab, pool, results, view, anew)
        _set_all(state)
    with places[1]:
        _live(lab, pool, results)
        _go_on(lab, jobs, pool, state, view)
    return replace(view, factors=state.hand.factors)


def _soups(pool: Pool, results: PoolResults | None) -> dict[str, Recipe]:
    rows = [row for row in (results.rows() if results else []) if row.recipe is not None]
    made = {row.name: row.recipe for row in rows if row.recipe and set(row.recipe.models) <= set(pool.ingredients)}
    return made | {name: single(name) for name in pool.ingredients}


def _controls(lab: Lab, pool: Pool, results: PoolResults | None, view: View, anew: bool) -> View:
    soups = list(_soups(pool, results))
    candidates = [row.name for row in results.individuals] if results else list(pool.ingredients)
    usual = (view.soup or soups[0], view.candidate or candidates[min(1, len(candidates) - 1)])
    seed({"soups.from": usual[0], "soups.candidate": usual[1], "soups.handcut": view.partition}, anew)
    for key, allowed in (("soups.from", soups), ("soups.candidate", candidates), ("soups.handcut", PARTITIONS)):
        if st.session_state[key] not in allowed:
            st.session_state[key] = allowed[0]
    soup = st.selectbox("Soup so far", soups, key="soups.from", help="λ = 1 keeps it as it is.")
    candidate = st.selectbox("Candidate", candidates, key="soups.candidate", help="λ = 0 takes its weights.")
    partition = st.selectbox("Components", PARTITIONS, key="soups.handcut", help=search_controls.HELP["partition"])
    return replace(view, soup=soup, candidate=candidate, partition=partition)


def _state(lab: Lab, pool: Pool, results: PoolResults | None, view: View, anew: bool) -> State:
    """The session's mix; a new one if something else is to be mixed, or a link says so."""
    soup, partition = _soups(pool, results)[view.soup], cut_of(lab, pool, view.partition)
    state = st.session_state.get(STATE)
    asked = (soup, view.candidate, partition)
    if anew or not isinstance(state, State) or (state.hand.soup, state.hand.candidate, state.hand.partition) != asked:
        start = view.factors if anew and len(view.factors) == len(partition) else (1.0,) * len(partition)
        state = State(Hand(*asked, start), [])
        st.session_state[STATE] = state
    return state


def _put(state: State, factors: tuple[float, ...]) -> None:
    state.before.append(state.hand.factors)
    state.hand = replace(state.hand, factors=factors)


def _undo(state: State) -> None:
    if state.before:
        state.hand = replace(state.hand, factors=state.before.pop())


def _set_all(state: State) -> None:
    """Presets and undo."""
    share = st.slider("Of the candidate", 0, 100, 50, 5, format="%d %%", key="soups.share")
    with st.container(horizontal=True, key="soups.presets"):
        for name in PRESETS:
            factors = preset(name, state.hand.partition, share / 100)
            st.button(name.capitalize(), key=f"soups.preset.{name}", on_click=_put, args=(state, factors))
        st.button(
            "Undo", icon=":material/undo:", disabled=not state.before, on_click=_undo, args=(state,), key="soups.undo"
        )


def _moved(move: Move) -> bool:
    state = st.session_state.get(STATE)
    if not isinstance(state, State) or len(move.value) != len(state.hand.factors):
        return False
    if state.settled:
        state.before.append(state.hand.factors)
    state.hand, state.settled = replace(state.hand, factors=move.value), move.settled
    return True


@st.fragment
def _live(lab: Lab, pool: Pool, results: PoolResults | None) -> None:
    with one_sentence():
        state: State = st.session_state[STATE]
        if SLIDERS.has_settled():
            st.rerun()  # the hand has let go: the address, Undo and the rest of the page follow now
        hand, judge = state.hand, desk(lab, pool)
        names = [charts.short(group.title) for group in hand.partition.groups]
        st.caption(f"λ of each component: left is all {hand.candidate}, right is all of the soup so far.")
        factor_sliders(SLIDERS, names, hand.factors, _moved)
        glance = not state.settled
        before, now = judge.judged(hand.soup, glance), judge.judged(hand.recipe, glance)
        label = f"Val, first {now.n} pictures" if glance else "Val, this mix"
        shown = [Figure(label, now.value, now, now.value - before.value)]
        like, sketch = _measured(results, hand), dict[str, float]()
        if like is not None and state.settled:
            sketch = judge.sketch(hand.recipe, like)
            note = f"about: from {SKETCH} pictures of each task"
            each = {"Test, sketched": ("test", like.test.accuracy)} | (
                {"OOD, sketched": ("ood", like.ood)} if like.ood else {}
            )
            shown += [Figure(n, sketch[k], None, sketch[k] - a.value, None, note) for n, (k, a) in each.items()]
        metric_row.row([replace(one, against="the soup so far") for one in shown], places=3)
        if "ood" in sketch:
            _scatter(lab, results, sketch)


def _measured(results: PoolResults | None, hand: Hand) -> SoupRow | None:
    every = [*results.individuals, *results.rows()] if results else []
    return next((row for row in every if row.recipe == hand.soup.canonical() or row.recipe == hand.soup), None)


def _scatter(lab: Lab, results: PoolResults | None, sketch: dict[str, float]) -> None:
    if results is None:
        return
    mine = {
        "type": "scatter",
        "mode": "markers",
        "name": "this mix, sketched",
        "x": [100 * sketch["test"]],
        "y": [100 * sketch["ood"]],
        "marker": {"symbol": "circle-open", "size": 20, "color": charts.colours.PATCH, "line": {"width": 3}},
    }
    chart = charts.scatter(results, settings_of(results), "", title_of(lab, results), [mine])
    chart.update_layout(height=330)
    st.plotly_chart(chart, key="soups.hand.scatter", config=options("mix"), alt="This mix among the others")


def _go_on(lab: Lab, jobs: Jobs, pool: Pool, state: State, view: View) -> None:
    hand = state.hand
    usual = search_controls.plan_of(replace(view, method="manifold"))  # budget, tolerance and optimiser as under Search
    plan = replace(usual, start=hand.soup, candidate=hand.candidate, factors=in_full(lab, pool, hand))
    with st.expander("Continue by search from here"):
        st.caption("Searches λ for this candidate, starting where the sliders stand; kept only if better on val.")
        search.follow(lab, jobs, pool, plan)
    title = f"{view.soup} with {hand.candidate}, by hand"
    handover.go_on(lab, hand.recipe, title, "soups", soup_view.write(replace(view, factors=hand.factors)), "soups.hand")
