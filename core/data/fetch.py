"""Downloading a data set of the catalogue: by torchvision, else from the Hugging Face hub."""

from __future__ import annotations

from core import torchvision_cpu
from core.data import DataError, home
from core.data.entries import HUB, Entry, Way
from core.data.status import look, look_again


def fetch(entry: Entry) -> str:
    """Download into the data folder and say what is there then. Raises DataError saying what to do by hand."""
    before = look(entry)
    if before.state == "there":
        return f"{entry.title} is there already. {before.said}"
    ways = [way for way in entry.ways if way.downloadable]
    if not ways:
        raise DataError(f"{entry.title} has to be fetched by hand: {before.said}")
    troubles = []
    for way in ways:
        try:
            (_by_torchvision if way.download else _from_hub)(way)
            break
        except Exception as error:  # which library carries the bytes, and how it fails, changes with its versions
            said = str(error).strip().splitlines()
            reason = f"{type(error).__name__} {said[0][:120] if said else ''}".strip()
            troubles.append(f"{way.repo or 'torchvision'}: {reason}")
    else:
        raise DataError(f"{entry.title} could not be downloaded ({'; '.join(troubles)}). By hand: {entry.by_hand}")
    look_again()
    after = look(entry)
    if after.state != "there":
        raise DataError(f"{entry.title} was downloaded, but is not whole: {after.said}")
    return f"{entry.title} is there. {after.said}"


def _by_torchvision(way: Way) -> None:
    torchvision_cpu.prepare()
    from torchvision import datasets

    if way.kind == "idx":  # its reader wants the files, and the class of that name brings them
        getattr(datasets, way.name)(root=str(home()), train=True, download=True)
        return
    for options in way.parts.values():
        getattr(datasets, way.name)(root=str(home() / way.path), download=True, **options)


def _from_hub(way: Way) -> None:
    from huggingface_hub import snapshot_download

    below = f"{way.folder}/" if way.folder else ""
    place = home() / HUB / way.repo.replace("/", "--")
    snapshot_download(
        way.repo, repo_type="dataset", local_dir=place, allow_patterns=[f"{below}*.parquet", f"{below}**/*.parquet"]
    )
