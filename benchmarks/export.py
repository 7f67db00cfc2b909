"""Exporting a mix of nine ViT-L/14-sized fp16 checkpoints: `python -m benchmarks.export [FOLDER]`. Needs 8 GB of disk.

Limit: `cp` of the same bytes, the nine read and one written, synced to disk. Peers: mergekit (`mergekit-pytorch`) and
sd-mecha, which get a virtual environment of their own in FOLDER, on the same files, to the same precision (sums in
fp32, fp16 written). All in the same run, in turn, in processes of their own; files are in the page cache for all.
``first`` verifies every parent's digest, ``palette`` has parents that did not change since; both write the result's.
``imports`` loads what a mix needs, the compiled sum too, and mixes nothing.
`--layers 2` makes smaller models, to try it out; `--sum` adds up nine models in memory and nothing else.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from core.models import fused_sum, mix
from core.storage import files as disk

MODELS, WIDTH, ROUNDS = 9, 1024, 2
ROOT = Path(__file__).resolve().parent.parent
PEERS = ["mergekit==0.1.5", "sd-mecha==1.1.8"]

OURS = """
import sys, torch
import core.fused
from pathlib import Path
from core.jobs import Progress
from core.mixfile import Part, write_mix
from core.recipe import combine, single
from core.tensorfile import Mapped

known, out, files = sys.argv[1] == "known", Path(sys.argv[2]), [Path(word) for word in sys.argv[3:]]
parents = {"base" if i == 0 else f"m{i}": Mapped(file) for i, file in enumerate(files)}
if parents:  # without files: what the imports alone take
    recipe = combine([single(n) for n in parents], [1 / len(parents)] * len(parents))
    parts, unchanged = {n: Part(n) for n in parents["base"]}, list(parents) if known else []
    write_mix(out, recipe, parents, parts, torch.float16, {}, Progress(), unchanged)
"""

MECHA = """
import sys, torch, sd_mecha
from pathlib import Path
models = [sd_mecha.model(Path(word)) for word in sys.argv[2:]]
sd_mecha.merge(sd_mecha.n_average(*models), merge_device="cpu", merge_dtype=torch.float32, output_device="cpu",
               output_dtype=torch.float16, output=Path(sys.argv[1]))
"""


def model(seed: int, layers: int) -> dict[str, torch.Tensor]:
    """The image tower of a ViT-L/14 in open_clip's names and shapes, fp16, with random values."""
    block = {"attn.in_proj_weight": (3 * WIDTH, WIDTH), "attn.out_proj.weight": (WIDTH, WIDTH)}
    block |= {"mlp.c_fc.weight": (4 * WIDTH, WIDTH), "mlp.c_proj.weight": (WIDTH, 4 * WIDTH)}
    block |= {"attn.in_proj_bias": (3 * WIDTH,), "mlp.c_fc.bias": (4 * WIDTH,)}
    block |= dict.fromkeys(("attn.out_proj.bias", "mlp.c_proj.bias", "ln_1.weight", "ln_1.bias"), (WIDTH,))
    block |= dict.fromkeys(("ln_2.weight", "ln_2.bias"), (WIDTH,))
    shapes = {f"visual.transformer.resblocks.{i}.{n}": s for i in range(layers) for n, s in block.items()}
    shapes |= {"visual.conv1.weight": (WIDTH, 3, 14, 14), "visual.positional_embedding": (257, WIDTH)}
    shapes |= {"visual.class_embedding": (WIDTH,), "visual.proj": (WIDTH, 768)}
    shapes |= {f"visual.ln_{w}.{k}": (WIDTH,) for w in ("pre", "post") for k in ("weight", "bias")}
    draw = torch.Generator().manual_seed(seed)
    return {n: torch.empty(s).uniform_(-0.1, 0.1, generator=draw).half() for n, s in shapes.items()}


def measured(words: list[str], out: Path) -> tuple[float, float]:
    """Seconds until the command's result is on the disk, and its peak memory in bytes. Raises what went wrong."""
    os.sync()
    with tempfile.TemporaryFile("w+") as said:
        started, peak = time.perf_counter(), 0
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said)
        while process.poll() is None:
            peak = max(peak, high_water(process.pid))
            time.sleep(0.02)
        os.sync()
        taken = time.perf_counter() - started
        said.seek(0)
        if process.returncode:
            raise RuntimeError(f"{' '.join(words[:3])} failed: {said.read()[-500:]}")
    shutil.rmtree(out) if out.is_dir() else out.unlink(missing_ok=True)
    return taken, peak


