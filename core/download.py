"""Files of the Hugging Face hub, through its own cache: followed, stopped, resumed, and found again when offline."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from core import PaletteError, disk
from core.jobs import CancelledError, Progress
from core.room import check_room


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


def fetch(repository: str, files: Sequence[str], progress: Progress | None = None) -> Path:
    """The first of ``files`` that the model repository ``OWNER/NAME`` has, from the cache or downloaded into it.

    An interrupted download goes on where it stopped. Raises DownloadError, or CancelledError through ``progress``.
    """
    progress = progress or Progress()
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
    from huggingface_hub import errors, hf_hub_download

    try:
        _into_cache(repository, file, progress)
        return Path(hf_hub_download(repository, file, endpoint=_endpoint()))
    except (CancelledError, DownloadError, disk.DiskError):
        raise
    except errors.RemoteEntryNotFoundError:
        raise LookupError(file) from None
    except errors.LocalEntryNotFoundError:
        raise ConnectionError(file) from None
    except errors.GatedRepoError:
        raise DownloadError(
            f"{repository} is given out on request only: accept its terms at https://huggingface.co/{repository}, "
            "run `hf auth login`, and ask again."
        ) from None
    except errors.RepositoryNotFoundError:
        raise DownloadError(f"The hub has no model {repository}, or it is private: check the name.") from None
    except Exception as error:  # which library carries the bytes, and how it fails, changes with the hub's versions
        raise DownloadError(
            f"The download of {file} from {repository} broke off ({type(error).__name__}); ask again, it goes on "
            "where it stopped."
        ) from None


def _into_cache(repository: str, file: str, progress: Progress) -> None:
    """Put a file's bytes where huggingface_hub's cache has them, going on from what an earlier try left.

    Its own download begins anew after a kill; this one is its own, too, into a file that stays. Files whose name in
    the cache is their SHA-256 are compared with it.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import build_hf_headers, http_get, repo_folder_name

    url, headers = hf_hub_url(repository, file, endpoint=_endpoint()), build_hf_headers()
    facts = get_hf_file_metadata(url, headers=headers, endpoint=_endpoint(), timeout=10)
    if not facts.etag or not facts.size:
        return
    blob = cache_folder() / repo_folder_name(repo_id=repository, repo_type="model") / "blobs" / facts.etag
    partial = blob.with_name(f"{facts.etag}.palette.incomplete")
    with disk.locked(partial.with_suffix(".lock"), progress.check):
        if blob.exists():
            return
        check_room(blob.parent, facts.size)
        bar = _follower(progress, file)
        with partial.open("ab") as out:
            http_get(url, out, resume_size=out.tell(), headers=headers, expected_size=facts.size, tqdm_class=bar)
        if len(facts.etag) == 64 and disk.digest_file(partial, progress.check) != facts.etag:
            partial.unlink()
            raise DownloadError(f"{file} of {repository} arrived damaged and was thrown away; ask again.")
        partial.replace(blob)


def _follower(progress: Progress, file: str) -> type:
    """A progress bar, as huggingface_hub wants one, that reports to a Progress; cancelling ends the download."""
    from tqdm.auto import tqdm

    class Bar(tqdm):
        def __init__(self, *words: Any, **facts: Any) -> None:
            self.all, self.got = facts.get("total") or 0, facts.get("initial") or 0
            super().__init__(*words, **{k: v for k, v in facts.items() if k != "name"} | {"disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            self.got += n or 0
            if self.all > 2**20:
                said = f"Downloading {file}: {self.got / 1e6:,.0f} of {self.all / 1e6:,.0f} MB"
                progress.at(min(1.0, self.got / self.all), said)
            else:
                progress.check()
            return None

    return Bar
