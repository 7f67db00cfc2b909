"""Hugging Face's names for the weights of a standard CLIP, two plain transformers, to and from open_clip's."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

from core import PaletteError
from core.exchange.slices import TensorSlice

_PLAIN = {
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "visual.ln_pre": "vision_model.pre_layrnorm",  # spelt so by transformers
    "visual.ln_post": "vision_model.post_layernorm",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final": "text_model.final_layer_norm",
    "logit_scale": "logit_scale",
}
_TURNED = {"visual.proj": "visual_projection.weight", "text_projection": "text_projection.weight"}
_BLOCKS = {
    "visual.transformer.resblocks": "vision_model.encoder.layers",
    "transformer.resblocks": "text_model.encoder.layers",
}
_IN_BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
_QKV = ("q_proj", "k_proj", "v_proj")
_BLOCK = re.compile(r"(.+?)\.(\d+)\.(.+)\.(weight|bias)")


class HuggingFaceError(PaletteError):
    """A model that Hugging Face's CLIPModel has no words for."""


def _rename(name: str) -> str | None:
    """The Hugging Face name of an open_clip weight that is neither split nor turned over."""
    if name in _PLAIN:
        return _PLAIN[name]
    stem, _, kind = name.rpartition(".")
    if stem in _PLAIN:
        return f"{_PLAIN[stem]}.{kind}"
    if found := _BLOCK.fullmatch(name):
        tower, number, inner, kind = found.groups()
        if tower in _BLOCKS and inner in _IN_BLOCK:
            return f"{_BLOCKS[tower]}.{number}.{_IN_BLOCK[inner]}.{kind}"
    return None


def parts(layout: Mapping[str, tuple[torch.dtype, tuple[int, ...]]]) -> dict[str, TensorSlice]:
    """Hugging Face's tensors, each as a part of an open_clip weight. Raises HuggingFaceError naming what has none."""
    found: dict[str, TensorSlice] = {}
    strange = []
    for name, (_, shape) in layout.items():
        block = re.fullmatch(r"(.+)\.(\d+)\.attn\.in_proj_(weight|bias)", name)
        if name in _TURNED:
            found[_TURNED[name]] = TensorSlice(name, transposed=True)
        elif block and block[1] in _BLOCKS:
            third = shape[0] // 3
            for i, word in enumerate(_QKV):
                found[f"{_BLOCKS[block[1]]}.{block[2]}.self_attn.{word}.{block[3]}"] = TensorSlice(
                    name, rows=(i * third, (i + 1) * third)
                )
        elif target := _rename(name):
            found[target] = TensorSlice(name)
        else:
            strange.append(name)
    if strange:
        raise HuggingFaceError(
            f"Hugging Face's CLIPModel has no place for {', '.join(strange[:3])}: only plain vision transformers fit; "
            "export as open_clip instead."
        )
    return found


def from_huggingface(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights by open_clip names; names that it does not know stay as they are, ``position_ids`` go."""
    turned = {theirs: ours for ours, theirs in _TURNED.items()}
    plain = {theirs: ours for ours, theirs in _PLAIN.items()}
    blocks = {theirs: ours for ours, theirs in _BLOCKS.items()}
    inner = {theirs: ours for ours, theirs in _IN_BLOCK.items()}
    found: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        stem, _, kind = name.rpartition(".")
        block = _BLOCK.fullmatch(name)
        if name.endswith("position_ids"):
            continue
        if name in turned:
            found[turned[name]] = tensor.T.contiguous() if tensor.dim() == 2 else tensor
        elif name in plain:
            found[plain[name]] = tensor
        elif stem in plain:
            found[f"{plain[stem]}.{kind}"] = tensor
        elif block and block[1] in blocks and block[3] in inner:
            found[f"{blocks[block[1]]}.{block[2]}.{inner[block[3]]}.{block[4]}"] = tensor
        elif block and block[1] in blocks and block[3] in {f"self_attn.{word}" for word in _QKV}:
            three = [tensors.get(f"{block[1]}.{block[2]}.self_attn.{word}.{block[4]}") for word in _QKV]
            whole = [t for t in three if t is not None and t.dim() and t.shape[1:] == tensor.shape[1:]]
            found[f"{blocks[block[1]]}.{block[2]}.attn.in_proj_{block[4]}"] = torch.cat(whole) if whole else tensor
        else:
            found[name] = tensor
    return found
