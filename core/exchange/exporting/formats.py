"""The formats and places that a mix can be written to, checked before anything is."""

from __future__ import annotations

from math import prod
from pathlib import Path

import torch

from core import PaletteError
from core.exchange import huggingface
from core.exchange.exporting import huggingface_config
from core.exchange.exporting.onnx import check_onnx
from core.exchange.manifest import RECIPE_FILE, ExportError, activation, read_manifest
from core.exchange.slices import tower_of
from core.models import clip
from core.storage import Mapped
from core.workspace import BASE, Lab

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
FORMATS = {
    "open_clip": clip.WEIGHTS,
    "state_dict": "model.safetensors",
    "image_tower": "image_tower.safetensors",
    "huggingface": "model.safetensors",
    "onnx": "model.onnx",
}
CONFIGS = {"open_clip": (clip.CONFIG,), "huggingface": ("config.json", "preprocessor_config.json")}
HEADS = "heads.safetensors"  # beside the weights, for mixes whose models have trained heads of their own
SINGLE = {".safetensors": ("state_dict", "image_tower"), ".pt": ("state_dict", "image_tower"), ".onnx": ("onnx",)}
NOT_WRITTEN = (".bin", ".pth", ".ckpt", ".json", ".zip", ".gguf")  # endings of files, not of folders


def trouble(lab: Lab, fmt: str, dtype: str) -> str | None:
    """Why models of this workspace cannot be written so, in one sentence; None if they can."""
    try:
        if fmt == "huggingface":
            model_cfg = clip.read_config(lab.folder / "base")["model_cfg"]
            huggingface.parts(Mapped(lab.zoo.path(BASE)).layout)
            huggingface_config.config(model_cfg, activation(model_cfg))
        if fmt == "onnx":
            check_onnx(dtype)
    except PaletteError as error:
        return str(error)
    return None


def expected_bytes(lab: Lab, fmt: str, dtype: str) -> int:
    """How large the weights of a mix will be in a format, in bytes."""
    tower_only = fmt in ("image_tower", "onnx")
    layout = {n: each for n, each in Mapped(lab.zoo.path(BASE)).layout.items() if tower_of(n) or not tower_only}
    return sum(prod(s) * (DTYPES[dtype] if d.is_floating_point else d).itemsize for d, s in layout.values())


def check_place(lab: Lab, to: Path, fmt: str, dtype: str, overwrite: bool) -> None:
    """Raise ExportError, in one sentence, unless a mix can be written to ``to`` in this format and dtype."""
    try:
        _check(lab, to, fmt, dtype, overwrite)
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
        reason = getattr(error, "strerror", None) or str(error)
        raise ExportError(f"Nothing can be written to {str(to)[:100]} ({reason}); choose another place.") from None


def _check(lab: Lab, to: Path, fmt: str, dtype: str, overwrite: bool) -> None:
    if fmt not in FORMATS:
        raise ExportError(f"There is no format {fmt!r}; there is {', '.join(FORMATS)}.")
    if dtype not in DTYPES:
        raise ExportError(f"There is no dtype {dtype!r}; there is {', '.join(DTYPES)}.")
    if complaint := trouble(lab, fmt, dtype):
        raise ExportError(complaint)
    ending = to.suffix.lower()
    if "\0" in str(to) or ending in NOT_WRITTEN:
        raise ExportError(f"{to.name!r} is neither a folder nor a file called .safetensors, .pt or .onnx.")
    if ending in SINGLE and fmt not in SINGLE[ending]:
        raise ExportError(f"{fmt} is a folder of files, or another kind of file, so it cannot be called {to.name}.")
    place = to.resolve()
    if any(
        place.is_relative_to(workspace.resolve())
        for workspace in lab.folder.parent.glob("*")
        if (workspace / "base").is_dir()
    ):
        raise ExportError(f"{to} is inside a workspace; choose a folder outside of it.")
    names = (
        [to, to.with_name(to.name + ".json")]
        if ending in SINGLE
        else [to / name for name in (FORMATS[fmt], RECIPE_FILE, "README.md", *CONFIGS.get(fmt, ()))]
    )
    if there := [p.name for p in names if p.exists() and not overwrite]:
        raise ExportError(f"{names[0].parent} already holds {', '.join(there)}; choose another place or overwrite.")
    if to.exists() and to.is_dir() == (ending in SINGLE):
        raise ExportError(f"{to} is a {'folder' if to.is_dir() else 'file'}; choose another name.")


def written_before(folder: Path) -> set[str]:
    """The weights and configurations that an earlier export wrote into a folder, as its recipe file says."""
    try:
        fmt = (read_manifest(folder)[1] or {}).get("format")
    except PaletteError:
        return set()
    return {FORMATS[fmt], HEADS, *CONFIGS.get(fmt, ())} if isinstance(fmt, str) and fmt in FORMATS else set()
