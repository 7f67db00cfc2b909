"""Which model do you want to patch? The workspaces that there are, a new one from any CLIP, and the device."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.models import known_models
from pages.shared.app import frame, url_state, workspace
from pages.shared.models import device, new_workspace, precision, workspaces
from pages.shared.models import view as models_view

frame.within_app()

jobs, cache = workspace.jobs(), workspace.cache_folder()
frame.title(
    "Which model do you want to patch?",
    "A workspace is one base model with its tasks, checkpoints and results. The papers patch OpenAI's CLIP models "
    f"([PAINT]({frame.PAINT}), §3); any model of open_clip, of the Hugging Face hub or of your own will do.",
)
known = st.cache_resource(show_spinner="Asking open_clip which models it knows …")(known_models)()
view, anew = url_state.load("models", partial(models_view.read, known))
controls, main = frame.controls_and_main()
with controls:
    view, origin = new_workspace.pick(view, known, anew)
    trouble = new_workspace.offer(origin, cache, jobs)
url_state.save("models", view, models_view.write)
with main:
    made = sum(job.state == "done" for job in jobs.all())
    known_workspaces = workspaces.shelf(cache, made)
    device.draw(next((w.precision for w in known_workspaces if w.name == workspace.name()), "float32") or "float32")
    if trouble:
        st.warning(trouble, icon=":material/error:")
    workspaces.draw(known_workspaces)
    new_workspace.without_network(origin, st.session_state.get(new_workspace.NAME, ""))
    if any(w.name == workspace.name() for w in known_workspaces):
        precision.draw(workspace.lab(), jobs)
