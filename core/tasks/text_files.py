"""Text as people save it: with any mark of its encoding, or refused in one sentence, never read as rubbish."""

from __future__ import annotations

import codecs

from core.tasks.datasets import DataError

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def text_of(data: bytes, name: str) -> str:
    """The text of a file: in UTF-8, or in what its first bytes say. Raises DataError if it is in anything else."""
    encoding = next((e for mark, e in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(
            f"{name} is not in UTF-8 (line {line}); save it as UTF-8, since what it says is not known."
        ) from None
    if "\0" in text:
        raise DataError(f"{name} is no text in UTF-8 (it holds zero bytes); save it as UTF-8.")
    return text
