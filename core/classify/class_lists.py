"""Class names in the forms that tools write: JSON, YAML, numbered lists, ids and names; or a sentence on why not."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

from core import PaletteError
from core.tasks import DataError, text_of

_NUMBERED = re.compile(r"\s*[\[(]?(\d+)(?:[.):\]]\s*|\s*->\s*|\s+)(\S.*)")
_WORDNET = re.compile(r"\s*(n\d{8})[\s,:]+(\S.*)")
_ITEM = re.compile(r"\s*-\s+(\S.*)")
_KEY = re.compile(r"[A-Za-z_]\w*\s*:\s*(\S.*)?")
_PYTHON = re.compile(r"\s*(?:[A-Za-z_]\w*\s*=|import\s|from\s+\w+\s+import\s|def\s)")
TABLES = ("id2label", "names", "classes", "class_names", "labels", "label2id", "class_to_idx")


class ListError(PaletteError):
    """A list of class names in a form that cannot be used; the message says what to do."""


def names_in(text: str) -> list[str] | None:
    """The names in order, blank and repeated ones too, if ``text`` is in one of these forms; else None.

    JSON (a list, id to name, name to id, or a model's config with id2label), a YAML list or table, a numbered list,
    WordNet ids with names. Raises ListError for source code and for JSON that holds no names.
    """
    plain = text.strip().lstrip("\ufeff")
    if plain.startswith(("[", "{")) and plain.endswith(("]", "}")):
        return _from_json(plain)
    if _PYTHON.match(plain):
        raise ListError("This is program code, not a list of class names; write one name on each line, or as JSON.")
    lines = [line for line in plain.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = _yaml(lines)
    return found if found is not None else _numbered(lines)


def file_text(path: Path) -> str:
    """The text of a file of names or templates, whatever marks its encoding. Raises PaletteError in one sentence."""
    try:
        return text_of(path.read_bytes(), path.name)
    except DataError:
        raise
    except OSError as error:
        raise PaletteError(f"Cannot read {path}: {error.strerror or error}.") from None


def _from_json(text: str) -> list[str]:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(text)  # a Python list of names, which is a literal and no program
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return _refuse("begins like JSON, but cannot be read as it")
    if isinstance(found, dict):
        inner = next((found[key] for key in TABLES if isinstance(found.get(key), dict | list)), found)
        found = _table(inner) if isinstance(inner, dict) else inner
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        return _refuse("is JSON, but no list of names nor names by number")
    return found


def _table(table: dict[Any, Any]) -> list[Any]:
    if table and all(str(key).isdecimal() for key in table):
        values = [table[key] for key in sorted(table, key=lambda k: int(k))]
        return [v[-1] if isinstance(v, list) and v else v for v in values]  # Keras: number to WordNet id and name
    if table and all(isinstance(value, int) for value in table.values()):
        return sorted(map(str, table), key=lambda name: table[name])
    return _refuse("is JSON, but no list of names nor names by number")


def _refuse(what: str) -> list[str]:
    raise ListError(f"The list of class names {what}; write one name on each line.")


def _yaml(lines: list[str]) -> list[str] | None:
    start = 1 if lines and (key := _KEY.fullmatch(lines[0])) and not key[1] else 0
    rest = lines[start:]
    if len(rest) > 0 and all(_ITEM.fullmatch(line) for line in rest):
        return [_bare(_ITEM.fullmatch(line)[1]) for line in rest]  # type: ignore[index]
    if start and (found := _numbered(rest)) is not None:
        return [_bare(name) for name in found]
    inside = next((i for i, line in enumerate(lines) if re.match(r"names\s*:", line)), None)
    if inside is not None and all(_KEY.match(line) or line[:1] in " -" for line in lines):  # Ultralytics' data.yaml
        flow = lines[inside].split(":", 1)[1].strip()
        if flow.startswith("["):
            return _from_json(flow)
        block = []
        for line in lines[inside + 1 :]:
            if not line.startswith((" ", "-")):
                break
            block.append(line)
        return _yaml(["names:", *block])
    return None


def _numbered(lines: list[str]) -> list[str] | None:
    if len(lines) < 2:
        return None
    if all(_WORDNET.fullmatch(line) for line in lines):
        return [_WORDNET.fullmatch(line)[2] for line in lines]  # type: ignore[index]
    found = [_NUMBERED.fullmatch(line) for line in lines]
    numbers = [int(one[1]) for one in found if one]
    if len(numbers) != len(lines) or numbers not in (list(range(len(lines))), list(range(1, len(lines) + 1))):
        return None
    return [one[2].rstrip() for one in found if one]


def _bare(name: str) -> str:
    name = name.strip()
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"" else name
