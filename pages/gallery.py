"""What are these numbers about? Every task: pictures, classes, prompts, sizes, and how well the models do."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.shared.app import frame, url_state, workspace
from pages.shared.tasks import gallery, gallery_view
from pages.shared.widgets.pickers import by_role, seed

frame.within_app()

lab = workspace.lab()
frame.title(
    "What are these numbers about?",
    f"Every task of this workspace, and which data set of the papers it plays ([PAINT]({frame.PAINT}), §3 and "
    "appendix B).",
)
view, anew = url_state.load("gallery", partial(gallery_view.read, lab))
seed({"gallery.task": view.task, "gallery.classes": list(view.classes), "gallery.sample": view.sample}, anew)
controls, main = frame.controls_and_main()
with controls:
    name = st.selectbox(
        "Task", by_role(lab), key="gallery.task", format_func=lambda n: f"{lab.task(n).title} · {lab.task(n).role}"
    )
    known = lab.task(name).class_names
    st.session_state["gallery.classes"] = [c for c in st.session_state["gallery.classes"] if c in known]
    classes = st.multiselect("Classes", known, key="gallery.classes", placeholder="All, or choose some")
    sample = st.number_input("Sample", 1, 9999, step=1, key="gallery.sample", help="Another number, other pictures.")
    gallery.facts(lab, name)
with main:
    gallery.accuracies(lab, name)
    gallery.sample(lab, name, classes, sample)
gallery.words(lab, name)
gallery.every_task(lab)
gallery.base_card(lab)
url_state.save("gallery", gallery_view.View(name, tuple(classes), int(sample)), gallery_view.write)
