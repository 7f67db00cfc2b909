"""python -m core compress: a checkpoint's difference from the base in few bits a weight."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from core.cli.terminal import followed
from core.storage import quantised
from core.training import compress, cost
from core.workspace import Lab


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``compress``."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="which fine-tuned model; it stays as it is")
    parser.add_argument("--bits", type=int, choices=quantised.BITS, default=8, help="a weight (default: 8)")
    parser.add_argument("--name", help="what to call the small one (default: CHECKPOINT-8bit)")
    parser.add_argument("--measure", action="store_true", help="compare both on val, on its tasks and the supported")


def run(lab: Lab, options: Namespace) -> int:
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
