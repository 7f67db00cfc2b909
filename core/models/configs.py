"""Which architecture a checkpoint belongs to: its config, from open_clip's and timm's lists, or its own files."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from core.models.clip import ModelError, open_clip

OPENAI_MEAN, OPENAI_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
PREPROCESSING = ("mean", "std", "interpolation", "resize_mode")


def known_models() -> dict[str, list[str]]:
    """The names of open_clip's models, and the tags of the pretrained weights that it knows for each."""
    library = open_clip()
    tags = library.list_pretrained()
    return {name: [tag for model, tag in tags if model == name] for name in library.list_models()}


def model_config(name: str) -> dict[str, Any] | None:
    """open_clip's config of a model, or None if it knows none of that name."""
    return open_clip().get_model_config(name) if name in open_clip().list_models() else None


def closed_models() -> list[str]:
    """timm's models with pretrained weights, as NAME.TAG."""
    open_clip()  # which has prepared torchvision
    import timm

    return timm.list_models(pretrained=True)


def timm_config(name: str) -> dict[str, Any]:
    """``model_cfg``, ``preprocess_cfg``, ``hub`` and ``classifier``'s name of a timm model, ``NAME`` or ``NAME.TAG``.

    Raises ModelError.
    """
    open_clip()  # which has prepared torchvision
    import timm

    try:
        facts = timm.get_pretrained_cfg(name, allow_unregistered=False)
        if facts is None or not timm.is_model(name.partition(".")[0]):
            raise RuntimeError(f"no model {name!r}")
    except RuntimeError as error:
        raise ModelError(f"timm does not know {name!r} ({error}).") from None
    size = list(facts.input_size[1:])
    return {
        "name": name,
        "model_cfg": {"vision_cfg": {"timm_model_name": name.partition(".")[0], "image_size": size[0]}},
        "preprocess_cfg": {
            "size": size,
            "mean": list(facts.mean),
            "std": list(facts.std),
            "interpolation": facts.interpolation,
            "resize_mode": {"squash": "squash", "border": "longest"}.get(facts.crop_mode, "shortest"),
            "crop_pct": facts.crop_pct,
        },
        "hub": f"{facts.hf_hub_id}/" if facts.hf_hub_id else "",
        "classifier": facts.classifier if isinstance(facts.classifier, str) else "head",
    }


def pretrained_config(name: str, tag: str) -> dict[str, Any]:
    """What open_clip knows of pretrained weights: ``hf_hub``, ``url``, ``quick_gelu``, mean, std and the like."""
    return dict(open_clip().pretrained.get_pretrained_cfg(name, tag))


def named(name: str, tag: str = "", quick_gelu: bool | None = None) -> dict[str, Any]:
    """``model_cfg`` and ``preprocess_cfg`` of an open_clip model, its ``name`` and its weights' place on the ``hub``.

    The activation is the one that the weights of ``tag`` were trained with, or ``quick_gelu`` if given, whatever the
    name says: open_clip itself would only warn. Raises ModelError naming models or tags that come near.
    """
    model_cfg = model_config(name)
    if model_cfg is None:
        near = get_close_matches(name, known_models(), 3, 0.4)
        raise ModelError(
            f"open_clip knows no model {name!r}" + (f"; did you mean {' or '.join(near)}?" if near else ".")
        )
    facts = pretrained_config(name, tag) or pretrained_config(name.removesuffix("-quickgelu"), tag)
    if tag and not facts:
        tags = known_models()[name] or ["none"]
        raise ModelError(f"open_clip knows no weights {tag!r} for {name}; it knows {', '.join(tags)}.")
    quick = facts.get("quick_gelu", False) if tag else quick_gelu
    if quick is not None and bool(model_cfg.get("quick_gelu", False)) != quick:
        model_cfg["quick_gelu"] = quick
        name = f"{name}-quickgelu" if quick else name.removesuffix("-quickgelu")
    preprocess = {"mean": OPENAI_MEAN, "std": OPENAI_STD, "interpolation": "bicubic", "resize_mode": "shortest"}
    preprocess |= {key: facts[key] for key in PREPROCESSING if key in facts}
    preprocess = {"size": _size(model_cfg), **_plain(preprocess)}
    return {"name": name, "model_cfg": model_cfg, "preprocess_cfg": preprocess, "hub": facts.get("hf_hub", "")}


