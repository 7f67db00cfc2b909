"""Files of the Hugging Face hub: followed, stopped, resumed. Models through its own cache, data sets into a folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from core import PaletteError
from core.progress import SILENT, CancelledError, Progress
from core.storage import files as disk
from core.storage.disk_space import check_room


class DownloadError(PaletteError):
    """A file that could not be had; the message says what to place where."""


def cache_folder() -> Path:
    """Where huggingface_hub keeps what it downloaded (``HF_HUB_CACHE`` and ``HF_HOME`` move it)."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def by_hand(repository: str, file: str) -> str:
    """What to do on a machine without a network, in words that end a sentence."""
    folder = cache_folder() / f"models--{repository.replace('/', '--')}"
    return (
        f"on a machine with a network run `hf download {repository} {file}`, then copy its folder {folder.name} into "
        f"{folder.parent} here, or give the file with --checkpoint"
    )


def fetch(repository: str, files: Sequence[str], progress: Progress = SILENT) -> Path:
    """The first of ``files`` that the model repository ``OWNER/NAME`` has, from the cache or downloaded into it.

    An interrupted download goes on where it stopped. Raises DownloadError, or CancelledError through ``progress``.
    """
    try:
        if (known := _cached(repository, files)) is not None:
            return known
        for file in files if _reachable() else ():
            try:
                return _download(repository, file, progress)
            except LookupError:
                continue  # the repository has no such file: the next, perhaps
    except ConnectionError:
        pass
    else:
        if _reachable():
            raise DownloadError(f"{repository} holds none of {', '.join(files)}: it is no model that Palette can read.")
    raise DownloadError(
        f"{files[0]} of {repository} is not in this machine's Hugging Face cache, and the hub cannot be reached: "
        f"{by_hand(repository, files[0])}."
    )


def fetch_data(
    repository: str, wanted: Callable[[Iterable[str]], Sequence[str]], folder: Path, progress: Progress = SILENT
) -> None:
    """Put those files of the data set repository ``OWNER/NAME`` that ``wanted`` picks by name below ``folder``.

    What is there is not fetched again, and an interrupted download goes on where it stopped. Raises DownloadError,
    DiskError (before anything is fetched) if there is no room, or CancelledError through ``progress``.
    """
    from huggingface_hub import HfApi, hf_hub_url

    if not _reachable():
        raise DownloadError(f"The hub, which has {repository}, cannot be reached from here.")
    with _told(repository, "the list of files", data=True):
        facts = HfApi(endpoint=_endpoint()).dataset_info(repository, files_metadata=True, timeout=10)
    listed = {
        found.rfilename: found for found in facts.siblings or () if ".." not in PurePosixPath(found.rfilename).parts
    }
    files = {name: int(listed[name].size or 0) for name in wanted(listed)}
    if not files:
        raise DownloadError(f"{repository} holds no file that is looked for: it may have been changed.")
    left = [name for name, size in files.items() if not _whole(folder / name, size)]
    total, still = sum(files.values()), sum(files[name] for name in left)
    check_room(folder, still, "PALETTE_DATA")
    for name in left:
        url = hf_hub_url(repository, name, repo_type="dataset", revision=facts.sha, endpoint=_endpoint())
        content = getattr(listed[name].lfs, "sha256", None) or str(listed[name].blob_id)
        bar = _follower(progress, repository, total - still, total)
        with _told(repository, name, data=True):
            _carry(url, folder / name, content, files[name], progress, bar)
        still -= files[name]


