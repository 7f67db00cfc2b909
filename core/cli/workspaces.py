"""python -m core new, workspaces, precision and head: models, and the devices that compute with them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from core.cli.terminal import add_split, followed
from core.exchange import ACTIVATIONS, KEPT, Origin, inventory, make_workspace, reading_notes
from core.models import PRECISIONS, describe_device, device_of_choice, precision_of_choice
from core.training import own_head, train_head
from core.workspace import CACHE, Lab, parse_recipe, precision


def new_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``new``."""
    add = parser.add_argument
    add("name", metavar="NAME", help="what to call the workspace")
    add("--model", default="", metavar="NAME", help="open_clip's name, such as ViT-B-32-quickgelu")
    add("--pretrained", default="", metavar="TAG", help="open_clip's tag of weights, such as openai")
    add("--from-hf", default="", metavar="ID", help="a model of the Hugging Face hub, OWNER/NAME")
    add("--checkpoint", type=Path, metavar="PATH", help="a .safetensors, a .pt (weights only), or a folder")
    add("--subtree", default="", metavar="NAME", help="which part of the file to take (default: what fits best)")
    add("--activation", default="", choices=ACTIVATIONS, help="that it was trained with, if the file does not say it")
    add("--random", type=int, metavar="SEED", help="random weights, to try things out")
    add("--closed", action="store_true", help="a closed vocabulary: --model is timm's name")
    add("--dtype", default="float16", choices=KEPT, help="of what is kept")
    add("--precision", choices=PRECISIONS, help="to compute with (default: by device)")
    add("--compile", action="store_true", help="evaluate through torch.compile; wants a C++ compiler")


def new_run(_lab: None, options: Namespace) -> int:
    """Make a workspace from a CLIP."""
    computed = options.precision or precision_of_choice(device_of_choice(options.device))
    origin = Origin(
        options.model,
        options.pretrained,
        options.from_hf,
        options.checkpoint,
        options.random,
        options.closed,
        options.activation,
        options.subtree,
    )
    with followed() as progress:
        home, kept = options.cache or CACHE, options.dtype
        folder = make_workspace(home, options.name, origin, kept, computed, progress, options.compile)
    for line in reading_notes(folder):
        print(line)
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    print(f"{options.name}: {size / 1e6:,.1f} MB in {folder}, computed with in {computed}; it has no tasks yet.")
    return 0


def workspaces_arguments(_parser: ArgumentParser) -> None:
    """Add the arguments of ``workspaces``: none."""


def workspaces_run(_lab: None, options: Namespace) -> int:
    """List the workspaces."""
    for each in inventory(options.cache or CACHE):
        print(
            f"{each.name:28} {each.bytes / 1e6:9,.1f} MB  {each.checkpoints:3} checkpoints  {each.precision:9} "
            f"{each.model}"
        )
    return 0


def precision_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``precision``."""
    parser.add_argument("recipe", nargs="?", default="base", metavar="RECIPE", help="NAME, NAME@ALPHA or FILE.json")
    parser.add_argument("--task", required=True, help="which task")
    add_split(parser, "val", "which split (default: val)")


def precision_run(lab: Lab, options: Namespace) -> int:
    """Print a recipe's accuracy and speed at every precision."""
    with followed() as progress:
        rows = precision.compare(lab, parse_recipe(lab, options.recipe), options.task, options.split, progress)
    print(f"{options.recipe} on {options.task} ({options.split}), {describe_device(lab.device)}")
    for row in rows:
        print(f"  {row.said()}")
    return 0


def head_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``head``."""
    own = "the classifier that the model came with; same classes, same order"
    parser.add_argument("task", metavar="TASK", help="which task")
    parser.add_argument("--own", action="store_true", help=own)


def head_run(lab: Lab, options: Namespace) -> int:
    """Train a task's head on the base, or take the model's own."""
    with followed() as progress:
        head = own_head(lab, options.task) if options.own else train_head(lab, options.task, None, progress)
    print(f"{lab.name}: a head of {len(head)} classes for {options.task}, frozen from now on.")
    return 0
