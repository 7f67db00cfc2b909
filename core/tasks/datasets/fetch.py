"""Downloading a data set of the catalogue: by torchvision, else from the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from core.models import torchvision_shim
from core.progress import SILENT, CancelledError, Progress
from core.storage import DownloadError, fetch_data
from core.storage import files as disk
from core.tasks.datasets import DataError, home
from core.tasks.datasets.catalogue import HUB, CatalogueEntry, Way
from core.tasks.datasets.formats.parquet import grouped
from core.tasks.datasets.status import clear_cache, look


def fetch(entry: CatalogueEntry, progress: Progress = SILENT) -> str:
    """Download into the data folder and say what is there then.

    Raises DataError saying what to do by hand, DiskError if there is no room, CancelledError through ``progress``.
    """
    before = look(entry)
    if before.state == "there":
        return f"{entry.title} is there already. {before.said}"
    ways = [way for way in entry.ways if way.downloadable]
    if not ways:
        raise DataError(f"{entry.title} has to be fetched by hand: {before.said}")
    troubles = []
    for way in ways:
        try:
            if way.download:
                _by_torchvision(way)
            else:
                _from_hub(way, progress)
            break
        except (CancelledError, disk.DiskError):
            raise
        except DownloadError as error:
            troubles.append(str(error).rstrip("."))
        except Exception as error:  # which library carries the bytes, and how it fails, changes with its versions
            said = str(error).strip().splitlines()
            reason = f"{type(error).__name__} {said[0][:120] if said else ''}".strip()
            troubles.append(f"{way.repo or 'torchvision'}: {reason}")
    else:
        raise DataError(f"{entry.title} could not be downloaded ({'; '.join(troubles)}). By hand: {entry.by_hand}")
    clear_cache()
    after = look(entry)
    if after.state != "there":
        raise DataError(f"{entry.title} was downloaded, but is not whole: {after.said}")
    return f"{entry.title} is there. {after.said}"


def _by_torchvision(way: Way) -> None:
    torchvision_shim.prepare()
    from torchvision import datasets

    if way.kind == "idx":  # its reader wants the files, and the class of that name brings them
        getattr(datasets, way.name)(root=str(home()), train=True, download=True)
        return
    for options in way.parts.values():
        getattr(datasets, way.name)(root=str(home() / way.path), download=True, **options)


def _from_hub(way: Way, progress: Progress) -> None:
    """The parquet files that the catalogue reads, and no variants beside them."""

    def wanted(names: Iterable[str]) -> list[str]:
        below = f"{way.folder}/" if way.folder else ""
        files = [Path(name) for name in names if name.startswith(below) and name.endswith(".parquet")]
        return [path.as_posix() for mine in grouped(files, way.splits).values() for path in mine]

    fetch_data(way.repo, wanted, home() / HUB / way.repo.replace("/", "--"), progress)
