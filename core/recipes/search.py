"""Black-box search over mixing factors; the one file that knows nevergrad."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from core import PaletteError
from core.progress import SILENT, Progress

OPTIMISERS = ("Cobyla", "NGOpt", "CMA", "OnePlusOne")
DECIMALS = (
    4  # closer points are one point: the weights hardly differ, and an optimiser that has converged costs nothing
)
TIE = 1e-4  # how much a tie-break of 1 counts for an optimiser: accuracy is flat between flips, and flat says nothing
SIGMA = 0.25  # with nevergrad's own step of 1, Cobyla's first probes bounce off the bounds, back to the start
UNREPEATABLE = "CmaFmin2"  # seeds itself from the clock, so a killed search could not be replayed

Vector = tuple[float, ...]
Objective = Callable[[Vector], tuple[float, float]]
"""Maps a point to its score in [0, 1] and a tie-break in [0, 1]; both are to be as high as can be."""


class SearchError(PaletteError):
    """A search that cannot begin, or an optimiser that failed."""


@dataclass(frozen=True)
class Trial:
    """One point that was tried, its score in [0, 1], and its tie-break in [0, 1]."""

    x: Vector
    score: float
    tie: float = 0.0


@dataclass(frozen=True)
class SearchResult:
    """What a search tried, each point once and in order, and which optimiser really ran."""

    trials: tuple[Trial, ...]
    optimiser: str

    @property
    def best(self) -> Trial:
        """The highest score; between equals the higher tie-break, then the first."""
        return max(self.trials, key=lambda t: (t.score, t.tie))


def within(x: Iterable[float], total: float | None = None) -> Vector:
    """The point of the space that stands for ``x``: entries in [0, 1]; with ``total``, scaled to sum to at most that.

    Rounded to 4 decimals (downwards where a sum is bounded).
    """
    point = [min(1.0, max(0.0, float(v))) for v in x]
    if total is None:
        return tuple(round(v, DECIMALS) for v in point)
    scale = min(1.0, total / (math.fsum(point) or 1.0))
    steps = 10**DECIMALS
    return tuple(math.floor(v * scale * steps + 1e-6) / steps for v in point)


def maximise(
    objective: Objective,
    start: Vector,
    budget: int,
    optimiser: str = "Cobyla",
    *,
    sigma: float = SIGMA,
    total: float | None = None,
    seed: int = 0,
    known: Iterable[Trial] = (),
    keep: Callable[[Trial], object] = lambda _: None,
    progress: Progress = SILENT,
) -> SearchResult:
    """Search [0, 1]^d, or with ``total`` its part that sums to at most that, for the highest score.

    The start is tried first; at most ``budget`` points are evaluated, none twice. ``keep`` is told of each evaluation
    as it is made. Given back as ``known``, those answer the same questions again, so that a search that was killed goes
    on exactly where it stopped: every optimiser here is a function of the seed and of the answers. ``progress`` wraps
    the questions and may raise to cancel; no thread is left behind then. Raises SearchError.
    """
    memory = {trial.x: trial for trial in known}

    def answer(point: Vector) -> Trial:
        if point not in memory:
            memory[point] = Trial(point, *objective(point))
            keep(memory[point])
        return memory[point]

    result = _search(answer, start, budget, optimiser, sigma, total, seed, progress)
    assert result is not None  # every point was answered
    return result


def replay(
    known: Iterable[Trial],
    start: Vector,
    budget: int,
    optimiser: str = "Cobyla",
    *,
    sigma: float = SIGMA,
    total: float | None = None,
    seed: int = 0,
) -> SearchResult | None:
    """The result of a search that ``known`` answers to its end; None if it would evaluate one more point.

    Raises SearchError, as ``maximise`` does.
    """
    return _search({trial.x: trial for trial in known}.get, start, budget, optimiser, sigma, total, seed, SILENT)


def _search(
    answer: Callable[[Vector], Trial | None],
    start: Vector,
    budget: int,
    optimiser: str,
    sigma: float,
    total: float | None,
    seed: int,
    progress: Progress,
) -> SearchResult | None:
    """Ask about points, each once, until the budget is spent; None at the first that has no answer."""
    if not start or budget < 1:
        raise SearchError("A search needs at least one factor to find and one evaluation to spend.")
    start, tried = within(start, total), dict[Vector, Trial]()

    def look(x: Iterable[float]) -> Trial | None:
        point = within(x, total)
        if point not in tried and (trial := answer(point)) is not None:
            tried[point] = trial
        return tried.get(point)

    if look(start) is None:
        return None
    with _running(optimiser, start, budget - 1, sigma, seed) as (engine, name):
        for _ in progress(range(budget - 1)):
            with _blamed(name):
                candidate = engine.ask()
            if _finished(engine):
                break
            if (trial := look(candidate.value)) is None:
                return None
            with _blamed(name):
                engine.tell(candidate, -(trial.score + TIE * trial.tie))
    return SearchResult(tuple(tried.values()), name)


@contextmanager
def _running(name: str, start: Vector, budget: int, sigma: float, seed: int) -> Iterator[tuple[Any, str]]:
    if name not in OPTIMISERS:
        raise SearchError(f"There is no optimiser {name!r}; choose one of {', '.join(OPTIMISERS)}.")
    with _blamed(name):
        engine, called = _engine(name, start, budget, sigma, seed), name
        chosen = [part.name for part in _parts(engine)[1:]]
        if name == "NGOpt" and chosen:
            called = f"NGOpt: {' of '.join(chosen)}"
        if any(UNREPEATABLE in part for part in chosen):
            engine = _engine("Cobyla", start, budget, sigma, seed)
            called = f"Cobyla, because NGOpt's choice ({chosen[-1]}) cannot be resumed"
    try:
        yield engine, called
    finally:
        for part in _parts(engine):
            if (thread := getattr(part, "_messaging_thread", None)) is not None:
                thread.stop()  # Cobyla runs in a thread that would keep the interpreter alive
                thread._thread.join(timeout=10)


def _engine(name: str, start: Vector, budget: int, sigma: float, seed: int) -> Any:
    import warnings

    import nevergrad

    for harmless in ("COBYLA: Invalid", "orphanated injected solution", "Could not import matplotlib"):
        warnings.filterwarnings("ignore", message=harmless)
    space = nevergrad.p.Array(init=list(start)).set_mutation(sigma=sigma).set_bounds(0, 1)
    space.random_state.seed(seed)
    return nevergrad.optimizers.registry[name](space, budget=max(1, budget), num_workers=1)


def _parts(engine: Any) -> list[Any]:
    """The optimiser and the ones that it hands its work to, outermost first."""
    engines = []
    while engine is not None:
        engines.append(engine)
        engine = getattr(engine, "optim", None) or getattr(engine, "_optim", None)
    return engines


def _finished(engine: Any) -> bool:
    """Whether an optimiser that runs in a thread has come to its end; what it says from then on is random."""
    threads = [getattr(part, "_messaging_thread", None) for part in _parts(engine)]
    return any(thread is not None and thread.output is not None for thread in threads)


@contextmanager
def _blamed(name: str) -> Iterator[None]:
    """Turn whatever nevergrad raises into one sentence."""
    try:
        yield
    except PaletteError:
        raise
    except Exception as error:
        raise SearchError(
            f"The optimiser {name} failed ({type(error).__name__}: {error}); what was tried is kept. "
            f"Try another one of {', '.join(OPTIMISERS)}."
        ) from error
