"""What the models page shows, as a value: read from the address, written to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SOURCES = {
    "open_clip": "open_clip",
    "hub": "The Hugging Face hub",
    "timm": "timm, a closed vocabulary",
    "file": "A file of mine",
}
MODEL, TAG = "ViT-B-32-quickgelu", "openai"


@dataclass(frozen=True)
class View:
    """Where a new base is to come from, and for open_clip which model with which weights."""

    source: str = "open_clip"
    model: str = MODEL
    tag: str = TAG


def read(known: Mapping[str, list[str]], parameters: Mapping[str, str]) -> tuple[View, list[str]]:
    """The view that an address asks for, and one sentence for each part of it that makes no sense and was left out."""
    source, complaints = parameters.get("source", "open_clip"), []
    if source not in SOURCES:
        complaints.append(f"This link asks for source {source!r}; there is {', '.join(SOURCES)}.")
        source = "open_clip"
    model = parameters.get("model", MODEL)
    if model not in known:
        complaints.append(f"This link asks for model {model!r}, which open_clip does not know; showing {MODEL}.")
        model = MODEL
    tag = parameters.get("tag", TAG if TAG in known[model] else known[model][0])
    if tag not in known[model]:
        complaints.append(
            f"This link asks for weights {tag!r}, which {model} does not have; showing {known[model][0]}."
        )
        tag = known[model][0]
    return View(source, model, tag), complaints


def write(view: View) -> dict[str, str]:
    """The address of a view."""
    if view.source != "open_clip":
        return {"source": view.source}
    return {"model": view.model, "tag": view.tag}
