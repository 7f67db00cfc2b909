"""What an exported model says of itself: its recipe, parents, classes, templates, preprocessing and known figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core import PaletteError
from core.models import class_rows, clip
from core.recipes import Recipe, RecipeError
from core.storage import Mapped, files
from core.workspace import BASE, Lab

RECIPE_FILE = "recipe.json"
LARGEST_JSON = 16 * 2**20  # bytes; a recipe of nine models and 26 components is a few kB


class ExportError(PaletteError):
    """A recipe that cannot be written, or read back, as asked; the message says what to do."""


def known_figures(lab: Lab, recipe: Recipe, tasks: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Accuracies on val and test that are known already, each with its 95 % interval and n; nothing is computed."""
    figures = []
    for task in lab.tasks if tasks is None else tasks:
        for split in ("val", "test"):
            if split in lab.task(task).source.sizes() and lab.is_cached(recipe, task, split):
                a = lab.evaluate(recipe, task, split).accuracy
                figures.append(
                    {"task": task, "split": split, "accuracy": a.value, "low": a.low, "high": a.high, "n": a.n}
                )
    return figures


def describe_recipe(
    lab: Lab, recipe: Recipe, fmt: str, dtype: str, tasks: Sequence[str] | None = None
) -> dict[str, Any]:
    """The facts that go into the header, the JSON and the card: plain JSON, the same for the same question.

    ``tasks`` are those whose classes, templates and figures belong to the model; by default those that its checkpoints
    were trained on and those with known figures. ``trained_heads`` are the tasks that the mix answers with the mix of
    its models' own heads (``export.heads``). Raises CheckpointError or TaskError for what is not there.
    """
    config = clip.read_config(lab.folder / "base")
    parents = {name: lab.zoo[name] for name in sorted({BASE, *recipe.models})}
    known = known_figures(lab, recipe, tasks)
    trained = {t for name in recipe.models for t in parents[name].tasks if t in lab.tasks}
    mine = [t for t in lab.tasks if t in (trained | {f["task"] for f in known} if tasks is None else tasks)]
    mine = [t for t in mine if not lab.task(t).per_picture]  # those have no head that could go along
    own = [t for t in mine if any(class_rows(parents[m].classes, lab.task(t).head_names) for m in recipe.models)]
    mine = [t for t in mine if t not in own or not lab.task(t).stands_for]  # the largest of several logits is no head
    own = [t for t in own if t in mine]
    heads = {t: {"class_names": lab.task(t).class_names, "templates": lab.task(t).templates} for t in mine}
    facts = {
        "workspace": lab.name,
        "base_model": lab.facts.base_model or lab.name,
        "format": fmt,
        "dtype": dtype,
        "recipe": json.loads(recipe.to_json()),
        "parents": {name: parent.digest for name, parent in parents.items()},
        "text": clip.text_digest(lab.folder / "base"),
        "model_cfg": config["model_cfg"],
        "preprocess_cfg": config["preprocess_cfg"],
        "activation": activation(config["model_cfg"]),
        "tasks": heads,
        "figures": known,
        **({"trained_heads": own} if own else {}),
    }
    return json.loads(json.dumps(facts, sort_keys=True))  # as they are when read back, from a header or a JSON


def activation(model_cfg: Mapping[str, object]) -> str:
    """The activation of a CLIP's transformers, as open_clip's config says it: quick_gelu or gelu."""
    return "quick_gelu" if model_cfg.get("quick_gelu") else "gelu"


def recipe_json(facts: Mapping[str, Any], digests: Mapping[str, str]) -> dict[str, Any]:
    """The JSON beside the weights: a recipe as any other, with the facts of its export."""
    rest = {key: value for key, value in facts.items() if key != "recipe"}
    recipe = {key: facts["recipe"][key] for key in ("models", "components", "coefficients")}
    return {**recipe, "export": rest, "digests": dict(digests)}


