"""Measures a base and writes its model card, no figure by hand: ``python -m core.world.card --help``."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from core import PaletteError, disk, vision
from core.tasks import Pictures, Task
from core.world import captions, photos, tasks
from core.world.concepts import PHOTO_NAMES
from core.world.probe import head

GOALS = {"icons": 0.85, "colors": 0.90, "words": 0.80, "photos": 0.65, "follows": 0.40}


@dataclass(frozen=True)
class Figure:
    """``right`` of ``n`` pictures; ``goal`` is the share that was asked for, if any was."""

    name: str
    says: str
    right: int
    n: int
    goal: float | None = None

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.right / self.n

    def interval(self) -> tuple[float, float]:
        """95 % Wilson score interval. (core.metrics has it too, but lies below the world in the layers.)"""
        z, n = 1.959964, self.n
        middle = (self.share + z * z / (2 * n)) / (1 + z * z / n)
        reach = z / (1 + z * z / n) * math.sqrt(self.share * (1 - self.share) / n + z * z / (4 * n * n))
        return max(0.0, middle - reach), min(1.0, middle + reach)

    def row(self) -> str:
        """One line of a Markdown table."""
        low, high = (100 * x for x in self.interval())
        goal = "" if self.goal is None else f"≥ {100 * self.goal:.0f} % {'✓' if self.share >= self.goal else '✗'}"
        return f"| {self.says} | {100 * self.share:.1f} % | {low:.1f} to {high:.1f} | {self.n:,} | {goal} |"


class Reader:
    """A base, asked zero-shot questions."""

    def __init__(self, folder: Path) -> None:
        self.model = vision.load(folder)
        self.encoder = vision.Encoder(self.model, vision.read_config(folder)["preprocess_cfg"])

    def answers(self, pictures: Pictures, names: Sequence[str], templates: Sequence[str]) -> torch.Tensor:
        """The name that the base gives to each picture, int64 (n,)."""
        rows = head(self.model, names, templates)
        parts = torch.from_numpy(pictures.images).split(256)
        return torch.cat([(self.encoder.encode(part) @ rows.T).argmax(1) for part in parts])

    def task(self, task: Task) -> torch.Tensor:
        """Which test pictures of a task are named rightly, bool (n,)."""
        pictures = task.source.load("test")
        return self.answers(pictures, task.class_names, task.templates) == torch.from_numpy(pictures.labels)


def _figure(name: str, says: str, right: torch.Tensor) -> Figure:
    return Figure(name, says, int(right.sum()), len(right), GOALS.get(name))


def attack(reader: Reader) -> list[Figure]:
    """What a wrong word does, on the test pictures that were right without it."""
    attacked, clean = tasks.TYPOGRAPHIC, tasks.UNATTACKED
    before = reader.task(clean)
    pictures = attacked.source.load("test")
    called = reader.answers(pictures, attacked.class_names, attacked.templates)
    follows = called == torch.from_numpy(pictures.notes["written"])
    return [
        _figure("before", "icons that will be attacked, before the word", before),
        _figure("attacked", "the same icons with a wrong word", called == torch.from_numpy(pictures.labels)),
        _figure("follows", "of those right before: called by the wrong word", follows[before]),
    ]


def photographs(reader: Reader, path: Path) -> Figure:
    """Real photographs: CIFAR-10's test pictures, enlarged from 32×32, among its ten names."""
    images, labels = photos.read(path)
    called = reader.answers(Pictures(photos.enlarge(images), labels), PHOTO_NAMES, captions.THING_TEMPLATES)
    return _figure("photos", "CIFAR-10 test, real photographs, 10 classes", called == torch.from_numpy(labels))


