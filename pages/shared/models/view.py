"""What the models page shows, as a value: read from the address, written to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pages.shared.app.url_state import Parameters

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


def read(known: Mapping[str, list[str]], parameters: Parameters) -> View:
    """The view that an address asks for; ``known`` are the weights of each model."""
    source = parameters.one_of("source", SOURCES, View.source)
    model = parameters.one_of("model", known, MODEL, "which open_clip does not know")
    usual = TAG if TAG in known[model] else known[model][0]
    return View(source, model, parameters.one_of("tag", known[model], usual, f"which {model} does not have"))


def write(view: View) -> dict[str, str]:
    """The address of a view."""
    if view.source != "open_clip":
        return {"source": view.source}
    return {"model": view.model, "tag": view.tag}
