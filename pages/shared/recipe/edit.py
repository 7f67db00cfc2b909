"""Changing a recipe: as a table, as JSON, or by algebra; each is checked while it is being written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core import PaletteError
from core.recipes import Recipe, RecipeError, mixed, override, owner, uniform
from core.workspace import BASE, History, Lab, Mix, named_recipes
from pages.shared.app import handover
from pages.shared.components.live_text import live_text
from pages.shared.widgets import coefficients, pickers, recipe_picker
from pages.shared.widgets.escape import plain

MODEL = "model"
START = "recipe.table.start"  # what the table began with
DRAFT, TEXT = "recipe.table.draft", "recipe.json.draft"  # what table and JSON hold now, by the mix's word
WAS = "recipe.way.was"
EDITION = "recipe.edition"  # raised when the table and the JSON begin again
WAYS = ("Table", "JSON", "Add task vectors", "Average", "Replace a part")
DRAFTED = WAYS[:2]  # what is written there is kept while one looks elsewhere


def draw(lab: Lab, mix: Mix) -> None:
    """Choose a way, change the mix, see at once whether it is a recipe and what it looks like, and open it."""
    way = st.segmented_control(
        "How", WAYS, key="recipe.way", default="Table", required=True, label_visibility="collapsed"
    )
    if st.session_state.get(WAS) != way:  # the table begins with what is there now
        st.session_state[WAS] = way
        st.session_state.pop(START, None)
        st.session_state.pop(_parts_key(mix), None)
    makers: dict[str, Callable[[Lab, Mix], tuple[Recipe, str]]] = {
        "Table": _table,
        "JSON": _json,
        "Add task vectors": _vectors,
        "Average": _average,
        "Replace a part": _override,
    }
    try:
        recipe, title = makers[way](lab, mix)
        named_recipes.check(lab, recipe)
    except PaletteError as error:
        st.error(plain(str(error)), icon=":material/error:")
        if way in DRAFTED:
            _start_over(mix)
        return
    if idle := named_recipes.idle_columns(lab, recipe):
        st.warning(plain(idle))
    if way != "Table":
        coefficients.draw(recipe, "recipe.preview")
    if recipe.canonical() == mix.recipe.canonical():
        st.caption(":material/check: A whole recipe, for the same weights as before.")
        return
    st.caption(":material/check: A whole recipe: every column sums to 1.")
    with st.container(horizontal=True):
        st.button(
            "Open this mix",
            type="primary",
            icon=":material/arrow_forward:",
            key="recipe.open",
            on_click=_open,
            args=(lab, recipe, title),
        )
        if way in DRAFTED:
            _start_over(mix)


def _start_over(mix: Mix) -> None:
    st.button(
        "Start over",
        type="tertiary",
        icon=":material/undo:",
        key="recipe.again",
        on_click=_forget,
        args=(mix.word,),
        help="Forget what was changed here, in the table and in the JSON.",
    )


def _forget(word: str) -> None:
    st.session_state.pop(START, None)
    for drafts in (DRAFT, TEXT):
        _drafts(drafts).pop(word, None)
    st.session_state[EDITION] = _edition() + 1


def _drafts(kind: str) -> dict[str, Any]:
    return st.session_state.setdefault(kind, {})


def _parts_key(mix: Mix) -> str:
    return f"recipe.parts.{_edition()}.{mix.word}"


def _edition() -> int:
    return int(st.session_state.get(EDITION, 0))


def _open(lab: Lab, recipe: Recipe, title: str) -> None:
    entry = handover.keep(lab, recipe, title, "recipe", {})
    st.session_state["recipe.mix"], st.session_state["recipe.show"] = entry.key, "mix"


def _table(lab: Lab, mix: Mix) -> tuple[Recipe, str]:
    parts, drafted = _parts(lab, mix.recipe), _drafts(DRAFT).get(mix.word, pd.DataFrame()).columns
    own = [p for p in drafted if p not in (MODEL, *mix.recipe.components)]  # given in the JSON, or here before
    pickers.seed({_parts_key(mix): own}, False)
    more = st.multiselect(
        "Give parts a factor of their own",
        [*parts, *(p for p in own if p not in parts)],
        key=_parts_key(mix),
        format_func=coefficients.part,
        placeholder="Blocks of the network",
    )
    key = f"recipe.table.{_edition()}.{mix.word}.{'+'.join(more)}"
    if key not in st.session_state or START not in st.session_state:  # other columns, or back from another way
        st.session_state[START] = _start(mix, more)
    frame = st.session_state[START]
    number = {
        p: st.column_config.NumberColumn(coefficients.part(p), format="plain", required=True) for p in frame.columns[1:]
    }
    edited = st.data_editor(
        frame,
        key=key,
        hide_index=True,
        num_rows="dynamic",
        column_config={
            MODEL: st.column_config.SelectboxColumn("Model", options=lab.zoo.names(), required=True),
            **number,
        },
    )
    _drafts(DRAFT)[mix.word] = edited
    recipe = from_table(edited)
    if not edited.equals(frame):
        _drafts(TEXT)[mix.word] = written(recipe)
    return recipe, f"{mix.title}, edited"


def _start(mix: Mix, more: Sequence[str]) -> pd.DataFrame:
    """What the table begins with: what was last edited in it for this mix, with these parts as columns."""
    draft = _drafts(DRAFT).get(mix.word)
    if draft is None:
        frame = framed(mix.recipe)
    else:
        frame = draft[[MODEL, *(p for p in draft.columns if p in more or p in mix.recipe.components)]].copy()
    for prefix in (p for p in more if p not in frame.columns):
        frame.insert(1, prefix, frame[owner(prefix, [c for c in frame.columns if c != MODEL])])
    return frame.reset_index(drop=True)


def framed(recipe: Recipe) -> pd.DataFrame:
    """The table of a recipe, with the models in a column of their own."""
    frame = coefficients.table(recipe)
    frame.insert(0, MODEL, list(frame.index))
    return frame


def _parts(lab: Lab, recipe: Recipe) -> list[str]:
    """Prefixes that may get a factor of their own: the tower's modules down to its blocks."""
    names = [
        name.split(".")[:depth] for name in lab.zoo.weights(BASE) for depth in (2, 3, 4) if name.count(".") >= depth
    ]
    return [p for p in dict.fromkeys(".".join(words) for words in names) if p not in recipe.components]


