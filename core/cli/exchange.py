"""The commands that take models out and bring them in: export, apply, import."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

from core.cli.terminal import followed
from core.workspace import parse_recipe

FORMATS = ("open_clip", "state_dict", "image_tower", "huggingface", "onnx")
DTYPES = ("float32", "float16", "bfloat16")


def commands(command: Callable[..., ArgumentParser]) -> None:
    """Add the three to a command line: ``command(name, run, help)`` makes one."""

    def export_(lab, options) -> int:
        from core.exchange import SINGLE, export, push
        from core.workspace import idle_columns

        fmt = options.format or {".safetensors": "state_dict", ".pt": "state_dict", ".onnx": "onnx"}.get(
            options.to.suffix.lower(), "open_clip"
        )
        recipe = parse_recipe(lab, options.recipe)
        if options.push and options.to.suffix.lower() in SINGLE:
            raise push.HubError(
                f"The hub takes a folder with a model card, not {options.to.name} alone: --to a folder."
            )
        if options.push:
            push.check(options.push)
        if idle := idle_columns(lab, recipe):
            print(f"palette: {idle}", file=sys.stderr)
        with followed() as progress:
            done = export(
                lab,
                recipe,
                options.to,
                fmt,
                options.dtype,
                tasks=options.tasks,
                overwrite=options.overwrite,
                progress=progress,
            )
        _say(done)
        if options.push:
            print(push.push(done.files, options.push, private=not options.public))
        return 0

    def apply_(lab, options) -> int:
        from core.exchange import apply

        with followed() as progress:
            done = apply(lab, options.recipe, options.to, overwrite=options.overwrite, progress=progress)
        _say(done)
        if done.as_promised is False:
            print(
                "palette: these are not the weights that the recipe promised: it was edited, or another processor "
                "or version of torch rounds differently.",
                file=sys.stderr,
            )
        return 1 if done.as_promised is False else 0

    def import_(lab, options) -> int:
        from core.exchange import check_checkpoint, import_checkpoint, preflight

        name = options.name or options.file.stem
        start = parse_recipe(lab, options.start) if options.start else None
        if not options.check:
            check_checkpoint(lab, name, start or lab.base, options.tasks or (), options.overwrite)
        with followed() as progress:
            report = preflight(lab, options.file, progress)
        print("\n".join(report.lines()))
        if options.check:
            return 0 if report.fits else 1
        with followed() as progress:
            kept = import_checkpoint(
                lab,
                options.file,
                name,
                start=start,
                tasks=options.tasks or (),
                overwrite=options.overwrite,
                report=report,
                progress=progress,
            )
        print(f"{lab.name}: imported as {kept.name}, {kept.bytes / 1e6:.1f} MB, {kept.digest[:12]}")
        return 0

    one = command("export", export_, "Write a recipe's model as files that other programs load.")
    one.add_argument("recipe", metavar="RECIPE", help="NAME, NAME@ALPHA or FILE.json")
    _destination(one)
    one.add_argument("--format", choices=FORMATS, help="(default: open_clip; state_dict for a .safetensors or .pt)")
    one.add_argument("--dtype", choices=DTYPES, default="float32", help="of the weights written (default: float32)")
    one.add_argument(
        "--tasks",
        nargs="+",
        metavar="TASK",
        help="whose classes and figures to write beside (default: "
        "those that the models were trained on or are measured on)",
    )
    one.add_argument("--push", metavar="OWNER/NAME", help="then upload the folder to the Hugging Face hub")
    one.add_argument("--public", action="store_true", help="with --push: for everybody (default: private)")
    one = command("apply", apply_, "Make again, byte for byte, what an exported recipe.json describes.")
    one.add_argument("recipe", type=Path, metavar="FILE", help="recipe.json, or an exported folder or file")
    _destination(one)
    one = command("import", import_, "Bring a checkpoint into the workspace, after a report on whether it fits.")
    one.add_argument("file", type=Path, metavar="FILE", help=".safetensors, .pt/.bin (weights only), or a model folder")
    one.add_argument("--name", help="what to call it (default: the file's name)")
    one.add_argument("--start", metavar="RECIPE", help="what it was fine-tuned from (default: base)")
    one.add_argument("--tasks", nargs="+", metavar="TASK", help="what it was trained on")
    one.add_argument("--check", action="store_true", help="only report; status 1 if it does not fit")
    one.add_argument("--overwrite", action="store_true", help="replace a checkpoint of that name")


def _destination(one: ArgumentParser) -> None:
    one.add_argument(
        "--to", type=Path, required=True, metavar="DIR", help="a folder, or a .safetensors, .pt or .onnx file"
    )
    one.add_argument("--overwrite", action="store_true", help="replace files that are there")


def _say(done) -> None:
    for path in done.files:
        print(f"{path}  {path.stat().st_size / 1e6:.2f} MB")
