"""The live part of the typographic lab: one picture, one text, three models; all that follows a hand or a keyboard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from core.attacks import photo_files
from core.patching import known_curve
from core.recipes import GRID
from core.workspace import Lab
from pages.shared.app import frame, url_state
from pages.shared.app.handover import go_on
from pages.shared.components.easel import easel
from pages.shared.components.live_control import LiveControl, Move
from pages.shared.components.live_slider import live_slider
from pages.shared.typographic import charts as attack_charts
from pages.shared.typographic import controls as attack_controls
from pages.shared.typographic import reading
from pages.shared.typographic import view as attack_view
from pages.shared.typographic.reading import Reading
from pages.shared.typographic.view import View
from pages.shared.widgets import chart_options, metric_row
from pages.shared.widgets.escape import plain
from pages.shared.widgets.formatting import alpha_text, percent
from pages.shared.widgets.metric_row import Figure

VIEW = "attack.view"
SLIDER, EASEL = LiveControl("attack.slider"), LiveControl("attack.easel", digits=3)


def draw(lab: Lab, view: View) -> None:
    """Draw controls and main part; they read the view from the session, where every hand's move puts it."""
    st.session_state[VIEW] = view
    _let_go()  # the whole page is drawn anyway
    _live(lab)


@st.fragment
def _live(lab: Lab) -> None:
    with frame.one_sentence():
        if _let_go():
            st.rerun()  # the hand has let go: the address and what lies below follow
        controls, main = frame.controls_and_main()
        with controls:
            view, image, known = attack_controls.picture(lab, st.session_state[VIEW])
            view = attack_controls.text(lab, view)
            view = attack_controls.look(view)
            view = attack_controls.classes(lab, attack_controls.patch(lab, view))
        changed = _without_text(view) != _without_text(st.session_state[VIEW])
        url_state.save_quietly("attack", view, attack_view.write)
        if changed:
            st.rerun()
        with main, frame.one_sentence():
            answers = _main(lab, view, image, known)
            if answers is not None:
                with controls:
                    _save(answers)


def _let_go() -> bool:
    """Whether a hand has let go of the slider or the picture since this was last asked."""
    return any([SLIDER.has_settled(), EASEL.has_settled()])


def _save(answers: Reading) -> None:
    """Take the attacked picture away; where it is an attack on something known, named as the paper's are."""
    attack = answers.sure and answers.word is not None
    st.download_button(
        "Picture (PNG)",
        lambda: photo_files.png(answers.image),
        photo_files.file_name(answers.names[answers.truth], answers.names[answers.word or 0])
        if attack
        else "picture.png",
        "image/png",
        on_click="ignore",
        icon=":material/download:",
        key="attack.save",
        width="stretch",
        help="Named label=…_text=….png as PAINT's photographs, so that it can be tested again below."
        if attack
        else "To test it again below, call it label=WHAT IT SHOWS_text=WHAT IS WRITTEN.png.",
    )


def _without_text(view: View) -> View:
    return replace(view, text=None)


def chosen_alpha(lab: Lab, view: View) -> float | None:
    """The α that validation chooses for the view's patch, where its curve is there."""
    curve = known_curve(lab, view.patch, lab.default_supported()) if attack_view.is_checkpoint(lab, view) else None
    return curve.chosen if curve else None


def alpha_of(lab: Lab, view: View) -> float:
    """The view's α: if none was asked for the one chosen on validation, or half way where none is known."""
    if view.alpha is not None:
        return view.alpha
    chosen = chosen_alpha(lab, view)
    return 0.5 if chosen is None else chosen


def _main(lab: Lab, view: View, image: np.ndarray | None, known: bool) -> Reading | None:
    alpha = alpha_of(lab, view)
    chosen = chosen_alpha(lab, view)
    stops = sorted({*GRID, alpha})
    live_slider(SLIDER, alpha, stops, -1.0 if chosen is None else chosen, _moved)
    if image is None:
        otherwise = "choose another task" if known else "go back to the samples"
        st.info(f"No picture yet: give one on the left, or {otherwise}.", icon=":material/image:")
        return None
    text = st.session_state.get("attack.text") or ""
    label = lab.task(view.task).class_names[attack_controls.label_of(lab, view)] if known else None
    with st.spinner("Asking the base, the mixes and the fine-tuned model (the first answers take a few seconds) …"):
        answers = reading.read(lab, replace(view, alpha=alpha), image, text, label)
    shown, chart = st.columns([1, 1.75], gap="small")
    with shown:
        alt = f"The picture with {text!r} written on it" if text.strip() else "The picture, nothing written on it"
        easel(EASEL, answers.image, (view.look.x, view.look.y), alt, _put)
        truth = answers.names[answers.truth]
        verdict = "It is" if answers.sure else "Without the word the base says"
        st.caption(f"● {verdict} **{plain(truth)}**. Drag the word about.")
    with chart:
        options = chart_options.options("attack-probabilities")
        st.plotly_chart(attack_charts.bars(answers, alpha), key="attack.bars", config=options, alt="Probabilities")
    metric_row.row([_figure(answers, alpha, kind) for kind in range(3)])
    options = chart_options.options("attack-over-alpha")
    st.plotly_chart(
        attack_charts.of_this_picture(answers, alpha), key="attack.curve", config=options, alt="Probabilities over α"
    )
    return answers


def take_away(lab: Lab, view: View) -> None:
    """On to other pages with the mix at hand, and the link."""
    alpha = alpha_of(lab, view)
    mixed = attack_view.mix(lab, view, alpha)
    patch = view.patch.removeprefix(attack_view.KEPT)
    go_on(
        lab,
        mixed,
        f"{patch} at α = {alpha_text(alpha)}",
        "typographic",
        attack_view.write(view),
        "attack",
        "typographic",
    )


def _figure(answers: Reading, alpha: float, model: int) -> Figure:
    row = (answers.table[0], answers.at(alpha), answers.table[-1])[model]
    mark = (":gray[■] Base", f":violet[●] α = {alpha_text(alpha)}", ":orange[◆] Fine-tuned")[model]
    answer = int(row.argmax())
    right = "right" if answers.sure else "as the base without the word"
    verdict = right if answer == answers.truth else "follows the word" if answer == answers.word else "neither"
    note = f"{verdict}; {answers.names[answers.truth][:24]}: {percent(float(row[answers.truth]))}"
    return Figure(f"{mark} says **{plain(answers.names[answer][:24])}**", float(row[answer]), explained=note)


def _moved(move: Move) -> bool:
    if (view := st.session_state.get(VIEW)) is None:
        return False
    st.session_state[VIEW] = replace(view, alpha=move.value)
    return True


def _put(move: Move) -> bool:
    if (view := st.session_state.get(VIEW)) is None:
        return False
    x, y = move.value
    st.session_state[VIEW] = replace(view, look=replace(view.look, x=x, y=y))
    return True