def high_water(pid: int) -> int:
    """The most memory that a process has had resident so far, in bytes, as Linux counts it; 0 once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def peers(folder: Path) -> Path:
    """The interpreter of the peers' own virtual environment, made if it is not there yet."""
    python = folder / "peers" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", f"torch=={torch.__version__}", *PEERS], check=True)
    return python


def commands(folder: Path, files: list[Path]) -> dict[str, tuple[list[str], Path]]:
    """What is measured: a command, and where its result is."""
    out, config = folder / "out.safetensors", folder / "mergekit.yml"
    listed = "".join(f"  - model: {path}\n    parameters: {{weight: {1 / MODELS}}}\n" for path in files)
    config.write_text(f"merge_method: linear\ndtype: float32\nout_dtype: float16\nmodels:\n{listed}")
    python, copies = peers(folder), folder / "copies"
    copying = f"cat {' '.join(map(str, files))} > /dev/null && cp {files[0]} {out}"
    ours, words = [sys.executable, "-c", OURS], [*map(str, files)]
    kit = [str(python.parent / "mergekit-pytorch"), str(config), str(copies)]
    return {
        "cp": (["sh", "-c", copying], out),
        "palette": ([*ours, "known", str(out), *words], out),
        "first": ([*ours, "new", str(out), *words], out),
        "imports": ([*ours, "known", str(out)], out),
        "mergekit": (kit, copies),
        "sd-mecha": ([str(python), "-c", MECHA, str(out), *words], out),
    }


def sums(count: int = 2**20, rounds: int = 290) -> tuple[float, float]:
    """Seconds on one thread for ``rounds`` sums of nine models of ``count`` fp16 numbers: compiled, by torch alone."""
    torch.set_num_threads(1)
    parents = [(1 / MODELS, torch.empty(count).uniform_(-0.1, 0.1).half()) for _ in range(MODELS)]
    one, other = torch.empty(count, dtype=torch.float16), torch.empty(count, dtype=torch.float16)
    taken = []
    for add, out in ((fused_sum, one), (mix, other)):
        add(parents, out)
        started = time.perf_counter()
        for _ in range(rounds):
            add(parents, out)
        taken.append(time.perf_counter() - started)
    assert torch.equal(one, other)
    return taken[0], taken[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="kept, with the models and the peers (default: temporary)")
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--sum", action="store_true", help="only the sum of nine models in memory, on one thread")
    options = parser.parse_args()
    if options.sum:
        compiled, plain = sums()
        print("2.7 billion fp16 numbers on one thread:")
        print(f"  compiled {compiled:.2f} s, torch alone {plain:.2f} s: torch / compiled = {plain / compiled:.1f}")
        return
    with tempfile.TemporaryDirectory() as passing:
        folder = (options.folder or Path(passing)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"m{i}-{options.layers}.safetensors" for i in range(MODELS)]
        for i, path in enumerate(files):
            if not path.exists():
                disk.write_tensors(path, model(i, options.layers))
        size = files[0].stat().st_size
        what = commands(folder, files)
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in what}
        for _ in range(options.rounds):  # in turn, so that a busy machine slows each of them alike
            for name, (words, out) in what.items():
                found[name].append(measured(words, out))
    print(
        f"{MODELS} models of {size / 1e6:.0f} MB, {os.cpu_count()} processors, best of {options.rounds} rounds (median)"
    )
    best = {name: min(t for t, _ in pairs) for name, pairs in found.items()}
    peak = {name: max(m for _, m in pairs) for name, pairs in found.items()}
    for name, pairs in found.items():
        middle = statistics.median(t for t, _ in pairs)
        print(f"  {name:9} {best[name]:7.1f} s ({middle:.1f})   peak {peak[name] / 1e6:7.0f} MB")
    alone = best["palette"] - best["imports"]
    print(f"  palette / cp = {best['palette'] / best['cp']:.2f} in time, {alone / best['cp']:.2f} without its imports")
    print("  (to reach: at most 1.5)")
    for name in ("mergekit", "sd-mecha"):
        ratios = (best[name] / best["palette"], peak[name] / peak["palette"])
        print(f"  {name} / palette = {ratios[0]:.2f} in time, {ratios[1]:.2f} in peak memory")
    print(
        f"  palette, beyond its imports: {(peak['palette'] - peak['imports']) / 1e6:.0f} MB (to reach: at most 300 MB"
    )
    print("  and 1.3 × the largest tensor)")


if __name__ == "__main__":
    main()