def measure(folder: Path, path: Path | None = None) -> dict[str, list[Figure]]:
    """All figures of a base, by section; photographs only where their file is given."""
    reader = Reader(folder)
    by_role: dict[str, list[Figure]] = {"supported": [], "ood": [], "patching": []}
    for task in tasks.TASKS:
        if task.role in by_role:
            says = f"`{task.name}` ({len(task.class_names)} classes)"
            by_role[task.role].append(_figure(task.name, says, reader.task(task)))
    real = [photographs(reader, path)] if path else []
    return {**by_role, "attack": attack(reader), "photos": real}


SECTIONS = {
    "supported": "What it knows: the supported tasks",
    "photos": "Real photographs",
    "attack": "What a written word does to it",
    "ood": "Icons in looks that fine-tuning on `icons` never meets",
    "patching": "What it is poor at: the patching tasks",
}

INTRODUCTION = """---
library_name: open_clip
license: apache-2.0
---
# Palette's mini base

A small CLIP, trained from scratch on pictures that Palette draws itself: icons from the fonts in the `qtawesome`
package (Material Design Icons, Font Awesome, Phosphor, Remix, Codicons, Elusive; each under its own open licence),
words lettered over and beside them, plain pictures near the patching tasks (printed digits, patterns, maps, signs,
cars, clocks, dots){photos}.
It is made for looking at how patching behaves, and for nothing else: it knows about two hundred names and a few hundred
words, and tokens that it never met are zero.

Written by `python -m core.world.card`. Zero-shot accuracy on test pictures, with the 95 % Wilson interval.
"""


def write(folder: Path, figures: dict[str, list[Figure]]) -> str:
    """The card's text; also writes it as README.md, and the figures as card.json, into the base's folder."""
    made = json.loads((folder / "pretraining.json").read_text())
    taught = ", and CIFAR-10's training photographs" if "photos" in made["pictures_of_each_kind_in_a_step"] else ""
    lines = [INTRODUCTION.format(photos=taught)]
    for section, title in SECTIONS.items():
        if figures[section]:
            lines += [f"\n## {title}\n", "| | accuracy | interval | n | asked for |", "|---|---|---|---|---|"]
            lines += [f.row() for f in figures[section]]
    settings = ", ".join(f"{k} {v}" for k, v in made["settings"].items())
    counts = ", ".join(f"{n} {kind}" for kind, n in made["pictures_of_each_kind_in_a_step"].items())
    lines += [
        "\n## How it was made\n",
        f"{made['pictures']:,} fresh pictures in {made['seconds'] / 60:.0f} minutes"
        + ("." if made["complete"] else ", of more that were planned: this training was not finished."),
        f"Of each step's {made['settings']['batch']} pictures: {counts}. Settings: {settings}.",
        "\nTowers: " + json.dumps(vision.read_config(folder)["model_cfg"]) + ".",
        "\nRepeat it with `python -m core.world.pretrain"
        + (" --photos cifar10-train.parquet" if taught else "")
        + f" --pictures {made['settings']['pictures']} --seed {made['settings']['seed']} --fresh`.",
    ]
    text = "\n".join(lines) + "\n"
    disk.write_text(folder / "README.md", text)
    rows = [{**vars(f), "section": s, "interval": f.interval()} for s, found in figures.items() for f in found]
    disk.write_json(folder / "card.json", rows)
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit status: 0 if every figure that was asked for is reached, 2 if one is not."""
    parser = argparse.ArgumentParser(prog="python -m core.world.card", description=__doc__)
    parser.add_argument("--base", type=Path, default=Path("cache/mini/base"), help="the base's folder (%(default)s)")
    parser.add_argument("--photos", type=Path, help="CIFAR-10's test pictures as a parquet file")
    options = parser.parse_args(arguments)
    try:
        figures = measure(options.base, options.photos)
        print(write(options.base, figures))
    except (PaletteError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    asked = [f for found in figures.values() for f in found if f.goal is not None]
    return 0 if all(f.share >= f.goal for f in asked if f.goal is not None) else 2


if __name__ == "__main__":
    raise SystemExit(main())
