"""Does this checkpoint fit? A file from elsewhere, looked over before it is let in."""

from __future__ import annotations

import streamlit as st

from core.cli import command_line
from pages.shared.app import frame, workspace
from pages.shared.exchange import checkpoint_file, import_report

frame.within_app()

lab, jobs = workspace.lab(), workspace.jobs()
frame.title(
    "Does this checkpoint fit?",
    "Weights can be mixed if they come from the same start: fine-tuned models lie in one basin with their base "
    f"([PAINT]({frame.PAINT}), §2). Bring in one of yours; open_clip, OpenAI and Hugging Face names are understood.",
)
controls, main = frame.controls_and_main()
with controls:
    file = checkpoint_file.pick_file()
with main:
    if file is None:
        st.info(
            "Choose a `.safetensors`, `.pt` or `.bin` file, or a model folder. You will see here whether its names, "
            "shapes, numbers and activation fit, and how close it is to the base; that takes seconds, and nothing is "
            "kept before you say so. The same in a terminal:",
            icon=":material/upload_file:",
        )
        st.code(command_line(lab, ["import", "theirs.safetensors", "--check"]), language="bash")
    elif report := import_report.report_on(lab, jobs, file):
        import_report.show(lab, report, file.title)
        checkpoint_file.choose(file, report)
        import_report.register(lab, jobs, file, report)
