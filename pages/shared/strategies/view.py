"""What the page for many tasks shows, as a value: read from the address, written to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from core import PaletteError
from core.patching import Comparison, ComparisonPlan, StrategyRow, make_plan, tasks_named
from core.recipes import OPTIMISERS, check_distinct
from core.workspace import Lab

NEW = "new"
VALUES_OF_TWO = 11  # of each α_i where two tasks are compared, unless somebody asks for more or for none
FIGURES = {"bars": "Strategies", "tasks": "Tasks", "sequence": "Sequence", "mix": "Mix"}
SIDES = {"combined": "Combined", "patching": "Patching", "supported": "Supported"}
LIMITS = {"orders": (0, 20), "budget": (1, 10_000_000), "seed": (0, 9999), "trials": (1, 5000), "exhaustive": (0, 51)}


@dataclass(frozen=True)
class Request:
    """A comparison that somebody asks for, in words: ``digits/5`` stands for five groups of its classes."""

    tasks: tuple[str, ...] = ()
    supported: tuple[str, ...] = ()
    orders: int = 3
    budget: int | None = None
    seed: int = 0
    optimiser: str = OPTIMISERS[0]
    trials: int = 100
    total: float | None = None
    exhaustive: int | None = None

    def plan(self, lab: Lab) -> ComparisonPlan:
        """The checked plan. Raises PaletteError in one sentence."""
        names = [tasks_named(lab, words) for words in (self.tasks, self.supported)]
        more = {n: getattr(self, n) for n in ("orders", "seed", "optimiser", "trials", "total")}
        usual = VALUES_OF_TWO if len(names[0]) == 2 else 0
        return make_plan(
            lab, *names, self.budget, **more, exhaustive=usual if self.exhaustive is None else self.exhaustive
        )


@dataclass(frozen=True)
class View:
    """Everything that a copied link must bring back.

    ``key`` is an outcome's, or ``new``; ``result`` names a row of it; ``order`` counts sequences from 0; ``alphas`` is
    the mix that somebody steered to (None: the searched one).
    """

    key: str = NEW
    figure: str = "bars"
    side: str = "combined"
    result: str = ""
    order: int = 0
    alphas: tuple[float, ...] | None = None
    request: Request = field(default_factory=Request)


def results(outcome: Comparison) -> dict[str, StrategyRow]:
    """The rows of an outcome by name: the strategy, with its number where there are several orders."""
    rows = {s: outcome.of(s) for s in outcome.strategies()}
    return {f"{s} {i}" if len(found) > 1 else s: r for s, found in rows.items() for i, r in enumerate(found, 1)}


def read(lab: Lab, kept: Mapping[str, Comparison], parameters: Mapping[str, str]) -> tuple[View, list[str]]:
    """The view that an address asks for, and one sentence for each part of it that makes no sense and was left out."""
    complaints: list[str] = []

    def one_of(name: str, allowed: Sequence[str], otherwise: str) -> str:
        value = parameters.get(name, otherwise)
        if value in allowed or value == otherwise:
            return value
        complaints.append(f"This link asks for {name} {value!r}, which is not there; showing {otherwise or 'another'}.")
        return otherwise

    key = one_of("compare", [*kept, NEW], next(iter(kept), NEW))
    figure, side = one_of("figure", list(FIGURES), "bars"), one_of("side", list(SIDES), "combined")
    request = _request(lab, parameters, complaints)
    if key == NEW:
        return View(key, figure, side, request=request), complaints
    outcome = kept[key]
    result = one_of("result", list(results(outcome)), "")
    orders = max((len(outcome.of(s)) for s in outcome.strategies()), default=1)
    order = (_whole(parameters, "order", 1, (1, orders), complaints) or 1) - 1
    alphas = _alphas(parameters.get("alphas"), len(outcome.facts["tasks"]), complaints)  # type: ignore[arg-type]
    return View(key, figure, side, result, order, alphas, request), complaints


def _request(lab: Lab, parameters: Mapping[str, str], complaints: list[str]) -> Request:
    usual = Request(tuple(lab.by_role("patching")), tuple(lab.default_supported()))
    sides = {}
    for side in ("tasks", "supported"):
        words = [w for w in parameters.get(side, "").split(",") if w] or list(getattr(usual, side))
        try:
            check_distinct(words)
            tasks_named(lab, words)
        except PaletteError as error:
            complaints.append(str(error))
            words = [w for w in dict.fromkeys(words) if _names_tasks(lab, w)]
        sides[side] = tuple(words)
    numbers = {
        name: _whole(parameters, name, getattr(usual, name), limits, complaints) for name, limits in LIMITS.items()
    }
    optimiser = parameters.get("optimiser", usual.optimiser)
    if optimiser not in OPTIMISERS:
        complaints.append(f"There is no optimiser {optimiser!r}; choose one of {', '.join(OPTIMISERS)}.")
        optimiser = usual.optimiser
    total = 1.0 if parameters.get("total") == "1.0" else None
    return Request(**sides, **numbers, optimiser=optimiser, total=total)  # type: ignore[arg-type]


def _names_tasks(lab: Lab, word: str) -> bool:
    try:
        return bool(tasks_named(lab, [word]))
    except PaletteError:
        return False


def _whole(
    parameters: Mapping[str, str], name: str, otherwise: int | None, limits: tuple[int, int], complaints: list[str]
) -> int | None:
    text = parameters.get(name)
    if text is None:
        return otherwise
    if text.isascii() and text.isdigit() and len(text) < 9 and limits[0] <= int(text) <= limits[1]:
        return int(text)
    said = "the usual" if otherwise is None else otherwise
    complaints.append(
        f"This link asks for {name} {text!r}, but that is a number from {limits[0]} to {limits[1]:,}; showing {said}."
    )
    return otherwise


def _alphas(text: str | None, count: int, complaints: list[str]) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        found = tuple(round(float(word), 4) for word in text.split(","))
    except ValueError:
        found = ()
    if len(found) == count and all(math.isfinite(a) and 0 <= a <= 1 for a in found):
        return found
    complaints.append(f"This link asks for α_i {text!r}, but it takes {count} numbers between 0 and 1.")
    return None


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out, except what makes the link speak for itself."""
    parameters = {"compare": view.key}
    if view.key == NEW:
        usual = Request()
        for part in fields(Request):
            value = getattr(view.request, part.name)
            if value != getattr(usual, part.name):
                parameters[part.name] = ",".join(value) if isinstance(value, tuple) else str(value)
        return parameters
    if view.figure != "bars":
        parameters["figure"] = view.figure
    if view.side != "combined":
        parameters["side"] = view.side
    if view.result:
        parameters["result"] = view.result
    if view.order:
        parameters["order"] = str(view.order + 1)
    if view.alphas is not None:
        parameters["alphas"] = ",".join(f"{a:g}" for a in view.alphas)
    return parameters
