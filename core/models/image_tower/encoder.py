"""The image tower on a device: pictures in, features out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from core.models.batching import BatchSize
from core.models.clip import IMAGE_TOWER, Closed
from core.models.device import PRECISIONS, arithmetic
from core.models.image_tower.efficientnet import fold

if TYPE_CHECKING:
    from open_clip.model import CLIP


def enlarge(images: torch.Tensor, size: int) -> torch.Tensor:
    """Pictures uint8 (n, 3, h, w) at another size, bicubic as Pillow does it, uint8 (n, 3, size, size)."""
    whole = images.contiguous(memory_format=torch.channels_last)
    return torch.nn.functional.interpolate(whole, (size, size), mode="bicubic", antialias=True)


class Encoder:
    """An image tower on a device, with its preprocessing: uint8 pictures in, unit-length features out.

    ``weights`` are the tower's own tensors, named as in the whole model: merging into them changes the encoder. They
    are float32, or float16 at that precision (BatchNorm's stay float32): bfloat16's eight bits would round a small step
    away, such as α = 0.05 of a patch, so there autocast rounds in passing what is multiplied and a merge loses nothing.
    ``compiler`` names a backend of torch.compile, "" for none. The
    features of a closed vocabulary are the tower's own with a 1 behind them, for the bias of a head.
    """

    def __init__(
        self,
        model: CLIP,
        preprocess: Mapping[str, Any],
        device: torch.device | str = "cpu",
        precision: str = "float32",
        compiler: str = "",
    ) -> None:
        self.device, self.precision = torch.device(device), precision
        self.dtype = torch.float32 if precision == "bfloat16" else PRECISIONS[precision]
        self.closed = isinstance(model, Closed)
        self.tower = model.visual.to(self.device, self.dtype, memory_format=torch.channels_last).eval()
        for module in self.tower.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.float()
        if self.device.type == "cpu":
            fold(self.tower)
        self._run = torch.compile(self.tower, backend=compiler) if compiler else self.tower
        self.size = int(np.max(preprocess["size"]))
        self.batch = BatchSize(self.device, self.size)
        shape = (1, 3, 1, 1)
        self.mean = torch.tensor(preprocess["mean"], device=self.device).view(shape) * 255
        self.std = torch.tensor(preprocess["std"], device=self.device).view(shape) * 255
        self.logit_scale = float(model.logit_scale.detach().exp())

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """The tower's parameters and buffers themselves, by open_clip name (``visual. ...``)."""
        return {IMAGE_TOWER + n: t for n, t in self.tower.state_dict(keep_vars=True).items()}

    def prepare(self, images: np.ndarray | torch.Tensor) -> torch.Tensor:
        """uint8 (n, h, w, 3) → normalised float32 (n, 3, size, size) on the device, channels last.

        Drawn pictures, which are square and of one size for all models, are resized as the model's transform would.
        """
        pixels = torch.as_tensor(images).to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        if pixels.shape[2:] != (self.size, self.size):
            pixels = enlarge(pixels, self.size)
        return pixels.float().sub_(self.mean).div_(self.std)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Prepared pixels → unit-length float32 features (n, embed_dim); differentiable."""
        rounding = torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")
        with arithmetic(self.device, self.precision), rounding:
            features = self._run(pixels.to(self.dtype)).float()
        if self.closed:
            return torch.cat([features, features.new_ones(len(features), 1)], dim=1)
        return torch.nn.functional.normalize(features, dim=-1)

    @torch.inference_mode()
    def encode(self, images: np.ndarray | torch.Tensor) -> torch.Tensor:
        """uint8 (n, size, size, 3) → unit-length float32 features (n, embed_dim) on the device."""
        return self.features(self.prepare(images))
