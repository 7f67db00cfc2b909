"""Decode once: a split as one memory-mapped uint8 array, exactly as the model's own transform makes it.

Beside ``KEY.pixels`` (raw bytes, picture after picture) lies ``KEY.jsonl`` while it is being made: a line for each
chunk that is on disk, so that a killed build goes on. ``KEY.safetensors`` (labels, notes, what was left out) is written
last: where it is, the array is whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import islice
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.models import geometry, pixel_steps
from core.progress import SILENT, Progress
from core.storage import digest_of, files, megabytes
from core.tasks.datasets import DataError
from core.tasks.datasets.images import StoredPart
from core.tasks.task import Pictures

CHUNK = 256
ALONE = 4 * CHUNK  # so few are decoded sooner than other processes start
SHOWN = 5


def key_of(digest: str, preprocess: Mapping[str, Any]) -> str:
    """The name under which a split is kept: its content and the part of the transform that decides pixels."""
    return digest_of(kind="decoded", data=digest, transform=geometry(preprocess))[:32]


def shape_of(preprocess: Mapping[str, Any]) -> tuple[int, int, int]:
    """Height, width and colours of a picture as the model sees it."""
    height, width = geometry(preprocess)["size"]
    return int(height), int(width), 3


def bytes_needed(count: int, preprocess: Mapping[str, Any]) -> int:
    """Space on disk of ``count`` decoded pictures."""
    return count * int(np.prod(shape_of(preprocess)))


def pictures(
    part: StoredPart,
    chosen: np.ndarray,
    digest: str,
    preprocess: Mapping[str, Any],
    folder: Path,
    progress: Progress = SILENT,
    notice: Callable[[str], None] = lambda _: None,
    workers: int | None = None,
) -> Pictures:
    """The ``chosen`` rows of a part, memory-mapped; decoded now if they are not there. Raises DataError or DiskError.

    Damaged images are left out, and ``notice`` is told how many and which. Two callers at once decode once.
    """
    key = key_of(digest, preprocess)
    shape = shape_of(preprocess)
    if (found := _read(folder, key, shape)) is None:
        with files.locked(folder / f"{key}.lock", progress.check):
            if (found := _read(folder, key, shape)) is None:
                _build(part, chosen, folder / f"{key}.pixels", shape, pixel_steps(preprocess), progress, workers)
                found = _read(folder, key, shape)
    if found is None:
        raise DataError(f"The decoded pictures in {folder} vanished while they were read; ask for them again.")
    result, skipped = found
    if skipped:
        notice(skipped_sentence(skipped))
    return result


def skipped_sentence(skipped: Sequence[str]) -> str:
    """Which images were left out, for people."""
    more = f" and {len(skipped) - SHOWN:,} more" if len(skipped) > SHOWN else ""
    many = "1 damaged image was" if len(skipped) == 1 else f"{len(skipped):,} damaged images were"
    return f"{many} left out: {'; '.join(skipped[:SHOWN])}{more}."


def _read(folder: Path, key: str, shape: tuple[int, int, int]) -> tuple[Pictures, list[str]] | None:
    """What was decoded before, and what was left out of it; None if it is not whole."""
    try:
        kept = files.read_tensors(folder / f"{key}.safetensors")
        skipped = files.read_facts(folder / f"{key}.safetensors").get("skipped", [])
        size = (folder / f"{key}.pixels").stat().st_size
    except (FileNotFoundError, files.DamagedError):
        return None
    count = len(kept["labels"])
    if size < count * int(np.prod(shape)):
        return None
    # "c": torch wants arrays that could be written to; what is written stays in memory, and nobody writes
    images = np.memmap(folder / f"{key}.pixels", np.uint8, "c", shape=(count, *shape))
    notes = {n.removeprefix("notes."): t.numpy() for n, t in kept.items() if n.startswith("notes.")}
    return Pictures(images, kept["labels"].numpy(), notes), list(skipped)


def _build(
    part: StoredPart,
    chosen: np.ndarray,
    path: Path,
    shape: tuple[int, int, int],
    steps: tuple,
    progress: Progress,
    workers: int | None,
) -> None:
    log, done = path.with_suffix(".jsonl"), path.with_suffix(".safetensors")
    finished = {line["first"]: line["bad"] for line in files.read_lines(log)} if path.exists() else {}
    if not finished:
        log.unlink(missing_ok=True)
    todo = [first for first in range(0, len(chosen), CHUNK) if first not in finished]
    each = int(np.prod(shape))
    _make_room(path, len(chosen) * each, sum(min(CHUNK, len(chosen) - first) for first in todo) * each)
    workers = workers if workers is not None else _processes()
    results = _results(_asked(part, chosen, todo, steps, shape, path), workers if len(todo) * CHUNK > ALONE else 1)
    try:
        for _ in progress(range(len(todo))):
            first, bad = next(results)
            files.append_line(log, {"first": first, "bad": bad})
            finished[first] = bad
    except OSError as error:
        raise files.DiskError(
            f"Could not write the decoded pictures into {path.parent}: {error.strerror or error}. Free some space; "
            "what is decoded is kept."
        ) from error
    except BrokenProcessPool:
        raise DataError("A decoding process died, perhaps for want of memory; the same request goes on.") from None
    finally:
        results.close()
    _finish(part, chosen, path, each, [tuple(b) for first in sorted(finished) for b in finished[first]], done)
    log.unlink(missing_ok=True)


def _asked(
    part: StoredPart, chosen: np.ndarray, todo: Iterable[int], steps: tuple, shape: tuple[int, int, int], path: Path
) -> Generator[tuple, None, None]:
    """What ``decode`` is told of each chunk, made when it is wanted: all of it goes to another process."""
    for first in todo:
        images, rows = part.images.chunk(chosen[first : first + CHUNK])
        yield images, rows, steps, shape, path, first


def _finish(
    part: StoredPart, chosen: np.ndarray, path: Path, each: int, bad: Sequence[tuple[int, str]], done: Path
) -> None:
    """Fill the places of damaged pictures with good ones from the end, and say that the array is whole.

    The end is only read, so that doing this twice, after a kill, comes to the same.
    """
    damaged = {place for place, _ in bad}
    if len(damaged) == len(chosen):
        raise DataError(f"None of the {len(chosen):,} images can be decoded; the first is {bad[0][1]}.")
    count = len(chosen) - len(damaged)
    rows = chosen.copy()
    spare = (place for place in range(len(chosen) - 1, -1, -1) if place not in damaged)
    with path.open("r+b") as file:
        for hole, last in zip(sorted(p for p in damaged if p < count), spare, strict=False):
            file.seek(last * each)
            moved = file.read(each)
            file.seek(hole * each)
            file.write(moved)
            rows[hole] = chosen[last]
        file.flush()
        os.fsync(file.fileno())
    kept = {"labels": torch.from_numpy(part.labels[rows[:count]])}
    kept |= {f"notes.{n}": torch.from_numpy(np.ascontiguousarray(c[rows[:count]])) for n, c in part.notes.items()}
    files.write_tensors(done, kept, {"skipped": [said for _, said in bad]})


def _make_room(path: Path, size: int, missing: int) -> None:
    """Make the file, after checking that what is missing fits. Raises DiskError, saying how much that is."""
    free = shutil.disk_usage(path.parent).free
    if missing > free:
        raise files.DiskError(
            f"Decoding needs {megabytes(missing)} in {path.parent}, but only {megabytes(free)} are free; free some "
            "space or put the cache elsewhere (PALETTE_CACHE)."
        )
    try:
        with path.open("ab") as file:
            file.truncate(size)
    except OSError as error:
        raise files.DiskError(f"Could not write into {path.parent}: {error.strerror or error}.") from error


def cores() -> int:
    """Number of cores that this process may use."""
    with suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processes() -> int:
    """One more than there are cores, so that none is idle while a chunk is being put on disk."""
    return cores() + 1 if cores() > 1 else 1


def _results(asked: Iterable[tuple], workers: int) -> Generator[tuple[int, list[tuple[int, str]]], None, None]:
    """(first, bad) of each chunk as it is done: here, or in ``workers`` processes if there are several."""
    from core.tasks.datasets.decode_worker import decode, end_with

    if workers <= 1:
        for words in asked:
            yield words[-1], decode(*words)
        return
    method = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
    context = get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["core.tasks.datasets.decode_worker"])
    pool = ProcessPoolExecutor(workers, context, end_with, (os.getpid(),))
    try:
        coming = iter(asked)
        running: dict[Future, int] = {}
        while True:
            for words in islice(coming, 2 * workers - len(running)):
                running[pool.submit(decode, *words)] = words[-1]
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    finally:
        pool.shutdown(cancel_futures=True)
