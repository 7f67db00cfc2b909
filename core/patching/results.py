"""What a comparison of strategies found: one row per strategy and order, as JSON, as CSV, and as a table to read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean, stdev

from core.metrics import Accuracy, Difference, Paired, mean
from core.recipes import Recipe

UNPATCHED, SHARED, SEARCHED, EXHAUSTIVE = "unpatched", "parallel", "parallel, searched", "parallel, exhaustive"
SEQUENTIAL, FORGETFUL = "sequential", "sequential, no interpolation"
JOINT, SPECIALISED = "joint", "specialised"
COLUMNS = (
    "strategy",
    "order",
    "split",
    "task",
    "accuracy",
    "low",
    "high",
    "n",
    "difference_from_unpatched",
    "optimiser_steps",
    "evaluations",
)


@dataclass(frozen=True)
class SequenceStage:
    """One task of a sequence: the checkpoint, the α chosen, and the accuracy of every task after it, on *test*."""

    task: str
    tuned: str
    alpha: float
    accuracies: Mapping[str, Accuracy]


@dataclass(frozen=True)
class StrategyRow:
    """One strategy (and order): its weights, its accuracies, and what it cost.

    ``recipes`` holds one recipe under ``""``, or one per task for specialised models. ``accuracies`` and ``combined``
    hold a value per split. ``alphas`` are the factors chosen: one, or one per task. ``tried`` pairs each vector of
    factors that was evaluated with its combined accuracy on *val*. ``steps`` counts optimiser steps, ``evaluations``
    mixes evaluated on *val*. ``timeline``, ``forgetting`` and ``backward_transfer`` (on *test*) belong to sequences.
    ``against_base`` tests each task against the unpatched model on the same *test* pictures.
    """

    strategy: str
    recipes: Mapping[str, Recipe]
    accuracies: Mapping[str, Mapping[str, Accuracy]]
    combined: Mapping[str, Accuracy]
    steps: int
    evaluations: int
    alphas: tuple[float, ...] = ()
    order: tuple[str, ...] = ()
    tried: tuple[tuple[tuple[float, ...], float], ...] = ()
    timeline: tuple[SequenceStage, ...] = ()
    forgetting: float | None = None
    backward_transfer: float | None = None
    note: str = ""
    against_base: Mapping[str, Paired] = field(default_factory=dict)


@dataclass(frozen=True)
class Contrast:
    """Combined accuracy on *test* of one strategy minus another's, paired; sequences as the mean of their orders."""

    better: str
    worse: str
    difference: Difference

    def sentence(self) -> str:
        """Whether the first is at least as good, as the paper found it, with the interval, as one sentence."""
        d = self.difference
        shown = f"{100 * d.value:+.1f} points [{100 * d.low:+.1f}, {100 * d.high:+.1f}]"
        noise = ", within noise" if d.within_noise else ""
        holds = "≥" if d.value >= 0 else "does not reach"
        return f"{self.better} {holds} {self.worse}: {shown}{noise}".replace("-", "−")


@dataclass(frozen=True)
class OrderSummary:
    """A strategy over its orders: mean combined accuracy on a split, standard deviation, lowest and highest.

    ``accuracy`` has the mean of the orders' intervals (they share their pictures, so averaging narrows nothing).
    """

    strategy: str
    orders: int
    accuracy: Accuracy
    deviation: float
    lowest: float
    highest: float
    forgetting: float | None
    backward_transfer: float | None


