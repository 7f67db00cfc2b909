"""Classify any pictures with any recipes and any class names: features once, then only a matrix product."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch

from core.classify import class_names
from core.classify.album import MAX_ALBUM_BYTES, Album, Picture, take_in
from core.classify.rankings import Ranking, Result, known_labels, rank
from core.classify.uploads import gather
from core.metrics import probabilities
from core.models import alike, features, fitting, logits
from core.progress import SILENT, Progress
from core.recipes import Recipe
from core.storage import LRU
from core.workspace import Lab

FEATURES_KEPT = 50_000  # of one picture by one recipe each
CLASSES_KEPT = 50_000
ALBUMS_KEPT = 2 * MAX_ALBUM_BYTES
CHUNK = 512  # pictures, or classes, between two looks at whether the work was called off
CELLS = 4_000_000  # pictures × classes at a time


class Classifier:
    """A lab's models on pictures of anybody's. Features and heads are kept by content, in memory, up to a limit.

    Its encoders are the lab's pool's, where the mixes of a moving slider stay merged.
    """

    def __init__(self, lab: Lab, features_kept: int = FEATURES_KEPT, classes_kept: int = CLASSES_KEPT) -> None:
        self.lab = lab
        self._features: LRU[tuple[str, str], torch.Tensor] = LRU(features_kept)
        self._classes: LRU[tuple[str, ...], torch.Tensor] = LRU(classes_kept)
        self.albums: LRU[Hashable, Album] = LRU(ALBUMS_KEPT, lambda album: album.bytes)
        """Albums under keys of whoever keeps them, such as the page for uploads."""

    @cached_property
    def fit(self):
        """The model's own resizing and cropping: uint8 (h, w, 3) to uint8 (size, size, 3)."""
        return fitting(self.lab.config["preprocess_cfg"])

    @property
    def size(self) -> int:
        """Side of the pictures that the model sees, in pixels."""
        return int(np.max(self.lab.config["preprocess_cfg"]["size"]))

    def prepared(self, image: np.ndarray) -> np.ndarray:
        """A picture uint8 (h, w, 3) as the model sees it; one of that size is taken for prepared, as tasks' are."""
        if image.shape[:2] == (self.size, self.size):
            return image
        return self.fit(np.ascontiguousarray(image))

    def features(self, recipe: Recipe, pictures: Sequence[Picture], progress: Progress = SILENT) -> torch.Tensor:
        """Unit-length image features float32 (n, embed_dim); a picture that this recipe has seen costs nothing."""
        weights = self.lab.weights_key(recipe)
        found = {p.digest: self._features.get((weights, p.digest)) for p in pictures}
        missing = list({p.digest: p for p in pictures if found[p.digest] is None}.values())
        chunks = [missing[i : i + CHUNK] for i in range(0, len(missing), CHUNK)]
        for chunk in progress(chunks, "Looking at the pictures"):
            images = np.stack([p.pixels for p in chunk])
            made = self.encoded(recipe, images)
            for picture, row in zip(chunk, made, strict=True):
                found[picture.digest] = self._features.put((weights, picture.digest), row)
        return torch.stack([row for p in pictures if (row := found[p.digest]) is not None])

    def unseen(self, recipe: Recipe, pictures: Sequence[Picture]) -> int:
        """How many of these pictures this recipe has to look at before it can answer."""
        weights = self.lab.weights_key(recipe)
        return len({p.digest for p in pictures if (weights, p.digest) not in self._features})

    def encoded(self, recipe: Recipe, images: np.ndarray) -> torch.Tensor:
        """Unit-length features (n, embed_dim) of prepared pictures uint8 (n, size, size, 3); they are not remembered.

        Raises CheckpointError or MergeError if the mix cannot be made.
        """
        with self.lab.encoders.holding(recipe) as encoder:
            return features(encoder, images)

    def logits(self, recipe: Recipe, images: np.ndarray, head: torch.Tensor) -> np.ndarray:
        """What a mix says of prepared pictures, with a head (classes, embed_dim): logits (n, classes)."""
        return logits(self.encoded(recipe, images), head, self.lab.encoders.logit_scale).numpy()

    def probabilities(self, recipes: Sequence[Recipe], images: np.ndarray, head: torch.Tensor) -> np.ndarray:
        """Softmax over the classes for several mixes, float64 (recipes, n, classes)."""
        return np.stack([probabilities(self.logits(recipe, images, head)) for recipe in recipes])

    def head(self, names: Sequence[str], templates: Sequence[str], progress: Progress = SILENT) -> torch.Tensor:
        """Zero-shot head float32 (classes, embed_dim); only names that are new in these templates are read."""
        prompts = [tuple(texts) for texts in class_names.prompts(names, templates)]
        rows = {texts: self._classes.get(texts) for texts in prompts}
        missing = [texts for texts, row in rows.items() if row is None]
        chunks = [missing[i : i + CHUNK] for i in range(0, len(missing), CHUNK)]
        for chunk in progress(chunks, "Reading the class names"):
            for texts, row in zip(chunk, self.lab.class_features(chunk), strict=True):
                rows[texts] = self._classes.put(texts, row)
        return torch.stack([row for texts in prompts if (row := rows[texts]) is not None])

    def joint_head(self, parts: Sequence[tuple[Sequence[str], Sequence[str]]]) -> torch.Tensor:
        """One head of several lists of class names, each in templates of its own: float32 (classes, embed_dim)."""
        return torch.cat([self.head(names, templates) for names, templates in parts if names])

    def unread(self, names: Sequence[str], templates: Sequence[str]) -> int:
        """How many of these class names are new in these templates."""
        return sum(tuple(texts) not in self._classes for texts in class_names.prompts(names, templates))

    def rank(
        self,
        recipe: Recipe,
        pictures: Sequence[Picture],
        head: torch.Tensor,
        top: int = 5,
        progress: Progress = SILENT,
    ) -> Ranking:
        """The likeliest classes of each picture under one recipe."""
        rows = max(1, CELLS // len(head))
        scale = self.lab.encoders.logit_scale
        parts = [
            rank(logits(part, head, scale).numpy(), top)
            for part in self.features(recipe, pictures, progress).split(rows)
        ]
        return Ranking.joined(parts)

    def classify(
        self,
        recipes: Mapping[str, Recipe],
        album: Album,
        names: Sequence[str],
        templates: Sequence[str] = (),
        top: int = 5,
        progress: Progress = SILENT,
    ) -> Result:
        """Every picture by every recipe, which are called by a title each. Raises PaletteError."""
        if not album.pictures:
            raise class_names.WordlistError("\n".join(album.refused) or "There are no pictures yet; add some.")
        steps = iter(progress([*recipes, "head"], "Classifying"))
        next(steps)
        head = self.head(names, class_names.check_templates(templates or usual_templates(self.lab)), progress)
        found = {}
        for title, recipe in recipes.items():
            next(steps)
            found[title] = self.rank(recipe, album.pictures, head, top, progress)
        for _ in steps:  # the last step's end is reported, too
            pass
        return Result(album, tuple(names), found, known_labels(album.labels, names), alike(head, names))


def usual_templates(lab: Lab) -> tuple[str, ...]:
    """The prompts that a workspace's model knows best, for class names that belong to no task."""
    supported = lab.default_supported()
    return lab.task(supported[0]).templates if supported else class_names.TEMPLATES


@lru_cache(maxsize=4)
def classifier(lab: Lab) -> Classifier:
    """The lab's one classifier, which remembers pictures and class names for everybody who asks."""
    return Classifier(lab)


def classify(
    lab: Lab,
    recipes: Mapping[str, Recipe],
    paths: Sequence[str | Path],
    names: Sequence[str],
    templates: Sequence[str] = (),
    top: int = 5,
    progress: Progress = SILENT,
) -> Result:
    """Classify the pictures in files, zips and folders; with no templates, the usual ones. Raises PaletteError."""
    desk = classifier(lab)
    class_names.check_templates(templates)
    for recipe in recipes.values():
        lab.weights_key(recipe)  # an unknown model is said before a thousand pictures are read
    steps = iter(progress(["read", "classify"], "Reading pictures", costs=[2, 1]))
    next(steps)
    album = take_in(gather(paths), desk.fit, progress)
    next(steps)
    return desk.classify(recipes, album, names, templates, top, progress)
