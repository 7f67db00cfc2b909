"""PAINT on data that nobody here drew: the mini base patched on MNIST, CIFAR-10 supported.

``python -m benchmarks.cifar_mnist --data ../shared/data`` makes the workspace ``cifar_mnist``, fine-tunes,
evaluates 21 α, chooses one on validation and prints the figures. Stop it any time: the same command goes on.

The splits are disjoint and seeded. The base was trained on CIFAR-10's train photographs, so its val and test are both
cut from the test file, which it never saw. Where only MNIST's test file is there, train, val and test are cut from it.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path

from core import PaletteError
from core.cli import add_augment
from core.patching import curves
from core.progress import CancelledError
from core.recipes import GRID
from core.storage import files
from core.tasks import DataLocation, freeze, open_parts
from core.workspace import placed

NAME = "cifar_mnist"
PHOTO_TEMPLATES = ("a photo of a {}", "a picture of a {}", "a small photo of the {}", "a {}")
DIGIT_TEMPLATES = ('a photo of the number "{}"', 'the number "{}"', 'the digit "{}"', "a handwritten {}")
MARKERS = ("<!-- cifar_mnist: figures -->", "<!-- cifar_mnist: end -->")
SETTINGS = {"steps": 400, "batch_size": 128, "lr": 3e-5, "warmup": 40, "weight_decay": 0.1, "clip_norm": 1.0, "seed": 0}
CIFAR_CUTS = [["val", "test", 2000], ["test", "test", None]]
MNIST_CUTS = [["test", "test", 2000], ["val", "test", 1000], ["train", "test", None]]


def tasks(data: Path) -> list[dict]:
    """The two tasks as workspace.json keeps them, from ``cifar10-*.parquet`` and ``mnist/`` in a folder."""
    from core.tasks import entry, grouped

    photos = sorted(p.name for p in data.glob("cifar10-*.parquet"))
    if "test" not in grouped([data / name for name in photos]):
        raise PaletteError(f"{data} holds no cifar10-test.parquet; put CIFAR-10's test photographs there.")
    cifar = DataLocation("files", data.resolve(), freeze([["names", photos]]))
    mnist = DataLocation("idx", (data / "mnist").resolve())
    cuts = [] if "train" in open_parts(mnist) else MNIST_CUTS
    told = [
        ("cifar10", "supported", cifar, CIFAR_CUTS, PHOTO_TEMPLATES),
        ("mnist", "patching", mnist, cuts, DIGIT_TEMPLATES),
    ]
    return [
        {
            "name": key,
            "role": role,
            "title": entry(key).title,
            "description": f"{entry(key).title}, real, cut by seed 0.",
            "plays": entry(key).title,
            "class_names": list(entry(key).names),
            "templates": list(templates),
            "seed": 0,
            "cuts": cut,
            "from": placed(where),
        }
        for key, role, where, cut, templates in told
    ]


def workspace(cache: Path, data: Path) -> Path:
    """The workspace's folder, made from the mini base if it is not there yet. Raises PaletteError."""
    folder = cache / NAME
    if not (folder / "workspace.json").exists():
        shutil.copytree(cache / "mini" / "base", folder / "base", dirs_exist_ok=True)
        facts = {"title": "CIFAR-10 and MNIST", "tasks": tasks(data), "supported": ["cifar10"]}
        files.write_json(folder / "workspace.json", {**facts, "finetune": {"default": SETTINGS}})
    return folder


