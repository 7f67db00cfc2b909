"""What the page for many tasks shows, as a value: read from the address, written to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from core import PaletteError
from core.patching import Comparison, ComparisonPlan, StrategyRow, make_plan, tasks_named
from core.recipes import OPTIMISERS, check_distinct
from core.workspace import Lab
from pages.shared.app.url_state import Parameters, written

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
    return {f"{s} {i}" if len(each) > 1 else s: r for s, each in rows.items() for i, r in enumerate(each, 1)}


def read(lab: Lab, kept: Mapping[str, Comparison], parameters: Parameters) -> View:
    """The view that an address asks for."""
    key = parameters.one_of("compare", [*kept, NEW], next(iter(kept), NEW))
    figure, side = parameters.one_of("figure", FIGURES, View.figure), parameters.one_of("side", SIDES, View.side)
    request = _request(lab, parameters)
    if key == NEW:
        return View(key, figure, side, request=request)
    outcome = kept[key]
    orders = max((len(outcome.of(s)) for s in outcome.strategies()), default=1)
    return View(
        key,
        figure,
        side,
        parameters.one_of("result", results(outcome), ""),
        (parameters.whole("order", 1, orders, 1) or 1) - 1,
        parameters.shares("alphas", 4, len(outcome.facts["tasks"])) or None,  # type: ignore[arg-type]
        request,
    )


def _request(lab: Lab, parameters: Parameters) -> Request:
    usual = Request(tuple(lab.by_role("patching")), tuple(lab.default_supported()))
    sides = {side: _tasks(lab, parameters, side) or getattr(usual, side) for side in ("tasks", "supported")}
    numbers = {name: parameters.whole(name, *limits, getattr(usual, name)) for name, limits in LIMITS.items()}
    optimiser = parameters.one_of("optimiser", OPTIMISERS, usual.optimiser)
    total = 1.0 if parameters.text("total") == "1.0" else None
    return Request(**sides, **numbers, optimiser=optimiser, total=total)  # type: ignore[arg-type]


def _tasks(lab: Lab, parameters: Parameters, side: str) -> tuple[str, ...]:
    """The tasks, or groups of classes, that a side of the request names; those that are no tasks are left out."""
    words = [word for word in parameters.text(side).split(",") if word]
    try:
        check_distinct(words)
        tasks_named(lab, words)
    except PaletteError as error:
        parameters.complaints.append(str(error))
        words = [word for word in dict.fromkeys(words) if _names_tasks(lab, word)]
    return tuple(words)


def _names_tasks(lab: Lab, word: str) -> bool:
    try:
        return bool(tasks_named(lab, [word]))
    except PaletteError:
        return False


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out, except what makes the link speak for itself."""
    if view.key == NEW:
        asked = {part.name: getattr(view.request, part.name) for part in fields(Request)}
        if view.request.total is not None:
            asked["total"] = str(view.request.total)
        return {"compare": NEW} | written(asked, {part.name: part.default for part in fields(Request)})
    values = {
        "compare": view.key,
        "figure": view.figure,
        "side": view.side,
        "result": view.result,
        "order": view.order + 1,
        "alphas": view.alphas,
    }
    return written(values, {"figure": View.figure, "side": View.side, "result": "", "order": 1})
