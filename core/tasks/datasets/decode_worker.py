"""What a decoding process does: a chunk of images through the model's transform, straight into the file on disk.

Imported by worker processes before anything else, so it imports little.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.models import Step, pixels, torchvision_shim
from core.tasks.datasets.images import Images

torchvision_shim.prepare()  # the transform's steps are torchvision's, and arrive by name
import torchvision.transforms  # noqa: E402, F401  (a process that serves forks imports it once for all)

LOOK_EVERY_SECONDS = 2.0


def end_with(parent: int) -> None:
    """Let this worker process end soon after the process ``parent``, which may be killed without a word."""

    def watch() -> None:
        while True:
            time.sleep(LOOK_EVERY_SECONDS)
            try:
                os.kill(parent, 0)
            except OSError:
                os._exit(1)

    threading.Thread(target=watch, name="palette-parent", daemon=True).start()


def decode(
    images: Images, chosen: Sequence[int], steps: tuple[Step, ...], shape: tuple[int, int, int], path: Path, first: int
) -> list[tuple[int, str]]:
    """Decode the ``chosen`` rows and write them into ``path`` from picture ``first`` on, on disk when this returns.

    Returns the pictures that could not be decoded, as (place, name and reason); theirs stay black.
    """
    out, bad = np.zeros((len(chosen), *shape), dtype=np.uint8), []
    for i, row in enumerate(chosen):
        try:
            out[i] = pixels(images.open(int(row)), steps)
        except Exception as error:  # a damaged image may raise anything that Pillow's decoders do
            bad.append((first + i, f"{images.name(int(row))} ({str(error).splitlines()[0] or type(error).__name__})"))
    with path.open("r+b") as file:
        file.seek(first * out[0].nbytes)
        file.write(out.data)
        file.flush()
        os.fsync(file.fileno())
    return bad
