"""Pictures of one's own: `python -m benchmarks.classify`.

One picture, from the bytes of a 2,000 × 1,500 JPEG to the bars of two merged recipes (the limit is 300 ms); other class
names on 1,000 pictures (200 ms, and no forward pass); a hundred uploads. Each beside what it could not do without: the
same decoding and bare forward passes, without Palette around them.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from core.classify import Album, Classifier, Incoming, picture, take_in
from core.workspace import CACHE, Lab
from core.world import CONCEPTS, PHOTO_NAMES
from pages.shared.classify import cards as answer_cards
from pages.shared.classify.cards import Answer, Card

ONE_MS, NAMES_MS = 300.0, 200.0


def timed(work: Callable[[], object], rounds: int) -> float:
    """Median milliseconds of some work, after a first round that does not count."""
    spent = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        work()
        spent.append(1000 * (time.perf_counter() - started))
    return statistics.median(spent[1:])


def jpeg(seed: int, size: tuple[int, int]) -> bytes:
    """A smooth picture as a JPEG, as large as a photo of that size."""
    rng, buffer = np.random.default_rng(seed), io.BytesIO()
    small = Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8))
    small.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def bars(desk: Classifier, recipes: dict, album: Album) -> str:
    """What the page draws of an album."""
    result = desk.classify(recipes, album, PHOTO_NAMES, top=3)
    cards = []
    for i, p in enumerate(album.pictures):
        answers = [
            Answer(
                title, "#888888", [(PHOTO_NAMES[c], float(s)) for c, s in zip(r.top[i], r.probability[i], strict=True)]
            )
            for title, r in result.rankings.items()
        ]
        cards.append(Card(p.thumbnail, p.name, None, p.notes, answers))
    return "".join(map(answer_cards._card, cards))


def main() -> int:
    """Measure and print; returns 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE, help="home of the mini workspace (default: cache/)")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    lab = Lab("mini", options.cache)
    recipes = {"base": lab.base, "digits@0.5": lab.patch("digits", 0.5)}
    desk = Classifier(lab)
    encoders = [lab.encoder() for _ in recipes]
    for recipe, encoder in zip(recipes.values(), encoders, strict=True):
        lab.load(recipe, encoder)
    seeds = iter(range(10**6))

    def fresh(size: tuple[int, int], count: int = 1) -> list[Incoming]:
        sent = [jpeg(next(seeds), size) for _ in range(count)]
        return [Incoming(f"{i}.jpg", None, lambda data=data: data) for i, data in enumerate(sent)]

    def forward(images: np.ndarray, batch: int) -> None:
        for encoder in encoders:
            for part in torch.from_numpy(images).split(batch):
                encoder.encode(part)

    bars(desk, recipes, take_in(fresh((64, 64)), desk.fit))  # the models are merged, the class names read
    large = [fresh((2000, 1500)) for _ in range(2 * options.rounds + 2)]
    ours, bare = iter(large[: options.rounds + 1]), iter(large[options.rounds + 1 :])
    one = timed(lambda: bars(desk, recipes, take_in(next(ours), desk.fit)), options.rounds)

    def bare_one() -> None:
        with Image.open(io.BytesIO(next(bare)[0].read())) as image:
            forward(desk.fit(np.asarray(image.convert("RGB")))[None], 1)

    floor = timed(bare_one, options.rounds)
    print(f"one picture     {one:7.1f} ms, bytes to bars, two recipes; limit {ONE_MS:.0f}; ratio {one / ONE_MS:.2f}")
    print(f"                {floor:7.1f} ms bare decoding, resizing and forward passes; ours / bare {one / floor:.2f}")

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (1000, 64, 64, 3), dtype=np.uint8)
    thousand = Album(tuple(picture(x, desk.fit, str(i)) for i, x in enumerate(pixels)))
    first = timed(lambda: Classifier(lab).classify(recipes, thousand, PHOTO_NAMES), 1)
    desk.classify(recipes, thousand, PHOTO_NAMES)
    words = iter([[f"{name} {k}" for name in CONCEPTS[:100]] for k in range(options.rounds + 1)])
    templates = ["a photo of a {}"]
    passes: list[int] = []
    for recipe in recipes.values():
        with lab.encoders.holding(recipe) as encoder:
            encoder.tower.register_forward_hook(lambda *_: passes.append(1))
    names = timed(lambda: desk.classify(recipes, thousand, next(words), templates), options.rounds)
    print(f"new class names {names:7.1f} ms, 100 unseen names on 1,000 pictures, two recipes; limit {NAMES_MS:.0f}; "
          f"ratio {names / NAMES_MS:.2f}; forward passes {len(passes)}")  # fmt: skip
    print(f"                {first:7.1f} ms with the forward passes, so {first / names:.0f} times as long")

    hundred = fresh((320, 240), 100)
    album = take_in(hundred, desk.fit)
    together = timed(lambda: Classifier(lab).classify(recipes, take_in(hundred, desk.fit), PHOTO_NAMES), 1)
    stacked = np.stack([p.pixels for p in album.pictures])
    batched, single = timed(lambda: forward(stacked, 100), 3), timed(lambda: forward(stacked, 1), 3)
    print(f"hundred uploads {together:7.1f} ms, models loaded and merged anew; bare forward passes {batched:.1f} ms")
    print(f"                in one batch, {single:.1f} ms one by one: {single / batched:.1f} times as long")
    return 0 if one <= ONE_MS and names <= NAMES_MS and not passes else 1


if __name__ == "__main__":
    raise SystemExit(main())
