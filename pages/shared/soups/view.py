"""What the soup page shows, as a value: read from the address, written to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.recipes import OPTIMISERS, PARTITIONS, PRESETS
from core.soups import METHODS, PoolResults
from pages.shared.app.url_state import Parameters, whole_number, written

SHOWN = {"results": "Results", "search": "Search", "hand": "By hand"}


@dataclass(frozen=True)
class View:
    """Everything that a copied link must bring back.

    ``pool`` is the folder of the pool whose results are shown, ``row`` the soup whose details are open; ``soup``,
    ``candidate`` and ``factors`` are a mix by hand (empty: as it begins).
    """

    show: str = "results"
    pool: str = ""
    row: str = ""
    method: str = "manifold"
    partition: str = "C8"
    preset: str = "paper"
    optimiser: str = OPTIMISERS[0]
    budget: int = 250
    tau: float = PRESETS["paper"].tau
    seed: int = 0
    racing: bool = False
    soup: str = ""
    candidate: str = ""
    factors: tuple[float, ...] = ()


def read(known: Sequence[PoolResults], parameters: Parameters) -> View:
    """The view that an address asks for."""
    folders = [results.folder for results in known]
    pool = parameters.one_of("pool", folders, folders[0]) if folders else ""
    rows = [row.name for row in pool_of(known, pool).rows()] if folders else []
    names = [*rows, *(row.name for results in known for row in results.individuals)]
    return View(
        parameters.one_of("show", SHOWN, View.show),
        pool,
        parameters.one_of("soup", rows, default_row(pool_of(known, pool))) if rows else "",
        parameters.one_of("method", METHODS, View.method),
        parameters.parsed("partition", _partition, "blocks" if parameters.text("show") == "hand" else View.partition),
        parameters.one_of("preset", PRESETS, View.preset),
        parameters.one_of("optimiser", OPTIMISERS, View.optimiser),
        parameters.whole("budget", 2, 5000, View.budget),
        parameters.share("tau", View.tau, digits=6),
        parameters.whole("seed", 0, 9999, View.seed),
        parameters.flag("racing"),
        parameters.one_of("from", names, ""),
        parameters.one_of("candidate", names, ""),
        parameters.shares("factors", digits=3),
    )


def _partition(text: str) -> str:
    if text not in PARTITIONS:
        whole_number(text, 1, 40)
    return text


def pool_of(known: Sequence[PoolResults], folder: str) -> PoolResults:
    """The results of that pool, or of the first; there must be one."""
    return next((results for results in known if results.folder == folder), known[0])


def default_row(results: PoolResults) -> str:
    """The soup that a first visit sees: the best on val of manifold mixing, or else of all that take one pass."""
    rows = [row for row in results.rows() if row.passes == 1]
    mixed = [row for row in rows if row.kind == "manifold"] or rows
    return max(mixed, key=lambda row: row.val.accuracy.value).name


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out."""
    search = {name: getattr(view, name) for name in ("method", "partition", "preset", "optimiser", "budget", "tau")}
    values = {"show": view.show, "soup": view.row, "pool": view.pool, **search, "seed": view.seed}
    usual = {name: getattr(View, name) for name in (*search, "seed")} | {"soup": "", "pool": "", "racing": False}
    if view.show == "hand":
        del usual["partition"]
        values |= {"from": view.soup or None, "candidate": view.candidate or None, "factors": view.factors or None}
    return written({**values, "racing": view.racing}, usual)
