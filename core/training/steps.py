"""Building a workspace: which steps are missing, how long they take, and doing them so that a kill loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.progress import Progress


@dataclass(frozen=True)
class Step:
    """One piece of a build: skipped if ``done``, else run; ``cost`` counts pictures through a forward pass."""

    title: str
    cost: float
    done: Callable[[], bool]
    run: Callable[[Progress], object]


def build(steps: Iterable[Step], progress: Progress) -> None:
    """Run what is not done yet, in order; what another process finished meanwhile is skipped."""
    todo = [step for step in steps if not step.done()]
    for step in progress(todo, costs=[step.cost for step in todo]):
        if not step.done():
            progress.at(progress.fraction, step.title)
            step.run(progress)
