"""Which models: one or two recipes side by side, each a checkpoint at some α or a mix from another page."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core import PaletteError
from core.recipes import Recipe, check_alpha, lerp, single
from core.workspace import BASE, History, Lab
from pages.shared.classify.view import NONE, View, suggested_alpha
from pages.shared.widgets import colours
from pages.shared.widgets.formatting import alpha_text
from pages.shared.widgets.pickers import seed


@dataclass(frozen=True)
class Models:
    """Recipes by their titles, the colour of each, and what the view calls them."""

    recipes: dict[str, Recipe]
    colours: dict[str, str]
    first: str
    second: str


def pick(lab: Lab, view: View, anew: bool) -> Models:
    """Choose one or two models."""
    kept = {entry.key: entry.title for entry in History(lab.folder).entries()}
    first = _one(lab, "Model", "first", view.first, kept, anew, (BASE,))
    second = _one(lab, "Beside it", "second", view.second, kept, anew, (NONE, BASE))
    recipes: dict[str, Recipe] = {}
    shades: dict[str, str] = {}
    for spec in dict.fromkeys([first, second] if second else [first]):
        title, recipe, colour = _meaning(lab, spec)
        title = title if title not in recipes else f"{title} (2)"
        recipes[title] = recipe
        shades[title] = colours.SUPPORTED if colour == colours.PATCH and colour in shades.values() else colour
    return Models(recipes, shades, first, second)


def _one(lab: Lab, label: str, place: str, spec: str, kept: dict[str, str], anew: bool, always: tuple) -> str:
    name, _, alpha = spec.partition("@")
    seed({f"classify.{place}": name}, anew)
    if anew and alpha:
        st.session_state[f"classify.{place}.alpha.{name}"] = float(alpha)
    options = [*always, *(n for n in lab.zoo.names() if n != BASE), *kept]
    if st.session_state[f"classify.{place}"] not in options:
        st.session_state[f"classify.{place}"] = options[0]
    left, right = st.columns([2.1, 1], vertical_alignment="bottom")
    picked = left.selectbox(
        label, options, key=f"classify.{place}", format_func=lambda n: _label(lab, n, kept), help=_HELP
    )
    if picked in (NONE, BASE) or picked in kept:
        return picked
    key = f"classify.{place}.alpha.{picked}"
    seed({key: suggested_alpha(lab, picked) if key not in st.session_state else 0.0}, False)
    value = right.number_input("α", 0.0, 1.0, step=0.05, format="%.2f", key=key, help="0 is the base, 1 the fine-tuned")
    return f"{picked}@{value if value is not None else suggested_alpha(lab, picked):.2f}"


_HELP = "The base, a patch (1 − α) · base + α · fine-tuned, or a mix that came from another page."


def _label(lab: Lab, name: str, kept: dict[str, str]) -> str:
    if name == NONE:
        return "nothing"
    if name == BASE:
        return "Base"
    return kept.get(name) or _title(lab, name)


def _title(lab: Lab, name: str) -> str:
    return lab.tasks[name].title if name in lab.tasks else name


def _meaning(lab: Lab, spec: str) -> tuple[str, Recipe, str]:
    name, at, alpha = spec.partition("@")
    if spec == BASE:
        return "Base", lab.base, colours.BASE
    if not at:
        entry = History(lab.folder)[spec]
        return entry.title, entry.recipe, colours.PATCH
    if name not in lab.zoo:
        raise PaletteError(f"The checkpoint {name!r} is gone; choose another model.")
    recipe = lerp(lab.base, single(name), check_alpha(float(alpha)))
    title = f"{_title(lab, name)}, α = {alpha_text(float(alpha))}"
    return title, recipe, colours.TUNED if float(alpha) == 1 else colours.PATCH
