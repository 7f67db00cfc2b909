"""The model's own preprocessing, up to the pixels: what is decoded once is what the model would have seen.

By open_clip's and timm's own transforms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

from core.models import torchvision_shim
from core.models.clip import ModelError

_CROP_MODES = {"shortest": "center", "longest": "border", "squash": "squash"}  # open_clip's words, and timm's
_APART = {744: "projectile", 836: "sunglass"}  # else there are two of 'missile' and two of 'sunglasses'
Step = Callable[[Image.Image], Image.Image]


def _config(preprocess: Mapping[str, Any]) -> Any:
    torchvision_shim.prepare()
    from open_clip.transform import PreprocessCfg, merge_preprocess_dict

    facts = merge_preprocess_dict(PreprocessCfg(), dict(preprocess))
    return PreprocessCfg(**{k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()})


def geometry(preprocess: Mapping[str, Any]) -> dict[str, Any]:
    """What of an open_clip ``preprocess_cfg`` decides the pixels, with its defaults: a key for what was decoded."""
    config = _config(preprocess)
    size = config.size if isinstance(config.size, tuple) else (config.size, config.size)
    settings = {"size": list(size), **{k: getattr(config, k) for k in ("interpolation", "resize_mode", "fill_color")}}
    if "crop_pct" in preprocess:  # timm's, which fills borders with the mean
        settings |= {"crop_pct": preprocess["crop_pct"], "fill_color": [round(255 * v) for v in config.mean]}
    return settings


def pixel_steps(preprocess: Mapping[str, Any]) -> tuple[Step, ...]:
    """The evaluation transform without its last steps (RGB, tensor, normalisation); picklable.

    It is open_clip's own, or timm's own where there is a ``crop_pct``: the share of the resized picture that is kept.
    """
    config = _config(preprocess)
    from open_clip.transform import MaybeConvertMode, image_transform_v2
    from torchvision.transforms import Normalize, ToTensor

    if "crop_pct" in preprocess:
        from timm.data import create_transform

        whole = create_transform(
            input_size=(3, *geometry(preprocess)["size"]),
            interpolation=config.interpolation,
            mean=config.mean,
            crop_pct=preprocess["crop_pct"],
            crop_mode=_CROP_MODES[config.resize_mode],
        )
    else:
        whole = image_transform_v2(config, is_train=False)
    last = (MaybeConvertMode, ToTensor, Normalize)
    return tuple(step for step in whole.transforms if not isinstance(step, last))


def pixels(image: Image.Image, steps: Sequence[Step]) -> np.ndarray:
    """An image as the model sees it before normalisation, uint8 (height, width, 3)."""
    image = image.convert("RGB")
    for step in steps:
        image = step(image)
    return np.asarray(image)


def fitting(preprocess: Mapping[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    """The model's own resizing and cropping: any uint8 (h, w, 3) picture to uint8 (size, size, 3).

    What follows it there (to a tensor, normalised) is ``Encoder.prepare``. Raises ModelError.
    """
    try:
        steps = pixel_steps(preprocess)
    except (TypeError, AssertionError) as error:
        raise ModelError(f"open_clip cannot prepare pictures as this model asks ({error}).") from error
    return lambda picture: pixels(Image.fromarray(picture), steps)


@lru_cache(maxsize=1)
def imagenet_class_names() -> tuple[str, ...]:
    """ImageNet's thousand class names as open_clip ships them, in order; two are called otherwise, to differ."""
    torchvision_shim.prepare()
    from open_clip.zero_shot_metadata import IMAGENET_CLASSNAMES

    return tuple(_APART.get(i, name) for i, name in enumerate(IMAGENET_CLASSNAMES))


@lru_cache(maxsize=1)
def imagenet_templates() -> tuple[str, ...]:
    """CLIP's eighty prompt templates for ImageNet, as open_clip ships them."""
    torchvision_shim.prepare()
    from open_clip.zero_shot_metadata import OPENAI_IMAGENET_TEMPLATES

    return tuple(template("{}") for template in OPENAI_IMAGENET_TEMPLATES)
