"""Evaluating a task at a new α against bare forward passes: `python -m benchmarks.evaluate [--device cuda]`.

Ours is everything that a new α costs: merge, uint8 pictures to features, logits, writing the result to disk. The limit
is the same encoder's forward pass alone, on prepared fp32 pixels, with the same batch size and dtype. ``--many`` mixes
the base with all nine fine-tuned models instead, as every vector of α_i that is tried in parallel patching does.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import torch

from core.recipes import mixed
from core.workspace import CACHE, Lab


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="icons", help="which task's test split (default: icons)")
    parser.add_argument("--tuned", default="digits", help="which checkpoint to mix with the base (default: digits)")
    parser.add_argument("--many", action="store_true", help="mix the base with all fine-tuned models of one task")
    parser.add_argument("--device", help="cpu or cuda (default: the GPU if there is one)")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(CACHE / "mini", Path(folder) / "mini", ignore=shutil.ignore_patterns("results"))
        lab = Lab("mini", Path(folder), options.device)
        pictures = lab.pictures(options.task, "test")
        lab.evaluate(lab.base, options.task, "test")  # the head is made once, as it is for a person who drags
        encoder = lab.encoder(lab.precision)
        n, size = len(pictures.labels), encoder.batch.now

        def finished() -> None:
            if lab.device.type == "cuda":
                torch.cuda.synchronize()

        with torch.inference_mode():
            pixels = [encoder.prepare(pictures.images[i : i + size]) for i in range(0, n, size)]

            def bare() -> None:
                for batch in pixels:
                    encoder.tower(batch)

            tuned = [name for name in lab.by_role("patching") if name in lab.zoo] if options.many else [options.tuned]

            def ours(alpha: float) -> None:
                mix = mixed(lab.base, [lab.tuned(name) for name in tuned], [alpha / len(tuned)] * len(tuned))
                lab.evaluate(mix, options.task, "test")

            bare(), ours(0.5), finished()
            rounds: dict[str, list[float]] = {"bare": [], "ours": []}
            for i in range(options.rounds):  # in turns, so that a noisy neighbour disturbs both alike
                for name, work in (("bare", bare), ("ours", lambda i=i: ours(0.01 + i / 100))):
                    started = time.perf_counter()
                    work()
                    finished()
                    rounds[name].append(time.perf_counter() - started)
    middle = {name: statistics.median(found) for name, found in rounds.items()}
    print(f"{1 + len(tuned)} models, {n} pictures of {options.task}, batch {size}, {lab.device}")
    for name, found in middle.items():
        print(f"  {name:5} {found * 1e3:8.1f} ms   {n / found:8.0f} pictures/s")
    print(f"  throughput ours / bare = {middle['bare'] / middle['ours']:.2f}   (to reach: at least 0.90)")


if __name__ == "__main__":
    main()
