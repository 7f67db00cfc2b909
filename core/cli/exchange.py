"""python -m core export, apply, import and compress: models out, models in, and made small."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from core.cli.terminal import add_recipe, followed
from core.exchange import (
    ACTIVATIONS,
    DTYPES,
    FORMATS,
    SINGLE,
    Exported,
    apply,
    check_checkpoint,
    export,
    import_checkpoint,
    preflight,
    push,
)
from core.storage import quantised
from core.training import compress, cost
from core.workspace import Lab, idle_columns, parse_recipe


def export_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``export``."""
    add = parser.add_argument
    add_recipe(parser)
    _add_destination(parser)
    add("--format", choices=FORMATS, help="(default: open_clip; state_dict for a .safetensors or .pt)")
    add("--dtype", choices=DTYPES, default="float32", help="of the weights written (default: float32)")
    whose = "those that the models were trained on or are measured on"
    tasks = f"whose classes and figures to write beside (default: {whose})"
    add("--tasks", nargs="+", metavar="TASK", help=tasks)
    add("--push", metavar="OWNER/NAME", help="then upload the folder to the Hugging Face hub")
    add("--public", action="store_true", help="with --push: for everybody (default: private)")


def export_run(lab: Lab, options: Namespace) -> int:
    """Write a recipe's model as files, and push them to the hub if asked to."""
    ending = options.to.suffix.lower()
    fmt = options.format or SINGLE.get(ending, ("open_clip",))[0]
    recipe = parse_recipe(lab, options.recipe)
    if options.push and ending in SINGLE:
        raise push.HubError(f"The hub takes a folder with a model card, not {options.to.name} alone: --to a folder.")
    if options.push:
        push.check(options.push)
    if idle := idle_columns(lab, recipe):
        print(f"palette: {idle}", file=sys.stderr)
    more = {"tasks": options.tasks, "overwrite": options.overwrite}
    with followed() as progress:
        exported = export(lab, recipe, options.to, fmt, options.dtype, **more, progress=progress)
    _print_files(exported)
    if options.push:
        print(push.push(exported.files, options.push, private=not options.public))
    return 0


def apply_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``apply``."""
    parser.add_argument("recipe", type=Path, metavar="FILE", help="recipe.json, or an exported folder or file")
    _add_destination(parser)


def apply_run(lab: Lab, options: Namespace) -> int:
    """Make again what an exported recipe describes; status 1 if the bytes are others."""
    with followed() as progress:
        exported = apply(lab, options.recipe, options.to, overwrite=options.overwrite, progress=progress)
    _print_files(exported)
    if exported.as_promised is False:
        print(
            "palette: these are not the weights that the recipe promised: it was edited, or another processor "
            "or version of torch rounds differently.",
            file=sys.stderr,
        )
        return 1
    return 0


def import_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``import``."""
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help=".safetensors, .pt/.bin (weights only), or a model folder")
    add("--name", help="what to call it (default: the file's name)")
    add("--start", metavar="RECIPE", help="what it was fine-tuned from (default: base)")
    add("--tasks", nargs="+", metavar="TASK", help="what it was trained on")
    add("--subtree", default="", metavar="NAME", help="which part of the file to take (default: what fits best)")
    add("--activation", default="", choices=ACTIVATIONS, help="that it was trained with, if the file does not say it")
    add("--check", action="store_true", help="only report; status 1 if it does not fit")
    add("--overwrite", action="store_true", help="replace a checkpoint of that name")


def import_run(lab: Lab, options: Namespace) -> int:
    """Report on a checkpoint, and keep it in the workspace unless only the report is asked for."""
    name, tasks = options.name or options.file.stem, options.tasks or ()
    start = parse_recipe(lab, options.start) if options.start else None
    if not options.check:
        check_checkpoint(lab, name, start or lab.base, tasks, options.overwrite)
    with followed() as progress:
        report = preflight(lab, options.file, progress, options.subtree, options.activation)
    print("\n".join(report.lines()))
    if options.check:
        return 0 if report.fits else 1
    more = {"start": start, "tasks": tasks, "overwrite": options.overwrite, "report": report}
    with followed() as progress:
        kept = import_checkpoint(lab, options.file, name, **more, progress=progress)
    print(f"{lab.name}: imported as {kept.name}, {kept.bytes / 1e6:.1f} MB, {kept.digest[:12]}")
    return 0


def _add_destination(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--to", type=Path, required=True, metavar="DIR", help="a folder, or a .safetensors, .pt or .onnx file"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")


def _print_files(exported: Exported) -> None:
    for path in exported.files:
        print(f"{path}  {path.stat().st_size / 1e6:.2f} MB")


def compress_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``compress``."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="which fine-tuned model; it stays as it is")
    parser.add_argument("--bits", type=int, choices=quantised.BITS, default=8, help="a weight (default: 8)")
    parser.add_argument("--name", help="what to call the small one (default: CHECKPOINT-8bit)")
    parser.add_argument("--measure", action="store_true", help="compare both on val, on its tasks and the supported")


def compress_run(lab: Lab, options: Namespace) -> int:
    """Compress a checkpoint and say how much smaller it is, and on request what that costs."""
    done = compress(lab, options.checkpoint, options.bits, options.name or f"{options.checkpoint}-{options.bits}bit")
    print(
        f"{lab.name}: {done.small.name}, {done.small.bytes / 1e6:.2f} MB instead of {done.whole.bytes / 1e6:.2f} "
        f"({done.ratio:.1f} times smaller); its task vector is {100 * done.error:.2f} % off"
    )
    if options.measure:
        for task in dict.fromkeys([*lab.trained_on(options.checkpoint), *lab.default_supported()]):
            with followed() as progress:
                flips = cost(lab, done, task, "val", progress)
            print(
                f"  {task} (val): {100 * flips.difference:+.1f} points, {flips.fixed} fixed, {flips.broken} broken of "
                f"{flips.n:,}, p = {flips.p:.2g}"
            )
    return 0
