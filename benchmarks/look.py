"""How long ``data add`` looks at 100,000 files, against a bare walk of the same folder: python -m benchmarks.look."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import parquet

from core.progress import Progress
from core.tasks import guess, look, open_parts

LIMIT = 15.0  # seconds on two cores


def make(root: Path, count: int, classes: int) -> None:
    """Empty files in class folders; one in ten has an unusual ending, so that its content is looked at."""
    for label in range(classes):
        (root / f"class_{label}").mkdir(parents=True)
    for i in range(count):
        ending = ".jpg_large" if i % 10 == 0 else ".jpg"
        (root / f"class_{i % classes}" / f"{i:07}{ending}").write_bytes(b"\xff\xd8\xff\xe0")


def bare(root: Path) -> tuple[float, int]:
    """Seconds of a walk by os.scandir that looks at nothing, and how many files it meets."""
    start, count, waiting = time.perf_counter(), 0, [str(root)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    waiting.append(entry.path)
                else:
                    count += 1
    return time.perf_counter() - start, count


def labels(folder: Path, values: int) -> int:
    """Peak bytes of Python's memory while a table of a thousand labels is read whose largest is ``values``."""
    path = folder / f"{values}.parquet"
    numbers = np.linspace(values - 1000, values, 1000, dtype=np.int64)
    parquet.write_table(pyarrow.table({"image": [b"x"] * 1000, "label": numbers}), path)
    tracemalloc.start()
    open_parts(guess(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def main() -> None:
    """Measure, print, and fail if it takes longer than the limit."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=100_000)
    count = options.parse_args().files
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "set")
        make(root, count, 100)
        walked, met = bare(root)
        said: list[str] = []
        start = time.perf_counter()
        look(root, Progress(lambda progress: said.append(progress.what)))
        (part,) = open_parts(guess(root)).values()
        took = time.perf_counter() - start
        small, large = labels(Path(folder), 1000), labels(Path(folder), 2_000_000_000)
    assert met == count == len(part.labels)
    print(
        f"{count:,} files: {took:.2f} s, {took / walked:.1f} times a bare walk ({walked:.2f} s); told {len(said)} times"
    )
    print(f"a thousand labels up to 1,000: {small:,} bytes at most; up to 2,000,000,000: {large:,}")
    assert took < LIMIT, f"more than {LIMIT} s"


if __name__ == "__main__":
    main()
