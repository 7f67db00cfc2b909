"""Who computes: this process, several of them (one a GPU), or a dask.distributed cluster of many machines."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch

from core import PaletteError
from core.training.graph import InProcess

INSTALL = "pip install -r requirements-dask.txt"


class WorkersError(PaletteError):
    """Workers that cannot be had; the message says what to do."""


def default_workers() -> int:
    """One worker a GPU, on a machine with several; else this process alone."""
    return max(1, torch.cuda.device_count() if torch.cuda.is_available() else 1)


@contextmanager
def executor(workers: int = 1, scheduler: str | None = None) -> Iterator[Executor]:
    """An executor for a build. Raises WorkersError.

    ``scheduler`` is ``tcp://HOST:PORT`` of a running dask scheduler, or ``local`` for a cluster of ``workers``
    processes here; without it ``workers`` processes, or this one if that is 1.
    """
    if workers < 1:
        raise WorkersError(f"There must be at least one worker, not {workers}.")
    if scheduler:
        with _dask(workers, scheduler) as found:
            yield found
    elif workers == 1:
        yield InProcess()
    else:
        context = multiprocessing.get_context("spawn")  # CUDA cannot be forked
        gpus: Any = context.Queue()
        for number in range(workers):
            gpus.put(gpu_of(number, visible_gpus()))
        with ProcessPoolExecutor(workers, context, _claim, (gpus, workers)) as pool:
            try:
                yield pool
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def visible_gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES calls the GPUs that this process may use: workers must not take others."""
    named = [word.strip() for word in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if word.strip()]
    return named or [str(i) for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)]


def gpu_of(number: int, gpus: list[str]) -> str:
    """The one GPU of a worker, all of which take turns; none is ""."""
    return gpus[number % len(gpus)] if gpus else ""


def _claim(gpus: Any, workers: int) -> None:
    """In a new worker process, before anything computes: one GPU is its own, and a fair share of the processors."""
    os.environ["CUDA_VISIBLE_DEVICES"] = gpus.get()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))


@contextmanager
def _dask(workers: int, scheduler: str) -> Iterator[Executor]:
    try:
        from distributed import Client, LocalCluster, WorkerPlugin
    except ImportError:
        raise WorkersError(f"A cluster needs dask.distributed: {INSTALL}.") from None
    if scheduler != "local" and "://" not in scheduler:
        raise WorkersError(f"{scheduler!r} is no scheduler; write tcp://HOST:PORT, or local.")
    gpus, cluster = visible_gpus(), None

    class OwnGPU(WorkerPlugin):  # also of a worker that is started again in place of one that died
        def setup(self, worker: Any) -> None:
            os.environ["CUDA_VISIBLE_DEVICES"] = gpu_of(int(worker.name), gpus)

    try:
        if scheduler == "local":
            cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None)
        client = Client(cluster or scheduler, timeout=20)
    except (OSError, TimeoutError) as error:
        raise WorkersError(f"No scheduler answers at {scheduler} ({error}); start one with `dask scheduler`.") from None
    try:
        if not client.scheduler_info(n_workers=-1)["workers"]:
            raise WorkersError(
                f"The scheduler at {scheduler} has no workers; start some with `dask worker {scheduler}`."
            )
        if cluster is not None:  # elsewhere, whoever starts the workers says which GPU is whose
            client.register_plugin(OwnGPU())
        yield client.get_executor(pure=False)
    finally:
        client.close()
        if cluster is not None:
            cluster.close()
