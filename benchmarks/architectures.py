"""The papers' architectures with random weights, measured: `python -m benchmarks.architectures [--write]`.

For each of ViT-B/32, ViT-B/16, ViT-L/14 and RN50: which tensors a merge changes, memory, and the time to make, open,
merge and run it. Each model in a process of its own, so that a peak of memory is its own. The merge's limit is 1.5 x a
copy of the tower (two read, one written), the forward pass's a matrix product of as many operations, in the same run.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from json import dumps, loads
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from core.exchange import Origin, make_workspace
from core.models import Encoder, clip, describe_device, device_of_choice
from core.recipes import lerp, single
from core.storage import files
from core.workspace import Lab

MODELS = ("ViT-B-32", "ViT-B-16", "ViT-L-14", "RN50")
REPORT = Path(__file__).resolve().parent.parent / "docs" / "architectures.md"
ROUNDS = 5


@dataclass
class Figures:
    """One model's: sizes in MB, times in seconds, shares of a limit."""

    model: str
    tower: float
    tensors: int
    merged: int
    whole: float
    make_s: float
    open_s: float
    merge_s: float
    merge_limit: float
    pictures_s: float
    gflops: float
    of_matmul: float
    extra_models: float
    peak: float
    text: str


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Median wall-clock time of a few rounds, after one that does not count."""
    found = []
    for _ in range(1 + ROUNDS):
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(time.perf_counter() - started)
    return statistics.median(found[1:])


def peak(anew: bool = False) -> float:
    """The process's largest resident size in MB since it was last asked ``anew``, which begins again (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    return found


@torch.inference_mode()
def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of a large square matrix product."""
    n = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    return 2 * n**3 / seconds(lambda: a @ b, device)


def measure(name: str, precision: str, batch: int) -> Figures:
    """All figures of one model."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        base = make_workspace(Path(folder), "w", Origin(name, seed=0), precision=precision) / "base"
        made = time.perf_counter() - started
        whole, text = (base / clip.WEIGHTS).stat().st_size, clip.text_digest(base)
        lab = Lab("w", Path(folder))
        near = {n: t + 0.01 if t.is_floating_point() else t for n, t in lab.zoo.weights("base").items()}
        lab.zoo.add("near", near)
        del near
        lab.zoo.weights("near")  # read once, as opening it does
        peak(anew=True)  # what drawing random weights took does not count
        started = time.perf_counter()
        encoder = lab.encoder(precision)
        opened, open_peak = time.perf_counter() - started, peak()
        merging = merged(lab, encoder)
        forward = run(encoder, batch)
        tensors = files.read_tensors(base / clip.WEIGHTS)
        after = files.digest_tensors({n: t for n, t in tensors.items() if not n.startswith(clip.IMAGE_TOWER)})
        if after != text:
            raise AssertionError(f"the text tower of {name} was touched")
    sizes = {"whole": whole / 1e6, "make_s": made, "open_s": opened, "peak": max(open_peak, peak()), "text": text[:12]}
    return Figures(model=name, **merging, **forward, **sizes)


def merged(lab: Lab, encoder: Encoder) -> dict[str, Any]:
    """Which tensors a merge changes, its time beside a copy's, and the memory that it takes."""
    into, recipe = encoder.weights, lerp(lab.base, single("near"), 0.5)
    lab.load(lab.base, encoder)
    peak(anew=True)
    before, held = {n: float(t.detach().double().sum()) for n, t in into.items()}, peak()
    lab.load(recipe, encoder)
    tower, extra = sum(t.nbytes for t in into.values()), max(0.0, peak() - held)
    numbers = [n for n, t in into.items() if t.is_floating_point()]
    copies = {n: t.detach().clone() for n, t in into.items()}

    def copy() -> None:
        for name, tensor in into.items():
            tensor.data.copy_(copies[name])

    copy_s = seconds(copy, encoder.device)
    merge_s = seconds(lambda: lab.load(recipe, encoder), encoder.device)
    return {
        "tower": tower / 1e6,
        "tensors": len(numbers),
        "merged": sum(before[n] != float(into[n].detach().double().sum()) for n in numbers),
        "merge_s": merge_s,
        "merge_limit": merge_s / (1.5 * copy_s),
        "extra_models": extra * 1e6 / tower,
    }


def run(encoder: Encoder, batch: int) -> dict[str, float]:
    """Forward throughput, and its share of what a matrix product of as many operations reaches."""
    images = torch.randint(0, 256, (batch, encoder.size, encoder.size, 3), dtype=torch.uint8)
    with FlopCounterMode(display=False) as counter:
        encoder.encode(images[:1])
    operations = counter.get_total_flops()
    forward = seconds(lambda: encoder.encode(images), encoder.device)
    share = operations * batch / forward / matmul_rate(encoder.device, encoder.dtype)
    return {"pictures_s": batch / forward, "gflops": operations / 1e9, "of_matmul": share}


def table(found: list[Figures], precision: str, batch: int) -> str:
    """The report, in Markdown."""
    device = device_of_choice()
    head = [
        "Model",
        "Image tower",
        "Tensors merged",
        "Workspace on disk",
        "Make it",
        "Open it",
        "Merge two",
        "of 1.5 copies",
    ]
    head += [
        "Extra memory of a merge",
        "Pictures a second",
        "GFLOP a picture",
        "Share of a matrix product",
        "Peak memory",
    ]
    rows = [
        [
            f.model,
            f"{f.tower:,.0f} MB",
            f"{f.merged} of {f.tensors}",
            f"{f.whole:,.0f} MB",
            f"{f.make_s:.1f} s",
            f"{f.open_s:.1f} s",
            f"{1e3 * f.merge_s:,.0f} ms",
            f"{f.merge_limit:.2f}",
            f"{f.extra_models:.2f} towers",
            f"{f.pictures_s:,.1f}",
            f"{f.gflops:.1f}",
            f"{f.of_matmul:.0%}",
            f"{f.peak:,.0f} MB",
        ]
        for f in found
    ]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + (
        f"\n\nOn {describe_device(device)} ({platform.machine()}), torch {torch.__version__}, weights kept as float16, "
        f"computed with in {precision}, batches of {batch}, medians of {ROUNDS}. Random weights of the "
        "true shapes. After each merge the text tower's digest on disk is what it was: "
        + ", ".join(f"{f.model} `{f.text}`" for f in found)
        + ".\n"
    )


def main() -> None:
    """Measure each model in its own process, print the report, and write it if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="NAME")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--write", action="store_true", help=f"also write {REPORT.name}")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(dumps(asdict(measure(options.one, options.precision, options.batch))))
        return
    found = []
    for name in options.models:
        words = [sys.executable, "-m", "benchmarks.architectures", "--one", name, "--precision", options.precision]
        words += ["--batch", str(options.batch)]
        done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
        found.append(Figures(**loads(done.stdout.splitlines()[-1])))
        print(found[-1], file=sys.stderr, flush=True)
    text = table(found, options.precision, options.batch)
    print(text)
    if options.write:
        title = "# The papers' architectures, measured\n\nMade by `python -m benchmarks.architectures --write`.\n\n"
        files.write_text(REPORT, title + text)


if __name__ == "__main__":
    main()
