"""A direction of the mini base's nine patches by every method that needs no pictures: `python -m benchmarks.methods`.

Limit: a plain sum of the same tensors. The time is that of reading the direction from front to back, on one thread.
"""

from __future__ import annotations

import resource
import sys
import time

import torch

from core.methods import METHODS, POST_STEPS, TaskVector
from core.workspace import BASE, Lab


def seconds(work, rounds: int) -> float:
    """The fastest of so many rounds, in seconds."""
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        for tensor in work().values():
            del tensor
        found.append(time.perf_counter() - started)
    return min(found)


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    lab = Lab("mini", device="cpu")
    names = [name for name in lab.by_role("patching") if name in lab.zoo][:9]
    vectors = [TaskVector(lab.zoo.weights(BASE), lab.zoo.weights(name)) for name in names]
    numbers = sum(tensor.numel() for tensor in vectors[0].values())
    print(f"{len(names)} patches of {numbers / 1e6:.1f} million numbers ({', '.join(names)}), one thread")
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    limit = seconds(lambda: METHODS["sum"].function(vectors), rounds)
    works = {n: (lambda m=m: m.function(vectors, **m.complete({}))) for n, m in METHODS.items() if m.needs == "none"}
    summed = METHODS["sum"].function(vectors)
    works |= {f"sum + {n}": (lambda m=m: m.function(summed, vectors, **m.complete({}))) for n, m in POST_STEPS.items()}
    for name, work in works.items():
        took = limit if name == "sum" else seconds(work, rounds)
        print(f"  {name:14} {took:7.3f} s   {took / limit:6.1f} x a plain sum")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak memory of the process: {peak:.0f} MB (the checkpoints' pages included)")


if __name__ == "__main__":
    main()
