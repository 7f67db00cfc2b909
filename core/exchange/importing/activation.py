"""Which activation foreign weights were trained with, as far as their files say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.exchange.importing.formats.foreign import Foreign
from core.exchange.importing.weight_names import Named
from core.exchange.manifest import activation

ACTIVATIONS = ("quick_gelu", "gelu")
DEFAULT = "quick_gelu"  # of transformers' CLIPConfig, where hidden_act is absent


def said_activation(foreign: Foreign, named: Named) -> tuple[str | None, str]:
    """The activation that a checkpoint's files say, and where they say it; None if they do not."""
    ours, theirs = foreign.configs.get("open_clip_config.json", {}), foreign.configs.get("config.json", {})
    if isinstance(model_cfg := ours.get("model_cfg"), Mapping):
        return activation(model_cfg), "its open_clip_config.json"
    if found := _of_transformers(theirs):
        return found
    if isinstance(model_cfg := foreign.facts.get("model_cfg"), Mapping):
        return activation(model_cfg), "its own header"
    if named.openai:
        return "quick_gelu", "OpenAI's marks in the file"
    if any(re.search(r"quick[-_]?gelu", file.stem.lower()) for file in foreign.files):
        return "quick_gelu", "the file's name"
    return None, ""


def _of_transformers(config: Mapping[str, Any]) -> tuple[str, str] | None:
    vision_config = config.get("vision_config", config)
    if not isinstance(vision_config, Mapping):
        return None
    act = vision_config.get("hidden_act")
    if isinstance(act, str):
        return act[:40], "its config.json"
    if str(config.get("model_type", "")).startswith("clip"):
        return DEFAULT, "its config.json, which leaves it at transformers' default"
    return None
