"""What came out of a soup: its figures on every split, picture by picture, so that tests need no model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core.metrics import Accuracy, Paired, accuracy_of, mean, paired
from core.recipes import Recipe


@dataclass(frozen=True)
class Answered:
    """Which of ``n`` pictures were right, as hexadecimal bits (first picture first); accuracy follows from it."""

    n: int
    bits: str

    @classmethod
    def of(cls, right: np.ndarray) -> Answered:
        """From bool (n,)."""
        return cls(len(right), np.packbits(right).tobytes().hex())

    @cached_property
    def right(self) -> np.ndarray:
        """bool (n,)."""
        return np.unpackbits(np.frombuffer(bytes.fromhex(self.bits), np.uint8), count=self.n).astype(bool)

    @cached_property
    def accuracy(self) -> Accuracy:
        """Top-1 accuracy with its 95 % Wilson interval."""
        return accuracy_of(self.right)


@dataclass(frozen=True)
class SoupRow:
    """One model (or ensemble) and how it did: on the task's val and test, and on the test split of each shift.

    ``recipe`` is None for an ensemble, which ``members`` and ``passes`` (forward passes for each picture) describe.
    """

    name: str
    kind: str
    recipe: Recipe | None
    val: Answered
    test: Answered
    shifts: Mapping[str, Answered]
    members: tuple[str, ...] = ()
    passes: int = 1
    note: str = ""

    @cached_property
    def ood(self) -> Accuracy | None:
        """Mean accuracy over the shifts, with the interval of a mean of independent ones; None for no shifts."""
        each = [a.accuracy for a in self.shifts.values()]
        return mean(each) if each else None

    def against(self, other: SoupRow) -> dict[str, Paired]:
        """Paired tests of this row against another on the same pictures: on test, each shift, and the shifts together.

        Together is McNemar's test on all of the shifts' pictures, which weighs shifts by their size.
        """
        found = {"test": paired(other.test.right, self.test.right)}
        found |= {t: paired(other.shifts[t].right, a.right) for t, a in self.shifts.items()}
        if self.shifts:
            both = [np.concatenate([r.shifts[t].right for t in self.shifts]) for r in (other, self)]
            found["ood"] = paired(*both)
        return found


@dataclass(frozen=True)
class SoupOutcome:
    """A row with how it came about. ``facts`` holds the plan, ``groups`` the titles of the components of λ."""

    facts: Mapping[str, Any]
    row: SoupRow
    verdicts: tuple[Mapping[str, Any], ...] = ()
    groups: tuple[str, ...] = ()
    optimiser: str = ""
    evaluations: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PoolResults:
    """Everything known of a pool: what it is, its individual models best first, and the outcomes of its soups."""

    facts: Mapping[str, Any]
    individuals: tuple[SoupRow, ...]
    outcomes: tuple[SoupOutcome, ...] = ()
    folder: str = ""

    def rows(self) -> list[SoupRow]:
        """The table's rows: best and second-best individual (on val), then every outcome, in the order made."""
        named = ["Best individual model", "Second-best individual model"]
        best = [replace(r, name=n, note=r.name) for n, r in zip(named, self.individuals, strict=False)]
        return [*best, *(o.row for o in self.outcomes)]

    def row(self, name: str) -> SoupRow | None:
        """The row of that name."""
        return next((row for row in self.rows() if row.name == name), None)


def _fields(row: SoupRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def row_facts(row: SoupRow) -> dict[str, Any]:
    """A row as plain JSON."""
    facts = _fields(row) | {"recipe": json.loads(row.recipe.to_json()) if row.recipe else None}
    facts |= {"val": asdict(row.val), "test": asdict(row.test)}
    return facts | {"shifts": {t: asdict(a) for t, a in row.shifts.items()}, "members": list(row.members)}


def row_of(facts: Mapping[str, Any]) -> SoupRow:
    """What ``row_facts`` gave, read back."""
    recipe = Recipe.from_json(json.dumps(facts["recipe"])) if facts["recipe"] else None
    shifts = {t: Answered(**a) for t, a in facts["shifts"].items()}
    parts = {"recipe": recipe, "shifts": shifts, "members": tuple(facts["members"])}
    return SoupRow(**{**facts, **parts, "val": Answered(**facts["val"]), "test": Answered(**facts["test"])})


def outcome_facts(outcome: SoupOutcome) -> dict[str, Any]:
    """An outcome as plain JSON."""
    bare = {name: getattr(outcome, name) for name in outcome.__dataclass_fields__}
    return bare | {"row": row_facts(outcome.row)}


def outcome_from(facts: Mapping[str, Any]) -> SoupOutcome:
    """What ``outcome_facts`` gave, read back."""
    lists = {name: tuple(facts[name]) for name in ("verdicts", "groups", "notes")}
    return SoupOutcome(**{**facts, **lists, "row": row_of(facts["row"])})


def read_results(folder: Path) -> PoolResults | None:
    """What a pool's folder holds, None if it is not a pool's; raises ValueError, KeyError or TypeError if damaged."""
    try:
        facts = json.loads((folder / "pool.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    individuals = sorted(map(row_of, facts.pop("individuals")), key=lambda row: -row.val.accuracy.value)
    paths = [p for p in folder.glob("*.json") if p.name != "pool.json"]
    found = [outcome_from(json.loads(p.read_text(encoding="utf-8"))) for p in paths]
    order = ["uniform", "greedy", "manifold", "learned", "wise", "ensemble", "greedy ensemble"]
    found.sort(key=lambda o: (order.index(o.facts["method"]), o.row.name))
    for i, outcome in enumerate(found):
        same = sum(other.row.name == outcome.row.name for other in found[:i])
        if same:
            found[i] = replace(outcome, row=replace(outcome.row, name=f"{outcome.row.name} · {same + 1}"))
    return PoolResults(facts, tuple(individuals), tuple(found), folder.name)


def marks(rows: Sequence[SoupRow], column: str) -> dict[str, str]:
    """Which rows are "best" and "second" in a column (``test``, a shift, ``ood``); ensembles, which cost more, are out.

    Equal values share a mark, as in the paper's Table 1.
    """
    found = {r.name: v for r in rows if r.passes == 1 and (v := value(r, column)) is not None}
    places = sorted(set(found.values()), reverse=True)[:2]
    return {name: ("best", "second")[places.index(v)] for name, v in found.items() if v in places}


def value(row: SoupRow, column: str) -> float | None:
    """A row's accuracy in a column: ``val``, ``test``, ``ood``, or a shift's name."""
    if column == "ood":
        return row.ood.value if row.ood else None
    found = {"val": row.val, "test": row.test, **row.shifts}.get(column)
    return found.accuracy.value if found else None
