"""Settings of a fine-tune: the paper's defaults, and what a workspace says instead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core import PaletteError
from core.models import IMAGE_TOWER
from core.training.augment import STRENGTHS
from core.workspace import Lab


@dataclass(frozen=True)
class Settings:
    """PAINT §3 and DESIGN §7: the defaults are the paper's for CLIP; a workspace may need its own.

    ``steps`` and ``warmup`` count optimiser steps, ``lr`` is the peak rate, ``clip_norm`` bounds the gradient's norm.
    ``precision`` is "float32" or "bfloat16" (autocast). BatchNorm statistics, where there are any, stay frozen.
    ``augment`` names how far pictures are changed on their way in, on the device. ``only`` are components, prefixes of
    weight names: what they own is trained, the rest stays; empty is all, as in the paper. ``hold`` is how much the
    answers about other classes are held, see ``holding``; 0 is not at all, as in the paper. Raises PaletteError if no
    augmentation is called so.
    """

    steps: int = 2000
    batch_size: int = 128
    lr: float = 1e-5
    warmup: int = 200
    weight_decay: float = 0.1
    clip_norm: float = 1.0
    seed: int = 0
    precision: str = "float32"
    augment: str = "none"
    only: tuple[str, ...] = ()
    hold: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "only", tuple(self.only))
        object.__setattr__(self, "hold", float(self.hold))
        if self.augment not in STRENGTHS:
            raise PaletteError(f"There is no augmentation {self.augment!r}; choose one of {', '.join(STRENGTHS)}.")

    @property
    def facts(self) -> dict[str, object]:
        """What decides the training, for digests and headers: what came later is left out where it changes nothing, so
        that what was trained before there was a choice is still found."""
        idle = {"augment": "none", "only": [], "hold": 0.0}
        found = {**asdict(self), "only": list(self.only)}
        return {name: value for name, value in found.items() if name not in idle or value != idle[name]}

    def lr_at(self, step: int) -> float:
        """Learning rate of step 0, 1, ...: linear warm-up, then cosine to zero."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.lr * 0.5 * (1 + math.cos(math.pi * done))


def describe_training(facts: Mapping[str, Any]) -> str:
    """How a checkpoint was trained, for people: a phrase from the settings in its header."""
    if merged := facts.get("merged"):
        return f"not trained itself, but merged from {', '.join(merged['parents'])} by {merged['method']}"
    only = [str(name).removeprefix(IMAGE_TOWER) for name in facts.get("only", ())]
    parts = [f"{facts.get('steps', '?')} steps", f"only {' and '.join(only)}" if only else "the whole image tower"]
    if facts.get("hold"):
        parts.append(f"its answers about the supported tasks' classes held ({facts['hold']:g} ×)")
    if (strength := facts.get("augment", "none")) != "none":
        parts.append(f"pictures {strength}ly augmented")
    return ", ".join(parts)


def settings_of(lab: Lab, name: str, augment: str = "") -> Settings:
    """Settings for fine-tuning on a task: the workspace's defaults, then the task's own, then ``augment``.

    Raises PaletteError if no augmentation is called so.
    """
    return _settings(lab, name, augment, "finetune")


def patch_settings(lab: Lab, name: str, augment: str = "") -> Settings:
    """Settings of the workspace's own checkpoint of that name: those, with what its ``patches`` say on top, if they do
    not say null.

    Raises PaletteError if no augmentation is called so.
    """
    return _settings(lab, name, augment, "finetune", "patches")


def _settings(lab: Lab, name: str, augment: str, *kinds: str) -> Settings:
    settings: dict = {}
    for section in (getattr(lab.facts, kind) for kind in kinds):
        own = section.get(name, {})
        settings |= {**section.get("default", {}), **own} if own is not None else {}
    return Settings(**settings | ({"augment": augment} if augment else {}))
