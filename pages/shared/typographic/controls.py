"""The controls of the typographic lab: which picture, which text, its look, which patch, which classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st
from PIL import Image

from core import PaletteError
from core.attacks import LIMITS, LONGEST, Face, Look, fonts
from core.classify import IntakeError, decode_picture
from core.tasks import Pictures
from core.workspace import Lab
from core.world import PHOTO_NAMES
from pages.shared.typographic import view as attack_view
from pages.shared.typographic.view import KEPT, View
from pages.shared.widgets import pickers
from pages.shared.widgets.escape import plain

EVERYDAY = "\n".join(PHOTO_NAMES)
SOURCES = {"sample": "Sample", "upload": "Upload", "camera": "Camera"}
UPLOADED = "attack.uploaded"  # the file that was given last
LARGEST_PICTURE = 20  # MB
TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"]
WORKING_SIDE = 1024  # pixels; larger pictures are made smaller before anything is written on them


def seed(lab: Lab, view: View, anew: bool) -> None:
    """Give the widgets the view's values."""
    look = view.look
    pickers.seed(
        {
            "attack.source": "sample",
            "attack.task": view.task,
            "attack.number": view.number,
            "attack.text": text_of(lab, view),
            "attack.patch": view.patch,
            "attack.classes": "\n".join(view.classes),
            "attack.family": look.face.family,
            "attack.weight": look.face.weight,
            "attack.italic": look.face.italic,
            "attack.size": look.size,
            "attack.colour": look.colour,
            "attack.plated": bool(look.plate),
            "attack.plate": look.plate or "#ffffff",
            "attack.outline": look.outline,
            "attack.outline_colour": look.outline_colour,
            "attack.rotation": look.rotation,
            "attack.opacity": look.opacity,
        },
        anew,
    )


