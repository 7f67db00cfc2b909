"""What came of an export: its files, the download, the hub; and the command and the card that belong to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from core.cli import command_line
from core.exchange import describe_recipe, model_card, push
from core.jobs import Job, Jobs
from core.storage import megabytes
from core.workspace import KEY, History, Lab, Mix
from pages.shared.app import job_status


def done(lab: Lab, jobs: Jobs, job: Job, folder: Path | None) -> None:
    """The files that were written, where they are, and what to do with them."""
    written, parcel = job.result
    if any(not path.exists() for path in [*written.files, *filter(None, [parcel])]):
        st.caption("What was written last has been moved or removed since.")
        return
    where = f"in `{written.files[0].parent}`" if folder else "ready to download"
    st.success(f"Done: {len(written.files)} files, {where}.", icon=":material/check_circle:")
    if parcel:
        size = sum(path.stat().st_size for path in written.files)
        st.download_button(
            f"Download {parcel.name} ({megabytes(size)})",
            lambda: parcel.open("rb"),
            file_name=parcel.name,
            mime="application/zip",
            on_click="ignore",
            type="primary",
            icon=":material/download:",
        )
    rows = [(path.name, megabytes(path.stat().st_size)) for path in written.files]
    st.dataframe(pd.DataFrame(rows, columns=["File", "Size"]), hide_index=True, width="content")
    digests = ", ".join(f"{kind.replace('_', ' ')} `{digest[:12]}`" for kind, digest in written.digests.items())
    st.caption(f"SHA-256 of the tensors: {digests}.")
    if any(path.name == "README.md" for path in written.files):  # the hub takes a folder with a card, no single file
        _push(jobs, job.key, written.files)


def _push(jobs: Jobs, key: str, files: Sequence[Path]) -> None:
    job = f"push {key}"
    with st.expander("Push it to the Hugging Face hub"):
        # A form takes the token as it stands: from a field of its own, Tab leads to the eye in it and sends nothing.
        with st.form("export.push_form", border=False):
            name, secret, go = st.columns([1.2, 1.2, 0.8], vertical_alignment="bottom")
            name.text_input("Repository", key="export.repository", placeholder="OWNER/NAME")
            secret.text_input(
                "Token",
                type="password",
                key=_token_key(),
                placeholder="The one of this machine",
                autocomplete="off",
                help="With write access. It is used once, and neither kept nor shown; left empty, the token of "
                "`hf auth login` or HF_TOKEN on this machine is used.",
            )
            st.checkbox("For everybody (else private)", key="export.public")
            go.form_submit_button(
                "Push",
                icon=":material/cloud_upload:",
                key="export.push",
                width="stretch",
                on_click=_start_push,
                args=(jobs, job, files),
            )
        if not job_status.watch(jobs, job) and (pushed := job_status.outcome(jobs, job)):
            st.success(f"It is at {pushed.result}.")


def _token_key() -> str:
    """A new field after every push: a form leaves in the browser what was typed into the one before."""
    return f"export.token.{st.session_state.get('export.pushes', 0)}"


def _start_push(jobs: Jobs, key: str, files: Sequence[Path]) -> None:
    secret = [st.session_state.pop(_token_key(), "").strip()]
    st.session_state["export.pushes"] = st.session_state.get("export.pushes", 0) + 1
    repository, private = st.session_state["export.repository"].strip(), not st.session_state["export.public"]
    jobs.submit(
        key,
        f"Pushing {repository}",
        lambda progress: push.push(files, repository, private, secret.pop() or None),  # used once, then gone
        urgent=True,
    )


def command(
    lab: Lab, mix: Mix, fmt: str, dtype: str, tasks: tuple[str, ...] | None, to: str, overwrite: bool = False
) -> str:
    """The command line that writes the same files."""
    history = History(lab.folder)
    kept = KEY.fullmatch(mix.word) and mix.word not in lab.zoo
    words = ["export", str(history.path(mix.word)) if kept else mix.word, "--to", to, "--format", fmt, "--dtype", dtype]
    return command_line(lab, [*words, *(["--tasks", *tasks] if tasks else []), *["--overwrite"] * overwrite])


def details(lab: Lab, mix: Mix, fmt: str, dtype: str, tasks: tuple[str, ...] | None, to: str, overwrite: bool) -> None:
    """The command that does the same, the recipe, and the model card as it will be written."""
    st.markdown("The same in a terminal:")
    st.code(command(lab, mix, fmt, dtype, tasks, to, overwrite), language="bash", wrap_lines=True)
    facts = describe_recipe(lab, mix.recipe, fmt, dtype, tasks)
    text = model_card(facts)
    with st.expander("The model card" if to.endswith(".pt") else "The model card that goes with it", expanded=True):
        st.markdown(_shown(text))
    with st.container(horizontal=True):
        for label, make, name, mime in (
            ("Model card (Markdown)", text, "README.md", "text/markdown"),
            ("Recipe (JSON)", mix.recipe.to_json(), "recipe.json", "application/json"),
        ):
            st.download_button(label, make, file_name=name, mime=mime, on_click="ignore", icon=":material/download:")


def _shown(text: str) -> str:
    """A model card without its front matter; what folds in it is open, since pages show no HTML of others."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL).replace("# ", "#### ", 1)
    return re.sub(r"<details><summary>(.*)</summary>", r"**\1**", text).replace("</details>\n", "")
