"""Which words: class names and prompt templates, from a task or typed, and the ensemble that they make."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.classify import class_names, usual_templates
from core.workspace import Lab
from pages.shared.classify.view import EVERYDAY, MOST_TOP, OWN, View, words_of
from pages.shared.widgets.pickers import by_role, hold, put, seed

WORDS, NAMES, TEMPLATES, TOP = "classify.words", "classify.names", "classify.templates", "classify.top"


@dataclass(frozen=True)
class Words:
    """Class names, templates, and how many of the likeliest to show; ``view`` are the parts of the view that say so."""

    names: tuple[str, ...]
    templates: tuple[str, ...]
    top: int
    view: dict


def pick(lab: Lab, view: View, anew: bool) -> Words:
    """Choose, or type. Raises WordlistError."""
    names, templates = ((), usual_templates(lab)) if view.words == OWN else words_of(lab, view.words)
    text = view.names if view.words == OWN else "\n".join(names)
    usual = view.templates or "\n".join(templates)
    hold()
    seed({WORDS: view.words, NAMES: text, TEMPLATES: usual, TOP: view.top}, anew)
    st.selectbox(
        "Class names",
        [EVERYDAY, *by_role(lab), OWN],
        key=WORDS,
        format_func=lambda w: {EVERYDAY: "Ten everyday things", OWN: "My own"}.get(w) or lab.task(w).title,
        on_change=_chosen,
        args=(lab,),
        help="Those of a task, or your own: edit the list below.",
    )
    st.text_area(
        "One a line, or paste CSV",
        key=NAMES,
        height=96,
        on_change=_typed,
        args=(lab,),
        placeholder="cat\ndog\na red bicycle",
        help="Any words. New ones answer in a blink: what the models saw in the pictures is kept, and only a matrix "
        "product is left to do. Ctrl+Enter applies.",
    )
    wordlist = class_names.read_class_names(st.session_state[NAMES])
    # An expander: a popover draws its fields when it is opened, and they would miss what was set for them before.
    with st.expander("Prompts and top k", icon=":material/format_quote:"):
        st.text_area("Templates, one a line", key=TEMPLATES, height=140, help="`{}` is where the class name goes.")
        used = class_names.templates(st.session_state[TEMPLATES])
        st.slider("Likeliest classes to show", 1, MOST_TOP, key=TOP)
        _ensemble(lab, wordlist, used)
    if wordlist.notes:
        st.caption("; ".join(wordlist.notes) + ".")
    words = st.session_state[WORDS]
    own = {"words": words, "names": st.session_state[NAMES] if words == OWN else "", "top": st.session_state[TOP]}
    ready = usual_templates(lab) if words == OWN else words_of(lab, words)[1]
    return Words(wordlist.names, used, own["top"], own | {"templates": "" if used == ready else "\n".join(used)})


def _ensemble(lab: Lab, wordlist: class_names.Wordlist, used: tuple[str, ...]) -> None:
    example = used[0].replace("{}", wordlist.names[0])
    st.caption(
        f"{len(wordlist.names):,} names × {len(used)} templates = {len(wordlist.names) * len(used):,} prompts; each "
        "class is the mean of its prompts' text features. The first prompt:"
    )
    st.code(example, language=None, wrap_lines=True)
    if cut := lab.prompts_cut([t.replace("{}", max(wordlist.names, key=len)) for t in used]):
        st.caption(f"The longest name makes {cut} of its prompts longer than the text tower reads; their ends are cut.")


def set_words(lab: Lab, words: str) -> None:
    """Use the class names and templates of a task, or the everyday ones."""
    names, templates = words_of(lab, words)
    put({WORDS: words, NAMES: "\n".join(names), TEMPLATES: "\n".join(templates)})


def leave_sample(lab: Lab) -> None:
    """The visitor brings pictures: if the words are still those of the sample, take everyday ones."""
    if st.session_state.get(WORDS) == st.session_state.get("classify.sample"):
        set_words(lab, EVERYDAY)


def follow_sample(lab: Lab) -> None:
    """Another task's pictures come with its words."""
    set_words(lab, st.session_state["classify.sample"])


def _chosen(lab: Lab) -> None:
    hold()
    if st.session_state[WORDS] != OWN:
        set_words(lab, st.session_state[WORDS])


def _typed(lab: Lab) -> None:
    """The list is the visitor's own now; a task's prompts stay only with some of its own names."""
    hold()
    before = st.session_state[WORDS]
    names, templates = words_of(lab, before) if before != OWN else ((), ())
    if before == OWN or st.session_state[NAMES] == "\n".join(names):
        return
    typed = {line.strip().casefold() for line in st.session_state[NAMES].replace(",", "\n").splitlines()}
    strange = not typed & {name.casefold() for name in names}
    usual = strange and st.session_state[TEMPLATES] == "\n".join(templates)
    put({WORDS: OWN, **({TEMPLATES: "\n".join(usual_templates(lab))} if usual else {})})
