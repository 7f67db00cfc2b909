"""The image tower of a mix, and the heads of its tasks, as one ONNX file."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import torch

from core.exchange.manifest import ExportError
from core.models import BIAS, WEIGHT
from core.progress import Progress
from core.recipes import Recipe
from core.storage import files
from core.workspace import Lab

NEEDED = ("onnx", "onnxscript")


class OnnxClassifier(torch.nn.Module):
    """Normalised pictures → unit-length features, then logits: scaled similarities plus a trained head's bias."""

    def __init__(self, tower: torch.nn.Module, heads: Sequence[Mapping[str, torch.Tensor]], scale: float) -> None:
        super().__init__()
        self.tower, self.scale = tower, scale
        self.heads = torch.nn.ModuleList()
        for head in heads:
            classes, width = head[WEIGHT].shape
            self.heads.append(torch.nn.Linear(width, classes))
            self.heads[-1].load_state_dict({"weight": scale * head[WEIGHT], "bias": scale * head[BIAS]})

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """float32 (n, 3, size, size) → features (n, embed_dim), logits (n, classes) per head."""
        features = torch.nn.functional.normalize(self.tower(pixels), dim=-1)
        return (features, *(head(features) for head in self.heads))


def check_onnx(dtype: str) -> None:
    """Raise ExportError unless the packages that torch needs for ONNX are there and ``dtype`` is float32."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ExportError(f"Writing ONNX needs {' and '.join(missing)}: pip install -r requirements-formats.txt.")
    if dtype != "float32":
        raise ExportError("ONNX is written in float32; choose that dtype.")


def write_onnx(
    lab: Lab,
    recipe: Recipe,
    dtype: str,
    heads: Mapping[str, Mapping[str, torch.Tensor]],
    path: Path,
    progress: Progress,
) -> dict[str, str]:
    """Write ``pixels`` → ``features`` and ``logits_TASK`` for each task of ``heads``; float32, any batch size.

    Returns the digest of the weights. Raises ExportError if the packages that torch needs for it are not there, or it
    cannot trace the tower.
    """
    check_onnx(dtype)
    progress.at(0.0, "Merging")
    encoder = lab.encoder()
    lab.load(recipe, encoder)
    if guilty := [n for n, t in encoder.weights.items() if t.is_floating_point() and not torch.isfinite(t).all()]:
        raise ExportError(f"The mix is not a number in {guilty[0]}. Nothing was written.")
    tower = encoder.tower.to("cpu", memory_format=torch.contiguous_format)
    model = OnnxClassifier(tower, list(heads.values()), encoder.logit_scale).eval()
    example = torch.zeros(2, 3, encoder.size, encoder.size)
    progress.at(0.3, "Tracing")
    outputs = ["features", *(f"logits_{task}" for task in heads)]
    try:
        with files.replacing(path) as temporary, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for noisy in ("torch.onnx", "onnxscript", "onnx_ir"):
                logging.getLogger(noisy).setLevel(logging.ERROR)
            torch.onnx.export(
                model,
                (example,),
                str(temporary),
                input_names=["pixels"],
                output_names=outputs,
                dynamic_shapes={"pixels": {0: torch.export.Dim("n")}},
                external_data=False,
                dynamo=True,
                verbose=False,
            )
    except (torch.onnx.errors.OnnxExporterError, RuntimeError, ImportError) as error:
        raise ExportError(f"torch cannot write this model as ONNX: {str(error).splitlines()[0]}") from error
    progress.at(1.0)
    return {"image_digest": files.digest_tensors(encoder.weights)}
