"""What the facts of an export look like, as JSON Schema: whatever a person changed in them is checked against it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

WORD = {"type": "string", "minLength": 1}
WORDS = {"type": "array", "items": WORD}
COUNT = {"type": "integer", "minimum": 1}
TEMPLATE = {"type": "string", "pattern": r"^(?![\s\S]*\{\}[\s\S]*\{\})[\s\S]*\{\}"}  # exactly one {}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}


def _table(required: Mapping[str, Any], **optional: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": {**required, **optional}}


def _each(of: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": of}


SCHEMA = _table(
    {
        "workspace": WORD,
        "base_model": {"type": "string"},
        "format": WORD,
        "dtype": WORD,
        "parents": _each(WORD),
        "text": WORD,
        "model_cfg": {"type": "object"},
        "preprocess_cfg": {"type": "object"},
        "activation": WORD,
        "tasks": _each(
            _table(
                {
                    "class_names": WORDS | {"minItems": 1, "uniqueItems": True},
                    "templates": {"type": "array", "items": TEMPLATE},
                }
            )
        ),
        "figures": {
            "type": "array",
            "items": _table({"task": WORD, "split": WORD, "accuracy": SHARE, "low": SHARE, "high": SHARE, "n": COUNT}),
        },
    },
    trained_heads=WORDS,
)


def complaint(facts: Mapping[str, Any]) -> str:
    """What is wrong with the facts of an export, in a few words that name the place; "" if nothing is."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    try:
        json.dumps(facts, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:  # infinity, or half of a letter
        return f"it holds what no file can hold ({error})"
    if wrong := best_match(Draft202012Validator(SCHEMA).iter_errors(facts)):
        place = ".".join(map(str, wrong.absolute_path))
        said = wrong.message if len(wrong.message) < 200 else f"{wrong.message[:200]} …"
        return f"{place}: {said}" if place else said
    strange = [name for name in facts.get("trained_heads", ()) if name not in facts["tasks"]]
    return f"trained_heads: {strange[0]!r} is none of its tasks" if strange else ""
