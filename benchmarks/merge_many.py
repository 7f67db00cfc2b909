"""Mixing the base with nine tasks (ten models of 30 million parameters, fp32): `python -m benchmarks.merge_many`.

``tried``: one more mix of models that were mixed before, as every step of a search and of a slider is. ``once``: a mix
of models that nobody asked for before. Limit: reading ten models and writing one, measured as summing every value of
the ten and filling one. Peer: adding one model after the other to the result, which goes through the result ten times.
An argument sets the threads.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch

from core.models import Stacked, merge
from core.recipes import combine, single

MODELS, LAYERS, WIDTH, ROUNDS = 10, 4, 800, 7


def model(seed: int) -> dict[str, torch.Tensor]:
    """A transformer's image tower in shape: 12 · width² values in each layer, with random values."""
    shapes = {"attn.in": (3 * WIDTH, WIDTH), "attn.out": (WIDTH, WIDTH), "mlp.in": (4 * WIDTH, WIDTH)}
    shapes |= {"mlp.out": (WIDTH, 4 * WIDTH), "ln.weight": (WIDTH,), "ln.bias": (WIDTH,)}
    draw = torch.Generator().manual_seed(seed)
    named = {f"visual.blocks.{i}.{n}": s for i in range(LAYERS) for n, s in shapes.items()}
    return {n: torch.empty(s).uniform_(-0.1, 0.1, generator=draw) for n, s in named.items()}


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor seconds of one call."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


@torch.no_grad()
def main() -> None:
    """Measure and print."""
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else torch.get_num_threads())
    models = {f"m{i}": model(i) for i in range(MODELS)}
    into = {name: torch.empty_like(tensor) for name, tensor in models["m0"].items()}
    weights = [0.1] * (MODELS - 1)
    weights = [1 - sum(weights), *weights]
    recipe = combine([single(name) for name in models], weights)

    def limit() -> None:
        for name, out in into.items():
            for one in models.values():
                one[name].sum()
            out.fill_(0.0)

    started = time.perf_counter()
    stacked = Stacked(models, torch.device("cpu"))
    stacking = time.perf_counter() - started

    def tried() -> None:
        merge(stacked, recipe, into)

    def once() -> None:
        merge(models, recipe, into)

    def peer() -> None:
        for name, out in into.items():
            out.zero_()
            for weight, one in zip(weights, models.values(), strict=True):
                out.add_(one[name], alpha=weight)

    works = (limit, tried, once, peer)
    for work in works:
        work()
    times: dict[str, list[tuple[float, float]]] = {work.__name__: [] for work in works}
    for _ in range(ROUNDS):  # in turn, so that a busy machine slows each of them alike
        for work in works:
            times[work.__name__].append(seconds(work))
    parameters = sum(t.numel() for t in into.values())
    print(f"{MODELS} models of {parameters / 1e6:.0f} million fp32 parameters, {torch.get_num_threads()} threads")
    print(f"putting them side by side, once: {stacking * 1e3:.0f} ms")
    for i, clock in enumerate(("wall clock", "processor")):
        middle = {name: statistics.median(pair[i] for pair in found) for name, found in times.items()}
        best = {name: min(pair[i] for pair in found) for name, found in times.items()}
        print(f"{clock}, median (best) of {ROUNDS} rounds")
        for name in times:
            print(f"  {name:6} {middle[name] * 1e3:8.1f} ms  ({best[name] * 1e3:.1f})")
        print(f"  tried / limit = {middle['tried'] / middle['limit']:.2f}   (to reach: at most 1.3)")
        print(f"  once / limit  = {middle['once'] / middle['limit']:.2f}")
        print(f"  peer / tried  = {middle['peer'] / middle['tried']:.2f}")


if __name__ == "__main__":
    main()
