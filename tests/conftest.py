"""A pico workspace: real formats and real models, a few kB each, made on the fly."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from core.models import clip
from core.storage.content_keys import digest_of
from core.tasks.task import Pictures, Task
from core.workspace.lab import Lab

torch.set_num_threads(1)  # pico models are faster without threads, and digests do not depend on the machine's cores

CONFIG = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 4, "patch_size": None},
        "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {
        "size": [32, 32],
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
        "interpolation": "bilinear",
        "resize_mode": "squash",
    },
}
COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 60, 230)}


@dataclass(frozen=True)
class Noisy:
    """Pictures of one flat colour with noise: learnable in a few steps, deterministic."""

    seed: int
    noise: float
    counts: tuple[int, int, int] = (96, 24, 36)

    def sizes(self) -> Mapping[str, int]:
        return dict(zip(("train", "val", "test"), self.counts, strict=True))

    def digest(self, split: str) -> str:
        return digest_of(kind="noisy", seed=self.seed, noise=self.noise, split=split, n=self.sizes()[split])

    def load(self, split: str) -> Pictures:
        n = self.sizes()[split]
        rng = np.random.default_rng([self.seed, ("train", "val", "test").index(split)])
        labels = np.arange(n) % len(COLOURS)
        flat = np.array(list(COLOURS.values()), dtype=float)[labels][:, None, None, :]
        images = np.clip(flat + rng.normal(0, self.noise, (n, 32, 32, 3)), 0, 255).astype(np.uint8)
        return Pictures(images, labels.astype(np.int64))


def tiny_tasks() -> dict[str, Task]:
    """One supported and one patching task, both about colours."""
    names, templates = tuple(COLOURS), ("a {} picture", "something {}")
    return {
        "plain": Task("plain", "supported", "Plain", "Flat colours.", names, templates, Noisy(1, 20)),
        "noisy": Task("noisy", "patching", "Noisy", "Noisy colours.", names, templates, Noisy(2, 90), plays="MNIST"),
    }


def make_workspace(cache: Path, name: str = "tiny") -> Path:
    """A workspace folder with a random base, ready to fine-tune in seconds."""
    folder = cache / name
    torch.manual_seed(0)
    clip.save(clip.create(CONFIG["model_cfg"]), CONFIG, folder / "base")
    settings = {"steps": 40, "batch_size": 24, "lr": 3e-3, "warmup": 4}
    facts = {"title": "Tiny", "tasks": "tiny", "supported": ["plain"], "finetune": {"default": settings}}
    (folder / "workspace.json").write_text(json.dumps(facts))
    return folder


@pytest.fixture(scope="session")
def tiny_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with its ``noisy`` checkpoint trained, made once; tests get copies."""
    from core.training.train import train

    cache = tmp_path_factory.mktemp("template")
    make_workspace(cache)
    train(Lab("tiny", cache, "cpu", tiny_tasks()), ["noisy"], "noisy")
    return cache


@pytest.fixture
def tiny_cache(tiny_template: Path, tmp_path: Path) -> Path:
    """A cache folder of its own with the trained tiny workspace."""
    return Path(shutil.copytree(tiny_template, tmp_path / "cache"))


@pytest.fixture
def tiny_lab(tiny_cache: Path) -> Lab:
    """A lab on a trained tiny workspace: tasks ``plain`` (supported) and ``noisy`` (patching), nothing evaluated."""
    return Lab("tiny", tiny_cache, "cpu", tiny_tasks())


@contextmanager
def full_disk() -> Iterator[None]:
    """Every flush to disk fails as on a full one (a real full disk needs root to make)."""

    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with mock.patch("os.fsync", refuse):
        yield


@contextmanager
def disk_with_room_for(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: the write that would fails half-way, whoever makes it."""
    limit, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limit[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
