"""EfficientNet-Lite0 as it was trained on ImageNet, and a fast pass of such networks: BatchNorm inside convolutions.

Folded, where BatchNorm's statistics are frozen, it is the same function as with BatchNorm in evaluation mode,
differentiable in every weight, and still made of the weights as they are: what is merged into them counts at once. On a
CPU it is half as fast again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.models import torchvision_shim

NETWORK = "tf_efficientnet_lite0"  # timm's name; pixels (x / 255 - 0.5) / 0.5
# timm's modules whose convolutions are each followed by the BatchNorm that stands next to it.
FOLDABLE = frozenset({"EfficientNet", "DepthwiseSeparableConv", "InvertedResidual"})


def imagenet_network(weights: Mapping[str, torch.Tensor]) -> nn.Module:
    """EfficientNet-Lite0 with a classifier of 1,000 logits, fp32, in evaluation mode.

    ``weights`` are timm's in order and shape, whatever their names. Raises ValueError or RuntimeError if they are not.
    """
    torchvision_shim.prepare()
    import timm

    model: nn.Module = timm.create_model(NETWORK, pretrained=False).eval()
    model.load_state_dict(dict(zip(model.state_dict(), weights.values(), strict=True)))
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def imagenet_synsets() -> list[str]:
    """WordNet's synsets of ImageNet's thousand classes, in order: ``n`` and eight figures."""
    torchvision_shim.prepare()
    from timm.data import ImageNetInfo

    return list(ImageNetInfo().label_names())


def fold(tower: nn.Module, half: bool = False) -> nn.Module:
    """Let every convolution that a BatchNorm follows do its work, in place; weights and their names stay as they were.

    Towers of other kinds are left alone. ``half``: 1×1 convolutions are computed in bf16 (their products are off by up
    to one per cent, and several times as fast), all else in fp32.
    """
    for module in tower.modules():
        if type(module).__name__ in FOLDABLE:
            for convolution, norm in pairwise(module.children()):
                if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    convolution.forward = partial(_convolve, convolution, norm, half)  # type: ignore[method-assign]
                    norm.forward = partial(_activate, norm)  # type: ignore[method-assign]
    return tower


def _convolve(convolution: nn.Conv2d, norm: nn.BatchNorm2d, half: bool, x: Tensor) -> Tensor:
    assert norm.running_var is not None and norm.running_mean is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    weight = (convolution.weight * scale[:, None, None, None]).to(x.dtype)
    bias = (norm.bias - norm.running_mean * scale).to(x.dtype)
    if convolution.kernel_size == (1, 1) and convolution.stride == (1, 1):
        weight, rows = weight[:, :, 0, 0], x.permute(0, 2, 3, 1)
        if half:
            rows, weight, bias = rows.bfloat16(), weight.bfloat16(), bias.bfloat16()
        return functional.linear(rows, weight, bias).permute(0, 3, 1, 2).to(x.dtype)
    padding = convolution.padding
    if type(convolution).__name__ == "Conv2dSame":  # timm's TensorFlow-like padding depends on the picture's size
        (size, _), (stride, _) = convolution.kernel_size, convolution.stride
        lack = [max((-(-side // stride) - 1) * stride + size - side, 0) for side in x.shape[2:]]
        x = functional.pad(x, (lack[1] // 2, lack[1] - lack[1] // 2, lack[0] // 2, lack[0] - lack[0] // 2))
        padding = (0, 0)
    return functional.conv2d(x, weight, bias, convolution.stride, padding, convolution.dilation, convolution.groups)


def _activate(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    act = getattr(norm, "act", None)  # timm's BatchNorm brings the activation along
    return x if act is None else act(x)
