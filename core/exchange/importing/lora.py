"""LoRA adapters of an image tower, as peft saves them, merged into the weights of the base."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import sqrt
from typing import Any

import torch

from core.exchange.huggingface import HuggingFaceError, parts
from core.exchange.importing.formats.foreign import Foreign, ForeignError
from core.exchange.importing.reader import ADAPTER
from core.exchange.importing.subtrees import TRUNK, VISION, without_wrappers
from core.exchange.importing.weight_names import Named
from core.exchange.slices import TensorSlice, tower_of
from core.models import IMAGE_TOWER

ROTATED = {"pissa", "olora", "corda", "loftq", "eva_lora"}  # inits that change the base's own weights
_PART = re.compile(r"(.+?)\.(lora_A|lora_B|lora_magnitude_vector|lora_embedding_[AB])(?:\.[^.]+)?(\.weight|\.bias)?$")
_OTHERS = {
    "lora_down": "kohya's layout",
    "lora_up": "kohya's layout",
    "hada_w1": "LoHa",
    "lokr_w1": "LoKr",
    "ia3_l": "IA³",
    "oft_r": "OFT",
    "boft_": "BOFT",
    "vera_lambda": "VeRA",
    "lora_magnitude_vector": "DoRA",
    "lora_embedding_": "LoRA of an embedding",
}


def is_adapter(foreign: Foreign) -> bool:
    """Whether a file holds an adapter alone: no weights of a model."""
    if ADAPTER in foreign.configs:
        return True
    marks = ("lora_A", "lora_B", *_OTHERS)
    marked = sum(any(m in name for m in marks) for name in foreign.tensors)
    return 2 * marked > len(foreign.tensors)


def merge_adapter(foreign: Foreign, base: Mapping[str, torch.Tensor]) -> Named:
    """The base's image tower with the adapter merged into it, W + s·B·A in fp32, as float32 where it changed.

    s is lora_alpha / r, or lora_alpha / √r with rsLoRA (Hu et al. 2021, §4.1; Kalajdzievski 2023). What lies in the
    text tower is named as left aside. Raises ForeignError for adapters of another kind, or of the text tower alone.
    """
    config = foreign.configs.get(ADAPTER)
    _check_kind(foreign, config)
    assert config is not None
    places = _places(base)
    pairs, whole, aside = _layers(foreign.tensors, places)
    if not pairs:
        first = next(iter(foreign.tensors))
        raise ForeignError(
            f"This adapter changes no layer of the image tower of the base ({first}); Palette mixes image towers, and "
            "the text tower stays the base's."
        )
    changed: dict[str, torch.Tensor] = {}
    for name, pair in pairs.items():
        if set(pair) != {"lora_A", "lora_B"}:
            raise ForeignError(f"The adapter's layer {name} lacks its {'B' if 'lora_A' in pair else 'A'} matrix.")
        delta = _product(name, pair["lora_A"], pair["lora_B"]) * _scale(config, name, pair["lora_A"].shape[0])
        _put(changed, base, places[name], delta, name, add=True)
    for name, tensor in whole.items():
        _put(changed, base, places[name], tensor, name, add=False)
    of = str(config.get("base_model_name_or_path") or "")[:100]
    kind = f"LoRA adapter of {len(pairs)} layers" + (f", trained on {of}" if of else "")
    return Named({**base, **changed}, {}, kind, False, aside=tuple(aside))


def _check_kind(foreign: Foreign, config: Mapping[str, Any] | None) -> None:
    """Raises ForeignError naming the kind of adapter that is not merged here."""
    kinds = {kind for mark, kind in _OTHERS.items() if any(mark in name for name in foreign.tensors)}
    if config is not None and config.get("peft_type", "LORA") != "LORA":
        kinds.add(str(config["peft_type"])[:40])
    if config is not None:
        kinds |= {"DoRA"} if config.get("use_dora") else set()
        kinds |= {"a LoRA with biases of its own"} if config.get("lora_bias") else set()
        init = str(config.get("init_lora_weights", "")).lower()
        if init.split("_niter")[0] in ROTATED:
            kinds.add(f"{init[:40]}, which changed the base's own weights before it trained")
        patterns = {**(config.get("rank_pattern") or {}), **(config.get("alpha_pattern") or {})}
        mapping = config.get("auto_mapping")
        of = str(mapping.get("base_model_class", "")) if isinstance(mapping, dict) else ""
        kinds |= {f"of the text tower ({of[:40]})"} if "Text" in of else set()
        if any(re.search(r"[\\^$*+?\[\](){}|]", str(key)) for key in patterns):
            kinds.add("a LoRA with regular expressions for its ranks")
    if kinds:
        raise ForeignError(
            f"This adapter is {', '.join(sorted(kinds))}: Palette merges plain LoRA of peft; merge it where it was "
            "trained (peft: merge_and_unload) and save the whole model."
        )
    if config is None:
        raise ForeignError(
            f"This is a LoRA adapter, and only its {ADAPTER} says how strongly it acts: give the folder of peft."
        )


def _places(base: Mapping[str, torch.Tensor]) -> dict[str, TensorSlice]:
    """Where a weight of the tower by anyone's name lies in the base's."""
    layout = {n: (t.dtype, tuple(t.shape)) for n, t in base.items()}
    found = {n: TensorSlice(n) for n in layout}
    found |= {n.removeprefix(IMAGE_TOWER): TensorSlice(n) for n in layout}
    found |= {n.removeprefix(IMAGE_TOWER + TRUNK): TensorSlice(n) for n in layout if IMAGE_TOWER + TRUNK in n}
    try:
        theirs = parts({n: facts for n, facts in layout.items() if tower_of(n)})
    except HuggingFaceError:
        return found
    return {**{n.removeprefix(VISION): p for n, p in theirs.items()}, **theirs, **found}


def _layers(
    tensors: Mapping[str, torch.Tensor], places: Mapping[str, TensorSlice]
) -> tuple[dict[str, dict[str, torch.Tensor]], dict[str, torch.Tensor], list[str]]:
    """The two matrices of each layer of the image tower, what replaces a weight whole, and the names of the rest."""
    pairs: dict[str, dict[str, torch.Tensor]] = {}
    whole: dict[str, torch.Tensor] = {}
    aside = []
    for name, tensor in tensors.items():
        matched = _PART.fullmatch(name)
        target = _target(matched[1] if matched else name, places, bool(matched))
        if target is None:
            aside.append(name)
        elif matched:
            pairs.setdefault(target, {})[matched[2]] = tensor
        else:
            whole[target] = tensor
    return pairs, whole, aside


def _target(name: str, places: Mapping[str, TensorSlice], layer: bool) -> str | None:
    """The weight that an adapter's name means, whatever lies before it: names of a text tower have other beginnings."""
    dropped = {"base_layer", "modules_to_save", "original_module", "default"}
    segments = [part for part in without_wrappers(name).split(".") if part not in dropped][-30:]
    if {"text_model", "text", "text_encoder"} & set(segments):
        return None
    for i in range(len(segments)):
        rest = ".".join(segments[i:])
        if rest.startswith("transformer.") and not {"visual", "image_encoder"} & set(segments[:i]):
            continue  # open_clip's text tower has the same names without visual. before them
        for ending in (".weight", ".in_proj_weight") if layer else ("",):
            if rest + ending in places:
                return rest + ending
    return None


