"""PAINT: curves over α, strategies for many tasks, and the search for α."""

from core.patching import curves
from core.patching.build import build_steps, sweep
from core.patching.comparison import compare, parts, remaining
from core.patching.curves import Curve, Point, against_base, known_curve
from core.patching.estimate import Estimate, evaluate_on
from core.patching.finetunes import absent, cost_of, remake
from core.patching.parts import Part
from core.patching.pieces import pieces, ranked, searches
from core.patching.plan import (
    ComparisonPlan,
    is_current,
    make_plan,
    outcome_of,
    outcome_path,
    outcomes,
    plan_of,
    tasks_named,
)
from core.patching.results import (
    EXHAUSTIVE,
    FORGETFUL,
    JOINT,
    SEARCHED,
    SEQUENTIAL,
    SHARED,
    SPECIALISED,
    UNPATCHED,
    Comparison,
    OrderSummary,
    StrategyRow,
)

__all__ = [
    "EXHAUSTIVE",
    "FORGETFUL",
    "JOINT",
    "SEARCHED",
    "SEQUENTIAL",
    "SHARED",
    "SPECIALISED",
    "UNPATCHED",
    "Comparison",
    "ComparisonPlan",
    "Curve",
    "Estimate",
    "OrderSummary",
    "Part",
    "Point",
    "StrategyRow",
    "absent",
    "against_base",
    "build_steps",
    "compare",
    "cost_of",
    "curves",
    "evaluate_on",
    "is_current",
    "known_curve",
    "make_plan",
    "outcome_of",
    "outcome_path",
    "outcomes",
    "parts",
    "pieces",
    "plan_of",
    "ranked",
    "remaining",
    "remake",
    "searches",
    "sweep",
    "tasks_named",
]
