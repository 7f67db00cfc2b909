"""Bytes on disk: whole, locked, digested."""

from core.storage import files, quantised
from core.storage.content_keys import digest_of
from core.storage.disk_space import check_room, megabytes
from core.storage.download import DownloadError, by_hand, cache_folder, fetch, fetch_data
from core.storage.integrity import IntegrityRecord, signature
from core.storage.lru import LRU
from core.storage.store import Store
from core.storage.streaming import FILE_DTYPES, Layout, Mapped, pieces, writing

__all__ = [
    "FILE_DTYPES",
    "LRU",
    "DownloadError",
    "IntegrityRecord",
    "Layout",
    "Mapped",
    "Store",
    "by_hand",
    "cache_folder",
    "check_room",
    "digest_of",
    "fetch",
    "fetch_data",
    "files",
    "megabytes",
    "pieces",
    "quantised",
    "signature",
    "writing",
]
