"""Real data sets: the catalogue of the papers' tasks, and adapters from what lies on disk to labelled images."""

from __future__ import annotations

import os
from pathlib import Path

from core import PaletteError

ROOT = Path(__file__).resolve().parents[3]


class DataError(PaletteError):
    """Data that are not there, half there, or not what they should be; the message says what to do."""


class AbsentError(DataError):
    """There is nothing at all where a data set would be."""


def home() -> Path:
    """The folder where data sets are looked for and downloaded to: PALETTE_DATA, or ``data/`` beside the app."""
    return Path(os.environ.get("PALETTE_DATA") or ROOT / "data").expanduser()


def memory() -> Path:
    """The folder where digests of files are remembered: hidden in the cache, and safe to remove."""
    return Path(os.environ.get("PALETTE_CACHE") or ROOT / "cache") / ".digests"