def from_table(edited: pd.DataFrame) -> Recipe:
    """The recipe of an edited table: a column ``model``, then one per component. Raises RecipeError in one sentence."""
    rows = edited.dropna(how="all")
    prefixes = [c for c in rows.columns if c != MODEL]
    if rows[MODEL].isna().any() or rows[prefixes].isna().any(axis=None):
        raise RecipeError("A row is not filled in: every model needs a name and a number in every column.")
    numbers = tuple(tuple(float(c) for c in row) for row in rows[prefixes].to_numpy())
    return Recipe(tuple(rows[MODEL]), tuple(prefixes), numbers)


def _json(lab: Lab, mix: Mix) -> tuple[Recipe, str]:
    before = _drafts(TEXT).get(mix.word, written(mix.recipe))
    text = live_text(
        f"recipe.json.{_edition()}.{mix.word}",
        "Coefficients are models × components; every column must sum to 1.",
        before,
        rows=14,
    )
    _drafts(TEXT)[mix.word] = text
    recipe = named_recipes.from_json(lab, text)
    if text != before:
        _drafts(DRAFT)[mix.word] = framed(recipe)
    return recipe, named_recipes.title_of(recipe)


def written(recipe: Recipe) -> str:
    """A recipe as JSON for people: a line for each model's coefficients."""
    rows = ",\n  ".join(json.dumps(row) for row in recipe.coefficients)
    models, components = json.dumps(recipe.models, ensure_ascii=False), json.dumps(recipe.components)
    return f'{{\n "models": {models},\n "components": {components},\n "coefficients": [\n  {rows}\n ]\n}}'


def _vectors(lab: Lab, mix: Mix) -> tuple[Recipe, str]:
    st.caption("base + Σ s · (mix − base): s = 1 adds what a mix has learnt, s = −1 takes it away, any s scales it.")
    chosen = _several(lab, mix, "Task vectors of")
    scales = []
    for column, one in zip(st.columns(max(3, len(chosen))), chosen, strict=False):
        scales.append(
            column.number_input(
                f"s of {one.title}", -10.0, 10.0, 1.0, 0.1, key=f"recipe.scale.{one.word}", format="%.2f"
            )
        )
    title = " ".join(f"{s:+g}·{one.title}" for s, one in zip(scales, chosen, strict=True)).replace("-", "−")
    return mixed(lab.base, [one.recipe for one in chosen], scales), f"base {title}"


def _average(lab: Lab, mix: Mix) -> tuple[Recipe, str]:
    chosen = _several(lab, mix, "Average of")
    return uniform([one.recipe for one in chosen]), f"average of {', '.join(one.title for one in chosen)}"


def _override(lab: Lab, mix: Mix) -> tuple[Recipe, str]:
    left, right = st.columns(2)
    prefixes = [*_parts(lab, mix.recipe), *(p for p in mix.recipe.components if p)]
    prefix = left.selectbox("Take", prefixes, key="recipe.override.part", format_func=coefficients.part)
    with right:
        other = recipe_picker.pick(lab, "From", "recipe.override.from", BASE, paste=False)
    return override(mix.recipe, prefix, other.recipe), f"{mix.title} with {coefficients.part(prefix)} of {other.title}"


def _several(lab: Lab, mix: Mix, label: str) -> list[Mix]:
    kept = {entry.key: entry.label for entry in History(lab.folder).entries()}
    options = list(dict.fromkeys([mix.word, *kept, *lab.zoo.names()]))
    words = st.multiselect(
        label,
        options,
        [mix.word],
        key=f"recipe.several.{label}.{mix.word}",
        format_func=lambda word: kept.get(word, word),
        accept_new_options=True,
        help=recipe_picker.HELP,
    )
    if not words:
        raise PaletteError("Choose at least one mix.")
    return [named_recipes.read(lab, word) for word in words]
