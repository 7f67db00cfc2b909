"""Pictures with what the models answered, as bars: one card a picture, one group of bars a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st

from pages.shared.widgets.picture_grid import data_url

_STYLE = """<style>
.answers { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(14.4rem, 100%), 1fr)); gap: 0.6rem; }
.answers article { display: grid; grid-template-columns: 4.6rem minmax(0, 1fr); gap: 0.5rem; padding: 0.4rem;
  border: 1px solid rgba(128,128,136,0.28); border-radius: 0.4rem; font-size: 0.78rem; line-height: 1.25; }
.answers article.differ { border-left: 4px solid #8b5cf6; }
.answers figure { margin: 0; overflow-wrap: anywhere; }
.answers img { width: 100%; max-height: 6.5rem; object-fit: contain; border-radius: 0.25rem; display: block; }
.answers img.small { image-rendering: pixelated; }
.answers figcaption { margin-top: 0.2rem; max-height: 3.9em; overflow: hidden; }
.answers .model span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.answers .model { display: flex; justify-content: space-between; gap: 0.4rem; margin: 0.1rem 0; opacity: 0.8; }
.answers .model + .bar { margin-top: 0; } .answers .bar + .model { margin-top: 0.35rem; }
.answers .bar { display: flex; justify-content: space-between; gap: 0.4rem; padding: 0.08rem 0.3rem;
  margin-bottom: 0.12rem; border-radius: 0.2rem;
  background: linear-gradient(to right, var(--c) var(--p), transparent 0); }
.answers .bar span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.answers .bar span + span { flex-shrink: 0; }
.answers .bar:first-of-type span { font-weight: 600; }
</style>"""


@dataclass(frozen=True)
class Answer:
    """One model's answer: class names with probabilities, likeliest first; ``right`` None where nobody knows."""

    model: str
    colour: str
    classes: Sequence[tuple[str, float]]
    right: bool | None = None


@dataclass(frozen=True)
class Card:
    """A picture uint8 (h, w, 3), its name, its label and notes if any, and the answers."""

    image: np.ndarray
    name: str
    label: str | None
    notes: Sequence[str]
    answers: Sequence[Answer]
    differ: bool = False


def draw(cards: Sequence[Card]) -> None:
    """Draw the cards, as many in a row as fit."""
    st.html(f'{_STYLE}<div class="answers">{"".join(map(_card, cards))}</div>')


def _card(card: Card) -> str:
    label = "" if card.label is None else f"<b>{escape(card.label)}</b><br>"
    title = escape("; ".join([card.name, *card.notes]), quote=True)
    small = ' class="small"' if max(card.image.shape[:2]) <= 96 else ""
    picture = f'<img{small} alt="{escape(card.label or card.name, quote=True)}" src="{data_url(card.image)}">'
    caption = f'<figcaption title="{title}">{label}{escape(card.name)}</figcaption>'
    bars = "".join(map(_answer, card.answers))
    return (
        f'<article class="{"differ" if card.differ else "agree"}">'
        f"<figure>{picture}{caption}</figure><div>{bars}</div></article>"
    )


def _answer(answer: Answer) -> str:
    mark = {True: "✓", False: "✗", None: ""}[answer.right]
    head = f'<div class="model"><span>{escape(answer.model)}</span><span>{mark}</span></div>'
    return head + "".join(_bar(name, share, answer.colour) for name, share in answer.classes)


def _bar(name: str, share: float, colour: str) -> str:
    label, shade = escape(name), f"color-mix(in srgb, {colour} 45%, transparent)"
    return (
        f'<div class="bar" style="--c: {shade}; --p: {100 * share:.1f}%" title="{escape(name, quote=True)}">'
        f"<span>{label}</span><span>{100 * share:.1f}&nbsp;%</span></div>"
    )
