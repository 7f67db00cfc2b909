"""Merging two ViT-L/14 image towers (304 million parameters, fp32): `python -m benchmarks.merge`.

Limit: moving the same bytes, 1.5 x a plain copy of one model into an existing buffer (a copy reads one and writes one;
a merge reads two and writes one). Peer: the usual dict comprehension followed by load_state_dict.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable

import torch

from core.models import clip, merge
from core.recipes import lerp, single

VIT_L_14 = {
    "embed_dim": 768,
    "vision_cfg": {"image_size": 224, "layers": 24, "width": 1024, "patch_size": 14},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 768, "heads": 12, "layers": 1},
}
ROUNDS = 7


def tower() -> torch.nn.Module:
    """ViT-L/14's image tower with random weights, cheaply."""
    with torch.device("meta"):
        shape = clip.create(VIT_L_14).visual
    made = shape.to_empty(device="cpu")
    for tensor in made.state_dict().values():
        tensor.uniform_(-0.1, 0.1)
    return made.requires_grad_(False)


def seconds(work: Callable[[], object]) -> list[float]:
    """Wall-clock seconds of each round. The first is apart from the rest: it gets its memory from the system."""
    found = []
    for _ in range(1 + ROUNDS):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return found


def main() -> None:
    """Measure and print."""
    torch.manual_seed(0)
    model, a, b = tower(), tower().state_dict(), tower().state_dict()
    into = model.state_dict()
    parameters = sum(t.numel() for t in into.values())
    recipe, alpha = lerp(single("a"), single("b"), 0.3), 0.3

    def copy() -> None:
        for name, tensor in into.items():
            tensor.copy_(a[name])

    def ours() -> None:
        merge({"a": a, "b": b}, recipe, into)

    def peer() -> None:
        model.load_state_dict({k: (1 - alpha) * a[k] + alpha * b[k] for k in a})

    copy()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ours()
    extra = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    times = {work.__name__: seconds(work) for work in (copy, ours, peer)}
    middle = {name: statistics.median(found[1:]) for name, found in times.items()}
    limit = 1.5 * middle["copy"]
    print(f"{parameters / 1e6:.0f} million fp32 parameters, {torch.get_num_threads()} threads, median of {ROUNDS}")
    for name, found in times.items():
        print(f"  {name:6} {middle[name] * 1e3:8.1f} ms   the first time {found[0] * 1e3:.1f} ms")
    print(f"  merge / limit (1.5 x copy) = {middle['ours'] / limit:.2f}   (to reach: at most 1.15)")
    first, again, limit = (times["peer"][0] / times["ours"][0], *(middle["peer"] / middle[n] for n in ("ours", "copy")))
    print(f"  comprehension / merge      = {first:.1f} the first time   (to reach: at least 6)")
    print(f"                             = {again:.1f} after that, when the allocator may have kept its memory")
    print(f"  comprehension / plain copy = {limit:.1f} after that: nothing that writes a model can do better")
    print(f"  peak extra memory          = {extra / (4 * parameters):.3f} models   (to reach: at most 1)")


if __name__ == "__main__":
    main()