def report(lab) -> str:
    """The curve and the chosen α as Markdown; every figure is read from the workspace's results."""
    from core.metrics import paired

    found = {split: curves.curve(lab, "mnist", ["cifar10"], split) for split in ("val", "test")}
    chosen = curves.chosen_alpha(lab, "mnist", ["cifar10"])
    strength = lab.zoo["mnist"].settings.get("augment", "none")
    sizes = {name: lab.task(name).source.sizes() for name in lab.tasks}
    lines = [
        f"MNIST: {', '.join(f'{n:,} {s}' for s, n in sizes['mnist'].items())}; "
        f"CIFAR-10: {', '.join(f'{n:,} {s}' for s, n in sizes['cifar10'].items())}. "
        f"{SETTINGS['steps']} steps of {SETTINGS['batch_size']}, peak rate {SETTINGS['lr']:g}"
        f"{f', {strength} augmentation' if strength != 'none' else ''}. "
        f"α chosen on val: **{chosen:g}**.",
        "",
        "| α | MNIST val | CIFAR-10 val | combined val | MNIST test [95 %] | CIFAR-10 test [95 %] |",
        "|---|---|---|---|---|---|",
    ]
    for val, test in zip(found["val"], found["test"], strict=True):
        if round(val.alpha * 10, 6) % 1 and val.alpha != chosen:
            continue  # every tenth is enough to read; the app shows all
        mark = " ★" if val.alpha == chosen else ""
        shown = [f"{100 * val.accuracies[t].value:.1f} %" for t in ("mnist", "cifar10")]
        tested = [
            f"{100 * a.value:.1f} % [{100 * a.low:.1f}, {100 * a.high:.1f}]"
            for a in (test.accuracies["mnist"], test.accuracies["cifar10"])
        ]
        lines.append(
            f"| {val.alpha:g}{mark} | {' | '.join(shown)} | {100 * val.combined:.1f} % | {' | '.join(tested)} |"
        )
    lines.append("")
    for name in ("mnist", "cifar10"):
        before, after = (lab.evaluate(r, name, "test").right for r in (lab.base, lab.patch("mnist", chosen)))
        change = paired(before, after)
        lines.append(
            f"* {lab.task(name).title} test, base to α = {chosen:g}: {100 * change.difference:+.1f} points; "
            f"{change.fixed:,} fixed, {change.broken:,} broken of {change.n:,}; McNemar's exact p = {change.p:.2g}."
        )
    return "\n".join(lines)


def put_into(path: Path, text: str) -> None:
    """Write the figures between the two markers of a document, so that nobody copies them by hand. Raises DiskError."""
    before, opening, rest = path.read_text(encoding="utf-8").partition(MARKERS[0])
    _, closing, after = rest.partition(MARKERS[1])
    if not opening or not closing:
        raise PaletteError(f"{path} has no place for the figures: put {MARKERS[0]} and {MARKERS[1]} into it.")
    files.write_text(path, f"{before}{opening}\n{text}\n{closing}{after}")


def main(arguments: list[str] | None = None) -> int:
    """Run the experiment; returns the exit status."""
    from core.cli import followed
    from core.progress import duration
    from core.workspace import CACHE, Lab

    parser = argparse.ArgumentParser("python -m benchmarks.cifar_mnist", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("../shared/data"),
        metavar="DIR",
        help="cifar10-test.parquet and mnist/ (default: ../shared/data)",
    )
    parser.add_argument(
        "--cache", type=Path, default=CACHE, metavar="DIR", help="home of the workspaces (default: cache/)"
    )
    add_augment(parser)
    parser.add_argument("--device", metavar="NAME", help="cpu or cuda (default: the GPU if there is one)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the figures between FILE's markers, too")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    try:
        from core.patching import build_steps
        from core.training import build

        lab = Lab(workspace(options.cache, options.data).name, options.cache, options.device)
        with followed() as progress:
            build(build_steps(lab, ["mnist"], ["cifar10"], options.augment), progress)
        said = report(lab)
        print(said)
        if options.write:
            put_into(options.write, said)
        print(
            f"\n{len(GRID)} α, {duration(time.monotonic() - started)} on {lab.device}; the workspace is {lab.folder}."
        )
        return 0
    except (KeyboardInterrupt, CancelledError):
        print("\npalette: stopped; the same command goes on from here.", file=sys.stderr)
        return 130
    except PaletteError as error:
        print(f"palette: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
