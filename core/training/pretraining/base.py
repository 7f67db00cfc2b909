"""Makes the base of the built-in workspace from nothing: ``python -m core.training.pretraining.base --help``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from core import PaletteError
from core.models import imagenet_class_names
from core.training.pretraining import materials
from core.training.pretraining.assemble import assemble
from core.training.pretraining.config import IMAGE
from core.training.pretraining.images import tower as image_tower
from core.training.pretraining.images.drawing import Drawing
from core.training.pretraining.images.held_out import Question, monitor
from core.training.pretraining.images.photographs import Album
from core.training.pretraining.images.teacher import class_rows
from core.training.pretraining.images.tower import Directions, Shelf, Source
from core.training.pretraining.texts import looks, names, wordnet
from core.training.pretraining.texts import tower as text_tower
from core.training.pretraining.texts.targets import Targets
from core.world import THINGS

FURTHER = 500


def further_words(known: Sequence[str], nouns: wordnet.Nouns) -> tuple[str, ...]:
    """Further words to be written: common single nouns of things that ImageNet has examples of, seeded."""
    found = sorted(
        n for n in known if n.isascii() and n.isalpha() and 3 <= len(n) <= 10 and n in nouns.common and n not in THINGS
    )
    order = torch.randperm(len(found), generator=torch.Generator().manual_seed(1)).tolist()
    return tuple(sorted(found[i] for i in order[:FURTHER]))


@dataclass
class Workshop:
    """What both trainings share: the untouched network, WordNet, the texts' directions, the words to be written."""

    network: torch.nn.Module
    nouns: wordnet.Nouns
    targets: Targets
    further: tuple[str, ...]
    photos: Path

    @classmethod
    def open(cls, photos: Path, root: Path) -> Workshop:
        """Find and check everything. Raises MaterialError."""
        network, nouns, embed = materials.untouched(), materials.nouns(root), materials.sentences()
        targets = Targets(looks.learn(class_rows(network, IMAGE)[0], nouns, embed), embed)
        return cls(network, nouns, targets, further_words(list(targets.looks.known), nouns), photos)

    def shelves(self) -> list[Shelf]:
        """The photographs to train on. Raises MaterialError."""
        found = []
        for name, (file, share, told) in materials.PHOTOGRAPHS.items():
            photos = materials.album(self.photos, file)
            found.append(Shelf(photos, share, materials.class_names(name, photos) if told else ()))
        return found

    def questions(self) -> list[Question]:
        """Held-out photographs to look at meanwhile; those that are not there are not asked. Raises MaterialError."""
        found = []
        samples = self.photos / "real/imagenet_samples-even.parquet"
        if samples.exists():
            photos = materials.album(self.photos, "real/imagenet_samples-even.parquet")
            classes = torch.tensor([int(name.split()[0]) for name in photos.names])
            album = Album(photos.images, classes[photos.labels], ())
            found.append(Question("imagenet", album, imagenet_class_names()))
        for name, file in (("cifar10", "cifar10-test.parquet"), ("caltech101", "real/caltech101-test.parquet")):
            if (self.photos / file).exists():
                photos = materials.album(self.photos, file)
                found.append(Question(name, photos, materials.class_names(name, photos)))
        return found

    def image_training(self, settings: image_tower.Settings, out: Path) -> image_tower.Training:
        """The image tower's training."""
        shelves, drawing = self.shelves(), Drawing(settings.counts, self.further)
        directions = Directions(self.targets, drawing, shelves)
        measure = monitor(self.targets, self.questions())
        source = Source(settings, drawing, shelves)
        return image_tower.Training(settings, source, directions, self.network, out, measure, _say)

    def text_training(self, settings: text_tower.Settings, out: Path) -> text_tower.Training:
        """The text tower's training; the first time, sentences are embedded for some minutes."""
        asked = [name for shelf in self.shelves() for name in shelf.names]
        texts = names.curriculum((*THINGS, *self.further), asked, list(self.targets.looks.known), self.nouns)
        kept = out.parent / "partial" / f"{out.name}.text.safetensors"
        return text_tower.Training(settings, self.targets, texts, kept, _say)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit status."""
    options = _options(arguments)
    torch.set_num_threads(1)
    try:
        workshop = Workshop.open(options.photos, options.wordnet)
        towers: list[image_tower.Training | text_tower.Training] = []
        if options.only != "text":
            settings = replace(image_tower.Settings(), pictures=options.pictures, seed=options.seed)
            towers.append(workshop.image_training(settings, options.out))
        if options.only != "images":
            towers.append(workshop.text_training(text_tower.Settings(texts=options.texts), options.out))
        for training in towers:
            if not options.fresh:
                training.resume(options.changed)
            try:
                training.run()
            except KeyboardInterrupt:
                training.keep()
                print("Stopped; the same command goes on from here.", file=sys.stderr)
                return 130
        if not options.only:
            _say(assemble(options.out))
    except PaletteError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    images, texts = image_tower.Settings(), text_tower.Settings()
    parser = argparse.ArgumentParser(
        prog="python -m core.training.pretraining.base",
        description="Makes the built-in workspace's base: an image tower from ImageNet weights that learns the drawn "
        "world while it is held to what it knew of photographs, and a text tower that is taught where names belong. "
        "It can be stopped at any time; the same command goes on from there.",
        epilog=f"Before it: {materials.INSTALL}, and apt-get install wordnet-base. The folder of photographs holds "
        + ", ".join(file for file, _, _ in materials.PHOTOGRAPHS.values())
        + ". One thread; with MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 it is half as fast again.",
    )
    parser.add_argument("--photos", type=Path, required=True, help="folder of the photographs' parquet files")
    parser.add_argument("--out", type=Path, default=Path("cache/mini/base"), help="folder of the base (%(default)s)")
    parser.add_argument("--wordnet", type=Path, default=wordnet.ROOT, help="folder of WordNet's files (%(default)s)")
    parser.add_argument("--pictures", type=int, default=images.pictures, help="the image tower's budget (%(default)s)")
    parser.add_argument("--texts", type=int, default=texts.texts, help="the text tower's budget (%(default)s)")
    parser.add_argument("--seed", type=int, default=images.seed, help="of pictures (%(default)s)")
    parser.add_argument("--only", choices=("images", "text"), help="train one tower alone, and assemble nothing")
    parser.add_argument("--fresh", action="store_true", help="start again, even where a stopped run could go on")
    parser.add_argument("--changed", action="store_true", help="go on even from a state of other settings; recorded")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