def _size(model_cfg: Mapping[str, Any]) -> list[int]:
    size = model_cfg["vision_cfg"].get("image_size", 224)
    return [size, size] if isinstance(size, int) else list(size)


def _plain(preprocess: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in preprocess.items()}


def of_folder(configs: Mapping[str, dict[str, Any]]) -> dict[str, Any] | None:
    """The same from the JSON files that lie beside weights (by file name): open_clip's, or transformers' CLIPModel.

    None if there is neither. Raises ModelError for a transformers model that is no plain CLIP.
    """
    ours = configs.get("open_clip_config.json", {})
    if isinstance(ours.get("model_cfg"), dict) and isinstance(ours.get("preprocess_cfg"), dict):
        return {"name": "", "model_cfg": ours["model_cfg"], "preprocess_cfg": _with_size(ours)}
    theirs = configs.get("config.json", {})
    if not theirs:
        return None
    if str(theirs.get("model_type")).startswith("clip_"):
        raise ModelError(
            f"Its config.json describes half a CLIP ({theirs['model_type']}): make a workspace of a whole model, and "
            "import it there."
        )
    if theirs.get("model_type") != "clip":
        raise ModelError(
            f"Its config.json describes a {theirs.get('model_type', 'nameless')!r} model; of transformers' models "
            "Palette reads CLIPModel."
        )
    try:
        model_cfg = from_transformers(theirs)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"Its config.json is no whole configuration of a CLIPModel ({error!r}).") from None
    return {
        "name": "",
        "model_cfg": model_cfg,
        "preprocess_cfg": _preprocessing(configs.get("preprocessor_config.json", {}), _size(model_cfg)),
    }


def _with_size(config: Mapping[str, Any]) -> dict[str, Any]:
    usual = {"mean": OPENAI_MEAN, "std": OPENAI_STD, "interpolation": "bicubic", "resize_mode": "shortest"}
    return {"size": _size(config["model_cfg"]), **usual, **config["preprocess_cfg"]}


def from_transformers(config: Mapping[str, Any]) -> dict[str, Any]:
    """open_clip's ``model_cfg`` of a transformers CLIPModel; what its config leaves out is as transformers has it."""
    vision_config, text = config.get("vision_config", {}), config.get("text_config", {})
    if (act := vision_config.get("hidden_act", "quick_gelu")) not in ("quick_gelu", "gelu"):
        raise ValueError(f"its activation is {act}")
    width, wide = vision_config.get("hidden_size", 768), text.get("hidden_size", 512)
    return {
        "embed_dim": config.get("projection_dim", 512),
        "quick_gelu": act == "quick_gelu",
        "vision_cfg": {
            "image_size": vision_config.get("image_size", 224),
            "layers": vision_config.get("num_hidden_layers", 12),
            "width": width,
            "head_width": width // vision_config.get("num_attention_heads", 12),
            "patch_size": vision_config.get("patch_size", 32),
            "mlp_ratio": vision_config.get("intermediate_size", 3072) / width,
        },
        "text_cfg": {
            "context_length": text.get("max_position_embeddings", 77),
            "vocab_size": text.get("vocab_size", 49408),
            "width": wide,
            "heads": text.get("num_attention_heads", 8),
            "layers": text.get("num_hidden_layers", 12),
            "mlp_ratio": text.get("intermediate_size", 2048) / wide,
        },
    }


def _preprocessing(facts: Mapping[str, Any], size: list[int]) -> dict[str, Any]:
    """open_clip's ``preprocess_cfg`` from transformers' preprocessor_config.json."""
    return {
        "size": size,
        "mean": list(facts.get("image_mean", OPENAI_MEAN)),
        "std": list(facts.get("image_std", OPENAI_STD)),
        "interpolation": "bilinear" if facts.get("resample", 3) == 2 else "bicubic",
        "resize_mode": "shortest" if facts.get("do_center_crop", True) else "squash",
    }
