"""The command that merges checkpoints into one direction: python -m core merge."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from core.cli.terminal import followed
from core.methods import METHODS, PARAMETERS, POST_STEPS, merge_checkpoints
from core.progress import duration
from core.workspace import Lab


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments: one option for each parameter of the methods and post-steps."""
    parser.add_argument("method", metavar="METHOD", help=", ".join(METHODS))
    parser.add_argument("--of", nargs="+", required=True, metavar="NAME", help="the checkpoints to merge, two or more")
    parser.add_argument("--name", required=True, help="what to call the direction; NAME@ALPHA is then a recipe")
    parser.add_argument("--then", nargs="+", default=[], metavar="STEP", help=f"afterwards: {', '.join(POST_STEPS)}")
    parser.add_argument("--overwrite", action="store_true", help="replace another checkpoint of that name")
    for name, (about, whole) in _parameters().items():
        parser.add_argument(f"--{name}", type=int if whole else float, help=about.replace("%", "%%"))


def run(lab: Lab, options: Namespace) -> int:
    """Make the direction and say what it is; returns the exit status. Raises PaletteError."""
    given = {name: value for name in _parameters() if (value := getattr(options, name)) is not None}
    started = time.monotonic()
    with followed() as progress:
        made = merge_checkpoints(
            lab,
            options.method,
            options.of,
            options.name,
            given,
            then=options.then,
            overwrite=options.overwrite,
            progress=progress,
        )
    how = " + ".join((METHODS | POST_STEPS)[one].title for one in (options.method, *options.then))
    print(
        f"{made.name}: {how} of {', '.join(options.of)}, {made.bytes / 1e6:.1f} MB, {made.digest[:12]}, "
        f"{duration(time.monotonic() - started)}. Try `python -m core eval {made.name}@0.5 --task ...`."
    )
    return 0


def _parameters() -> dict[str, tuple[str, bool]]:
    """What each option says and whether it is a whole number; methods may share a name."""
    found: dict[str, tuple[str, bool]] = {name: (one.about, one.whole) for name, one in PARAMETERS.items()}
    for key, method in (METHODS | POST_STEPS).items():
        for name, one in method.parameters.items():
            about = f"{key}: {one.about} ({one.low:g} to {one.high:g}, default: {one.default:g})"
            found[name] = (f"{found[name][0]}; {about}" if name in found else about, one.whole)
    return found
