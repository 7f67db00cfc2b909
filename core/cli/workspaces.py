"""The commands about models and devices: new, workspaces, precision."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.cli.terminal import followed
from core.workspace import parse_recipe


def commands(command: Callable[..., ArgumentParser]) -> None:
    """Add them to a command line: ``command(name, run, help)`` makes one."""

    def new_(_lab, options) -> int:
        from core.exchange import make_workspace
        from core.models import device_of_choice, precision_of_choice
        from core.workspace import CACHE

        precision = options.precision or precision_of_choice(device_of_choice(options.device))
        with followed() as progress:
            home, kept = options.cache or CACHE, options.dtype
            folder = make_workspace(home, options.name, _origin(options), kept, precision, progress, options.compile)
        size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
        print(f"{options.name}: {size / 1e6:,.1f} MB in {folder}, computed with in {precision}; it has no tasks yet.")
        return 0

    def workspaces_(_lab, options) -> int:
        from core.exchange import inventory
        from core.workspace import CACHE

        for one in inventory(options.cache or CACHE):
            print(
                f"{one.name:28} {one.bytes / 1e6:9,.1f} MB  {one.checkpoints:3} checkpoints  {one.precision:9} "
                f"{one.model}"
            )
        return 0

    def precision_(lab, options) -> int:
        from core.models import describe_device
        from core.workspace import precision

        with followed() as progress:
            rows = precision.compare(lab, parse_recipe(lab, options.recipe), options.task, options.split, progress)
        print(f"{options.recipe} on {options.task} ({options.split}), {describe_device(lab.device)}")
        for row in rows:
            print(f"  {row.said()}")
        return 0

    def head_(lab, options) -> int:
        from core.training import own_head, train_head

        with followed() as progress:
            head = own_head(lab, options.task) if options.own else train_head(lab, options.task, None, progress)
        print(f"{lab.name}: a head of {len(head)} classes for {options.task}, frozen from now on.")
        return 0

    one = command("new", new_, "Make a workspace from any CLIP: open_clip's, the hub's, or a file of yours.")
    one.set_defaults(opens=False)
    one.add_argument("name", metavar="NAME", help="what to call the workspace")
    one.add_argument("--model", default="", metavar="NAME", help="open_clip's name, such as ViT-B-32-quickgelu")
    one.add_argument("--pretrained", default="", metavar="TAG", help="open_clip's tag of weights, such as openai")
    one.add_argument("--from-hf", default="", metavar="ID", help="a model of the Hugging Face hub, OWNER/NAME")
    one.add_argument(
        "--checkpoint", type=Path, metavar="PATH", help="a .safetensors, a .pt (weights only), or a folder"
    )
    one.add_argument("--random", type=int, metavar="SEED", help="random weights, to try things out")
    one.add_argument("--closed", action="store_true", help="a closed vocabulary: --model is timm's name")
    one.add_argument("--dtype", default="float16", choices=["float16", "bfloat16", "float32"], help="of what is kept")
    one.add_argument(
        "--precision", choices=["float32", "tf32", "bfloat16", "float16"], help="to compute with (default: by device)"
    )
    one.add_argument("--compile", action="store_true", help="evaluate through torch.compile; wants a C++ compiler")
    command("workspaces", workspaces_, "List the workspaces, their models and sizes.").set_defaults(opens=False)
    one = command("head", head_, "For a closed vocabulary: train a task's head on the base, or take the model's own.")
    one.add_argument("task", metavar="TASK", help="which task")
    one.add_argument(
        "--own", action="store_true", help="the classifier that the model came with; same classes, same order"
    )
    one = command("precision", precision_, "Measure what computing at lower precision does to accuracy and speed.")
    one.add_argument("recipe", nargs="?", default="base", metavar="RECIPE", help="NAME, NAME@ALPHA or FILE.json")
    one.add_argument("--task", required=True, help="which task")
    one.add_argument("--split", default="val", choices=["train", "val", "test"], help="which split (default: val)")


def _origin(options: Namespace) -> Any:
    from core.exchange import Origin

    return Origin(
        options.model, options.pretrained, options.from_hf, options.checkpoint, options.random, options.closed
    )
