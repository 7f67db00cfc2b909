"""Decoding once, and sweeping over what was decoded: `python -m benchmarks.decode --photos ../shared/data/photos`.

1. Preprocessing: photographs through ``core.data.decoded`` in as many processes as there are cores, against one core
   that runs the model's own transform in a loop (to reach: 0.8 × the cores).
2. A sweep of 11 α over decoded pictures against bare forward passes of the same encoder on prepared pixels, with one
   merge at hand (to reach: 0.90 of the throughput).
3. CIFAR-10 at 224 × 224 through a ViT-B/32 of random weights at 11 α, against a loop that decodes anew for every α,
   as the public reference does: with forward passes, and what getting the pixels alone costs.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from core.models import Encoder, clip, features, merge, pixel_steps, pixels
from core.recipes import lerp, single
from core.tasks import Files, StoredPart, cores, decode, guess, open_parts
from core.workspace import CACHE, Lab

CLIP = {"size": 224, "interpolation": "bicubic", "resize_mode": "shortest"}
VIT_B_32 = {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32}
ALPHAS = [round(i / 10, 1) for i in range(11)]


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def preprocessing(photos: Path, count: int, rounds: int) -> None:
    """Point 1: decoded pictures a second, all cores against one."""
    paths = sorted(p for p in photos.iterdir() if p.suffix.lower() in (".jpeg", ".jpg"))
    part = StoredPart(Files(tuple(paths[i % len(paths)] for i in range(count))), np.zeros(count, np.int64), ("photo",))
    steps, some = pixel_steps(CLIP), list(range(min(count, 4 * len(paths))))
    ratios, speeds = [], []
    for _ in range(rounds):
        one = len(some) / seconds(lambda: [pixels(part.images.open(i), steps) for i in some])
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            took = seconds(lambda place=place: decode.pictures(part, np.arange(count), "0", CLIP, place))
        ratios.append(count / took / one)
        speeds.append((one, count / took))
    middle = statistics.median(ratios)
    one, ours = speeds[ratios.index(sorted(ratios)[len(ratios) // 2])]
    print(f"1. {count} photographs to 224 × 224, {cores()} cores, median of {rounds}, start of the processes included")
    print(f"   one core, the model's own transform {one:7.0f}/s;  ours {ours:7.0f}/s")
    print(f"   ours / (cores × one core) = {middle / cores():.2f}   (to reach: at least 0.80)")


def sweep(rounds: int) -> None:
    """Point 2: 11 α over what is decoded, against bare forward passes."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(CACHE / "mini", Path(folder) / "mini", ignore=shutil.ignore_patterns("results"))
        lab = Lab("mini", Path(folder))
        images = lab.pictures("icons", "test").images
        encoder = lab.encoder()
        step = encoder.batch.now
        with torch.inference_mode():
            prepared = [encoder.prepare(images[i : i + step]) for i in range(0, len(images), step)]
        zoo = {name: lab.zoo.weights(name) for name in ("base", "digits")}

        def bare() -> None:
            with torch.inference_mode():
                for batch in prepared:
                    encoder.tower(batch)

        def ours(alpha: float) -> None:
            merge(zoo, lerp(single("base"), single("digits"), alpha), encoder.weights)
            features(encoder, images)

        bare(), ours(0.5)
        pairs = [(seconds(bare), seconds(partial(ours, alpha))) for _ in range(rounds) for alpha in ALPHAS]
        limit, taken = (statistics.median(times) for times in zip(*pairs, strict=True))  # in turns: noise hits both
        print(f"2. 11 α over {len(images)} decoded pictures, {lab.device}, merges included, {rounds} sweeps")
        print(f"   throughput ours / bare forward passes = {limit / taken:.2f}   (to reach: at least 0.90)")


def against_decoding_anew(photographs: Path, count: int, device: str) -> None:
    """Point 3: decode once and sweep, against decoding for every α."""
    part = next(iter(open_parts(guess(photographs)).values()))
    rows = np.arange(min(count, len(part.labels)))
    config = {"embed_dim": 512, "vision_cfg": VIT_B_32, "text_cfg": {"width": 64, "heads": 1, "layers": 1}}
    encoder = Encoder(clip.create(config), {**CLIP, "mean": [0.5] * 3, "std": [0.25] * 3}, device)
    steps = pixel_steps(CLIP)

    def forward(images: np.ndarray) -> None:
        for start in range(0, len(images), 128):
            encoder.encode(images[start : start + 128])
        if device == "cuda":
            torch.cuda.synchronize()

    def decoded_anew() -> np.ndarray:
        return np.stack([pixels(part.images.open(int(row)), steps) for row in rows])

    with tempfile.TemporaryDirectory() as folder:
        once = partial(decode.pictures, part, rows, "0", CLIP, Path(folder))
        decoding = seconds(once)
        images = once().images
        forward(images)
        passes = seconds(lambda: [forward(images) for _ in ALPHAS])
    anew = len(ALPHAS) * seconds(decoded_anew)
    print(f"3. CIFAR-10, {len(rows)} photographs at 224 × 224, ViT-B/32 on {device}, 11 α; ours includes decoding once")
    print(f"   pixels alone: anew for every α {anew:6.1f} s, once {decoding:6.1f} s: {anew / decoding:.1f} × faster")
    whole = (anew + passes, decoding + passes)
    print(f"   with forward passes: {whole[0]:6.1f} s against {whole[1]:6.1f} s: {whole[0] / whole[1]:.1f} × faster")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=Path("../shared/data/photos"), help="a folder of photographs")
    parser.add_argument("--cifar", type=Path, default=Path("../shared/data/cifar10-test.parquet"), help="as parquet")
    parser.add_argument("--count", type=int, default=8192, help="pictures in part 1 (default: 8192)")
    parser.add_argument("--images", type=int, default=256, help="pictures in part 3 (default: 256)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="of part 3")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    preprocessing(options.photos, options.count, options.rounds)
    sweep(options.rounds)
    against_decoding_anew(options.cifar, options.images, options.device)


if __name__ == "__main__":
    main()
