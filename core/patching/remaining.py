"""What a comparison of strategies still has to do: each part is tried with nothing but what is on disk."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from core import PaletteError
from core.metrics import Accuracy
from core.patching.comparison import _Comparison
from core.patching.plan import ComparisonPlan
from core.progress import SILENT
from core.recipes import Recipe
from core.workspace import Lab


class _NotThereError(PaletteError):
    """Something would have to be evaluated."""


class _Reading(_Comparison):
    """A comparison that trains nothing, evaluates nothing and waits for nobody."""

    def look(self, recipe: Recipe, task: str, split: str) -> Accuracy:
        if not self.lab.known(recipe, task, split):
            raise _NotThereError(f"{task} ({split}) was not evaluated yet.")
        return super().look(recipe, task, split)

    def alone(self, name: str) -> AbstractContextManager[None]:
        return nullcontext()


def remaining(lab: Lab, plan: ComparisonPlan) -> list[tuple[str, float]]:
    """The parts of a comparison that are not wholly there: title, and cost in forward passes of a picture.

    A part that is half there counts as a whole one, so that the sum is the most that it can cost.
    """
    return [(title, cost) for title, cost, work in _Reading(lab, plan, SILENT, False).parts() if not _there(work)]


def _there(work: Callable[[], object]) -> bool:
    try:
        work()
    except PaletteError:
        return False
    return True
