"""The heads of a closed vocabulary: which tasks have none yet, and the button that trains them."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.cli import command_line
from core.jobs import Jobs
from core.training import train_heads, without_head
from core.workspace import Lab
from pages.shared.app import job_status
from pages.shared.widgets.formatting import listed


def draw(lab: Lab, jobs: Jobs) -> None:
    """Offer to train what is missing; nothing for an open vocabulary, whose heads are class names."""
    if not lab.closed or not lab.tasks:
        return
    st.subheader("Heads")
    if not (missing := without_head(lab)):
        st.caption("Every task has its head: trained once on the base, and frozen since (PAINT, appendix H).")
        return
    key = f"{lab.name}:heads {'+'.join(missing)}"
    if job_status.watch(jobs, key):
        return
    some = listed([lab.task(name).title for name in missing[:3]]) + (" …" if len(missing) > 3 else "")
    st.caption(
        f"{lab.name} has a closed vocabulary: it cannot read class names, and {len(missing)} of its {len(lab.tasks)} "
        f"tasks have no head yet ({some}). A head is trained once on the base's features of the train pictures, and "
        "then frozen (PAINT, appendix H). Until then, nothing can be said of these tasks."
    )
    work, command = partial(train_heads, lab, missing), command_line(lab, ["head", missing[0]])
    icon = ":material/model_training:"
    job_status.offer(jobs, key, "Training heads", work, "Train the heads", command=command, key="data.heads", icon=icon)
