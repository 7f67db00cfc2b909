"""Pictures of the mini world drawn per second: `python -m benchmarks.render`.

Ours draws the training pictures of every task in batches of vectorised torch code. Peer: the obvious loop, one icon at
a time with Pillow (ground, grain, glyph from the font, rotated and pasted).
"""

from __future__ import annotations

import random
import time

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from core.tasks import Task
from core.world import TASKS, glyphs

SIDE, PEER_PICTURES = 64, 400


def ours(task: Task) -> tuple[int, float]:
    """How many pictures a task's largest split has, and the seconds that drawing it takes."""
    split = max(task.source.sizes(), key=lambda name: task.size(name))
    task.source.load(min(task.source.sizes(), key=lambda name: task.size(name)))  # fonts are read once
    started = time.perf_counter()
    task.source.load(split)
    return task.size(split), time.perf_counter() - started


def peer(n: int) -> float:
    """Seconds that the obvious loop takes for n icons."""
    fonts = glyphs.fonts_folder()
    name = glyphs.FONTS["mdi"]
    codes = list(glyphs.charmap("mdi").values())[:200]
    chance = random.Random(0)
    started = time.perf_counter()
    for _ in range(n):
        font = ImageFont.truetype(str(fonts / (name.format("") + ".ttf")), chance.randint(28, 56))
        ground = np.full((SIDE, SIDE, 3), [chance.randrange(256) for _ in range(3)], dtype=np.float64)
        ground += np.random.default_rng(chance.randrange(10**6)).normal(0, 12, ground.shape)
        picture = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
        stamp = Image.new("RGBA", (SIDE, SIDE))
        colour = tuple(chance.randrange(256) for _ in range(3))
        ImageDraw.Draw(stamp).text((6, 4), chr(chance.choice(codes)), font=font, fill=colour)
        stamp = stamp.rotate(chance.uniform(-25, 25), Image.Resampling.BILINEAR)
        picture.paste(stamp, (0, 0), stamp)
        np.asarray(picture)
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    naive = PEER_PICTURES / peer(PEER_PICTURES)
    print(f"{torch.get_num_threads()} threads; the obvious loop draws {naive:.0f} icons/s")
    total = seconds = 0.0
    for task in TASKS:
        if task.name == "digits":
            continue  # real ones, not drawn
        n, took = ours(task)
        total, seconds = total + n, seconds + took
        print(f"  {task.name:18} {n / took:7.0f} pictures/s   {n / took / naive:5.1f} x the loop")
    print(f"  all together       {total / seconds:7.0f} pictures/s   (to reach: at least 2000)")


if __name__ == "__main__":
    main()
