"""Recipes that somebody made, kept on disk: so that any page can go on with a mix from any other, tomorrow too."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core import PaletteError
from core.recipes import Recipe
from core.storage import files

LONGEST_NAME = 120
RECIPE = ("models", "components", "coefficients")


@dataclass(frozen=True)
class HistoryEntry:
    """One recipe with where it came from.

    ``key`` is what links and addresses carry; ``title`` says what it is, for people; ``origin`` is the address of the
    page that made it (such as ``alpha?task=digits&alpha=0.50``); ``when`` is in seconds since 1970. ``name`` and
    ``star`` are its owner's; ``figures`` are the accuracies known when it was last looked at, as
    ``manifest.figures`` gives them.
    """

    key: str
    recipe: Recipe
    title: str
    origin: str = ""
    when: float = 0.0
    name: str = ""
    star: bool = False
    figures: tuple[Mapping[str, Any], ...] = ()

    @property
    def label(self) -> str:
        """The name that its owner gave it, or else its title."""
        return self.name or self.title

    def matches(self, words: str) -> bool:
        """Whether all the words occur in its name, title, origin, key, models or measured tasks, in any case."""
        measured = (str(figure.get("task", "")) for figure in self.figures)
        text = " ".join((self.name, self.title, self.origin, self.key, *self.recipe.models, *measured)).casefold()
        return all(word in text for word in words.casefold().split())


def key_of(recipe: Recipe) -> str:
    """The key of a recipe: what describes the same weights has the same."""
    return recipe.digest()[:16]


class History:
    """The recipes of one workspace, each a small JSON file in ``recipes/``, named by the recipe's digest.

    Such a file is a recipe's own JSON with more beside, so that every command takes it.
    """

    def __init__(self, workspace: Path) -> None:
        self.folder = workspace / "recipes"

    def remember(
        self, recipe: Recipe, title: str, origin: str = "", figures: Sequence[Mapping[str, Any]] = ()
    ) -> HistoryEntry:
        """Keep a recipe, and say under which key; the same one again becomes the newest, and keeps its name and star.

        Raises DiskError.
        """
        entry = HistoryEntry(key_of(recipe), recipe, title, origin, time.time(), figures=tuple(figures))
        if old := self.find(recipe):
            entry = replace(entry, name=old.name, star=old.star, figures=entry.figures or old.figures)
            entry = replace(entry, origin=origin or old.origin)
        return self._keep(entry)

    def find(self, recipe: Recipe) -> HistoryEntry | None:
        """The entry of a recipe, or None."""
        try:
            return self[key_of(recipe)]
        except PaletteError:
            return None

    def change(self, key: str, **what: Any) -> HistoryEntry:
        """Give an entry another ``name``, ``star`` or ``figures``; the rest stays. Raises PaletteError."""
        entry = replace(self[key], **what)
        if len(entry.name) > LONGEST_NAME or not entry.name.isprintable():
            raise PaletteError(f"A name is one line of at most {LONGEST_NAME} characters.")
        return self._keep(replace(entry, name=entry.name.strip(), figures=tuple(entry.figures)))

    def forget(self, key: str) -> None:
        """Remove an entry; none of that key is fine, too."""
        self.path(key).unlink(missing_ok=True)

    def __contains__(self, key: str) -> bool:
        try:
            return bool(self[key])
        except PaletteError:
            return False

    def __getitem__(self, key: str) -> HistoryEntry:
        """The entry of a key. Raises PaletteError if there is none or it cannot be read."""
        try:
            facts = json.loads(self.path(key).read_text(encoding="utf-8"))
            recipe = Recipe.from_json(json.dumps({word: facts.pop(word) for word in RECIPE}))
            return HistoryEntry(recipe=recipe, **facts | {"figures": tuple(facts.get("figures", ()))})
        except FileNotFoundError:
            raise PaletteError(f"No recipe {key!r} is kept here; open it on the page where it was made.") from None
        except (ValueError, TypeError, KeyError) as error:
            raise PaletteError(f"The kept recipe {key!r} cannot be read ({error}); make it again.") from None

    def entries(self, words: str = "") -> list[HistoryEntry]:
        """Every entry that can be read and that matches the words: starred ones first, then the newest."""
        found = []
        for path in self.folder.glob("*.json"):
            try:
                found.append(self[path.stem])
            except PaletteError:
                continue
        return sorted((e for e in found if e.matches(words)), key=lambda e: (not e.star, -e.when))

    def _keep(self, entry: HistoryEntry) -> HistoryEntry:
        facts = asdict(entry)
        del facts["recipe"]
        files.write_json(self.path(entry.key), json.loads(entry.recipe.to_json()) | facts)
        return entry

    def path(self, key: str) -> Path:
        """Where the entry of a key is, or would be. Raises PaletteError for a key that could be a path."""
        try:
            return self.folder / f"{files.safe_name(key)}.json"
        except ValueError as error:
            raise PaletteError(str(error)) from None