def text_of(lab: Lab, view: View) -> str:
    """What is written: the view's text, or another class of its task than the one shown."""
    if view.text is not None:
        return view.text
    names = lab.task(view.task).class_names
    try:
        shown = label_of(lab, view)
    except PaletteError:
        shown = 0  # why there is no picture is said where it would stand
    return names[(shown + len(names) // 3) % len(names)]


def label_of(lab: Lab, view: View) -> int:
    """The true class of the sample that the view shows."""
    return int(_pictures(lab, view.task).labels[view.number - 1])


def _pictures(lab: Lab, task: str) -> Pictures:
    with st.spinner(f"Getting the pictures of {lab.task(task).title} (only the first time takes a moment) …"):
        return lab.pictures(task, attack_view.split_of(lab, task))


def picture(lab: Lab, view: View) -> tuple[View, np.ndarray | None, bool]:
    """Choose a picture: the view with that choice, the picture uint8 (h, w, 3), and whether its class is known."""
    source = st.segmented_control(
        "Picture",
        list(SOURCES),
        key="attack.source",
        format_func=SOURCES.get,
        required=True,
        label_visibility="collapsed",
        width="stretch",
        on_change=_turned,
    )
    if source == "sample":
        view = _sample(lab, view)
        try:
            return view, np.array(_pictures(lab, view.task).images[view.number - 1]), True
        except PaletteError as error:
            st.error(plain(str(error)), icon=":material/broken_image:")
            return view, None, True
    given = (
        _upload()
        if source == "upload"
        else st.camera_input("A photograph", key="attack.camera", label_visibility="collapsed", on_change=_brought)
    )
    if given is None:
        st.caption("Give a picture; till then nothing is shown. It stays on this machine.")
        return view, None, False
    try:
        image = _decoded(given.getvalue(), given.name)
        if lab.knows:
            st.caption(plain(lab.knows))
        return view, image, False
    except IntakeError as error:
        st.error(plain(str(error)), icon=":material/broken_image:")
        return view, None, False


def _upload():
    """The uploaded picture; it stays while the visitor looks at a sample, and goes when they take it away."""
    drawn = st.file_uploader(
        "A picture",
        TYPES,
        key="attack.upload",
        label_visibility="collapsed",
        max_upload_size=LARGEST_PICTURE,
        on_change=_brought,
    )
    if drawn is not None:
        st.session_state[UPLOADED] = drawn
        return drawn
    kept = st.session_state.get(UPLOADED)
    if kept is not None:
        st.button(f"Take {plain(kept.name)} away", icon=":material/close:", on_click=_take_away, width="stretch")
    return kept


def _take_away() -> None:
    st.session_state.pop(UPLOADED, None)


def _brought() -> None:
    """A picture came or went: what the visitor brings is more likely an everyday thing than one of a task's."""
    _take_away()
    if not st.session_state.get("attack.classes"):
        st.session_state["attack.classes"] = EVERYDAY


def _turned() -> None:
    """To samples, which have their task's classes, or back to a picture of one's own."""
    view = st.session_state["attack.view"]  # the browser forgets what is not drawn; said anew, it shows it again
    st.session_state["attack.task"], st.session_state["attack.number"] = view.task, view.number
    own = st.session_state["attack.source"] == "upload" and UPLOADED in st.session_state
    if st.session_state.get("attack.classes", "") in ("", EVERYDAY):
        st.session_state["attack.classes"] = EVERYDAY if own else ""


def _sample(lab: Lab, view: View) -> View:
    # a run of the live part alone in which these two were not drawn has forgotten them
    pickers.seed({"attack.task": view.task, "attack.number": view.number}, False)
    which, number = st.columns([1.5, 1])
    names = attack_view.attackable(lab)
    task = which.selectbox("Of", names, key="attack.task", format_func=lambda n: lab.task(n).title)
    most = lab.task(task).size(attack_view.split_of(lab, task))
    st.session_state["attack.number"] = min(st.session_state["attack.number"], most)
    chosen = number.number_input("Number", 1, most, step=1, key="attack.number", help=f"One of its {most:,} pictures.")
    if (task, chosen) != (view.task, view.number):
        view = replace(view, task=task, number=int(chosen))
        st.session_state["attack.text"] = text_of(lab, view)
    return view


@st.cache_data(max_entries=16, show_spinner=False)
def _decoded(data: bytes, name: str) -> np.ndarray:
    image = Image.fromarray(decode_picture(data, name))
    image.thumbnail((WORKING_SIDE, WORKING_SIDE))
    return np.asarray(image)


def text(lab: Lab, view: View) -> View:
    """What to write, live while it is typed."""
    given = st.text_input(
        "Write on it",
        key="attack.text",
        max_chars=LONGEST,
        live="60ms",
        placeholder="nothing",
        help="Any text. If it is no class yet, it joins the classes. Long text is wrapped, then made smaller.",
    )
    usual = view.text is None and given == text_of(lab, view)
    return view if usual else replace(view, text=given or "")


def look(view: View) -> View:
    """How the text looks; where it stands is said on the picture itself."""
    face = view.look.face
    left, right = st.columns(2)
    family = left.selectbox("Font", list(fonts.families()), key="attack.family")
    several = family not in ("Aileron", "Pixel")
    weight = right.selectbox("Weight", list(fonts.WEIGHTS), key="attack.weight", disabled=not several)
    size = st.slider("Size, of the picture's side", *LIMITS["size"], step=0.01, key="attack.size")
    colour, plated, plate = st.columns([1, 1.8, 1], vertical_alignment="bottom")
    ink = colour.color_picker("Color", key="attack.colour")
    on_plate = plated.checkbox("Plate", key="attack.plated", help="A note of one color under the text.")
    under = plate.color_picker("Plate", key="attack.plate", disabled=not on_plate, label_visibility="collapsed")
    with st.expander("Outline, slant, turn, opacity"):
        italic = st.checkbox("Italic", key="attack.italic", disabled=not several)
        outline = st.slider("Outline, of the letters' size", *LIMITS["outline"], step=0.02, key="attack.outline")
        outline_colour = st.color_picker("Outline color", key="attack.outline_colour")
        rotation = st.slider("Turn (degrees)", *LIMITS["rotation"], step=5.0, key="attack.rotation")
        opacity = st.slider("Opacity", *LIMITS["opacity"], step=0.05, key="attack.opacity")
    face = Face(family, weight, italic) if several else Face(family)
    where = {"x": view.look.x, "y": view.look.y}
    made = Look(face, size, ink, outline, outline_colour, under if on_plate else "", **where)
    return replace(view, look=replace(made, rotation=rotation, opacity=opacity))


def patch(lab: Lab, view: View) -> View:
    """Which fine-tuned model is mixed with the base."""
    options = attack_view.patches(lab)
    if view.patch.startswith(KEPT):
        options = [view.patch, *options]
    named = {name: lab.task(name).title if name in lab.tasks else name for name in options}
    chosen = st.selectbox(
        "Patch",
        options,
        key="attack.patch",
        format_func=lambda name: "the mix that you came with" if name.startswith(KEPT) else named[name],
        help="The fine-tuned model that α mixes into the base.",
    )
    return view if chosen == view.patch else replace(view, patch=chosen, alpha=None)


def classes(lab: Lab, view: View) -> View:
    """The class list that all models choose from."""
    own = len(lab.task(view.task).class_names)
    label = f"Classes: {len(view.classes)} of your own" if view.classes else f"Classes: the task's {own}"
    with st.expander(label):  # a popover's fields are drawn when it is opened, and miss what was set for them before
        given = st.text_area(
            "One class a line; empty: the task's own",
            key="attack.classes",
            height=220,
            max_chars=40_000,
            placeholder="\n".join(lab.task(view.task).class_names[:8]) + "\n…",
        )
        st.caption("All three models choose among these. The word that is written is added.")
    names, wrong = attack_view.class_list(given)
    if wrong:
        st.warning(plain(f"{wrong} Showing the task's own classes."))
    return replace(view, classes=names)
