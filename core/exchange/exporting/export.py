"""Taking a mix home: any recipe as files that other programs load, with all that is known of it beside."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from errno import ENOSPC
from math import prod
from pathlib import Path
from typing import Any

import torch

from core import PaletteError
from core.exchange import huggingface, manifest_schema
from core.exchange.exporting import huggingface_config
from core.exchange.exporting.merged_file import TensorSlice, tower_of, write_mix
from core.exchange.exporting.model_card import model_card
from core.exchange.exporting.onnx import check_onnx, write_onnx
from core.exchange.manifest import (
    RECIPE_FILE,
    ExportError,
    activation,
    describe_recipe,
    parents_on_disk,
    read_manifest,
    read_recipe,
    recipe_json,
)
from core.models import BIAS, WEIGHT, class_rows, clip, mixed_head
from core.progress import SILENT, Progress
from core.recipes import Recipe
from core.storage import Mapped, signature
from core.storage import files as disk
from core.workspace import BASE, Lab

__all__ = ["DTYPES", "FORMATS", "ExportError", "Exported", "apply", "export", "read_recipe"]

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


@dataclass(frozen=True)
class Exported:
    """What was written: its files, weights first; their digests; and what they say of themselves.

    ``as_promised`` is whether a recipe that was applied gave the very bytes that it speaks of; None if it says nothing.
    """

    files: tuple[Path, ...]
    digests: Mapping[str, str]
    facts: Mapping[str, Any]
    as_promised: bool | None = None


def export(
    lab: Lab,
    recipe: Recipe,
    to: Path,
    fmt: str = "open_clip",
    dtype: str = "float32",
    *,
    tasks: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Exported:
    """Write a recipe's model into the folder ``to``, or, a state dict or ONNX, into the one file ``to``.

    ``fmt`` is one of FORMATS, ``dtype`` one of DTYPES; ``tasks`` as in ``manifest.describe``. Files appear when all of
    them are whole; a cancelled or failed export leaves none. Raises PaletteError.
    """
    _check(lab, to, fmt, dtype, overwrite)
    return _write(lab, recipe, describe_recipe(lab, recipe, fmt, dtype, tasks), None, to, overwrite, progress)


def apply(lab: Lab, file: Path, to: Path, *, overwrite: bool = False, progress: Progress = SILENT) -> Exported:
    """Make again what a recipe file (or an exported folder or file) describes: the same bytes, from the same parents.

    Parents are found by digest, whatever they are called here. A recipe without the facts of an export is exported as
    open_clip in float32. Raises what ``export`` raises.
    """
    recipe, facts, digests = read_manifest(file)
    if facts is None:
        return export(lab, recipe, to, overwrite=overwrite, progress=progress)
    if said := manifest_schema.complaint(facts) or _other_model(lab, facts):
        raise ExportError(f"{Path(file).name} is not what Palette wrote: {said}.")
    _check(lab, to, facts["format"], facts["dtype"], overwrite)
    return _write(lab, recipe, facts, digests, to, overwrite, progress)


def _other_model(lab: Lab, facts: Mapping[str, Any]) -> str:
    """What the facts say otherwise of the base than its own files do; "" if nothing. No model is built from them."""
    ours = clip.read_config(lab.folder / "base")
    ours = {**ours, "activation": activation(ours["model_cfg"])}
    wrong = [key for key in ("model_cfg", "preprocess_cfg", "activation") if facts[key] != ours[key]]
    return f"its {wrong[0]} is not that of the base of {lab.name}" if wrong else ""


def heads(
    lab: Lab, recipe: Recipe, facts: Mapping[str, Any], paths: Mapping[str, Path]
) -> dict[str, dict[str, torch.Tensor]]:
    """The head of a mix for each task of ``facts``: ``head.weight`` (classes, embed_dim) and ``head.bias``, float32.

    For tasks among the facts' ``trained_heads``, the rows of the parents' heads for the task's classes are mixed as
    their towers are; the text tower's stands in for the others.
    """
    parents = {name: Mapped(path) for name, path in paths.items() if name in recipe.models}
    found = {}
    for name, task in facts["tasks"].items():
        texts = [[template.replace("{}", c) for template in task["templates"]] for c in task["class_names"]]
        own = {}
        for model, parent in parents.items() if name in facts.get("trained_heads", ()) else ():
            if rows := class_rows(tuple(parent.facts.get("classes", ())), tuple(task["class_names"])):
                own[model] = {WEIGHT: parent[WEIGHT][list(rows)], BIAS: parent[BIAS][list(rows)]}
        found[name] = mixed_head(recipe, own, lab.class_features(texts))
    return found


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


def _check(lab: Lab, to: Path, fmt: str, dtype: str, overwrite: bool) -> None:
    try:
        _check_place(lab, to, fmt, dtype, overwrite)
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
        said = getattr(error, "strerror", None) or str(error)
        raise ExportError(f"Nothing can be written to {str(to)[:100]} ({said}); choose another place.") from None


def _check_place(lab: Lab, to: Path, fmt: str, dtype: str, overwrite: bool) -> None:
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


def _write(
    lab: Lab,
    recipe: Recipe,
    facts: Mapping[str, Any],
    promised: Mapping[str, str] | None,
    to: Path,
    overwrite: bool,
    progress: Progress,
) -> Exported:
    fmt, alone = facts["format"], to.suffix.lower() in SINGLE
    folder, name = (to.parent, to.name) if alone else (to, FORMATS[fmt])
    paths = parents_on_disk(lab, recipe, facts)
    older = set() if alone or not overwrite else _written_before(folder)
    with disk.staging(folder, overwrite) as stage:
        if fmt == "onnx":
            digests = write_onnx(lab, recipe, facts["dtype"], heads(lab, recipe, facts, paths), stage / name, progress)
        else:
            before = {n: signature(paths[n]) for n in recipe.canonical().models}  # what will have been read whole
            unchanged = {n for n, p in paths.items() if p in lab.zoo.verified}
            digests = _write_weights(recipe, paths, facts, stage / name, progress, unchanged)
            for n, found in before.items():
                lab.zoo.verified.add(paths[n], found)
            if trained := facts.get("trained_heads"):
                mixed = heads(lab, recipe, facts, paths)
                tensors = {f"{t}.{n.removeprefix('head.')}": w for t in trained for n, w in mixed[t].items()}
                beside = f"{to.stem}.{HEADS}" if alone else HEADS
                digests["heads_digest"] = disk.write_tensors(stage / beside, tensors)
        said = recipe_json(facts, digests)
        disk.write_json(stage / (f"{name}.json" if alone else RECIPE_FILE), said)
        if not alone:
            for extra, content in _beside(facts).items():
                disk.write_text(stage / extra, content) if isinstance(content, str) else disk.write_json(
                    stage / extra, content
                )
        written = [name, *sorted(p.name for p in stage.iterdir() if p.name != name)]
    for left in older.difference(written):  # weights of another format would be taken for this mix's
        (folder / left).unlink(missing_ok=True)
    same = None if not promised else all(digests.get(kind) == digest for kind, digest in promised.items())
    return Exported(tuple(folder / n for n in written), digests, facts, same)


def _written_before(folder: Path) -> set[str]:
    """The weights and configurations that an earlier export wrote into a folder, as its recipe file says."""
    try:
        fmt = (read_manifest(folder)[1] or {}).get("format")
    except PaletteError:
        return set()
    return {FORMATS[fmt], HEADS, *CONFIGS.get(fmt, ())} if isinstance(fmt, str) and fmt in FORMATS else set()


def _write_weights(
    recipe: Recipe,
    paths: Mapping[str, Path],
    facts: Mapping[str, Any],
    path: Path,
    progress: Progress,
    unchanged: Collection[str],
) -> dict[str, str]:
    parents = {name: Mapped(where) for name, where in paths.items()}
    base = parents[BASE].layout
    parts: Mapping[str, TensorSlice] = {
        n: TensorSlice(n) for n in base if facts["format"] != "image_tower" or tower_of(n)
    }
    if facts["format"] == "huggingface":
        parts = huggingface.parts(base)
    streamed = path.with_suffix(".safetensors") if path.suffix.lower() == ".pt" else path
    digests = write_mix(streamed, recipe, parents, parts, DTYPES[facts["dtype"]], facts, progress, unchanged)
    if path != streamed:  # a .pt on request: plain tensors, saved from the mapped file, so never whole in memory
        with disk.replacing(path) as temporary:
            try:
                with temporary.open("wb") as file:  # a path's name would go into the file
                    torch.save(dict(Mapped(streamed)), file)
            except RuntimeError as error:  # how torch says that the disk refused
                raise OSError(ENOSPC, os.strerror(ENOSPC)) from error
        streamed.unlink()
    return digests


def _beside(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The small files of a folder: text, or what becomes JSON."""
    files: dict[str, Any] = {"README.md": model_card(facts)}
    if facts["format"] == "open_clip":
        files[clip.CONFIG] = {"model_cfg": facts["model_cfg"], "preprocess_cfg": facts["preprocess_cfg"]}
    if facts["format"] == "huggingface":
        files["config.json"] = huggingface_config.config(facts["model_cfg"], facts["activation"])
        files["preprocessor_config.json"] = huggingface_config.preprocessor(facts["preprocess_cfg"])
        files |= huggingface_config.tokenizer(facts["model_cfg"])
    return files
