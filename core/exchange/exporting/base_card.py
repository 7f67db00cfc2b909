"""A base's model card, written by its evaluation and never by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from core.metrics import Accuracy, Paired, accuracy_of, paired
from core.models import clip
from core.patching import curves
from core.progress import SILENT, Progress
from core.recipes import Recipe
from core.storage import files
from core.tasks import Pictures, Task
from core.training import describe_training
from core.workspace import BASE, Lab

GOALS: Mapping[str, float] = {"icons": 0.85, "colors": 0.90, "words": 0.80, "photos": 0.65, "follows": 0.40}
"""What the mini world's base was asked to reach."""

ROLES: Mapping[str, str] = {
    "supported": "What it knows: the supported tasks",
    "ood": "The same classes in looks that fine-tuning never meets",
    "patching": "What it is poor at: the patching tasks",
}
INTRODUCTION = """---
library_name: open_clip
license: mit
---
# Palette's mini base

A small CLIP, trained from scratch on pictures that Palette draws itself: icons from the fonts in the `qtawesome`
package (Material Design Icons, Font Awesome, Phosphor, Remix, Codicons, Elusive; each under its own open licence),
words lettered over and beside them, plain pictures near the patching tasks (printed digits, patterns, maps, signs,
cars, clocks, dots), and photographs where it was given some. It is made for looking at how patching behaves, and for
nothing else: it knows about two hundred names and a few hundred words, and tokens that it never met are zero. It never
met a full stop: ask for "a photo of a cat", not for "a photo of a cat.", which it reads as something else.

Written by `python -m core card`. Zero-shot accuracy on test pictures, with n and the 95 % Wilson interval.
"""


@dataclass(frozen=True)
class Held:
    """A source of pictures that are in memory already, all of them test."""

    pictures: Pictures

    def sizes(self) -> Mapping[str, int]:
        """Number of pictures per split."""
        return {"test": len(self.pictures.labels)}

    def digest(self, split: str) -> str:
        """Hex SHA-256 of pixels and labels."""
        return hashlib.sha256(self.pictures.images.tobytes() + self.pictures.labels.tobytes()).hexdigest()

    def load(self, split: str) -> Pictures:
        """The pictures."""
        return self.pictures


def photographs(path: Path) -> dict[str, Task]:
    """CIFAR-10's test photographs from a parquet file, enlarged to the world's size, asked for without and with a full
    stop, as tasks by name. Raises WorldError."""
    from core.training import photos
    from core.world import captions, concepts

    images, labels = photos.read(path)
    held = Held(Pictures(photos.enlarge(images), labels))
    title = "CIFAR-10 test, real photographs"
    asked = {"photos": captions.THING_TEMPLATES, "photos_full_stop": [f"{t}." for t in captions.THING_TEMPLATES]}
    return {n: Task(n, "supported", title, title, concepts.PHOTO_NAMES, tuple(ts), held) for n, ts in asked.items()}


def _row(says: str, accuracy: Accuracy, goal: float | None) -> str:
    asked = "" if goal is None else f"≥ {100 * goal:.0f} % {'✓' if accuracy.value >= goal else '✗'}"
    return f"| {says} | {_percent(accuracy.value)} | {_interval(accuracy)} | {accuracy.n:,} | {asked} |"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _interval(accuracy: Accuracy) -> str:
    return f"{100 * accuracy.low:.1f} to {100 * accuracy.high:.1f}"


def attacked(lab: Lab) -> dict[str, tuple[str, Accuracy]]:
    """What a wrong word does to the base, on the test pictures of ``typographic`` and their clean twins."""
    clean, word = (lab.evaluate(lab.base, name, "test") for name in ("typographic_clean", "typographic"))
    follows = word.predictions == lab.pictures("typographic", "test").notes["written"]
    return {
        "clean": ("icons, before a word is written on them", clean.accuracy),
        "attacked": ("the same icons with a wrong word", word.accuracy),
        "follows": ("of those right before: called by the wrong word", accuracy_of(follows[clean.right])),
    }


@dataclass(frozen=True)
class Patched:
    """How far one patch gets at the α that validation chooses: means over its tasks on test, in [0, 1]."""

    name: str
    n: int
    alpha: float
    base: float
    tuned: float
    patched: float
    cost: Paired

    @property
    def row(self) -> str:
        """Its line in the card."""
        noise = " (within noise)" if self.cost.within_noise else ""
        return (
            f"| `{self.name}` | {self.n:,} | {_percent(self.base)} | {_percent(self.tuned)} | {self.alpha:g} | "
            f"{_percent(self.patched)} | {100 * (self.patched - self.base):+.1f} | "
            f"{100 * self.cost.difference:+.1f}{noise} |"
        )


