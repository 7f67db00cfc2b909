"""The form that makes a workspace: a model, a name, how to keep it and how to compute with it; then a job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import streamlit as st

from core import PaletteError
from core.exchange import ACTIVATIONS, KEPT, Origin, hub_place, make_workspace, reading_notes, size_of
from core.jobs import Job, Jobs
from core.models import PRECISIONS, closed_models, device_of_choice, precision_of_choice
from core.storage import by_hand, cache_folder
from core.workspace import workspaces
from pages.shared.app import job_status, workspace
from pages.shared.models.view import SOURCES, View
from pages.shared.widgets.escape import plain
from pages.shared.widgets.pickers import seed

SOURCE, MODEL, TAG, HUB = (f"models.{w}" for w in ("source", "model", "tag", "hub"))
TIMM, FILE, OF, ACT, PART = (f"models.{w}" for w in ("timm", "file", "of", "activation", "part"))
NAME, DTYPE, PRECISION = "models.name", "models.dtype", "models.precision"


def pick(view: View, known: Mapping[str, list[str]], anew: bool) -> tuple[View, Origin | None]:
    """Which model; None while something is still to be said."""
    seed({SOURCE: view.source, MODEL: view.model, TAG: view.tag}, anew)
    source = st.selectbox("Where from", list(SOURCES), key=SOURCE, format_func=SOURCES.get)
    view = replace(view, source=source)
    if source == "hub":
        hub = st.text_input("Model on the hub", key=HUB, placeholder="openai/clip-vit-base-patch32", help=_HUB).strip()
        return view, Origin(hub=hub) if hub else None
    if source == "timm":
        asking = st.cache_resource(show_spinner="Asking timm which models it knows …")(closed_models)
        closed = st.selectbox("Model of timm", asking(), index=None, key=TIMM, placeholder="Type a name", help=_TIMM)
        return view, Origin(model=closed, closed=True) if closed else None
    if source == "file":
        path = st.text_input("File or folder on this machine", key=FILE, placeholder="/models/clip.pt", help=_FILE)
        of = st.selectbox("Architecture", list(known), index=None, key=OF, placeholder="As the folder says", help=_OF)
        if not path.strip():
            return view, None
        act = st.selectbox("Activation", ACTIVATIONS, index=None, key=ACT, placeholder="As the file says", help=_ACT)
        part = st.text_input("Part of the file", key=PART, placeholder="What fits best", help=_PART).strip()
        place = Path(path.strip()).expanduser()
        return view, Origin(model=of or "", checkpoint=place, activation=act or "", subtree=part)
    model = st.selectbox("Model", [m for m, tags in known.items() if tags], key=MODEL, help="By open_clip's name.")
    if st.session_state[TAG] not in known[model]:
        st.session_state[TAG] = known[model][0]
    tag = st.selectbox("Weights", known[model], key=TAG, help="By open_clip's tag: what they were trained on.")
    return replace(view, model=model, tag=tag), Origin(model=model, pretrained=tag)


_HUB = "OWNER/NAME of an open_clip model, or of transformers' CLIPModel."
_TIMM = (
    "An image classifier: a closed vocabulary, as in appendix H of PAINT. It reads no class names; every task gets a "
    "head that is trained once on this model and then frozen (on the Data page)."
)
_FILE = "A .safetensors, a .pt (weights only: no code is run), or a folder with open_clip_config.json or config.json."
_ACT = "Needed where a file does not say it: OpenAI's weights and their descendants want quick_gelu, LAION's gelu."
_PART = "Where a file holds several sets of weights, such as an average (state_dict_ema)."
_OF = "Needed for a lone file, which does not say which architecture its weights are of."


def offer(origin: Origin | None, cache: Path, jobs: Jobs) -> str:
    """Its name and how to keep it, the button that makes it, and how far that is; returns what went wrong."""
    if origin is None:
        st.caption("Say which model, and the button to make its workspace appears.")
        return ""
    _named_after(origin)
    name = st.text_input("Name of the workspace", key=NAME, help="Letters, digits, '.', '_' and '-'.").strip()
    with st.expander("Precision"):
        kept = st.selectbox("Weights kept as", list(KEPT), key=DTYPE, help="float16 halves the files.")
        words = [p for p in PRECISIONS if p != "tf32" or device_of_choice().type == "cuda"]
        seed({PRECISION: precision_of_choice(device_of_choice())}, False)
        precision = st.selectbox("Computed with", words, key=PRECISION, help=_PRECISION)
    key = f"new:{name}"
    if job_status.watch(jobs, key):
        return ""
    if name in workspaces(cache):
        if st.button(f"Open {name}", icon=":material/folder_open:", width="stretch", key="models.ready"):
            workspace.switch_to(name)
        st.caption("There is a workspace of this name; another name makes another.")
        for line in reading_notes(cache / name):
            st.caption(plain(line))
        return ""
    st.button(
        "Make the workspace",
        type="primary",
        icon=":material/add:",
        width="stretch",
        disabled=not name,
        on_click=_submit,
        args=(jobs, key, name, cache, origin, kept, precision),
    )
    if origin.pretrained:
        st.caption(f"{size_of(origin.model, KEPT[kept].itemsize) / 1e6:,.0f} MB to keep, once downloaded.")
    job = jobs.get(key)
    return job.error if job is not None else ""


_PRECISION = (
    "Chosen once for a workspace, so that all its numbers are comparable. bfloat16 and float16 are fast on GPUs; what "
    "they change is measured under *What lower precision does*."
)


def _submit(jobs: Jobs, key: str, name: str, cache: Path, origin: Origin, kept: str, precision: str) -> Job:
    return jobs.submit(
        key,
        f"Making {name}",
        lambda progress: make_workspace(cache, name, origin, kept, precision, progress),
        urgent=True,
    )


def _named_after(origin: Origin) -> None:
    """Propose a name for the model, until the person has typed one."""
    where = [origin.model, origin.pretrained, origin.hub, origin.checkpoint.stem if origin.checkpoint else ""]
    proposed = re.sub(r"[^A-Za-z0-9._-]+", "-", ".".join(filter(None, where))).strip("-._")[:100]
    if st.session_state.get(NAME) in (None, "", st.session_state.get("models.proposed")):
        st.session_state[NAME] = proposed
    st.session_state["models.proposed"] = proposed


def without_network(origin: Origin | None, name: str) -> None:
    """What to place where on a machine that cannot download."""
    with st.expander("Without a network: what to place where"):
        place = None
        if origin is not None and (origin.pretrained or origin.hub):
            try:
                place = (origin.hub, "open_clip_model.safetensors") if origin.hub else hub_place(origin)
            except PaletteError as error:
                st.caption(plain(str(error)))
        if place is not None:
            st.markdown(
                f"This model comes from [{place[0]}](https://huggingface.co/{place[0]}). Offline, {by_hand(*place)}."
            )
        st.markdown(
            f"Downloads lie in `{cache_folder()}`, the cache of every Hugging Face program (`HF_HOME` moves it); what "
            "is there is used without a network, and what breaks off goes on where it stopped. The same in a terminal:"
        )
        words = "--model ViT-B-32-quickgelu --pretrained openai"
        if origin is not None and origin.pretrained:
            words = f"--model {origin.model} --pretrained {origin.pretrained}"
        elif origin is not None and origin.hub:
            words = f"--from-hf {origin.hub}"
        elif origin is not None and origin.closed:
            words = f"--model {origin.model} --closed"
        elif origin is not None and origin.checkpoint is not None:
            words = f"--checkpoint {origin.checkpoint}" + (f" --model {origin.model}" if origin.model else "")
        st.code(f"python -m core new {name or 'NAME'} {words}", language="bash")
