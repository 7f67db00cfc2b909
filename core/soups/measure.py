"""Measuring what soups are made of and what came out: every split that is shown, picture by picture, kept per pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from core.progress import SILENT, Progress
from core.recipes import Recipe, SoupError, lerp, single
from core.soups.plan import Pool, pool_folder
from core.soups.results import Answered, PoolResults, SoupOutcome, SoupRow, outcome_facts, read_results, row_facts
from core.storage import files
from core.workspace import Lab

WISE_ALPHAS = tuple(round(i / 10, 1) for i in range(11))


def measured(
    lab: Lab,
    pool: Pool,
    name: str,
    kind: str,
    what: Recipe | Callable[[tuple[str, str]], Any],
    progress: Progress,
    members: tuple[str, ...] = (),
    note: str = "",
) -> SoupRow:
    """A row: a recipe (or an ensemble, as a function from (task, split) to bool (n,)) on every split that is shown."""
    keys = [(pool.task, "val"), (pool.task, "test"), *((shift, "test") for shift in pool.shifts)]
    found = []
    for key in progress(keys, f"Measuring {name}", [lab.task(t).size(s) for t, s in keys]):
        right = lab.evaluate(what, *key, progress).right if isinstance(what, Recipe) else what(key)
        found.append(Answered.of(right))
    val, test, *rest = found
    recipe = what.canonical() if isinstance(what, Recipe) else None
    shifts = dict(zip(pool.shifts, rest, strict=True))
    return SoupRow(name, kind, recipe, val, test, shifts, members, max(1, len(members)), note)


def individuals(lab: Lab, pool: Pool, progress: Progress = SILENT) -> PoolResults:
    """The pool's results, with every ingredient measured; they are measured and kept the first time."""
    folder = pool_folder(lab, pool)
    try:
        if (known := read_results(folder)) is not None:
            return known
    except (ValueError, KeyError, TypeError):
        lab.notices.append(f"The soups in {folder.name} could not be read; the ingredients are measured again.")
    rows = []
    for name in progress(pool.ingredients, "Measuring the ingredients"):
        rows.append(measured(lab, pool, name, "individual", single(name), progress))
    facts: dict[str, Any] = asdict(pool) | {
        "workspace": lab.name,
        "digests": {name: lab.zoo[name].digest for name in pool.ingredients},
        "settings": {name: dict(lab.zoo[name].settings) for name in pool.ingredients},
        "trained_head": bool(lab.zoo[pool.ingredients[0]].classes),
    }
    files.write_json(folder / "pool.json", facts | {"individuals": [row_facts(row) for row in rows]})
    rows.sort(key=lambda row: -row.val.accuracy.value)
    return PoolResults(facts, tuple(rows), folder=folder.name)


def wise_ft(
    lab: Lab, pool: Pool, name: str, progress: Progress = SILENT, alphas: Sequence[float] = WISE_ALPHAS
) -> SoupOutcome:
    """WiSE-FT (arXiv 2109.01903): (1 - α)·base + α·ingredient over α, on the task and its shifts; kept with the pool.

    The base's head is the text tower's. The row is the α that is best on val (the smallest of equals); ``verdicts``
    hold every α with its accuracies.
    """
    if name not in pool.ingredients:
        raise SoupError(f"{name!r} is no ingredient of this pool; it has {', '.join(pool.ingredients)}.")
    rows = list[SoupRow]()
    individuals(lab, pool, progress)
    for alpha in progress(alphas, f"Evaluating {name} over α"):
        recipe = lerp(lab.base, single(name), alpha)
        rows.append(measured(lab, pool, f"WiSE-FT of {name}", "wise", recipe, progress, note=f"α = {alpha:g}"))
    best = max(rows, key=lambda r: r.val.accuracy.value)
    curve = tuple(
        {
            "alpha": a,
            "val": r.val.accuracy.value,
            "test": asdict(r.test.accuracy),
            "ood": asdict(r.ood) if r.ood else None,
        }
        for a, r in zip(alphas, rows, strict=True)
    )
    outcome = SoupOutcome({"method": "wise", "ingredient": name}, best, curve)
    files.write_json(pool_folder(lab, pool) / f"wise-{name}.json", outcome_facts(outcome))
    return outcome


def pool_results(lab: Lab) -> list[PoolResults]:
    """Every pool that the workspace keeps, the largest first; what cannot be read is passed over with a notice."""
    found = []
    for path in sorted((lab.folder / "soups").glob("*/pool.json")):
        try:
            if (one := read_results(path.parent)) is not None:
                found.append(one)
        except (OSError, ValueError, KeyError, TypeError) as error:
            lab.notices.append(
                f"The soups in {path.parent.name} cannot be read ({type(error).__name__}); make them again."
            )
    return sorted(found, key=lambda r: -len(r.individuals))