def _whole(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _cached(repository: str, files: Sequence[str]) -> Path | None:
    from huggingface_hub import errors, try_to_load_from_cache

    try:
        found = (try_to_load_from_cache(repository, file) for file in files)
        return next((Path(path) for path in found if isinstance(path, str)), None)
    except errors.HFValidationError:
        raise DownloadError(f"{repository!r} is no repository of the hub; write OWNER/NAME.") from None


def _endpoint() -> str:
    """Where the hub is: its own address, or a mirror's (``HF_ENDPOINT``)."""
    from huggingface_hub import constants

    return os.environ.get("HF_ENDPOINT") or constants.ENDPOINT


def _reachable() -> bool:
    """Whether there is a way to the hub at all: without one, its library would try for half a minute."""
    from huggingface_hub import constants

    if constants.is_offline_mode():
        return False
    try:
        address = urlsplit(_endpoint())
        return bool(getproxies() or socket.getaddrinfo(address.hostname, address.port or 443))
    except OSError:
        return False


def _download(repository: str, file: str, progress: Progress) -> Path:
    """Raises LookupError if the repository has no such file, ConnectionError if there is no network."""
    from huggingface_hub import hf_hub_download

    with _told(repository, file):
        _into_cache(repository, file, progress)
        return Path(hf_hub_download(repository, file, endpoint=_endpoint()))


@contextmanager
def _told(repository: str, file: str, data: bool = False) -> Iterator[None]:
    """What can go wrong with the hub, in one sentence each; see ``_download`` for what is not a DownloadError."""
    from huggingface_hub import errors

    page = f"https://huggingface.co/{'datasets/' if data else ''}{repository}"
    try:
        yield
    except (CancelledError, DownloadError, disk.DiskError):
        raise
    except errors.RemoteEntryNotFoundError:
        raise LookupError(file) from None
    except errors.LocalEntryNotFoundError:
        raise ConnectionError(file) from None
    except errors.GatedRepoError:
        raise DownloadError(
            f"{repository} is given out on request only: accept its terms at {page}, run `hf auth login`, and ask "
            "again."
        ) from None
    except errors.RepositoryNotFoundError:
        kind = "data set" if data else "model"
        raise DownloadError(f"The hub has no {kind} {repository}, or it is private: check the name.") from None
    except Exception as error:  # which library carries the bytes, and how it fails, changes with the hub's versions
        raise DownloadError(
            f"The download of {file} from {repository} broke off ({type(error).__name__}); ask again, it goes on "
            "where it stopped."
        ) from None


def _into_cache(repository: str, file: str, progress: Progress) -> None:
    """Put a file's bytes where huggingface_hub's cache has them, under their digest."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import build_hf_headers, repo_folder_name

    url = hf_hub_url(repository, file, endpoint=_endpoint())
    facts = get_hf_file_metadata(url, headers=build_hf_headers(), endpoint=_endpoint(), timeout=10)
    if not facts.etag or not facts.size:
        return
    blob = cache_folder() / repo_folder_name(repo_id=repository, repo_type="model") / "blobs" / facts.etag
    if not blob.exists():
        check_room(blob.parent, facts.size)
    _carry(url, blob, facts.etag, facts.size, progress, _follower(progress, file))


def _carry(url: str, path: Path, content: str, size: int, progress: Progress, bar: type) -> None:
    """Fetch one file, going on from what an earlier try left; ``content`` is a name for its bytes.

    huggingface_hub's own download begins anew after a kill; this one is its own, too, into a file that stays. A
    ``content`` that is a SHA-256 is compared with what arrived.
    """
    from huggingface_hub.file_download import build_hf_headers, http_get

    partial = path.with_name(f"{content}.palette.incomplete")
    with disk.locked(partial.with_suffix(".lock"), progress.check):
        if _whole(path, size):
            return
        with partial.open("ab") as out:
            http_get(url, out, resume_size=out.tell(), headers=build_hf_headers(), expected_size=size, tqdm_class=bar)
        if len(content) == 64 and disk.digest_file(partial, progress.check) != content:
            partial.unlink()
            raise DownloadError(f"{url} arrived damaged and was thrown away; ask again.")
        partial.replace(path)


def _follower(progress: Progress, what: str, before: int = 0, total: int = 0) -> type:
    """A progress bar, as huggingface_hub wants one, that reports to a Progress; cancelling ends the download.

    Of ``total`` bytes (if 0, the file's own) ``before`` are there when the file begins.
    """
    from tqdm.auto import tqdm

    class Bar(tqdm):
        def __init__(self, *words: Any, **facts: Any) -> None:
            self.all: float = total or facts.get("total") or 0
            self.got: float = before + (facts.get("initial") or 0)
            super().__init__(*words, **{k: v for k, v in facts.items() if k != "name"} | {"disable": True})
            self.update(0)  # how much it is, before the first byte

        def update(self, n: float | None = 1) -> bool | None:
            self.got += n or 0
            if self.all > 2**20:
                said = f"Downloading {what}: {self.got / 1e6:,.0f} of {self.all / 1e6:,.0f} MB"
                progress.at(min(1.0, self.got / self.all), said)
            else:
                progress.check()
            return None

    return Bar