@dataclass(frozen=True)
class Comparison:
    """A comparison: the facts that it was asked for with, its rows, the unpatched model first, and their contrasts."""

    facts: Mapping[str, object]
    rows: tuple[StrategyRow, ...] = field(default=())
    contrasts: tuple[Contrast, ...] = ()

    def of(self, strategy: str) -> list[StrategyRow]:
        """The rows of a strategy, one per order."""
        return [row for row in self.rows if row.strategy == strategy]

    def on(self, row: StrategyRow, side: str, split: str = "test") -> Accuracy:
        """A row's combined accuracy, or the mean over its patching or its supported tasks."""
        if side == "combined":
            return row.combined[split]
        names = self.facts["tasks" if side == "patching" else "supported"]
        return mean([row.accuracies[split][str(task)] for task in names])  # type: ignore[attr-defined]

    def spread(self, strategy: str, split: str = "test", side: str = "combined") -> OrderSummary:
        """A strategy over its orders, on one side. Raises ValueError for one that has no row."""
        rows = self.of(strategy)
        if not rows:
            raise ValueError(f"This comparison has no strategy {strategy!r}.")
        accuracies = [self.on(row, side, split) for row in rows]
        values = [a.value for a in accuracies]
        middle = Accuracy(
            fmean(values), fmean(a.low for a in accuracies), fmean(a.high for a in accuracies), accuracies[0].n
        )
        lost = [row.forgetting for row in rows if row.forgetting is not None]
        back = [row.backward_transfer for row in rows if row.backward_transfer is not None]
        deviation = stdev(values) if len(values) > 1 else 0.0
        ends = (min(values), max(values))
        figures = (fmean(lost) if lost else None, fmean(back) if back else None)
        return OrderSummary(strategy, len(rows), middle, deviation, *ends, *figures)

    def strategies(self) -> list[str]:
        """The strategies, in the order of their rows."""
        return list(dict.fromkeys(row.strategy for row in self.rows))

    def to_json(self) -> str:
        """Everything, as JSON text."""
        rows = [
            {**_plain(row), "recipes": {n: json.loads(r.to_json()) for n, r in row.recipes.items()}}
            for row in self.rows
        ]
        spreads = [asdict(self.spread(s)) for s in self.strategies()]
        facts = {"facts": self.facts, "rows": rows, "spread_on_test": spreads}
        facts["contrasts_on_test"] = [asdict(contrast) for contrast in self.contrasts]
        return json.dumps(facts, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Comparison:
        """What ``to_json`` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        kept = json.loads(text)
        contrasts = [{**c, "difference": Difference(**c["difference"])} for c in kept.get("contrasts_on_test", ())]
        return cls(kept["facts"], tuple(_row(row) for row in kept["rows"]), tuple(Contrast(**c) for c in contrasts))

    def to_csv(self) -> str:
        """One line per strategy, order, split and task, and one for the combined accuracy."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in self.rows:
            for split, by_task in row.accuracies.items():
                first = self.rows[0]
                start = {**first.accuracies[split], "combined": first.combined[split]}
                for task, a in {**by_task, "combined": row.combined[split]}.items():
                    numbers = [f"{v:.6f}" for v in (a.value, a.low, a.high)]
                    gained = f"{a.value - start[task].value:.6f}" if task in start else ""
                    cost = (row.steps, row.evaluations)
                    writer.writerow([row.strategy, " > ".join(row.order), split, task, *numbers, a.n, gained, *cost])
        return out.getvalue()

    def table(self) -> str:
        """The comparison on *test* for people: one line per strategy, sequences as the mean of their orders."""
        start = self.rows[0].combined["test"].value
        names = {
            s: s + (f" ({self.spread(s).orders} orders)" if self.of(s)[0].order else "") for s in self.strategies()
        }
        wide = max(len(name) for name in names.values())
        lines = [f"{'':{wide}}  {'combined accuracy':28} difference    steps  evaluations"]
        for strategy, name in names.items():
            row, summary = self.of(strategy)[0], self.spread(strategy)
            a, spread = summary.accuracy, f" ± {100 * summary.deviation:.1f}" if summary.orders > 1 else ""
            shown = f"{100 * a.value:.1f}{spread} % [{100 * a.low:.1f}, {100 * a.high:.1f}]"
            gained = f"{100 * (a.value - start):+.1f}"
            lines.append(f"{name:{wide}}  {shown:28} {gained:>10} {row.steps:8d} {row.evaluations:12d}")
            if summary.forgetting is not None and summary.backward_transfer is not None:
                lines[-1] += (
                    f"   forgetting {100 * summary.forgetting:.1f}, "
                    f"backward transfer {100 * summary.backward_transfer:+.1f} points"
                )
        return "\n".join([*lines, *(contrast.sentence() for contrast in self.contrasts)])


def _plain(row: StrategyRow) -> dict[str, object]:
    bare = {name: value for name, value in row.__dict__.items() if name not in ("recipes", "timeline")}
    bare["accuracies"] = {s: {t: asdict(a) for t, a in by_task.items()} for s, by_task in row.accuracies.items()}
    bare["combined"] = {s: asdict(a) for s, a in row.combined.items()}
    bare["against_base"] = {t: asdict(test) for t, test in row.against_base.items()}
    bare["timeline"] = [
        {**m.__dict__, "accuracies": {t: asdict(a) for t, a in m.accuracies.items()}} for m in row.timeline
    ]
    return bare


def _accuracies(accuracies: Mapping[str, Mapping]) -> dict[str, Accuracy]:
    return {name: Accuracy(**a) for name, a in accuracies.items()}


def _row(facts: dict) -> StrategyRow:
    def vectors(pairs: Sequence) -> tuple:
        return tuple((tuple(x), score) for x, score in pairs)

    given = dict(facts)
    given["recipes"] = {n: Recipe.from_json(json.dumps(r)) for n, r in facts["recipes"].items()}
    given["accuracies"] = {s: _accuracies(by_task) for s, by_task in facts["accuracies"].items()}
    given["against_base"] = {t: Paired(**test) for t, test in facts.get("against_base", {}).items()}
    given["combined"] = _accuracies(facts["combined"])
    given["timeline"] = tuple(
        SequenceStage(**{**m, "accuracies": _accuracies(m["accuracies"])}) for m in facts["timeline"]
    )
    given |= {"alphas": tuple(facts["alphas"]), "order": tuple(facts["order"]), "tried": vectors(facts["tried"])}
    return StrategyRow(**given)