def read_recipe(path: Path) -> Recipe:
    """The recipe of an exported folder, a safetensors file, or a JSON; of a .pt or .onnx, from the JSON beside it.

    Raises ExportError or RecipeError in one sentence.
    """
    return read_manifest(path)[0]


def read_manifest(path: Path) -> tuple[Recipe, dict[str, Any] | None, dict[str, str]]:
    """A recipe, the facts of its export (None if a person wrote it), and the digests of what was written."""
    path = Path(path)
    try:
        if path.is_dir():
            path = path / RECIPE_FILE
        if path.suffix.lower() == ".safetensors":
            facts = Mapped(path).facts
            if "recipe" not in facts or "parents" not in facts:
                raise ExportError(f"{path.name} holds no recipe: Palette did not export it.")
            digests = {key: facts.pop(key) for key in ("digest", "image_digest", "text_digest") if key in facts}
            recipe = Recipe.from_json(json.dumps(facts["recipe"]))
            return recipe, {**facts, "recipe": json.loads(recipe.to_json())}, digests
        if path.suffix.lower() != ".json":
            path = path.with_name(path.name + ".json")
        if path.stat().st_size > LARGEST_JSON or not path.is_file():
            raise ExportError(f"{path.name} is too large to be a recipe, or no file.")
        text = path.read_text(encoding="utf-8-sig")
    except files.DamagedError as error:
        raise ExportError(str(error)) from None
    except PaletteError:
        raise
    except FileNotFoundError:
        raise ExportError(f"There is no {path}, so there is no recipe to read.") from None
    except (OSError, ValueError, RuntimeError) as error:
        raise ExportError(f"{str(path)[:200]} cannot be read ({str(error)[:200]}).") from None
    recipe = Recipe.from_json(text)
    whole = json.loads(text)
    if not isinstance(whole.get("export"), dict):
        return recipe, None, {}
    digests = whole.get("digests", {})
    if not isinstance(digests, dict) or not all(isinstance(digest, str) for digest in digests.values()):
        raise ExportError(f"{path.name} is not what Palette wrote: its digests are no table of words.")
    return recipe, {**whole["export"], "recipe": json.loads(recipe.to_json())}, digests


def parents_on_disk(lab: Lab, recipe: Recipe, facts: Mapping[str, Any] | None) -> dict[str, Path]:
    """Where the base and the recipe's models are; with ``facts``, found by digest, whatever they are called here.

    Raises ExportError naming a parent that is not here.
    """
    names = sorted({BASE, *recipe.models})
    if facts is None:
        return {name: lab.zoo.whole(name) for name in names}
    here = {lab.zoo[name].digest: name for name in reversed(lab.zoo.names())}
    wanted = facts["parents"]
    if wanted.get(BASE) != lab.zoo[BASE].digest:
        raise ExportError(f"The recipe was made in a workspace with another base than that of {lab.name}.")
    paths = {}
    for name in names:
        lab.zoo.path(name)  # refuses what cannot be a name
        digest = wanted.get(name)
        if not isinstance(digest, str):
            raise RecipeError(f"The recipe does not say which weights {name!r} is: its digest is missing.")
        if digest not in here:
            raise ExportError(
                f"The recipe was made with {name!r} of digest {digest[:12]}, which {lab.name} does not have; "
                "import that checkpoint first."
            )
        paths[name] = lab.zoo.whole(here[digest])
    if facts.get("text") != clip.text_digest(lab.folder / "base"):
        raise ExportError(f"The recipe was made with another text tower than that of {lab.name}.")
    return paths


# What the facts of an export look like, as JSON Schema: whatever a person changed in them is checked against it.
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
        message = wrong.message if len(wrong.message) < 200 else f"{wrong.message[:200]} …"
        return f"{place}: {message}" if place else message
    strange = [name for name in facts.get("trained_heads", ()) if name not in facts["tasks"]]
    return f"trained_heads: {strange[0]!r} is none of its tasks" if strange else ""