def patched(lab: Lab, name: str, supported: str) -> Patched:
    """A patch at the α chosen on val with one supported task. Evaluates what is not known yet; raises PaletteError."""
    alpha, tasks = curves.chosen_alpha(lab, name, [supported]), lab.trained_on(name)
    recipe = lab.patch(name, alpha)

    def mean(of: Recipe) -> float:
        return float(np.mean([lab.evaluate(of, task, "test").accuracy.value for task in tasks]))

    before, after = (lab.evaluate(r, supported, "test") for r in (lab.base, recipe))
    n = sum(lab.task(task).size("test") for task in tasks)
    accuracies = (mean(lab.base), mean(lab.tuned(name)), mean(recipe))
    return Patched(name, n, alpha, *accuracies, paired(before.right, after.right))


def write_base_card(lab: Lab, photos: Path | None = None, progress: Progress = SILENT) -> tuple[str, list[str]]:
    """Measure what is not measured yet and write ``base/README.md``; returns its text, and the goals not reached."""
    if photos is not None:
        lab = Lab(lab.name, lab.folder.parent, lab.device, {**lab.tasks, **photographs(photos)})
    for name in progress(list(lab.tasks), "Evaluating the base"):
        lab.evaluate(lab.base, name, "test", progress)
    rows: dict[str, list[tuple[str, str, Accuracy]]] = {title: [] for title in ROLES.values()}
    for task in lab.tasks.values():
        if task.role in ROLES:
            found = lab.evaluate(lab.base, task.name, "test").accuracy
            rows[ROLES[task.role]].append((task.name, f"`{task.name}` ({len(task.class_names)} classes)", found))
    if "typographic" in lab.tasks:
        rows["What a written word does to it"] = [(name, *figure) for name, figure in attacked(lab).items()]
    lines, missed = [INTRODUCTION], []
    for title, figures in rows.items():
        if figures:
            lines += [f"\n## {title}\n", "| | accuracy | 95 % | n | asked for |", "|---|---|---|---|---|"]
            lines += [_row(says, found, GOALS.get(name)) for name, says, found in figures]
            missed += [name for name, _, found in figures if found.value < GOALS.get(name, 0)]
    lines += [*_patches(lab), *_making(lab.folder / BASE)]
    text = "\n".join(lines) + "\n"
    files.write_text(lab.folder / BASE / "README.md", text)
    return text, missed


def _patches(lab: Lab) -> Sequence[str]:
    supported = lab.default_supported()[0]
    built = [n for n in lab.patches() if n in lab.zoo and curves.knows_point(lab, n, 1.0, [supported])]
    if not built:
        return []
    found = [patched(lab, name, supported) for name in built]
    single = [one for one in found if one.name in lab.by_role("patching")]
    return [
        "\n## What patching does to it\n",
        f"PAINT, one patch a row, with `{supported}` as the supported task and α chosen on validation; accuracies on "
        "test, differences in points.\n",
        f"| patch | n | base | fine-tuned | α | patched | gain | `{supported}` |",
        "|---|---|---|---|---|---|---|---|",
        *(one.row for one in found),
        *_together(single, supported),
        "\nHow they were fine-tuned from the base, the head from the text tower being frozen:\n",
        *(f"* `{name}`: {describe_training(lab.zoo[name].settings)}" for name in built),
    ]


def _together(patches: Sequence[Patched], supported: str) -> Sequence[str]:
    if not patches:
        return []
    gains = [one.patched - one.base for one in patches]
    few = [f"`{one.name}`" for one, gain in zip(patches, gains, strict=True) if gain < 0.1]
    return [
        f"\nOver the {len(patches)} patching tasks, gains from {100 * min(gains):.1f} to {100 * max(gains):.1f} points"
        f"{', below 10 for ' + ', '.join(few) if few else ''}; `{supported}` changes by "
        f"{100 * median(one.cost.difference for one in patches):+.1f} points at the median."
    ]


def _making(base: Path) -> Sequence[str]:
    try:
        made = json.loads((base / "pretraining.json").read_text())
    except FileNotFoundError:
        return []
    mixture = made["pictures_of_each_kind_in_a_step"]
    with_photos = " --photos cifar10-train.parquet" if any("photos" in kinds for kinds in mixture.values()) else ""
    again = f"--pictures {made['settings']['pictures']} --seed {made['settings']['seed']} --fresh"
    finished = "." if made["complete"] else ", of more that were planned: this training was not finished."
    lines = [
        "\n## How it was made\n",
        f"{made['pictures']:,} fresh pictures in {made['seconds'] / 60:.0f} minutes{finished} Settings: "
        f"{_listed(made['settings'])}. Pictures in a step, by phase:\n",
        *(f"* {phase}: {_listed(kinds)}" for phase, kinds in mixture.items()),
        "\nTowers: `" + json.dumps(clip.read_config(base)["model_cfg"]) + "`.",
        f"\n`python -m core.training.pretraining.pretrain{with_photos} {again}` "
        "trains one with these settings from the start.",
    ]
    for stretch in made.get("earlier_settings", []):
        lines.append(
            f"This one's first {stretch['until']:,} pictures were drawn with others, so it comes out otherwise: "
            f"{_listed(stretch['settings'])}; in a step {_listed(stretch['mixture'])}."
        )
    return lines


def _listed(facts: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())
