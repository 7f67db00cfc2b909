"""CLIP models: the only file that knows open_clip."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from core import PaletteError, disk

if TYPE_CHECKING:
    from open_clip import SimpleTokenizer
    from open_clip.model import CLIP

CONFIG = "open_clip_config.json"
WEIGHTS = "open_clip_model.safetensors"
IMAGE_TOWER = "visual."


class ModelError(PaletteError):
    """A model that cannot be built or read; the message says what to do."""


@lru_cache(maxsize=1)
def _open_clip() -> ModuleType:
    """open_clip, imported at first use: it takes seconds, and pages that read stored results do without it."""
    from core import torchvision_cpu

    torchvision_cpu.prepare()
    import open_clip

    logging.getLogger("open_clip").setLevel(logging.ERROR)
    return open_clip


@lru_cache(maxsize=8)
def _tokenizer(context_length: int) -> SimpleTokenizer:
    return _open_clip().SimpleTokenizer(context_length=context_length)


def tokenize(texts: Sequence[str], context_length: int) -> torch.Tensor:
    """Token ids of texts, int64 (n, context_length), by open_clip's own tokenizer; longer texts are cut."""
    return _tokenizer(context_length)(list(texts))


def too_long(texts: Sequence[str], context_length: int) -> list[bool]:
    """Whether each text has more tokens than the text tower reads, so that its end is cut off."""
    return (tokenize(texts, context_length + 1)[:, -1] != 0).tolist() if texts else []


def vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The tokenizer's own words: the id of each token, and the pairs that it merges, first ones first."""
    tokenizer = _tokenizer(77)
    return dict(tokenizer.encoder), [pair for pair in tokenizer.bpe_ranks if len(pair) == 2]


def create(model_config: Mapping[str, object]) -> CLIP:
    """A CLIP with random weights from an open_clip model config, fp32, in evaluation mode. Raises ModelError."""
    try:
        return _open_clip().CLIP(**model_config).eval()
    except (TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"open_clip cannot build this model: {error}.") from error


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
    model = create(config["model_cfg"])
    try:
        model.load_state_dict(disk.read_tensors(folder / WEIGHTS))
    except FileNotFoundError:
        raise ModelError(f"{folder} holds no {WEIGHTS}; restore it, or train the base again.") from None
    except (disk.DamagedError, RuntimeError) as error:
        raise ModelError(f"The base model in {folder} cannot be loaded: {error}") from None
    return model


def save(model: CLIP, config: Mapping[str, object], folder: Path, dtype: torch.dtype = torch.float16) -> None:
    """Write a CLIP as a folder that ``open_clip.create_model_and_transforms("local-dir:...")`` loads."""
    tensors = {n: t.to(dtype) if t.is_floating_point() else t for n, t in model.state_dict().items()}
    image = {n: t for n, t in tensors.items() if n.startswith(IMAGE_TOWER)}
    text = {n: t for n, t in tensors.items() if n not in image}
    facts = {"image_digest": disk.digest_tensors(image), "text_digest": disk.digest_tensors(text)}
    disk.write_tensors(folder / WEIGHTS, tensors, facts)
    disk.write_json(folder / CONFIG, dict(config))


def text_digest(folder: Path) -> str:
    """Hex SHA-256 of the text side (everything but the image tower) of the CLIP in ``folder``."""
    facts = disk.read_facts(folder / WEIGHTS)
    if "text_digest" in facts:
        return facts["text_digest"]
    tensors = disk.read_tensors(folder / WEIGHTS)
    return disk.digest_tensors({n: t for n, t in tensors.items() if not n.startswith(IMAGE_TOWER)})


def fitting(preprocess: Mapping[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    """The model's own resizing and cropping, by open_clip: any uint8 (h, w, 3) picture to uint8 (size, size, 3).

    What follows it there (to a tensor, normalised) is ``Encoder.prepare``. Raises ModelError.
    """
    from PIL import Image

    _open_clip()
    from open_clip.transform import PreprocessCfg, image_transform_v2

    known = {k: v for k, v in preprocess.items() if k in PreprocessCfg.__dataclass_fields__}
    try:
        steps = image_transform_v2(PreprocessCfg(**known), is_train=False).transforms[:-2]  # less tensor and mean
    except (TypeError, AssertionError) as error:
        raise ModelError(f"open_clip cannot prepare pictures as this model asks ({error}).") from error

    def fit(picture: np.ndarray) -> np.ndarray:
        image = Image.fromarray(picture)
        for step in steps:
            image = step(image)
        return np.asarray(image)

    return fit


@torch.inference_mode()
def text_features(model: CLIP, texts: Sequence[str], batch: int = 512) -> torch.Tensor:
    """Unit-length text features, float32 (n, embed_dim), on the CPU."""
    device = next(model.parameters()).device
    tokens = tokenize(texts, model.context_length)
    parts = [model.encode_text(t.to(device), normalize=True) for t in tokens.split(batch)]
    return torch.cat(parts).float().cpu()


class Encoder:
    """An image tower on a device, with its preprocessing: uint8 pictures in, unit-length features out.

    ``weights`` are the tower's own tensors, named as in the whole model: merging into them changes the encoder.
    """

    def __init__(self, model: CLIP, preprocess: Mapping[str, Any], device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.tower = model.visual.to(self.device, memory_format=torch.channels_last).eval()
        self.size = int(np.max(preprocess["size"]))
        shape = (1, 3, 1, 1)
        self.mean = torch.tensor(preprocess["mean"], device=self.device).view(shape) * 255
        self.std = torch.tensor(preprocess["std"], device=self.device).view(shape) * 255
        self.logit_scale = float(model.logit_scale.detach().exp())

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """The tower's parameters and buffers themselves, by open_clip name (``visual. ...``)."""
        return {IMAGE_TOWER + n: t for n, t in self.tower.state_dict(keep_vars=True).items()}

    def prepare(self, images: np.ndarray | torch.Tensor) -> torch.Tensor:
        """uint8 (n, size, size, 3) → normalised float32 (n, 3, size, size) on the device, channels last."""
        pixels = torch.as_tensor(images).to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        return pixels.float().sub_(self.mean).div_(self.std)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Prepared pixels → unit-length float32 features (n, embed_dim); differentiable."""
        return torch.nn.functional.normalize(self.tower(pixels).float(), dim=-1)

    @torch.inference_mode()
    def encode(self, images: np.ndarray | torch.Tensor) -> torch.Tensor:
        """uint8 (n, size, size, 3) → unit-length float32 features (n, embed_dim) on the device."""
        return self.features(self.prepare(images))
