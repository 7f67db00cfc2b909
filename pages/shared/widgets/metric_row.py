"""A row of figures: the few numbers that answer the page's question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

import streamlit as st

from core.metrics import Accuracy, Paired
from pages.shared.widgets.formatting import interval, percent, points


@dataclass(frozen=True)
class Figure:
    """One number: an accuracy with its interval and n, or a share without; with its difference from ``against``."""

    label: str
    value: float
    accuracy: Accuracy | None = None
    difference: float | None = None
    flips: Paired | None = None
    explained: str = ""
    _: KW_ONLY
    against: str = "base"
    less_is_better: bool = False


def fooled(label: str, rate: Accuracy, follows: Paired) -> Figure:
    """How often the written word was answered, with ``follows`` paired against the base; less is better."""
    return Figure(label, rate.value, rate, follows.difference, follows, "Less is better.", less_is_better=True)


def row(figures: Sequence[Figure], places: int = 0) -> None:
    """Draw the figures side by side; intervals in small type, n and the test behind the sign in the tooltip.

    With fewer figures than ``places`` the rest of the row stays empty.
    """
    for column, figure in zip(st.columns(max(places, len(figures))), figures, strict=False):
        with column:
            noise = figure.flips is not None and figure.flips.within_noise
            quiet = noise or not round(figure.difference or 0, 3)
            st.metric(
                figure.label,
                percent(figure.value),
                None if figure.difference is None else points(figure.difference).replace("−", "-"),  # its sign is read
                delta_color="off" if quiet else "inverse" if figure.less_is_better else "normal",
                delta_arrow="off" if quiet else "auto",
                delta_description=None
                if figure.difference is None
                else "within noise"
                if noise
                else f"from {figure.against}",
                help=_tooltip(figure),
            )
            st.caption(f"95 %: {interval(figure.accuracy)}" if figure.accuracy else figure.explained)


def _tooltip(figure: Figure) -> str:
    sentences = []
    if figure.accuracy:
        sentences.append(f"n = {figure.accuracy.n} test pictures; 95 % interval {interval(figure.accuracy)} %.")
    if figure.flips:
        f = figure.flips
        fixed, broken = (f.broken, f.fixed) if figure.less_is_better else (f.fixed, f.broken)
        sentences.append(
            f"Against {figure.against} on the same pictures: {fixed} fixed, {broken} broken; McNemar's exact test "
            f"p = {f.p:.2g}" + (", which may well be chance." if f.within_noise else ".")
        )
    return " ".join([*sentences, figure.explained]).strip()
