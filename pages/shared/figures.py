"""A row of figures: the few numbers that answer the page's question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.metrics import Accuracy, Paired
from pages.shared.wording import interval, percent, points


@dataclass(frozen=True)
class Figure:
    """One number: an accuracy with its interval and n, or a share without; with its difference from the base."""

    label: str
    value: float
    found: Accuracy | None = None
    difference: float | None = None
    flips: Paired | None = None
    explained: str = ""


def row(figures: Sequence[Figure], places: int = 0, reference: str = "base") -> None:
    """Draw the figures side by side; intervals in small type, n and the test behind the sign in the tooltip.

    With fewer figures than ``places`` the rest of the row stays empty. Differences are from ``reference``.
    """
    for column, figure in zip(st.columns(max(places, len(figures))), figures, strict=False):
        with column:
            noise = figure.flips is not None and figure.flips.within_noise
            quiet = noise or not round(figure.difference or 0, 3)
            st.metric(
                figure.label,
                percent(figure.value),
                None if figure.difference is None else points(figure.difference).replace("−", "-"),  # its sign is read
                delta_color="off" if quiet else "normal",
                delta_arrow="off" if quiet else "auto",
                delta_description=None
                if figure.difference is None
                else "within noise"
                if noise
                else f"from {reference}",
                help=_tooltip(figure, reference),
            )
            st.caption(f"95 %: {interval(figure.found)}" if figure.found else figure.explained)


def _tooltip(figure: Figure, reference: str) -> str:
    said = []
    if figure.found:
        said.append(f"n = {figure.found.n} test pictures; 95 % interval {interval(figure.found)} %.")
    if figure.flips:
        f = figure.flips
        said.append(
            f"Against the {reference} on the same pictures: {f.fixed} fixed, {f.broken} broken; McNemar's exact test "
            f"p = {f.p:.2g}" + (", which may well be chance." if f.within_noise else ".")
        )
    return " ".join([*said, figure.explained]).strip()
