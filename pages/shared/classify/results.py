"""What the models answered: a few numbers, the gallery, then table, confusion, files and the script that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import streamlit as st

from core.classify import Result, snippet
from core.metrics import paired
from core.workspace import Lab
from pages.shared.app import handover, url_state
from pages.shared.app.frame import one_sentence
from pages.shared.classify import answers as classify_work
from pages.shared.classify import cards, tables
from pages.shared.classify import view as classify_view
from pages.shared.classify.answers import Asked
from pages.shared.classify.cards import Answer, Card
from pages.shared.classify.pictures import Sent
from pages.shared.widgets.escape import plain
from pages.shared.widgets.formatting import interval, percent, points
from pages.shared.widgets.pickers import seed

PER_PAGE = 12
SHOW = "classify.show"
TITLES = {"all": "All", "differ": "Where they differ", "wrong": "Some answer wrong"}


def draw(lab: Lab, asked: Asked, result: Result, colours: Mapping[str, str], sent: Sent, anew: bool) -> None:
    """All of it; the gallery turns its pages without running the rest again."""
    classify_work.refusals(result.album.refused, "; the JSON has them all")
    _numbers(result, colours)
    if result.remark:
        st.warning(plain(result.remark), icon=":material/equal:")
    if sent.own and lab.knows:
        st.caption(plain(lab.knows))
    seed({SHOW: st.session_state["classify.view"].show}, anew)
    _gallery(result, colours)
    if not sent.own:
        st.caption(f"These are test pictures of {lab.task(sent.sample).title}. Add your own on the left.")
    tables.draw(result)
    _take_away(lab, asked, result, sent)


def _numbers(result: Result, colours: Mapping[str, str]) -> None:
    titles, n = list(result.rankings), len(result.album.pictures)
    columns = st.columns(1 + len(titles))
    same = n - int(result.differ.sum())
    both = len(titles) > 1
    with columns[0]:
        st.metric(
            "Same first answer" if both else "Pictures",
            f"{same:,} of {n:,}" if both else f"{n:,}",
            help=f"n = {n:,} pictures, {len(result.class_names):,} class names." if both else None,
        )
        unknown = "" if result.labelled.any() else "; no folder is called so, so nobody knows who is right"
        count = len(result.class_names)
        st.caption(f"{count:,} class name{'s' if count > 1 else ''}{unknown}")
    for column, title in zip(columns[1:], titles, strict=True):
        with column:
            _right(result, titles[0], title)


def _right(result: Result, first: str, title: str) -> None:
    accuracy = result.accuracy(title)
    if accuracy is None:
        mean = float(result.rankings[title].probability[:, 0].mean())
        st.metric(
            f"{title}: how sure", percent(mean), help="Mean probability of the first answer; no labels are known."
        )
        st.caption("Mean of the first answers")
        return
    flips = paired(result.right(first), result.right(title)) if title != first else None
    tooltip = f"n = {accuracy.n} labelled pictures; 95 % interval {interval(accuracy)} %."
    if flips:
        tooltip += (
            f" Against {first} on the same pictures: {flips.fixed} fixed, {flips.broken} broken; McNemar's exact test "
            f"p = {flips.p:.2g}" + (", which may well be chance." if flips.within_noise else ".")
        )
    quiet = flips is not None and flips.within_noise
    st.metric(
        f"{title}: right",
        percent(accuracy.value),
        None if flips is None else points(flips.difference).replace("−", "-"),
        delta_color="off" if quiet else "normal",
        delta_description=None if flips is None else "within noise" if quiet else f"from {first}",
        help=tooltip,
    )
    st.caption(f"95 %: {interval(accuracy)}, n = {accuracy.n}")


@st.fragment
def _gallery(result: Result, colours: Mapping[str, str]) -> None:
    with one_sentence():
        rows = {"all": np.arange(len(result.labels)), "differ": np.flatnonzero(result.differ)}
        wrong = np.any([r.top[:, 0] != result.labels for r in result.rankings.values()], axis=0)
        rows["wrong"] = np.flatnonzero(wrong & result.labelled)
        useful = {"all": True, "differ": len(result.rankings) > 1, "wrong": result.labelled.any()}
        options = [name for name, of_use in useful.items() if of_use]
        if st.session_state[SHOW] not in options:
            st.session_state[SHOW] = "all"
        show = st.segmented_control(
            "Show",
            options,
            key=SHOW,
            required=True,
            format_func=lambda s: f"{TITLES[s]} ({len(rows[s]):,})",
            label_visibility="collapsed",
        )
        _cards(result, colours, rows[show], show)
        view = st.session_state["classify.view"]
        url_state.save("classify", replace(view, show=show), classify_view.write)


def _cards(result: Result, colours: Mapping[str, str], rows: np.ndarray, show: str) -> None:
    if not len(rows):
        st.caption("None." if show != "differ" else "None: the models give the same first answer everywhere.")
        return
    pages = -(-len(rows) // PER_PAGE)
    page = st.pagination(pages, key=f"classify.page.{show}.{pages}") if pages > 1 else 1
    cards.draw([_card(result, colours, int(i)) for i in rows[(page - 1) * PER_PAGE : page * PER_PAGE]])


def _card(result: Result, colours: Mapping[str, str], i: int) -> Card:
    picture, known = result.album.pictures[i], bool(result.labelled[i])
    answers = [
        Answer(
            title,
            colours[title],
            [(result.class_names[c], float(p)) for c, p in zip(r.top[i], r.probability[i], strict=True)],
            bool(r.top[i, 0] == result.labels[i]) if known else None,
        )
        for title, r in result.rankings.items()
    ]
    return Card(picture.thumbnail, picture.name, picture.label, picture.notes, answers, bool(result.differ[i]))


def _take_away(lab: Lab, asked: Asked, result: Result, sent: Sent) -> None:
    *_, title = asked.recipes  # the one beside the base, or the only one
    parameters = classify_view.write(st.session_state["classify.view"])
    st.caption(f"On with {plain(title)}:")
    handover.go_on(lab, asked.recipes[title], title, "classify", parameters, "classify", but="classify")
    with st.container(horizontal=True):
        _download("All answers (CSV)", result.to_csv, "classified.csv", "text/csv")
        _download("All answers (JSON)", result.to_json, "classified.json", "application/json")
    with st.expander("The same in Python, and on the command line", icon=":material/code:"):
        st.code(snippet(lab, asked.recipes, sent.paths, asked.names, asked.templates, asked.top), height=300)
        st.caption(
            "Run it in Palette's folder. "
            + ("`my-pictures` stands for files, zips or folders of yours." if not sent.own else "")
            + " On the command line: `python -m core classify --help`."
        )


def _download(label: str, make, name: str, mime: str) -> None:
    st.download_button(label, make, file_name=name, mime=mime, on_click="ignore", icon=":material/download:")
