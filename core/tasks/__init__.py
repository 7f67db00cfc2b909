"""What is asked of a model, and where its pictures come from."""

from core.tasks import pictures
from core.tasks.answers import Answers
from core.tasks.class_groups import group_named
from core.tasks.datasets import AbsentError, DataError, decode, home
from core.tasks.datasets.adapters import PER_PICTURE, DataLocation, freeze, guess, look, open_parts
from core.tasks.datasets.catalogue import entries, entry
from core.tasks.datasets.decode import bytes_needed, cores
from core.tasks.datasets.fetch import fetch
from core.tasks.datasets.formats.parquet import grouped
from core.tasks.datasets.images import Files, StoredPart
from core.tasks.datasets.source import FileSource
from core.tasks.datasets.splits import Cut
from core.tasks.datasets.status import STATES, Status, clear_cache, located, statuses
from core.tasks.task import ROLES, SPLITS, Pictures, Source, Task, TaskError
from core.tasks.text_files import text_of
from core.tasks.zip_names import zip_names

__all__ = [
    "PER_PICTURE",
    "ROLES",
    "SPLITS",
    "STATES",
    "AbsentError",
    "Answers",
    "Cut",
    "DataError",
    "DataLocation",
    "FileSource",
    "Files",
    "Pictures",
    "Source",
    "Status",
    "StoredPart",
    "Task",
    "TaskError",
    "bytes_needed",
    "clear_cache",
    "cores",
    "decode",
    "entries",
    "entry",
    "fetch",
    "freeze",
    "group_named",
    "grouped",
    "guess",
    "home",
    "located",
    "look",
    "open_parts",
    "pictures",
    "statuses",
    "text_of",
    "zip_names",
]
