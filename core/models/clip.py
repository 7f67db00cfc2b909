"""CLIP models by open_clip: texts to tokens, configs to models, models to folders and back."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch

from core import PaletteError
from core.models import torchvision_shim
from core.progress import SILENT, Progress
from core.storage import files

if TYPE_CHECKING:
    from open_clip import SimpleTokenizer
    from open_clip.model import CLIP

CONFIG = "open_clip_config.json"
WEIGHTS = "open_clip_model.safetensors"
IMAGE_TOWER = "visual."


class ModelError(PaletteError):
    """A model that cannot be built or read; the message says what to do."""


@lru_cache(maxsize=1)
def open_clip() -> ModuleType:
    """open_clip, imported at first use: it takes seconds, and pages that read stored results do without it."""
    torchvision_shim.prepare()
    import open_clip as library

    logging.getLogger("open_clip").setLevel(logging.ERROR)
    return library


@lru_cache(maxsize=8)
def _tokenizer(context_length: int) -> SimpleTokenizer:
    return open_clip().SimpleTokenizer(context_length=context_length)


@lru_cache(maxsize=4)
def _foreign_tokenizer(name: str, context_length: int, facts: str) -> Callable[[list[str]], torch.Tensor]:
    try:
        tokenizer = open_clip().tokenizer
        return tokenizer.HFTokenizer(name, context_length=context_length, **json.loads(facts))
    except (ImportError, OSError, ValueError) as error:
        raise ModelError(
            f"This model's texts need the tokenizer {name} ({type(error).__name__}): install transformers and "
            "sentencepiece and let them download it once, or choose a model that reads CLIP's own tokens."
        ) from None


def tokenize(texts: Sequence[str], context_length: int, text_config: Mapping[str, Any] | None = None) -> torch.Tensor:
    """Token ids of texts, int64 (n, context_length); longer texts are cut.

    By open_clip's own tokenizer, or by that of Hugging Face which ``text_config`` names. Raises ModelError.
    """
    name = (text_config or {}).get("hf_tokenizer_name")
    if not name:
        return _tokenizer(context_length)(list(texts))
    facts = json.dumps((text_config or {}).get("tokenizer_kwargs") or {})
    return _foreign_tokenizer(name, context_length, facts)(list(texts))


def too_long(texts: Sequence[str], context_length: int) -> list[bool]:
    """Whether each text has more tokens than the text tower reads, so that its end is cut off."""
    return (tokenize(texts, context_length + 1)[:, -1] != 0).tolist() if texts else []


def vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The tokenizer's own words: the id of each token, and the pairs that it merges, first ones first."""
    tokenizer = _tokenizer(77)
    return dict(tokenizer.encoder), [pair for pair in tokenizer.bpe_ranks if len(pair) == 2]


def create(model_config: Mapping[str, Any]) -> CLIP:
    """A model with random weights from an open_clip model config, fp32, in evaluation mode. Raises ModelError.

    A config without ``text_cfg`` is a closed vocabulary: an image tower alone.
    """
    config, library = deepcopy(dict(model_config)), open_clip()
    text = config.get("text_cfg")
    if "multimodal_cfg" in config:
        raise ModelError("This model also writes captions (CoCa), and its image tower gives more than one vector.")
    try:
        if text is None:
            return Closed(config)
        separate = config.pop("custom_text", False) or "hf_model_name" in text
        if "hf_model_name" in text:
            text["hf_model_pretrained"] = False
        model = (library.CustomTextCLIP if separate else library.CLIP)(**config).eval()
    except (TypeError, KeyError, AttributeError, ImportError, RuntimeError, AssertionError, ValueError) as error:
        raise ModelError(f"open_clip cannot build this model: {error}.") from error
    model.text_config = dict(model_config["text_cfg"])
    return model


