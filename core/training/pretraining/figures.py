"""Measures a base through its text tower: ``python -m core.training.pretraining.figures --help``; the card shows it.

Photographs that are not there are left out; nothing here chooses anything.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core import PaletteError
from core.metrics import Accuracy, accuracy_of
from core.models import Encoder, clip, fitting, fold, head, imagenet_class_names
from core.storage import files
from core.training.pretraining import materials
from core.training.pretraining.assemble import closest
from core.training.pretraining.images.photographs import Album
from core.training.pretraining.images.tower import pixels
from core.training.pretraining.images.writing import written_on
from core.training.pretraining.texts import wordnet
from core.world import PHOTO_NAMES, TASKS, captions

# WordNet's synsets of CIFAR-10's ten classes, in its order: what an ImageNet photograph of one of them is a kind of.
CIFAR_SYNSETS = tuple(
    "n02691156 n02958343 n01503061 n02121808 n02430045 n02084071 n01639765 n02374451 n04194289 n04490091".split()
)
DRAWN = ("icons", "colors", "backgrounds", "words")


class Subject:
    """A base that is being measured: its encoder, and heads from its text tower."""

    def __init__(self, folder: Path) -> None:
        config = clip.read_config(folder)
        self.model = clip.load(folder)
        self.fit = fitting(config["preprocess_cfg"])
        self.encoder = Encoder(self.model, config["preprocess_cfg"])

    def features(self, images: Sequence[np.ndarray] | np.ndarray, batch: int = 100) -> Tensor:
        """Unit features of pictures of any sizes, or of drawn ones uint8 (n, SIDE, SIDE, 3)."""
        parts = []
        for start in range(0, len(images), batch):
            some = images[start : start + batch]
            whole = some if isinstance(some, np.ndarray) else np.stack([self.fit(picture) for picture in some])
            parts.append(self.encoder.encode(whole))
        return torch.cat(parts)

    def head(self, names: Sequence[str]) -> Tensor:
        """A head for names in the world's templates."""
        return head(self.model, [[t.format(name) for t in captions.THING_TEMPLATES] for name in names])

    def right(self, album: Album, names: Sequence[str]) -> np.ndarray:
        """Which photographs are called by their own name among ``names``, bool (n,)."""
        return ((self.features(album.images) @ self.head(names).T).argmax(1) == album.labels).numpy()


def drawn(subject: Subject) -> dict[str, Accuracy]:
    """Accuracies on the supported tasks, and how often an icon is called by a wrong word on it if right before."""
    tasks, found, answers = {task.name: task for task in TASKS}, {}, {}
    for name in (*DRAWN, "typographic_clean", "typographic"):
        shown = tasks[name].source.load("test")
        answers[name] = (
            (subject.features(shown.images) @ head(subject.model, tasks[name].prompts()).T).argmax(1).numpy()
        )
        if name in DRAWN:
            found[name] = accuracy_of(answers[name] == shown.labels)
        elif name == "typographic_clean":
            before = answers[name] == shown.labels
        else:
            found["a wrong word on an icon is followed"] = accuracy_of(
                (answers[name] == shown.notes["written"])[before]
            )
    return found


def photographed(subject: Subject, folder: Path, nouns: Path) -> dict[str, Accuracy]:
    """Accuracies on photographs, and how often one is called by a wrong word on it if right before."""
    found: dict[str, Accuracy] = {}
    if (folder / "real/imagenet_samples-even.parquet").exists():
        samples = materials.album(folder, "real/imagenet_samples-even.parquet")
        classes = torch.tensor([int(name.split()[0]) for name in samples.names])[samples.labels]
        found["ImageNet, 1,000 names"] = accuracy_of(
            subject.right(Album(samples.images, classes, ()), imagenet_class_names())
        )
        found["ImageNet, the untouched classifier at this size"] = accuracy_of(_untouched(subject, samples, classes))
    if (folder / "photos").is_dir():
        found["photographs of CIFAR-10's classes"] = accuracy_of(
            subject.right(_sixty(folder / "photos", nouns), PHOTO_NAMES)
        )
    for name, file in (("CIFAR-10", "cifar10-test.parquet"), ("Caltech-101", "real/caltech101-test.parquet")):
        if (folder / file).exists():
            album = materials.album(folder, file)
            names = materials.class_names("cifar10" if name == "CIFAR-10" else name, album)
            right = subject.right(album, names)
            found[f"{name}, {len(names)} names"] = accuracy_of(right)
            if name != "CIFAR-10":
                found[f"a wrong word on a photograph ({name}) is followed"] = _follows(subject, album, names, right)
    return found


