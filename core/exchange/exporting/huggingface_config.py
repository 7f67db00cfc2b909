"""Hugging Face's configuration files for a standard CLIP, from open_clip's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.exchange.huggingface import HuggingFaceError
from core.models import vocabulary

_VISION = {"image_size", "layers", "width", "head_width", "patch_size", "mlp_ratio"}
_TEXT = {"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio"}
_HARMLESS = {"hf_tokenizer_name", "tokenizer_kwargs", "tokenizer_mode", "patch_dropout", "output_tokens"}


def config(model_cfg: Mapping[str, Any], activation: str) -> dict[str, Any]:
    """``config.json`` of the CLIPModel that an open_clip config describes. Raises HuggingFaceError if it is another."""
    vision, text = model_cfg["vision_cfg"], model_cfg["text_cfg"]
    odd = [k for k, v in vision.items() if k not in _VISION | _HARMLESS and v]
    odd += [k for k, v in text.items() if k not in _TEXT | _HARMLESS and v]
    odd += [k for k, v in model_cfg.items() if k not in {"embed_dim", "quick_gelu", "vision_cfg", "text_cfg"} and v]
    if odd or not isinstance(vision.get("layers", 12), int) or not isinstance(vision.get("image_size", 224), int):
        raise HuggingFaceError(
            f"Hugging Face's CLIPModel knows only plain vision transformers, not {', '.join(odd) or 'this image tower'}"
            "; export as open_clip instead."
        )
    width, wide = vision.get("width", 768), text.get("width", 512)
    last = text.get("vocab_size", 49408) - 1
    shared = {"hidden_act": activation, "projection_dim": model_cfg["embed_dim"], "layer_norm_eps": 1e-5}
    return {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": model_cfg["embed_dim"],
        "vision_config": {
            **shared,
            "model_type": "clip_vision_model",
            "hidden_size": width,
            "intermediate_size": int(width * vision.get("mlp_ratio", 4.0)),
            "num_hidden_layers": vision.get("layers", 12),
            "num_attention_heads": width // vision.get("head_width", 64),
            "image_size": vision.get("image_size", 224),
            "patch_size": vision.get("patch_size", 16),
        },
        "text_config": {
            **shared,
            "model_type": "clip_text_model",
            "hidden_size": wide,
            "intermediate_size": int(wide * text.get("mlp_ratio", 4.0)),
            "num_hidden_layers": text.get("layers", 12),
            "num_attention_heads": text.get("heads", 8),
            "max_position_embeddings": text.get("context_length", 77),
            "vocab_size": last + 1,
            "bos_token_id": last - 1,
            "eos_token_id": last,  # CLIP's tokenizer ends texts with its last token
            "pad_token_id": last,
        },
    }


def preprocessor(preprocess_cfg: Mapping[str, Any]) -> dict[str, Any]:
    """``preprocessor_config.json`` for CLIPImageProcessor."""
    size = preprocess_cfg["size"]
    height, width = (size, size) if isinstance(size, int) else size
    squash = preprocess_cfg.get("resize_mode") == "squash"
    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"height": height, "width": width} if squash else {"shortest_edge": min(height, width)},
        "resample": 2 if preprocess_cfg.get("interpolation") == "bilinear" else 3,
        "do_center_crop": not squash,
        "crop_size": {"height": height, "width": width},
        "do_rescale": True,
        "do_normalize": True,
        "image_mean": list(preprocess_cfg["mean"]),
        "image_std": list(preprocess_cfg["std"]),
        "do_convert_rgb": True,
    }


def tokenizer(model_cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The files of a CLIPTokenizer that gives open_clip's tokens; none where the text tower has another vocabulary."""
    text = model_cfg["text_cfg"]
    ids, merges = vocabulary()
    if text.get("hf_tokenizer_name") or text.get("vocab_size", 49408) != len(ids):
        return {}
    theirs = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}  # as Hugging Face calls the ends
    end = theirs["<end_of_text>"]
    return {
        "vocab.json": {theirs.get(token, token): i for token, i in ids.items()},
        "merges.txt": "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges),
        "tokenizer_config.json": {
            "tokenizer_class": "CLIPTokenizer",
            "model_max_length": text.get("context_length", 77),
            "bos_token": theirs["<start_of_text>"],
            "eos_token": end,
            "pad_token": end,
            "unk_token": end,
        },
    }
