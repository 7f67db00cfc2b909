"""Mixes as people name them: NAME, NAME@ALPHA, a key of the history, or a recipe's own JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core import PaletteError
from core.recipes import Recipe, check_alpha, lerp, single, unused
from core.workspace.checkpoints import BASE
from core.workspace.history import History

if TYPE_CHECKING:  # so that the command line can say --help without opening a workspace's libraries
    from core.workspace.lab import Lab

KEY = re.compile(r"[0-9a-f]{16}")
LONGEST = 2**20  # characters of a pasted recipe; one of nine models and 26 components is a few kB
LARGEST_FILE = 2**24  # characters of one in a file: exported ones name their classes, too


@dataclass(frozen=True)
class Mix:
    """A recipe with what it is called: ``word`` brings it back, ``title`` is for people."""

    word: str
    recipe: Recipe
    title: str


def parse_recipe(lab: Lab, text: str) -> Recipe:
    """A recipe from a word on the command line: NAME, NAME@ALPHA or FILE.json. Raises PaletteError."""
    if text.endswith(".json"):
        try:
            found = Path(text).read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            raise PaletteError(f"Cannot read {text}: {getattr(error, 'strerror', None) or error}.") from None
        return from_json(lab, found, LARGEST_FILE)
    return by_name(text)


def from_json(lab: Lab, text: str, longest: int = LONGEST) -> Recipe:
    """A recipe's JSON, of models that are all here; an exported one says which weights they are, by their digests.

    Raises PaletteError, also for more than ``longest`` characters.
    """
    if len(text) > longest:
        raise PaletteError("That JSON is too long to be a recipe.")
    recipe = check(lab, Recipe.from_json(text))
    exported = json.loads(text.removeprefix("\ufeff")).get("export")
    parents = exported.get("parents") if isinstance(exported, dict) else None
    if not isinstance(parents, dict):
        return recipe
    for model in recipe.models:
        here, meant = lab.zoo[model].digest, str(parents.get(model, ""))
        if meant and meant != here:
            raise PaletteError(
                f"This recipe means another {model!r} (digest {meant[:12]}) than the one of {lab.name} ({here[:12]}). "
                "`python -m core apply` finds models by their digests, whatever they are called here."
            )
    return recipe


def by_name(text: str) -> Recipe:
    """The recipe of NAME or NAME@ALPHA, whether or not there is such a checkpoint. Raises PaletteError."""
    name, at, alpha = text.partition("@")
    if not at:
        return single(name)
    try:
        value = float(alpha)
    except ValueError:
        raise PaletteError(f"{alpha!r} in {text!r} is not a number; write NAME@ALPHA, such as digits@0.4.") from None
    return lerp(single(BASE), single(name), check_alpha(value))


def read(lab: Lab, text: str) -> Mix:
    """What a person typed or an address says, as a mix of checkpoints that are all here. Raises PaletteError.

    A file is never read: this is what pages ask with whatever somebody typed. JSON is remembered under its key.
    """
    text, history = text.strip(), History(lab.folder)
    if not text:
        raise PaletteError("Name a mix: a checkpoint, NAME@ALPHA such as digits@0.4, or a recipe as JSON.")
    if text.startswith("{"):
        recipe = from_json(lab, text)
        entry = history.find(recipe) or history.remember(recipe, title_of(recipe))
        return Mix(entry.key, recipe, entry.label)
    if KEY.fullmatch(text) and text not in lab.zoo:
        entry = history[text]
        return Mix(text, check(lab, entry.recipe), entry.label)
    return Mix(text, check(lab, by_name(text)), title_of(by_name(text)))


def check(lab: Lab, recipe: Recipe) -> Recipe:
    """The recipe, if all of its models are here. Raises CheckpointError naming one that is not."""
    for model in recipe.models:
        lab.zoo[model]
    return recipe


def idle_columns(lab: Lab, recipe: Recipe) -> str:
    """One sentence on the components that own no weight of this workspace's models; "" if there are none."""
    idle = unused(recipe, list(lab.zoo.weights(BASE)))
    named = ", ".join(f"{name!r:.80}" for name in idle[:5]) + (f" and {len(idle) - 5} more" if len(idle) > 5 else "")
    columns = "that column changes" if len(idle) == 1 else "those columns change"
    return f"No weight is called {named}: {columns} nothing." if idle else ""


def title_of(recipe: Recipe) -> str:
    """A recipe in a few words: 'digits at α = 0.4', 'joint', 'a mix of base, digits and signs'."""
    found = recipe.canonical()
    if len(found.models) == 1:
        return found.models[0]
    others = [m for m in found.models if m != BASE]
    if len(others) == 1 and found.components == ("",) and BASE in found.models:
        return f"{others[0]} at α = {found.column('')[others[0]]:g}".replace("= -", "= −")
    return f"a mix of {', '.join(found.models[:-1])} and {found.models[-1]}"


def patches(lab: Lab) -> list[str]:
    """Every patch there is: those that the workspace is meant to have, and each checkpoint that starts from the base
    and says its tasks, such as one brought in."""
    known = lab.patches()

    def is_patch(name: str) -> bool:
        try:
            return lab.zoo[name].start in (None, lab.base) and bool(lab.trained_on(name))
        except PaletteError:  # damaged, or silent about its tasks
            return False

    return known + [name for name in lab.zoo.names() if name not in (BASE, *known) and is_patch(name)]
