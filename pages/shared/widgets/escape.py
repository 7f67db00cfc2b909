"""Sentences that quote names from elsewhere, shown as they are: a file may be called ``[log in](http://...)``."""

from __future__ import annotations

import re

CODE = re.compile(r"(`[^`\n]*`)")  # what Palette itself sets as code stays so
MEANT = re.compile(r"[*\[\]$~<>|\\]|^#|(?<![^\W_])_|_(?![^\W_])|:(?=[\w+\-/]+[:\[])")  # not the _ inside of a word


def plain(sentence: str) -> str:
    """A sentence in which Markdown finds nothing to do but the code between backticks."""
    parts = CODE.split(sentence)
    return "".join(part if i % 2 else MEANT.sub(r"\\\g<0>", part) for i, part in enumerate(parts))
