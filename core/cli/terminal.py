"""What commands share: the options that several take, and progress on standard error. Nothing heavy is imported."""

from __future__ import annotations

import shlex
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from core.progress import Progress, duration

if TYPE_CHECKING:
    from core.attacks import Look
    from core.workspace import Lab


class _Printer:
    """Shows a Progress on standard error: one line that rewrites itself, or one line a step when not on a terminal."""

    def __init__(self) -> None:
        self.last, self.when = "", 0.0

    def __call__(self, progress: Progress) -> None:
        left = progress.seconds_left
        line = f"{progress.fraction:4.0%}  {progress.what}" + (f", {duration(left)} left" if left is not None else "")
        if sys.stderr.isatty():
            if time.monotonic() - self.when > 0.1 or progress.fraction >= 1:
                print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
                self.when = time.monotonic()
        elif progress.what != self.last:
            self.last = progress.what
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the line as it stands, if there is one."""
        if sys.stderr.isatty() and self.when:
            print(file=sys.stderr)


@contextmanager
def followed() -> Iterator[Progress]:
    """Yield a Progress that standard error shows for as long as the block lasts, however it ends."""
    printer = _Printer()
    try:
        yield Progress(printer)
    finally:
        printer.close()


def add_verb(
    verbs: Any, name: str, run: Callable[[Lab, Namespace], int], about: str, summary: str = ""
) -> ArgumentParser:
    """The parser of a command's verb, which runs ``run``; ``summary`` stands in the list of verbs (``about``)."""
    parser = verbs.add_parser(name, help=summary or about, description=about)
    parser.set_defaults(run=run)
    return parser


def add_recipe(parser: ArgumentParser) -> None:
    """Add the recipe that a command is about."""
    parser.add_argument("recipe", metavar="RECIPE", help="NAME, NAME@ALPHA or FILE.json")


def add_split(parser: ArgumentParser, usual: str, about: str) -> None:
    """Add ``--split``."""
    from core.tasks import SPLITS

    parser.add_argument("--split", default=usual, choices=SPLITS, help=about)


def add_augment(parser: ArgumentParser) -> None:
    """Add ``--augment``: how far pictures are changed on their way into training."""
    parser.add_argument(
        "--augment",
        default="",
        metavar="STRENGTH",
        help="none, light or strong: of training pictures (the workspace's)",
    )


def add_workers(parser: ArgumentParser) -> None:
    """Add ``--workers`` and ``--scheduler``: who shares the work."""
    parser.add_argument("--workers", type=int, metavar="N", help="processes that share the work (default: one a GPU)")
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="tcp://HOST:PORT of dask.distributed; local: a cluster here"
    )


def add_look(parser: ArgumentParser) -> None:
    """Add the options of a look: how words are written on pictures."""
    from core.attacks import Look

    add, usual, weight = parser.add_argument, Look(), "light, regular, bold or black, where the font has them"
    add("--font", default=usual.face.family, help=f"family of letters (default: {usual.face.family})")
    add("--weight", default=usual.face.weight, help=weight)
    add("--italic", action="store_true", help="slanted, where the font can")
    for name, value, metavar, about in (
        ("size", usual.size, "SHARE", "of the picture's side (default: {:g})"),
        ("color", usual.colour, "#RRGGBB", "of the letters (default: {})"),
        ("plate", usual.plate, "#RRGGBB", "under them; none for no plate"),
        ("outline", usual.outline, "SHARE", "of the letters' size (default: {:g})"),
        ("turn", usual.rotation, "DEGREES", "against the clock (default: {:g})"),
        ("outline-color", usual.outline_colour, "#RRGGBB", "(default: {})"),
        ("opacity", usual.opacity, "SHARE", "(default: {:g})"),
    ):
        add(f"--{name}", type=type(value), default=value, metavar=metavar, help=about.format(value))
        if name == "outline":
            at = (usual.x, usual.y)
            add("--at", type=float, nargs=2, default=at, metavar=("X", "Y"), help="(default: {:g} {:g})".format(*at))


def look_of(options: Namespace) -> Look:
    """The look that the options of ``add_look`` say."""
    from core.attacks import Face, Look

    return Look(
        Face(options.font, options.weight, options.italic),
        options.size,
        options.color,
        outline=options.outline,
        outline_colour=options.outline_color,
        plate="" if options.plate == "none" else options.plate,
        x=options.at[0],
        y=options.at[1],
        rotation=options.turn,
        opacity=options.opacity,
    )


def words_of(look: Look) -> str:
    """The options of a look as a person types them, each after a space; what is as usual is left out."""
    usual, face = type(look)(), look.face
    options = {
        "font": (shlex.quote(face.family), shlex.quote(usual.face.family)),
        "weight": (face.weight, usual.face.weight),
        "size": (f"{look.size:g}", f"{usual.size:g}"),
        "color": (f"'{look.colour}'", f"'{usual.colour}'"),
        "plate": (f"'{look.plate}'" if look.plate else "none", f"'{usual.plate}'"),
        "outline": (f"{look.outline:g}", f"{usual.outline:g}"),
        "outline-color": (f"'{look.outline_colour}'", f"'{usual.outline_colour}'"),
        "at": (f"{look.x:g} {look.y:g}", f"{usual.x:g} {usual.y:g}"),
        "turn": (f"{look.rotation:g}", f"{usual.rotation:g}"),
        "opacity": (f"{look.opacity:g}", f"{usual.opacity:g}"),
    }
    slanted = " --italic" if face.italic else ""
    return "".join(f" --{name} {value}" for name, (value, default) in options.items() if value != default) + slanted
