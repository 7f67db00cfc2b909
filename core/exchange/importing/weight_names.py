"""Whose names a checkpoint's weights carry, and the image tower in them by open_clip's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from core.exchange.huggingface import from_huggingface
from core.exchange.importing.formats.foreign import ForeignError
from core.exchange.importing.subtrees import TRUNK, VISION, Subtree, subtrees, without_wrappers
from core.exchange.slices import tower_of
from core.models import IMAGE_TOWER

OPENAI_EXTRAS = {"input_resolution", "context_length", "vocab_size"}
BUFFERS = ("position_ids", "attn_mask")  # computed anew, never trained
TEXT_ROOTS = {"transformer", "token_embedding", "positional_embedding", "ln_final", "text_projection"}
TEXT_ROOTS |= {"logit_scale", "logit_bias", "text", "text_model"}
LEADS = {"tower": IMAGE_TOWER, "trunk": IMAGE_TOWER + TRUNK}
SCALES = ("weight_scale", "weight_scale_inv", "scale_weight", "scaled_fp8", "SCB")
UNMERGED = ("lora_A", "lora_B", "lora_down", "lora_up", "hada_w1_a", "lokr_w1", "ia3_l")
KINDS = {
    "clip": "open_clip",
    "tower": "image tower alone",
    "trunk": "image tower alone, by timm's names",
    "hf": "Hugging Face CLIP",
    "hf tower": "Hugging Face CLIPVisionModel",
}


@dataclass(frozen=True)
class Named:
    """``tower``: the image tower by open_clip's names; ``text``: the text side, by open_clip's names as far as known.

    ``kind`` is whose names they were, ``openai`` whether the file carries the marks of OpenAI's own. ``where`` is the
    part of the file that was taken ("" for all of it), ``others`` the parts that could have been; ``aside`` names the
    tensors that belong to neither tower.
    """

    tower: Mapping[str, torch.Tensor]
    text: Mapping[str, torch.Tensor]
    kind: str
    openai: bool
    twice: tuple[str, ...] = ()
    """Names that more than one tensor has once their wrappers are off."""
    where: str = ""
    others: tuple[Subtree, ...] = ()
    aside: tuple[str, ...] = ()


def name_weights(tensors: Mapping[str, torch.Tensor], expected: Mapping[str, Any], subtree: str = "") -> Named:
    """Sort a checkpoint's tensors into image tower, text side and the rest.

    ``expected`` are the shapes (or tensors) of the model that it should fit, by open_clip's names; the part of the file
    whose names fit best is taken, or the one called ``subtree``. Raises ForeignError for a part that is not there and
    for weights that are not the model's numbers (quantised with scales, sharded away, adapters).
    """
    shapes = {n: tuple(getattr(t, "shape", t)) for n, t in expected.items()}
    bare = {name: without_wrappers(name) for name in tensors}
    every = {bare[name]: tensor for name, tensor in tensors.items()}
    there = subtrees({n: tuple(t.shape) for n, t in every.items()}, shapes)
    chosen, others = _choose(there, subtree)
    away = tuple(o.prefix for o in others if o.prefix.startswith(chosen.prefix) and o.prefix != chosen.prefix)
    mine = {n for n in every if n.startswith(chosen.prefix) and not (away and n.startswith(away))}
    weights = {n.removeprefix(chosen.prefix): every[n] for n in every if n in mine}
    _check_numbers(weights)
    openai = bool(OPENAI_EXTRAS & weights.keys())
    kind = "OpenAI CLIP" if openai and chosen.layout == "clip" else KINDS[chosen.layout]
    named = _by_open_clip(weights, chosen.layout)
    tower, text, rest = _sorted(named, shapes, LEADS.get(chosen.layout, ""))
    rest += [n for n in weights if n.endswith("position_ids") and n not in rest]
    if (scale := text.get("logit_scale")) is not None and scale.numel() == 1:
        text["logit_scale"] = scale.reshape(())
    outside = [n for n in every if n not in mine]
    count = Counter(bare.values())
    twice = tuple(name.removeprefix(chosen.prefix) for name in mine if count[name] > 1)
    return Named(tower, text, kind, openai, twice, chosen.name, others, tuple(sorted([*rest, *outside])))


def _choose(there: list[Subtree], wanted: str) -> tuple[Subtree, tuple[Subtree, ...]]:
    if not there:
        return Subtree("", "clip", 0, 0), ()
    fitting = (
        [s for s in there if s.name == ("" if wanted == "." else without_wrappers(wanted))] if wanted else there[:1]
    )
    fitting = fitting or [s for s in there if wanted in s.name.split(".")]
    if not fitting:
        names = ", ".join(repr(s.name or ".") for s in there)
        raise ForeignError(f"It holds no weights of this model under {wanted!r}; they lie under {names}.")
    return fitting[0], tuple(s for s in there if s != fitting[0])


def _check_numbers(weights: Mapping[str, torch.Tensor]) -> None:
    """Raises ForeignError for names that say that the numbers are not the weights themselves."""
    if scaled := [n for n in weights if n.rpartition(".")[2] in SCALES]:
        raise ForeignError(
            f"Its weights are quantised, with scales beside them ({scaled[0]}); save it dequantised, as float16."
        )
    if layers := [n for n in weights if any(part in n for part in UNMERGED)]:
        raise ForeignError(
            f"It holds {len(layers)} layers of an adapter that is not merged ({layers[0]}); merge it in the program "
            "that trained it (peft: merge_and_unload) and save the model, or import peft's adapter folder."
        )
    empty = [n for n, t in weights.items() if not t.numel()]
    if empty and len(empty) * 2 > len(weights):
        raise ForeignError(
            f"{len(empty)} of its {len(weights)} weights are empty ({empty[0]}): DeepSpeed's ZeRO-3 keeps them in "
            "other files; put them together with its zero_to_fp32.py."
        )


def _by_open_clip(weights: Mapping[str, torch.Tensor], layout: str) -> dict[str, torch.Tensor]:
    if layout == "hf tower":
        alone = ("embeddings.", "encoder.", "pre_layrnorm.", "post_layernorm.")
        weights = {VISION + n if n.startswith(alone) else n: t for n, t in weights.items()}
    if layout.startswith("hf"):
        return from_huggingface(weights)
    return dict(weights)


def _sorted(
    weights: Mapping[str, torch.Tensor], expected: Iterable[str], lead: str
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], list[str]]:
    """Image tower, text side, and the names of the rest. What is in a tower's modules is its own, known or not."""
    roots = {n.removeprefix(lead).split(".")[0] for n in expected if lead and n.startswith(lead)}
    tower: dict[str, torch.Tensor] = {}
    text: dict[str, torch.Tensor] = {}
    rest: list[str] = []
    for name, tensor in weights.items():
        root = name.split(".")[0]
        if name in OPENAI_EXTRAS or name.endswith(BUFFERS):
            rest.append(name)
        elif root in roots:
            tower[lead + name] = tensor
        elif tower_of(name) or root == "vision_model":
            tower[name] = tensor
        elif root in TEXT_ROOTS and not lead:
            text[name.removeprefix("text.")] = tensor
        else:
            rest.append(name)
    return tower, text, rest
