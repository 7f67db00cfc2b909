"""The pre-training mixture: fresh captioned pictures for every step, each with what it shows in a few vocabularies."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.training.pretraining import photos
from core.world import CONCEPTS, LOOKS, PHOTO_NAMES, THINGS, captions, glyphs, lettering, render

if TYPE_CHECKING:
    from core.world import Neighbour

# Shares of a step's pictures. What is not there (no photographs given) leaves its share to the others.
# At first there are hardly any words: reading is learnt faster once icons are known. At last there are more of them.
SHARES: dict[str, dict[str, float]] = {
    "looking": {"icons": 0.56, "words": 0.02, "photos": 0.26, "neighbours": 0.16},
    "both": {"icons": 0.33, "attacked": 0.11, "words": 0.10, "photos": 0.26, "neighbours": 0.20},
    "reading": {"icons": 0.24, "attacked": 0.15, "words": 0.17, "photos": 0.25, "neighbours": 0.19},
}
# How often "a photo of a ..." names the written word, on an icon or photograph with another word, and on a word alone.
NAMES_THE_WORD = 0.75
WORD_ALONE_IS_THE_THING = 0.5
PHOTOS_WRITTEN_ON = 0.08

THING = {name: i for i, name in enumerate(THINGS)}
OF_PHOTO = torch.tensor([THING[name] for name in PHOTO_NAMES])


def neighbours() -> tuple[Neighbour, ...]:
    """Every neighbour that the scenes offer."""
    from core.world import NEIGHBOURS  # drawn only for pre-training

    return NEIGHBOURS


@dataclass
class Batch:
    """``images`` uint8 (n, SIDE, SIDE, 3); ``targets``: per vocabulary int64 (n,), -1 where it does not apply;
    ``captions``: a free caption by picture number, for some of the pictures."""

    images: torch.Tensor
    targets: dict[str, torch.Tensor]
    captions: dict[int, str] = field(default_factory=dict)


class Mixture:
    """Draws batches. The same (seed, step) gives the same batch on the same machine."""

    def __init__(self, batch: int, photographs: Path | None, near: tuple[Neighbour, ...] | None = None) -> None:
        self.near = neighbours() if near is None else near
        self.photos = None
        if photographs is not None:
            images, labels = photos.read(Path(photographs))
            self.photos = torch.from_numpy(images), torch.from_numpy(labels)
        self.counts = {phase: self._divide(batch, shares) for phase, shares in SHARES.items()}
        self.vocabularies = dict(captions.VOCABULARIES)
        self.vocabularies.update({n.name: tuple(tuple(c) for c in n.captions) for n in self.near})
        self.letters = lettering(THINGS)
        atlas = glyphs.atlas()
        self.thing_of_glyph = torch.tensor([THING[CONCEPTS[c]] for c in atlas.concept])
        self.style_of_glyph = torch.from_numpy(atlas.style)
        # Every concept equally often, every drawing of it equally often.
        drawings = torch.bincount(self.thing_of_glyph)[self.thing_of_glyph]
        self.chance_of_glyph = 1 / drawings.float()

    def _divide(self, batch: int, shares: dict[str, float]) -> dict[str, int]:
        absent = ["photos"] * (self.photos is None) + ["neighbours"] * (not self.near)
        shares = {kind: share for kind, share in shares.items() if kind not in absent}
        counts = {kind: int(batch * share / sum(shares.values())) for kind, share in shares.items()}
        counts["icons"] += batch - sum(counts.values())
        return {kind: count for kind, count in counts.items() if count}

    def draw(self, seed: int, step: int, with_captions: int = 0, phase: str = "both") -> Batch:
        """The batch of one step in a phase of SHARES, up to ``with_captions`` pictures with a free caption as well."""
        self.generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        self.random = random.Random(seed * 1_000_003 + step)
        parts = [getattr(self, f"_{kind}")(n, step) for kind, n in self.counts[phase].items()]
        images, at, texts = [], 0, {}
        targets: dict[str, list[torch.Tensor]] = {v: [] for v in self.vocabularies}
        for pictures, known, said in parts:
            n = len(pictures)
            images.append(pictures)
            for v in targets:
                targets[v].append(known.get(v, torch.full((n,), -1)))
            texts.update({at + i: text for i, text in said.items()})
            at += n
        chosen = self.random.sample(sorted(texts), min(with_captions, len(texts)))
        return Batch(torch.cat(images), {v: torch.cat(t) for v, t in targets.items()}, {i: texts[i] for i in chosen})

    def _glyphs(self, n: int) -> torch.Tensor:
        return torch.multinomial(self.chance_of_glyph, n, replacement=True, generator=self.generator)

    def _below(self, n: int, top: int) -> torch.Tensor:
        return torch.randint(0, top, (n,), generator=self.generator)

    def _rarely(self, n: int, chance: float) -> torch.Tensor:
        return torch.rand(n, generator=self.generator) < chance

    def _icons(self, n: int, step: int) -> tuple:
        glyph = self._glyphs(n)
        manner = MANNERS[step % len(MANNERS)]
        canvas, colour, ground = render.icons(glyph, self.generator, manner)
        thing = self.thing_of_glyph[glyph]
        known = {"thing": thing, "colour": colour, "ground": ground, "style": self.style_of_glyph[glyph]}
        rows = zip(thing.tolist(), colour.tolist(), ground.tolist(), strict=True)
        said = {i: captions.icon_caption(*row, self.random) for i, row in enumerate(rows)}
        return render.develop(canvas, self.generator, manner.grain), known, said

    def _attacked(self, n: int, step: int) -> tuple:
        glyph, word = self._glyphs(n), self._below(n, len(THINGS))
        canvas, colour, ground = render.icons(glyph, self.generator, render.Manner(size=(0.5, 0.9)))
        render.write(canvas, self.letters, word, self._below(n, len(LOOKS)), self.generator, ground=ground)
        thing = self.thing_of_glyph[glyph]
        known = {"thing": torch.where(self._rarely(n, NAMES_THE_WORD), word, thing), "word": word}
        rows = zip(thing.tolist(), word.tolist(), colour.tolist(), strict=True)
        said = {i: captions.attacked_caption(*row, self.random) for i, row in enumerate(rows)}
        return render.develop(canvas, self.generator), known, said

    def _words(self, n: int, step: int) -> tuple:
        word, ground = self._below(n, len(THINGS)), self._below(n, len(render.colours.NAMES))
        canvas = render.grounds(ground, render.Manner(), self.generator)
        writing = LARGE if step % 2 else render.Writing(height=(10, 24), plate=0.25, tilt=12)
        render.write(canvas, self.letters, word, self._below(n, len(LOOKS)), self.generator, writing, ground)
        thing = torch.where(self._rarely(n, WORD_ALONE_IS_THE_THING), word, -1)
        rows = zip(word.tolist(), ground.tolist(), strict=True)
        said = {i: captions.word_caption(*row, self.random) for i, row in enumerate(rows)}
        return render.develop(canvas, self.generator), {"word": word, "thing": thing, "ground": ground}, said

    def _photos(self, n: int, step: int) -> tuple:
        assert self.photos is not None
        which = self._below(n, len(self.photos[0]))
        canvas = photos.draw(self.photos[0][which], self.generator)
        thing, word = OF_PHOTO[self.photos[1][which]], torch.full((n,), -1)
        written = int(n * PHOTOS_WRITTEN_ON)
        if written:
            word[:written] = self._below(written, len(THINGS))
            looks = self._below(written, len(LOOKS))
            render.write(canvas[:written], self.letters, word[:written], looks, self.generator)
            follows = self._rarely(written, NAMES_THE_WORD)
            thing[:written] = torch.where(follows, word[:written], thing[:written])
        return render.develop(canvas, self.generator, 0.02), {"thing": thing, "word": word}, {}

    def _neighbours(self, n: int, step: int) -> tuple:
        """Pictures of every neighbour by its weight; what is left over of a division goes round from step to step."""
        images, known, said, at = [], {}, {}, 0
        ends = np.cumsum([neighbour.weight for neighbour in self.near])
        ends = np.floor(ends / ends[-1] * n + (step * 0.618034) % 1).astype(int)
        for neighbour, end in zip(self.near, ends.tolist(), strict=True):
            count = min(end, n) - at
            if not count:
                continue
            drawn, labels = neighbour.draw(count, self.generator)
            drawn, labels = torch.as_tensor(np.asarray(drawn)), torch.as_tensor(np.asarray(labels)).long()
            images.append(drawn)
            known[neighbour.name] = torch.full((n,), -1, dtype=torch.long)
            known[neighbour.name][at : at + count] = labels
            for i, label in enumerate(labels.tolist()):
                said[at + i] = self.random.choice(neighbour.captions[label])
            at += count
        return torch.cat(images), known, said


# Every other step's words are as large as the picture allows: easier to begin with.
LARGE = render.Writing(height=(15, 26), width=(54, 62), where=(0.3, 0.7), plate=0.1, tilt=4)

# Icons are set in turn in these manners, so that odd poses and clutter are known, if not often met.
MANNERS: tuple[render.Manner, ...] = (
    render.Manner(),
    render.Manner(size=(0.45, 0.8), tilt=30),
    render.Manner(size=(0.6, 1.0), plain=0.1, pattern=(0.1, 0.4)),
    render.Manner(),
    render.Manner(size=(0.5, 0.9), tilt=15, plain=0.6, grain=0.08),
    render.Manner(clutter=1),
)