def _untouched(subject: Subject, samples: Album, classes: Tensor) -> np.ndarray:
    network = fold(materials.untouched())
    images = torch.from_numpy(np.stack([subject.fit(picture) for picture in samples.images]))
    with torch.inference_mode():
        answers = torch.cat([network(pixels(part)).argmax(1) for part in images.split(100)])
    return (answers == classes).numpy()


def _sixty(folder: Path, root: Path) -> Album:
    """Those of the ImageNet photographs, named by synset, whose class is a kind of one of CIFAR-10's."""
    nouns, images, labels = materials.nouns(root), [], []
    for path in sorted(folder.glob("n*.JPEG")):
        above = {path.name.partition("_")[0]}
        above |= nouns.above(*above)
        kinds = [i for i, synset in enumerate(CIFAR_SYNSETS) if synset in above]
        if kinds:
            images.append(np.asarray(Image.open(path).convert("RGB")))
            labels.append(kinds[0])
    return Album(images, torch.tensor(labels), PHOTO_NAMES)


def _follows(subject: Subject, album: Album, names: Sequence[str], right: np.ndarray) -> Accuracy:
    """Of photographs that were right, those that are called by the name of another class that is written on them."""
    chance = np.random.default_rng(0)
    letters = [i for i, name in enumerate(names) if name.isascii() and name.isalpha()]
    where = np.flatnonzero(right)
    words = np.array([chance.choice([i for i in letters if i != int(album.labels[w])]) for w in where])
    fitted = np.stack([subject.fit(album.images[w]) for w in where])
    written = written_on(fitted, [names[w] for w in words], torch.Generator().manual_seed(0))
    answers = (subject.features(written) @ subject.head(names).T).argmax(1).numpy()
    return accuracy_of(answers == words)


def scam(subject: Subject, path: Path) -> dict[str, Accuracy]:
    """SCAM (Westerhoff et al. 2025): each photograph asked for among what it shows and what is written on it."""
    with zipfile.ZipFile(path) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("labels.csv").decode())))
        names = sorted({row[k] for row in rows for k in ("object_label", "attack_word")})
        place = {name: i for i, name in enumerate(names)}
        heads, found = subject.head(names), {}
        for kind in ("NoSCAM", "SCAM", "SynthSCAM"):
            read = [archive.read(f"{kind}/{row['image_id'].replace('SCAM', kind)}.webp") for row in rows]
            features = subject.features([np.asarray(Image.open(io.BytesIO(b)).convert("RGB")) for b in read])
            shown = (features * heads[[place[row["object_label"]] for row in rows]]).sum(1)
            said = (features * heads[[place[row["attack_word"]] for row in rows]]).sum(1)
            found[f"SCAM, {kind}: what is shown rather than the word"] = accuracy_of((shown > said).numpy())
    return found


def measure(folder: Path, photos: Path, nouns: Path = wordnet.ROOT) -> dict:
    """All figures of a base, written beside it as ``figures.json``. Raises PaletteError."""
    subject = Subject(folder)
    found = drawn(subject) | photographed(subject, photos, nouns)
    if (photos / "real/scam-quarter.zip").exists():
        found |= scam(subject, photos / "real/scam-quarter.zip")
    alike = {task.name: closest(subject.model, task) for task in TASKS}
    facts = {
        "accuracies": {k: {"value": a.value, "low": a.low, "high": a.high, "n": a.n} for k, a in found.items()},
        "closest_names": {k: {"cosine": c, "names": [one, other]} for k, (c, one, other) in alike.items()},
    }
    files.write_json(folder / "figures.json", facts)
    return facts


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m core.training.pretraining.figures", description=__doc__)
    parser.add_argument("--base", type=Path, default=Path("cache/mini/base"), help="folder of the base (%(default)s)")
    parser.add_argument("--photos", type=Path, required=True, help="folder of the photographs' files")
    parser.add_argument("--wordnet", type=Path, default=wordnet.ROOT, help="folder of WordNet's files (%(default)s)")
    options = parser.parse_args(arguments)
    try:
        facts = measure(options.base, options.photos, options.wordnet)
    except PaletteError as error:
        print(error, file=sys.stderr)
        return 1
    for name, a in facts["accuracies"].items():
        print(f"{name:60} {100 * a['value']:5.1f} [{100 * a['low']:.1f}, {100 * a['high']:.1f}]  n = {a['n']}")
    for name, c in facts["closest_names"].items():
        print(f"{name:24} closest names {c['cosine']:.3f}: {c['names'][0]} | {c['names'][1]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
