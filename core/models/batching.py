"""How many pictures go through a model at once: found by trying, and halved where memory runs out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

import torch

from core import PaletteError

T = TypeVar("T")
LARGEST = 2048
PAYS = 1.05  # a doubled batch must be this much faster per picture, or the smaller one is as good
PIXELS = 256 * 64 * 64  # in a first batch: 256 of the mini world's pictures


class OutOfMemoryError(PaletteError):
    """Not even one picture fits into the device's memory."""


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on a CPU."""
    said = str(error)
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and ("can't allocate memory" in said or "not enough memory" in said)
    )


class BatchSize:
    """The batch size of one model on one device: ``now``, at first by the pictures' ``size`` in pixels.

    On a CPU it stays there, so that results do not depend on the machine; on a GPU it doubles while that makes each
    picture faster. Anywhere it is halved when memory runs out, and does not grow again.
    """

    def __init__(self, device: torch.device, size: int) -> None:
        fits = max(32, min(256, PIXELS // size**2))
        self.now = 1 << (fits.bit_length() - 1)
        self.device, self.growing = device, device.type == "cuda"
        self._pace: list[float] = []

    def block(self) -> int:
        """How many pictures to give to ``run`` at a time: as many as could ever go through at once."""
        return LARGEST if self.growing else self.now

    def run(self, work: Callable[[slice], T], start: int, stop: int) -> list[T]:
        """``work`` on consecutive slices of rows ``start`` to ``stop``, each as large as fits.

        Raises OutOfMemoryError if a single row is too much.
        """
        done: list[T] = []
        while start < stop:
            rows, began = slice(start, min(stop, start + self.now)), time.perf_counter()
            try:
                done.append(work(rows))
            except RuntimeError as error:
                if not ran_out(error):
                    raise
                failed = str(error).splitlines()[0]
            else:
                start = rows.stop
                if self.growing and rows.stop - rows.start == self.now:
                    self._learn(began)
                continue
            self.halve(failed)
        return done

    def halve(self, failed: str) -> None:
        """Go on with half as many, now that memory ran out. Raises OutOfMemoryError if that is none."""
        if self.now == 1:
            raise OutOfMemoryError(
                f"One picture alone does not fit into the memory of {self.device} ({failed}); close other programs "
                "that use it, or compute on the CPU with --device cpu."
            )
        self.now, self.growing = self.now // 2, False
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _learn(self, began: float) -> None:
        torch.cuda.synchronize(self.device)
        self._pace.append(self.now / (time.perf_counter() - began))
        if len(self._pace) < 2:
            return  # the first is slow for reasons of its own
        if len(self._pace) > 2 and self._pace[-1] < PAYS * self._pace[-2]:
            self.now, self.growing = max(1, self.now // 2), False
        elif self.now < LARGEST:
            self.now *= 2
        else:
            self.growing = False


def backward(
    losses: Callable[[int], Iterable[torch.Tensor]], optimizer: torch.optim.Optimizer, parts: int, most: int
) -> tuple[float, int]:
    """Leave the gradients of a sum of ``losses(parts)`` in the optimizer's parameters; returns the sum, and ``parts``.

    One part is one backward pass. When memory runs out, twice as many parts go through one after the other, which add
    up to the same gradient. Raises OutOfMemoryError if ``most`` parts, a single picture each, are too large.
    """
    while True:
        optimizer.zero_grad(set_to_none=True)
        try:
            if parts == 1:
                whole = torch.stack(list(losses(1))).sum()
                whole.backward()
                return float(whole.detach()), parts
            total = 0.0
            for loss in losses(parts):
                loss.backward()
                total += float(loss.detach())
            return total, parts
        except RuntimeError as error:
            if not ran_out(error):
                raise
            failed = str(error).splitlines()[0]
        if parts >= most:
            raise OutOfMemoryError(
                f"Training on one picture alone does not fit into memory ({failed}); use a smaller model, or a device "
                "with more memory."
            )
        parts *= 2


def parts_of(count: int, parts: int) -> Sequence[slice]:
    """``count`` rows in so many consecutive slices, as equal as can be; no empty ones."""
    ends = [round(i * count / parts) for i in range(parts + 1)]
    return [slice(a, b) for a, b in pairwise(ends) if b > a]
