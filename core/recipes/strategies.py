"""Patching several tasks (PAINT §2 and §5), one after the other or in parallel; jointly is ``paint`` as it stands."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import factorial, fsum

from core import PaletteError
from core.progress import SILENT, Progress
from core.recipes.paint import GRID, Step, check_alpha, paint
from core.recipes.recipe import Recipe, combine
from core.recipes.search import Objective, Trial, Vector
from core.recipes.soups import uniform

EXHAUSTIVE_TASKS = 3


@dataclass(frozen=True)
class Stage:
    """One task of a sequence: the checkpoint fine-tuned on it, the α chosen, the weights after it, and each α tried."""

    task: str
    tuned: Recipe
    alpha: float
    recipe: Recipe
    steps: tuple[Step, ...]


def sequential(
    base: Recipe,
    tasks: Sequence[str],
    tune: Callable[[str, Recipe], Recipe],
    score: Callable[[Recipe, Sequence[str]], float],
    alphas: Sequence[float] = GRID,
    interpolate: bool = True,
    progress: Progress = SILENT,
) -> tuple[Recipe, list[Stage]]:
    """Patch one task after the other: θ_zs ← θ_patch after each (PAINT §2, sequential patching).

    ``tune(task, start)`` fine-tunes from the weights so far. ``score(recipe, seen)`` is combined accuracy on *val*
    over the supported tasks and the tasks seen so far, in [0, 1]; it chooses α_k. Without ``interpolate`` every α is
    1: plain sequential fine-tuning, the paper's baseline of forgetting. Raises PaletteError for a task named twice.
    """
    check_distinct(tasks)
    recipe, stages = base, []
    for k, task in enumerate(progress(tasks), 1):
        tuned = tune(task, recipe)
        seen = tuple(tasks[:k])
        recipe, steps = paint(recipe, tuned, partial(_with, score, seen), alphas if interpolate else (1.0,))
        alpha = alphas[[s.recipe for s in steps].index(recipe)] if interpolate else 1.0
        stages.append(Stage(task, tuned, alpha, recipe, tuple(steps)))
    return recipe, stages


def _with(score: Callable[[Recipe, Sequence[str]], float], seen: Sequence[str], recipe: Recipe) -> float:
    return score(recipe, seen)


def mixed(base: Recipe, tuned: Sequence[Recipe], alphas: Vector) -> Recipe:
    """θ_patch = (1 - Σ α_i)·θ_zs + Σ α_i·θ_ft^(i), PAINT §2, parallel patching."""
    return combine([base, *tuned], [1 - fsum(alphas), *alphas])


def shared(
    base: Recipe,
    tuned: Sequence[Recipe],
    score: Callable[[Recipe], float],
    alphas: Sequence[float] = GRID,
    progress: Progress = SILENT,
) -> tuple[Recipe, list[Step]]:
    """Patch in parallel with one α: from the base to the average of the fine-tuned models (PAINT §5)."""
    return paint(base, uniform(tuned), score, alphas, progress)


def searched(
    base: Recipe,
    tuned: Sequence[Recipe],
    score: Callable[[Recipe], float],
    search: Callable[[Objective, Vector], Iterable[Trial]],
    start: Vector,
    tie: Callable[[Recipe], float] = lambda _: 0.0,
) -> tuple[Recipe, list[Step]]:
    """Patch in parallel with one α_i per task, found by black-box search (PAINT §5, footnote 4).

    ``search(objective, start)`` gives back what it tried. ``tie`` in [0, 1] decides between equal scores, and shows an
    optimiser where a flat score leads; the first of what is still equal wins, so a start is only left for something
    better. Steps hold plain scores.
    """

    def objective(alphas: Vector) -> tuple[float, float]:
        recipe = mixed(base, tuned, alphas)
        return score(recipe), tie(recipe)

    trials = list(search(objective, start))
    best = max(trials, key=lambda t: (t.score, t.tie))
    return mixed(base, tuned, best.x), [_step(base, tuned, t.x, t.score) for t in trials]


def exhaustive(
    base: Recipe,
    tuned: Sequence[Recipe],
    score: Callable[[Recipe], float],
    alphas: Sequence[float] = GRID,
    progress: Progress = SILENT,
) -> tuple[Recipe, list[Step]]:
    """Patch in parallel with every (α_1, ..., α_k) of a grid, for two or three tasks: the headroom of PAINT §5.

    Between equals the smallest Σ α_i wins, which moves the weights least. Raises PaletteError for more tasks.
    """
    if not 1 <= len(tuned) <= EXHAUSTIVE_TASKS:
        mixes = len(alphas) ** len(tuned)
        raise PaletteError(
            f"Trying every mix is for two or three tasks; {len(tuned)} tasks at {len(alphas)} values each would be "
            f"{mixes:,} mixes. Use a search."
        )
    vectors = list(product([check_alpha(a) for a in alphas], repeat=len(tuned)))
    steps = [_step(base, tuned, v, score(mixed(base, tuned, v))) for v in progress(vectors)]
    best = min(range(len(vectors)), key=lambda i: (-steps[i].score, fsum(vectors[i]), vectors[i]))
    return steps[best].recipe, steps


def _step(base: Recipe, tuned: Sequence[Recipe], alphas: Vector, score: float) -> Step:
    return Step(mixed(base, tuned, alphas), score, "α = " + ", ".join(f"{a:g}" for a in alphas))


def check_distinct(tasks: Sequence[str]) -> None:
    """Raise PaletteError if a task is named twice."""
    if twice := sorted({t for t in tasks if list(tasks).count(t) > 1}):
        raise PaletteError(f"Each task is patched once; named twice: {', '.join(twice)}.")


def orders(tasks: Sequence[str], count: int, seed: int = 0) -> list[tuple[str, ...]]:
    """``count`` different orders of the tasks, seeded; fewer if there are not as many. 0: only the one they come in.

    But for 0, a function of the seed and of which tasks there are, not of how they were listed (PAINT §5, footnote 3).
    """
    check_distinct(tasks)
    if count == 0:
        return [tuple(tasks)]
    drawn: dict[tuple[str, ...], None] = {}
    draw = random.Random(seed)
    while len(drawn) < min(count, factorial(len(tasks))):
        order = sorted(tasks)
        draw.shuffle(order)
        drawn[tuple(order)] = None
    return list(drawn)
