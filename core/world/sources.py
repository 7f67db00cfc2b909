"""Sources of drawn pictures: icons, colours, words and attacked icons, seeded per split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import torch

from core.storage import digest_of
from core.tasks import SPLITS, Pictures, TaskError
from core.world import colours
from core.world.concepts import CONCEPTS
from core.world.drawing import glyphs, render
from core.world.drawing.lettering import LOOKS, lettering, lettering_digest
from core.world.drawing.render import Manner, Writing

Looks = tuple[tuple[str, str], ...]  # (family, style) pairs of glyphs.FAMILIES and glyphs.STYLES
_BATCH = 500


@dataclass(frozen=True)
class Drawn:
    """What every drawn source has: sizes, seeds, digests. ``_draw`` makes the pictures of a batch."""

    seed: int
    counts: tuple[tuple[str, int], ...]

    def sizes(self) -> Mapping[str, int]:
        """Number of pictures per split."""
        return dict(self.counts)

    def digest(self, split: str) -> str:
        """Hex SHA-256 of all that decides the split's pictures: renderer, glyphs, letters, drawing parameters, seed."""
        facts = {"source": type(self).__name__, **asdict(self), "counts": self._count(split)}
        return digest_of(
            renderer=render.VERSION, glyphs=glyphs.checked_digest(), letters=self._letters(), split=split, facts=facts
        )

    def load(self, split: str) -> Pictures:
        """The pictures of a split, drawn now; raises TaskError on no such split, WorldError on missing fonts."""
        total = self._count(split)
        generator = torch.Generator().manual_seed(self.seed * 1000 + 17 * SPLITS.index(split) + 1)
        parts = [self._draw(split, min(_BATCH, total - at), generator) for at in range(0, total, _BATCH)]
        images = torch.cat([p[0] for p in parts]).numpy()
        labels = torch.cat([p[1] for p in parts]).numpy()
        notes = {name: torch.cat([p[2][name] for p in parts]).numpy() for name in parts[0][2]}
        return Pictures(images, labels, notes)

    def _count(self, split: str) -> int:
        if split not in self.sizes():
            raise TaskError(f"This task has no split {split!r}; it has {', '.join(self.sizes())}.")
        return self.sizes()[split]

    def _letters(self) -> str:
        return ""

    def _draw(self, split: str, n: int, g: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, dict]:
        raise NotImplementedError


def _pool(names: tuple[str, ...], looks: Looks, split: str, apart: bool) -> tuple[np.ndarray, list[np.ndarray]]:
    """Which of ``names`` the looks draw, and each one's glyphs for a split.

    ``apart``: a concept with three drawings or more gives one to val, one to test and the others to train; one with two
    gives the second to both val and test; a single drawing must serve all.
    """
    found = glyphs.atlas().where(names, looks)
    if not apart:
        return np.array(list(found)), list(found.values())
    shared = []
    for label, numbers in found.items():
        order = np.random.default_rng(CONCEPTS.index(names[label])).permutation(numbers)
        parts = {"test": order[:1], "val": order[1:2], "train": order[2:]}
        if len(order) < 3:
            parts = {"test": order[-1:], "val": order[-1:], "train": order[:1]}
        shared.append(parts[split])
    return np.array(list(found)), shared


def _choose(n: int, pool: tuple[np.ndarray, list[np.ndarray]], g: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Labels and glyphs int64 (n,): every drawable name equally often, then one of its glyphs."""
    names, numbers = pool
    place = torch.randint(0, len(names), (n,), generator=g).tolist()
    pick = torch.rand(n, generator=g).tolist()
    glyph = [int(numbers[k][int(p * len(numbers[k]))]) for k, p in zip(place, pick, strict=True)]
    return torch.from_numpy(names[place]), torch.tensor(glyph)


@dataclass(frozen=True)
class Icons(Drawn):
    """Icons of ``names`` in some design looks; the label is the name."""

    names: tuple[str, ...] = ()
    looks: Looks = ()
    manner: Manner = field(default_factory=Manner)
    apart: bool = False

    def _draw(self, split: str, n: int, g: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, dict]:
        label, glyph = _choose(n, _pool(self.names, self.looks, split, self.apart), g)
        canvas, colour, ground = render.icons(glyph, g, self.manner)
        return render.develop(canvas, g, self.manner.grain), label, {"color": colour, "background": ground}


@dataclass(frozen=True)
class Tones(Drawn):
    """Icons of any concept; the label is the colour of the icon, or of the ground. Splits share no concept."""

    of: str = "icon"
    looks: Looks = ()
    manner: Manner = field(default_factory=Manner)

    def _draw(self, split: str, n: int, g: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, dict]:
        names = tuple(c for i, c in enumerate(CONCEPTS) if ("val", "test", "train", "train")[i % 4] == split)
        _, glyph = _choose(n, _pool(names, self.looks, split, False), g)
        asked = torch.randint(0, len(colours.NAMES), (n,), generator=g)
        canvas, colour, ground = render.icons(glyph, g, self.manner, asked)
        return render.develop(canvas, g, self.manner.grain), colour if self.of == "icon" else ground, {}


@dataclass(frozen=True)
class Words(Drawn):
    """Words alone on a ground, in any lettering; the label is the word."""

    words: tuple[str, ...] = ()
    writing: Writing = field(default_factory=Writing)

    def _letters(self) -> str:
        return lettering_digest(self.words)

    def _draw(self, split: str, n: int, g: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, dict]:
        word = torch.randint(0, len(self.words), (n,), generator=g)
        look = torch.randint(0, len(LOOKS), (n,), generator=g)
        ground = torch.randint(0, len(colours.NAMES), (n,), generator=g)
        canvas = render.grounds(ground, Manner(), g)
        render.write(canvas, lettering(self.words), word, look, g, self.writing, ground)
        return render.develop(canvas, g), word, {}


@dataclass(frozen=True)
class Attacked(Drawn):
    """Icons with another class's name written on them; the label is the icon, the note ``written`` the other class.

    The first ``trained`` names are drawn and written in train and val, the others in test, whose lettering and place
    are others too. With ``clean`` nothing is written, the pictures being otherwise the same kind.
    """

    names: tuple[str, ...] = ()
    looks: Looks = ()
    trained: int = 60
    letters: tuple[str, ...] = ()
    test_letters: tuple[str, ...] = ()
    writing: Writing = field(default_factory=Writing)
    test_writing: Writing = field(default_factory=Writing)
    manner: Manner = field(default_factory=Manner)
    clean: bool = False

    def without_words(self) -> Attacked:
        """The same pictures with nothing written on them."""
        return replace(self, clean=True)

    def _letters(self) -> str:
        return lettering_digest(self.names)

    def _draw(self, split: str, n: int, g: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, dict]:
        testing = split == "test"
        first, names = (self.trained, self.names[self.trained :]) if testing else (0, self.names[: self.trained])
        label, glyph = _choose(n, _pool(names, self.looks, split, False), g)
        canvas, _, ground = render.icons(glyph, g, self.manner)
        other = (label + torch.randint(1, len(names), (n,), generator=g)) % len(names)
        letters = self.test_letters if testing else self.letters
        look = torch.randint(0, len(letters), (n,), generator=g)
        plain = canvas.clone()
        writing = self.test_writing if testing else self.writing
        render.write(canvas, lettering(names, letters), other, look, g, writing, ground)
        images = render.develop(plain if self.clean else canvas, g, self.manner.grain)
        return images, label + first, {"written": other + first}
