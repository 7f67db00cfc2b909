"""Choose a mix: one that is kept, a checkpoint, NAME@ALPHA, or a recipe's own JSON."""

from __future__ import annotations

import streamlit as st

from core import PaletteError
from core.patching import known_curve
from core.workspace import History, Lab, Mix, named_recipes
from pages.shared.app.url_state import Parameters
from pages.shared.widgets.escape import plain
from pages.shared.widgets.formatting import alpha_text

HELP = (
    "A mix that is kept in the history, a checkpoint, or what you type: NAME@ALPHA, such as digits@0.4, is "
    "0.6 · base + 0.4 · digits."
)


def usual(lab: Lab) -> str:
    """The mix to open with: the newest one that is kept, else the first patch at the α that validation chooses."""
    for entry in sorted(History(lab.folder).entries(), key=lambda e: -e.when):
        if all(model in lab.zoo for model in entry.recipe.models):
            return entry.key
    name = next((name for name in named_recipes.patches(lab) if name in lab.zoo), None)
    if name is None:
        return named_recipes.BASE
    curve = known_curve(lab, name, lab.default_supported())
    return f"{name}@{alpha_text(curve.chosen if curve else 0.5)}"


def understood(lab: Lab, parameters: Parameters, name: str, otherwise: str) -> str:
    """The word of the mix that a parameter of an address asks for, or another if that cannot be shown."""
    return parameters.parsed(name, lambda text: named_recipes.read(lab, text).word, otherwise)


def pick(lab: Lab, label: str, key: str, word: str, paste: bool = True) -> Mix:
    """Choose a mix; what cannot be understood is told in one sentence, and ``word`` stays. The caller seeds ``key``."""
    kept = {entry.key: entry.label for entry in History(lab.folder).entries()}
    typed = st.selectbox(
        label,
        list(dict.fromkeys([word, *kept, *lab.zoo.names()])),
        key=key,
        format_func=lambda option: kept.get(option, option),
        accept_new_options=True,
        help=HELP,
    )
    if paste:
        _paste(lab, key)
    try:
        return named_recipes.read(lab, typed or word)
    except PaletteError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return named_recipes.read(lab, word if _is_mix(lab, word) else usual(lab))


def _is_mix(lab: Lab, word: str) -> bool:
    try:
        return bool(named_recipes.read(lab, word))
    except PaletteError:
        return False


def _paste(lab: Lab, key: str) -> None:
    with st.popover("Paste a recipe", icon=":material/content_paste:", width="stretch"):
        st.text_area("Recipe as JSON", key=f"{key}.json", height=180, placeholder='{"models": ["base", ...], ...')
        if complaint := st.session_state.get(f"{key}.complaint"):
            st.error(plain(complaint), icon=":material/error:")
        st.button("Use it", key=f"{key}.use", on_click=_use, args=(lab, key))


def _use(lab: Lab, key: str) -> None:
    st.session_state[f"{key}.complaint"] = ""
    try:
        text = st.session_state[f"{key}.json"].strip()
        st.session_state[key] = named_recipes.read(lab, text if text.startswith("{") else "{" + text).word
    except PaletteError as error:
        st.session_state[f"{key}.complaint"] = str(error)
