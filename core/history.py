"""Recipes that somebody made, kept on disk: so that any page can go on with a mix from any other, tomorrow too."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from core import PaletteError, disk
from core.recipe import Recipe


@dataclass(frozen=True)
class Entry:
    """One recipe with where it came from.

    ``key`` is what links and addresses carry; ``title`` says what it is, for people; ``origin`` is the address of the
    page that made it (such as ``patch?task=digits&alpha=0.50``); ``when`` is in seconds since 1970.
    """

    key: str
    recipe: Recipe
    title: str
    origin: str = ""
    when: float = 0.0


class History:
    """The recipes of one workspace, each a small JSON file in ``recipes/``, named by the recipe's digest."""

    def __init__(self, workspace: Path) -> None:
        self.folder = workspace / "recipes"

    def remember(self, recipe: Recipe, title: str, origin: str = "") -> Entry:
        """Keep a recipe, and say under which key; the same recipe again only becomes the newest. Raises DiskError."""
        entry = Entry(recipe.digest()[:16], recipe, title, origin, time.time())
        disk.write_json(self._path(entry.key), asdict(entry) | {"recipe": json.loads(recipe.to_json())})
        return entry

    def __getitem__(self, key: str) -> Entry:
        """The entry of a key. Raises PaletteError if there is none or it cannot be read."""
        try:
            facts = json.loads(self._path(key).read_text(encoding="utf-8"))
            return Entry(**facts | {"recipe": Recipe.from_json(json.dumps(facts["recipe"]))})
        except FileNotFoundError:
            raise PaletteError(f"No recipe {key!r} is kept here; open it on the page where it was made.") from None
        except (ValueError, TypeError, KeyError) as error:
            raise PaletteError(f"The kept recipe {key!r} cannot be read ({error}); make it again.") from None

    def entries(self) -> list[Entry]:
        """Every entry that can be read, the newest first."""
        found = []
        for path in self.folder.glob("*.json"):
            try:
                found.append(self[path.stem])
            except PaletteError:
                continue
        return sorted(found, key=lambda e: -e.when)

    def _path(self, key: str) -> Path:
        try:
            return self.folder / f"{disk.safe_name(key)}.json"
        except ValueError as error:
            raise PaletteError(str(error)) from None