def _scale(config: Mapping[str, Any], name: str, rank: int) -> float:
    layer = name.removesuffix(".weight")
    alphas = config.get("alpha_pattern") or {}
    own = [v for k, v in alphas.items() if f".{layer}".endswith(f".{k}")]
    alpha = own[0] if own else config.get("lora_alpha", 8)
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or rank < 1:
        raise ForeignError(f"The {ADAPTER} gives no number as lora_alpha.")
    return alpha / (sqrt(rank) if config.get("use_rslora") else rank)


def _product(name: str, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """B·A as a matrix (outputs, inputs); a convolution's kernel is its inputs."""
    if a.dim() < 2 or b.dim() < 2 or a.shape[0] != b.shape[1] or b.flatten(1).shape[1] != a.shape[0]:
        raise ForeignError(
            f"The adapter's matrices of {name} do not fit each other: {tuple(b.shape)}, {tuple(a.shape)}."
        )
    return b.float().flatten(1) @ a.float().flatten(1)


def _put(
    changed: dict[str, torch.Tensor],
    base: Mapping[str, torch.Tensor],
    place: TensorSlice,
    tensor: torch.Tensor,
    name: str,
    add: bool,
) -> None:
    """Add to a weight of the base, or to its rows, or replace them."""
    if place.source not in changed:
        changed[place.source] = base[place.source].detach().to(torch.float32, copy=True)
    old = changed[place.source]
    part = old[slice(*place.rows)] if place.rows else old
    part = part.T if place.transposed else part
    if part.numel() != tensor.numel() or (tensor.dim() > 1 and part.shape[0] != tensor.shape[0]):
        raise ForeignError(
            f"The adapter's {name} is {tuple(tensor.shape)}, but the base's weight there is {tuple(part.shape)}: it "
            "was trained on another model."
        )
    tensor = tensor.float().reshape(part.shape)
    part.add_(tensor) if add else part.copy_(tensor)
