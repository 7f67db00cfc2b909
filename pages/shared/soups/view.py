"""What the soup page shows, as a value: read from the address, written to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.recipes import OPTIMISERS, PARTITIONS, PRESETS
from core.soups import METHODS, PoolResults
from pages.shared.app.url_state import whole_number

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


def read(known: Sequence[PoolResults], parameters: Mapping[str, str]) -> tuple[View, list[str]]:
    """The view that an address asks for, and one sentence for each part of it that makes no sense and was left out."""
    complaints: list[str] = []

    def one_of(name: str, allowed: Sequence[str], otherwise: str) -> str:
        value = parameters.get(name, otherwise)
        if value in allowed:
            return value
        complaints.append(f"This link asks for {name} {value!r}, which is not there; showing {otherwise}.")
        return otherwise

    def whole(name: str, low: int, high: int, otherwise: int) -> int:
        text = parameters.get(name, str(otherwise))
        if (found := whole_number(text, low, high)) is not None:
            return found
        complaints.append(f"This link asks for {name} {text!r}, which lies not in {low} to {high}; using {otherwise}.")
        return otherwise

    folders = [found.folder for found in known]
    pool = one_of("pool", folders, folders[0]) if folders else ""
    rows = [row.name for row in pool_of(known, pool).rows()] if folders else []
    names = [*rows, *(row.name for found in known for row in found.individuals)]
    best = default_row(pool_of(known, pool)) if folders else ""
    usual = "blocks" if parameters.get("show") == "hand" else "C8"
    cut = parameters.get("partition", usual)
    if cut not in PARTITIONS and whole_number(cut, 1, 40) is None:
        cut = one_of("partition", PARTITIONS, usual)
    view = View(
        one_of("show", list(SHOWN), "results"),
        pool,
        one_of("soup", rows, best) if rows else "",
        one_of("method", METHODS, "manifold"),
        cut,
        one_of("preset", list(PRESETS), "paper"),
        one_of("optimiser", OPTIMISERS, OPTIMISERS[0]),
        whole("budget", 2, 5000, 250),
        _tau(parameters.get("tau", ""), complaints),
        whole("seed", 0, 9999, 0),
        parameters.get("racing") == "yes",
        one_of("from", ["", *names], ""),
        one_of("candidate", ["", *names], ""),
        _factors(parameters.get("factors", ""), complaints),
    )
    return view, complaints


def _tau(text: str, complaints: list[str]) -> float:
    usual = View.tau
    try:
        found = round(float(text or usual), 6)
    except ValueError:
        found = -1.0
    if 0 <= found <= 1:
        return found
    complaints.append(f"This link asks for τ {text!r}, which is no number from 0 to 1; using {usual:g}.")
    return usual


def _factors(text: str, complaints: list[str]) -> tuple[float, ...]:
    try:
        found = tuple(round(float(word), 3) for word in text.split(",") if word)
    except ValueError:
        found = (-1.0,)
    if all(0 <= f <= 1 for f in found):
        return found
    complaints.append("This link holds mixing factors that are no numbers from 0 to 1; starting from the usual ones.")
    return ()


def pool_of(known: Sequence[PoolResults], folder: str) -> PoolResults:
    """The results of that pool, or of the first; there must be one."""
    return next((found for found in known if found.folder == folder), known[0])


def default_row(found: PoolResults) -> str:
    """The soup that a first visit sees: the best on val of manifold mixing, or else of all that take one pass."""
    rows = [row for row in found.rows() if row.passes == 1]
    mixed = [row for row in rows if row.kind == "manifold"] or rows
    return max(mixed, key=lambda row: row.val.accuracy.value).name


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out."""
    usual = View()
    found = {"show": view.show} | ({"soup": view.row} if view.row else {}) | ({"pool": view.pool} if view.pool else {})
    for name in ("method", "partition", "preset", "optimiser", "budget", "tau", "seed"):
        if getattr(view, name) != getattr(usual, name):
            found[name] = str(getattr(view, name))
    if view.show == "hand":
        found["partition"] = view.partition
    hand = {"from": view.soup, "candidate": view.candidate, "factors": ",".join(f"{f:g}" for f in view.factors)}
    found |= {name: said for name, said in hand.items() if said and view.show == "hand"}
    return found | ({"racing": "yes"} if view.racing else {})
