"""The grammar of ``python -m core``: a table of the commands, each of whose modules is imported when it is chosen."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from core import PaletteError
from core.progress import CancelledError

EPILOG = """\
examples:
  python -m core build                      everything that the pages of the mini workspace show
  python -m core build --tasks digits       one patching task
  python -m core eval digits@0.4 --task icons
  python -m core eval my-recipe.json --task digits --split val
  python -m core strategies --tasks digits textures signs --orders 3 --budget 900
  python -m core soup manifold --partition C8 --budget 250 --optimizer Cobyla
  python -m core merge tsv-m --of digits signs textures --name three
  python -m core export digits@0.4 --to my-model
  python -m core classify digits@0.4 photos/ more.zip --classes "cat,dog"
  python -m core apply my-model/recipe.json --to again
  python -m core import theirs.safetensors --name theirs --tasks digits
  python -m core attack test typographic@0.4 --task icons
  python -m core data                       which of the papers' data sets are there
  python -m core data add mini my-photos/   a folder for each class, as a task
  python -m core verify

A RECIPE is a checkpoint (base, digits), a patch of the base (digits@0.4: 0.6 base + 0.4 digits), or a JSON file.
exit status: 0 done; 1 something is wrong (one line on standard error); 2 wrong use; 130 stopped by Ctrl-C, resumable.
"""


@dataclass(frozen=True)
class Command:
    """A command: its name, its module in this room, one line of help, and whether it opens the workspace."""

    name: str
    module: str
    about: str
    opens: bool = True

    def function(self, what: str) -> Callable[..., Any]:
        """Its ``arguments`` or ``run``, from its module; where that holds several commands, ``NAME_arguments``."""
        alone = [command.module for command in COMMANDS].count(self.module) == 1
        return getattr(import_module(f"core.cli.{self.module}"), what if alone else f"{self.name}_{what}")


COMMANDS = (
    Command("build", "build", "Fine-tune and evaluate what is missing; stop it any time, it goes on where it was."),
    Command("status", "evaluate", "Say what exists, how big it is, and what is missing."),
    Command("eval", "evaluate", "Accuracy of a recipe on a task, with n and the 95 % interval."),
    Command("card", "evaluate", "Measure the base and write its model card; fails if a figure is below its goal."),
    Command("strategies", "strategies", "Joint, sequential and parallel patching of many tasks, at equal budget."),
    Command("export", "exchange", "Write a recipe's model as files that other programs load."),
    Command("apply", "exchange", "Make again, byte for byte, what an exported recipe.json describes."),
    Command("import", "exchange", "Bring a checkpoint into the workspace, after a report on whether it fits."),
    Command("compress", "exchange", "Store a checkpoint's difference from the base in 8 or 4 bits a weight."),
    Command("attack", "attack", "Write words on pictures, and see which models they fool."),
    Command("data", "data", "Say which of the papers' data sets are there; add them, or your own, to a workspace."),
    Command("classify", "classify", "Classify pictures of yours, with any class names."),
    Command("new", "workspaces", "Make a workspace from any CLIP: open_clip's, the hub's, or a file of yours.", False),
    Command("workspaces", "workspaces", "List the workspaces, their models and sizes.", False),
    Command("head", "workspaces", "For a closed vocabulary: train a task's head on the base, or take the model's own."),
    Command("precision", "workspaces", "Measure what computing at lower precision does to accuracy and speed."),
    Command("searches", "strategies", "Search a patch of several tasks with several optimisers at once."),
    Command("soup", "soup", "Mix fine-tuned models: soups, manifold mixing, ensembles, WiSE-FT."),
    Command("merge", "build", "Merge fine-tuned checkpoints into one direction: TIES, TSV-M, Iso-C and others."),
    Command("verify", "evaluate", "Read every checkpoint and result again and compare it with its digest."),
)


class _CommandParser(argparse.ArgumentParser):
    """The parser of one command; its arguments, and the rooms behind them, are loaded when the command is chosen."""

    command: Command | None = None

    def parse_known_args(self, args=None, namespace=None):
        """Parse as argparse does, once the command's module has added its arguments."""
        if self.command is not None:
            command, self.command = self.command, None
            self.set_defaults(command=command, run=None)
            command.function("arguments")(self)
        return super().parse_known_args(args, namespace)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    words = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "python -m core", description="Palette's engine.", epilog=EPILOG, formatter_class=words
    )
    top.add_argument("--workspace", default="mini", metavar="NAME", help="which workspace (default: mini)")
    top.add_argument("--cache", type=Path, metavar="DIR", help="home of the workspaces (default: cache/)")
    top.add_argument("--device", metavar="NAME", help="cpu or cuda (default: the GPU if there is one)")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_CommandParser)
    for command in COMMANDS:
        about = command.about.replace("%", "%%")  # of which argparse makes one again
        commands.add_parser(command.name, help=about, description=command.about).command = command
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    try:
        options = parser().parse_args(arguments)
        run = options.run or options.command.function("run")  # a verb of the command has its own
        from core.workspace import CACHE, Lab  # after parsing, so that --help is instant

        lab = Lab(options.workspace, options.cache or CACHE, options.device) if options.command.opens else None
        status = run(lab, options)
        for notice in dict.fromkeys(lab.notices if lab else ()):
            print(f"palette: {notice}", file=sys.stderr)
        return status
    except (KeyboardInterrupt, CancelledError):
        print("\npalette: stopped; what can be kept is kept, and the same command goes on from here.", file=sys.stderr)
        return 130
    except PaletteError as error:
        print(f"palette: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output has gone
        return 0
