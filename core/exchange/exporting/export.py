"""Taking a mix home: any recipe as files that other programs load, with all that is known of it beside."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path
from typing import Any

import torch

from core.exchange import huggingface
from core.exchange.exporting import huggingface_config
from core.exchange.exporting.formats import DTYPES, FORMATS, HEADS, SINGLE, check_place, written_before
from core.exchange.exporting.merged_file import write_mix
from core.exchange.exporting.model_card import model_card
from core.exchange.exporting.onnx import write_onnx
from core.exchange.manifest import (
    RECIPE_FILE,
    ExportError,
    activation,
    complaint,
    describe_recipe,
    parents_on_disk,
    read_manifest,
    recipe_json,
)
from core.exchange.slices import TensorSlice, tower_of
from core.models import BIAS, WEIGHT, class_rows, clip, mixed_head
from core.progress import SILENT, Progress
from core.recipes import Recipe
from core.storage import Mapped, signature
from core.storage import files as disk
from core.workspace import BASE, Lab


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
    check_place(lab, to, fmt, dtype, overwrite)
    return _write(lab, recipe, describe_recipe(lab, recipe, fmt, dtype, tasks), None, to, overwrite, progress)


def apply(lab: Lab, file: Path, to: Path, *, overwrite: bool = False, progress: Progress = SILENT) -> Exported:
    """Make again what a recipe file (or an exported folder or file) describes: the same bytes, from the same parents.

    Parents are found by digest, whatever they are called here. A recipe without the facts of an export is exported as
    open_clip in float32. Raises what ``export`` raises.
    """
    recipe, facts, digests = read_manifest(file)
    if facts is None:
        return export(lab, recipe, to, overwrite=overwrite, progress=progress)
    if wrong := complaint(facts) or _other_model(lab, facts):
        raise ExportError(f"{Path(file).name} is not what Palette wrote: {wrong}.")
    check_place(lab, to, facts["format"], facts["dtype"], overwrite)
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
    mixed = {}
    for name, task in facts["tasks"].items():
        texts = [[template.replace("{}", c) for template in task["templates"]] for c in task["class_names"]]
        own = {}
        for model, parent in parents.items() if name in facts.get("trained_heads", ()) else ():
            if rows := class_rows(tuple(parent.facts.get("classes", ())), tuple(task["class_names"])):
                own[model] = {WEIGHT: parent[WEIGHT][list(rows)], BIAS: parent[BIAS][list(rows)]}
        mixed[name] = mixed_head(recipe, own, lab.class_features(texts))
    return mixed


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
    older = set() if alone or not overwrite else written_before(folder)
    with disk.staging(folder, overwrite) as stage:
        if fmt == "onnx":
            digests = write_onnx(lab, recipe, facts["dtype"], heads(lab, recipe, facts, paths), stage / name, progress)
        else:
            before = {n: signature(paths[n]) for n in recipe.canonical().models}  # what will have been read whole
            unchanged = {n for n, p in paths.items() if p in lab.zoo.verified}
            digests = _write_weights(recipe, paths, facts, stage / name, progress, unchanged)
            for n, signed in before.items():
                lab.zoo.verified.add(paths[n], signed)
            if trained := facts.get("trained_heads"):
                mixed = heads(lab, recipe, facts, paths)
                tensors = {f"{t}.{n.removeprefix('head.')}": w for t in trained for n, w in mixed[t].items()}
                beside = f"{to.stem}.{HEADS}" if alone else HEADS
                digests["heads_digest"] = disk.write_tensors(stage / beside, tensors)
        manifest = recipe_json(facts, digests)
        disk.write_json(stage / (f"{name}.json" if alone else RECIPE_FILE), manifest)
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
