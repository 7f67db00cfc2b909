"""Which device computes, at which precision, and how much memory it has left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from core import PaletteError

PRECISIONS = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
"""The dtype of activations by precision, and of weights but for bfloat16, whose weights stay float32 and are rounded in
passing (autocast); tf32 is float32 multiplied on a GPU's tensor cores."""


class DeviceError(PaletteError):
    """A device or precision that is not to be had here; the message says what is."""


@dataclass(frozen=True)
class Memory:
    """Bytes of a device's memory: ``ours`` is held by this process, ``free`` is None where the system does not say."""

    total: int
    free: int | None
    ours: int

    @property
    def spare(self) -> int:
        """Bytes that may be kept for speed alone: a quarter of what is free, or an eighth of all where nobody knows."""
        return self.total // 8 if self.free is None else self.free // 4


def devices() -> list[str]:
    """Every device that torch can use here, the best first."""
    found = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return [*found, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def device_of_choice(asked: torch.device | str | None = None) -> torch.device:
    """The device asked for, else a GPU if there is one, else the CPU. Raises DeviceError if it is not here."""
    if asked is None:
        return torch.device(devices()[0].removesuffix(":0"))
    try:
        device = torch.device(asked)
    except RuntimeError:
        raise DeviceError(f"{asked!r} is no device; here there is {', '.join(devices())}.") from None
    named = f"{device.type}:{device.index or 0}"
    if named not in devices() and device.type not in devices():
        raise DeviceError(f"This machine has no device {asked!r}; it has {', '.join(devices())}.")
    return device


def precision_of_choice(device: torch.device) -> str:
    """What a new workspace computes with: bfloat16 where a GPU multiplies it fast, float16 on others, else float32."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) else "float16"
    return "float16" if device.type == "mps" else "float32"


def check_precision(word: str) -> str:
    """``word`` if it is a precision. Raises DeviceError."""
    if word not in PRECISIONS:
        raise DeviceError(f"{word!r} is no precision; choose one of {', '.join(PRECISIONS)}.")
    return word


@contextmanager
def arithmetic(device: torch.device, precision: str) -> Iterator[None]:
    """Let a GPU multiply float32 as the precision says: plainly, or on its tensor cores for tf32."""
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def describe_device(device: torch.device) -> str:
    """The device in a few words for people, such as 'CPU, 2 threads'."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    return f"CPU, {torch.get_num_threads()} threads"


def device_memory(device: torch.device) -> Memory:
    """The memory that the device computes in, now: a GPU's own, else the machine's."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return Memory(total, free, torch.cuda.memory_reserved(device))
    if device.type == "mps":
        total, ours = torch.mps.recommended_max_memory(), torch.mps.driver_allocated_memory()
        return Memory(total, total - ours, ours)
    try:
        lines = Path("/proc/meminfo").read_text().splitlines() + Path("/proc/self/status").read_text().splitlines()
        table = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
        return Memory(*(1024 * int(table[name][0]) for name in ("MemTotal", "MemAvailable", "VmRSS")))
    except (OSError, KeyError, ValueError, IndexError):  # no Linux
        return Memory(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), None, 0)
