"""Makes ``import torchvision`` work beside a CPU-only torch: call ``prepare()`` before importing it or open_clip.

The registry's torchvision wheels link their compiled part against CUDA. Beside a CPU-only torch that part cannot load,
and the import then fails with "operator torchvision::nms does not exist", although nothing here uses that operator.
Declaring the two schemas first is enough for transforms, data sets, timm and open_clip. Where the compiled part does
load, nothing is done.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

_SCHEMAS = {
    "torchvision::nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "torchvision::qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def _compiled_part_loads() -> bool:
    spec = importlib.util.find_spec("torchvision")  # finds it without importing it
    if spec is None or spec.origin is None:
        return True  # no torchvision: its own import error is clear enough
    libraries = list(Path(spec.origin).parent.glob("_C*.so")) + list(Path(spec.origin).parent.glob("_C*.pyd"))
    try:
        for library in libraries:
            torch.ops.load_library(str(library))
    except OSError:
        return False
    return bool(libraries)


def prepare() -> None:
    """Declare torchvision's operators where its compiled part cannot; safe to call twice."""
    if hasattr(torch.ops.torchvision, "nms") or _compiled_part_loads():
        return
    for name, schema in _SCHEMAS.items():
        torch.library.define(name, schema)