class Closed(torch.nn.Module):
    """A model of a closed vocabulary: an image tower of timm, and no texts; ``visual`` is the tower (PAINT, App. H)."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        name, size = config["vision_cfg"]["timm_model_name"], config["vision_cfg"].get("image_size", 224)
        self.visual = open_clip().timm_model.TimmModel(name, 0, size, pool=None, proj="none")
        self.register_buffer("logit_scale", torch.zeros(()))
        self.eval()


def outline(model_config: Mapping[str, Any]) -> dict[str, tuple[torch.dtype, tuple[int, ...]]]:
    """Dtype (fp32 for numbers) and shape of every weight of a model, without making any. Raises ModelError."""
    with torch.device("meta"):
        return {n: (t.dtype, tuple(t.shape)) for n, t in create(model_config).state_dict().items()}


def _without_weights(model_config: Mapping[str, Any]) -> CLIP:
    """A model whose weights are still to come: drawing random ones takes seconds. Its masks are there."""
    with torch.device("meta"):
        model = create(model_config)
    kept = model.state_dict().keys()
    for name, buffer in [(n, b) for n, b in model.named_buffers() if n not in kept]:
        if not name.endswith("attn_mask"):
            return create(model_config)
        owner, _, last = name.rpartition(".")
        setattr(model.get_submodule(owner), last, torch.full(buffer.shape, float("-inf")).triu(1))
    return model


def read_config(folder: Path) -> dict:
    """``open_clip_config.json`` of a model folder: keys ``model_cfg`` and ``preprocess_cfg``. Raises ModelError."""
    try:
        config = json.loads((folder / CONFIG).read_text())
        config["model_cfg"], config["preprocess_cfg"]
        return config
    except FileNotFoundError:
        raise ModelError(f"{folder} holds no {CONFIG}; restore it, or train the base again.") from None
    except (ValueError, KeyError) as error:
        raise ModelError(f"{CONFIG} in {folder} is not an open_clip config ({error}).") from None


def load(folder: Path) -> CLIP:
    """The CLIP in an open_clip folder, fp32 on the CPU, in evaluation mode. Raises ModelError if damaged or missing."""
    config = read_config(folder)
    model = _without_weights(config["model_cfg"])
    try:
        tensors = files.read_tensors(folder / WEIGHTS)
        wide = {n: t.to(torch.float32 if t.is_floating_point() else t.dtype, copy=True) for n, t in tensors.items()}
        model.load_state_dict(wide, assign=True)
    except FileNotFoundError:
        raise ModelError(f"{folder} holds no {WEIGHTS}; restore it, or train the base again.") from None
    except (files.DamagedError, RuntimeError) as error:
        raise ModelError(f"The base model in {folder} cannot be loaded: {error}") from None
    return model


def save(model: CLIP, config: Mapping[str, object], folder: Path, dtype: torch.dtype = torch.float16) -> None:
    """Write a CLIP as a folder that ``open_clip.create_model_and_transforms("local-dir:...")`` loads."""
    tensors = {n: t.to(dtype) if t.is_floating_point() else t for n, t in model.state_dict().items()}
    image = {n: t for n, t in tensors.items() if n.startswith(IMAGE_TOWER)}
    text = {n: t for n, t in tensors.items() if n not in image}
    facts = {"image_digest": files.digest_tensors(image), "text_digest": files.digest_tensors(text)}
    files.write_tensors(folder / WEIGHTS, tensors, facts)
    files.write_json(folder / CONFIG, dict(config))


def text_digest(folder: Path) -> str:
    """Hex SHA-256 of the text side (everything but the image tower) of the CLIP in ``folder``."""
    facts = files.read_facts(folder / WEIGHTS)
    if "text_digest" in facts:
        return facts["text_digest"]
    tensors = files.read_tensors(folder / WEIGHTS)
    return files.digest_tensors({n: t for n, t in tensors.items() if not n.startswith(IMAGE_TOWER)})


@torch.inference_mode()
def text_features(model: CLIP, texts: Sequence[str], batch: int = 512, progress: Progress = SILENT) -> torch.Tensor:
    """Unit-length text features, float32 (n, embed_dim), on the CPU."""
    device = next(model.parameters()).device
    tokens = tokenize(texts, model.context_length, getattr(model, "text_config", None))
    parts = [model.encode_text(t.to(device), normalize=True) for t in progress(tokens.split(batch))]
    return torch.cat(parts).float().cpu()
