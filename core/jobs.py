"""Long work in the background: a queue, one worker per device, progress with time left, cancel, a log on disk."""

from __future__ import annotations

import itertools
import json
import queue
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from core import PaletteError
from core.progress import CancelledError, Progress

State = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass
class Job:
    """One piece of long work. ``key`` says what it computes: two requests with one key are one job."""

    key: str
    title: str
    work: Callable[[Progress], Any] = field(repr=False)
    state: State = "waiting"
    error: str = ""
    result: Any = field(default=None, repr=False)
    progress: Progress = field(default_factory=Progress, repr=False)
    finished: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def active(self) -> bool:
        """Whether it still waits or runs."""
        return self.state in ("waiting", "running")


class Jobs:
    """The queue of one device. ``folder`` gets ``log.jsonl``, one line per event; any thread may submit and watch."""

    def __init__(self, folder: Path, keep: int = 200) -> None:
        self.folder, self.keep = folder, keep
        self._jobs: dict[str, Job] = {}
        self._queue: queue.PriorityQueue[tuple[int, int, Job]] = queue.PriorityQueue()
        self._order, self._guard = itertools.count(), threading.Lock()
        self._worker: threading.Thread | None = None

    def submit(self, key: str, title: str, work: Callable[[Progress], Any], urgent: bool = False) -> Job:
        """Queue ``work`` unless a job with this key already waits or runs, which is then the answer.

        Urgent work (a person is looking at it) goes before the rest of the queue; it interrupts nothing.
        """
        with self._guard:
            known = self._jobs.get(key)
            if known is not None and known.active:
                return known
            job = Job(key, title, work)
            self._jobs.pop(key, None)
            self._jobs[key] = job
            for old in [k for k, j in self._jobs.items() if not j.active][: max(0, len(self._jobs) - self.keep)]:
                del self._jobs[old]
            self._queue.put((0 if urgent else 1, next(self._order), job))
            if self._worker is None:
                self._worker = threading.Thread(target=self._run, name="palette-worker", daemon=True)
                self._worker.start()
        return job

    def get(self, key: str) -> Job | None:
        """The latest job with this key, or None."""
        return self._jobs.get(key)

    def all(self) -> list[Job]:
        """Every job that is remembered, oldest first."""
        with self._guard:
            return list(self._jobs.values())

    def cancel(self, key: str) -> None:
        """Call a job off: at once if it waits, at its next step if it runs."""
        with self._guard:
            job = self._jobs.get(key)
            if job is None or not job.active:
                return
            job.progress.cancel()
            if job.state == "waiting":
                self._end(job, "cancelled", "Cancelled before it began.")

    def _run(self) -> None:
        while True:
            _, _, job = self._queue.get()
            with self._guard:
                if job.state != "waiting":
                    continue
                job.state, job.progress.started = "running", time.monotonic()
            self._log(job)
            try:
                job.result = job.work(job.progress)
                self._end(job, "done")
            except CancelledError as error:
                self._end(job, "cancelled", str(error))
            except PaletteError as error:
                self._end(job, "failed", str(error))
            except BaseException as error:
                self._log(job, trace=traceback.format_exc())
                self._end(job, "failed", f"{job.title} failed: {type(error).__name__}: {error}")

    def _end(self, job: Job, state: State, error: str = "") -> None:
        job.error = error
        job.state = state
        self._log(job)
        job.finished.set()

    def _log(self, job: Job, **more: str) -> None:
        facts = {"time": time.strftime("%Y-%m-%dT%H:%M:%S"), "job": job.key, "title": job.title, "state": job.state}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps({**facts, **({"error": job.error} if job.error else {}), **more}) + "\n")
        except OSError:
            pass  # a full or read-only disk must not stop the work itself
