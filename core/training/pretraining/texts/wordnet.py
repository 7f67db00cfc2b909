"""WordNet's nouns, from Debian's ``wordnet-base``: their names, and what each is a kind of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/usr/share/wordnet")


@dataclass(frozen=True)
class Nouns:
    """``names``: words and short phrases by synset, most usual first; ``kinds``: synsets that each is a kind of;
    ``first``: the usual sense of each name (lower case); ``common``: names that WordNet's own tagged texts use."""

    names: dict[str, tuple[str, ...]]
    kinds: dict[str, tuple[str, ...]]
    first: dict[str, str]
    common: frozenset[str]

    def above(self, synset: str) -> set[str]:
        """All that a synset is a kind of, at any distance."""
        found: set[str] = set()
        todo = [synset]
        while todo:
            for kind in self.kinds.get(todo.pop(), ()):
                if kind not in found:
                    found.add(kind)
                    todo.append(kind)
        return found


def read(root: Path = ROOT) -> Nouns:
    """WordNet's nouns; synsets are called as ImageNet calls them, ``n`` and eight figures."""
    names: dict[str, tuple[str, ...]] = {}
    kinds: dict[str, tuple[str, ...]] = {}
    for fields in _lines(root / "data.noun"):
        count = int(fields[3], 16)
        synset, pointers = f"n{fields[0]}", fields[5 + 2 * count :]
        names[synset] = tuple(fields[4 + 2 * i].replace("_", " ") for i in range(count))
        above = (i for i in range(0, len(pointers) - 3, 4) if pointers[i] in ("@", "@i"))
        kinds[synset] = tuple(f"n{pointers[i + 1]}" for i in above)
    first, common = {}, set()
    for fields in _lines(root / "index.noun"):
        name, senses = fields[0].replace("_", " "), int(fields[2])
        first[name] = f"n{fields[-senses]}"
        if int(fields[-senses - 1]):
            common.add(name)
    return Nouns(names, kinds, first, frozenset(common))


def _lines(path: Path) -> list[list[str]]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.partition(" | ")[0].split() for line in lines if not line.startswith(" ")]
