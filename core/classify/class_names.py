"""Class names and prompt templates as people type or paste them: understood, or refused in one sentence."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from core import PaletteError
from core.classify import class_lists

MAX_CLASSES = 10_000
MAX_NAME = 200  # characters
MAX_TEMPLATE = 500
MAX_PROMPTS = 100_000
TEMPLATES = ("a photo of a {}",)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")  # nobody's name, and some steer a terminal
_HEADINGS = ("class", "classes", "class_name", "classname", "name", "names", "label", "labels", "category")


class WordlistError(PaletteError):
    """Class names or templates that cannot be used; the message names the first one at fault."""


@dataclass(frozen=True)
class Wordlist:
    """Class names, each once, with a few words on what was left out."""

    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_class_names(text: str, keep_all: bool = False) -> Wordlist:
    """Class names from text: one a line; or one line with commas; or CSV with a column that is called ``class``.

    CSV without such a heading is known by a column of numbers beside the names; ``class_lists`` tells what else is
    understood. Empty lines and repeated names (capitals do not count: the tokenizer drops them) are left out, and said;
    with ``keep_all`` names stay as many as they are, because they belong to labels. Raises WordlistError.
    """
    listed = class_lists.names_in(text)
    lines = [line for line in _CONTROLS.sub("", text.lstrip("\ufeff")).splitlines() if line.strip()]
    try:
        found, heading = _cells(lines) if listed is None else (listed, "")
        cells = [" ".join(_CONTROLS.sub("", cell).split()) for cell in found if cell.strip() or keep_all]
    except csv.Error as error:
        raise WordlistError(f"These class names cannot be read as CSV ({error}); write one on each line.") from None
    if keep_all and not all(cells):
        raise WordlistError(f"Class {cells.index('') + 1} of {len(cells)} has a blank name; every class needs one.")
    names: dict[str, str] = {}
    for cell in cells:
        names.setdefault(cell if keep_all else cell.casefold(), cell)
    kept = tuple(names.values())
    if not kept:
        raise WordlistError("There is no class name yet; write one on each line.")
    if len(kept) > MAX_CLASSES:
        raise WordlistError(f"{len(kept):,} class names are too many; the limit is {MAX_CLASSES:,}.")
    for name in kept:
        if len(name) > MAX_NAME:
            raise WordlistError(
                f"The class name that begins {name[:30]!r} has {len(name):,} characters; the limit is {MAX_NAME}."
            )
    repeated = len(cells) - len(kept)
    notes = [f"{repeated:,} repeated {'name' if repeated == 1 else 'names'} left out"] if repeated else []
    if heading:
        notes.append(f"the first line, {heading[:40]!r}, taken as a heading")
    return Wordlist(kept, tuple(notes))


def templates(text: str) -> tuple[str, ...]:
    """Prompt templates, one a line, each with one ``{}`` where the class name goes. Raises WordlistError."""
    found = tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if not found:
        raise WordlistError("There is no prompt template yet; write one, such as: a photo of a {}")
    return check_templates(found)


def check_templates(found: Sequence[str]) -> tuple[str, ...]:
    """The templates, if each can be used. Raises WordlistError."""
    for template in found:
        if len(template) > MAX_TEMPLATE:
            raise WordlistError(
                f"The template that begins {template[:30]!r} has {len(template):,} characters; "
                f"the limit is {MAX_TEMPLATE}."
            )
        if template.count("{}") != 1:
            raise WordlistError(f"The template {template!r} needs {{}} once, where the class name goes.")
    return tuple(found)


def prompts(names: Sequence[str], used: Sequence[str]) -> list[list[str]]:
    """Every name in every template: one list per class. Raises WordlistError if that is too many."""
    if len(names) * len(used) > MAX_PROMPTS:
        raise WordlistError(
            f"{len(names):,} class names in {len(used):,} templates are {len(names) * len(used):,} prompts; "
            f"the limit is {MAX_PROMPTS:,}: use fewer templates."
        )
    return [[template.replace("{}", name) for template in used] for name in names]


def _cells(lines: Sequence[str]) -> tuple[list[str], str]:
    """The cells that hold names, and the heading that was taken off them."""
    if not lines:
        return [], ""
    delimiter = max(",;\t", key=lines[0].count)
    if len(lines) == 1:
        return next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True)), ""
    rows = [row for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, skipinitialspace=True) if row]
    heading = [cell.strip().casefold() for cell in rows[0]]
    column, wide = next((i for i, cell in enumerate(heading) if cell in _HEADINGS), None), len(heading)
    if column is not None and (wide > 1 or all(len(row) == 1 for row in rows)):
        return [row[column] for row in rows[1:] if len(row) > column], rows[0][column].strip()
    if wide > 1 and all(len(row) == wide for row in rows):
        columns = list(zip(*rows, strict=True))
        numeric = [all(cell.strip().isdigit() for cell in column[1:]) for column in columns]
        if any(numeric) and not all(numeric):
            names, numbers = columns[numeric.index(False)], columns[numeric.index(True)]
            headed = not numbers[0].strip().isdigit()
            return list(names[headed:]), names[0] if headed else ""
    return [_unquoted(line, delimiter) for line in lines], ""


def _unquoted(line: str, delimiter: str) -> str:
    cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
    return cells[0] if len(cells) == 1 else line
