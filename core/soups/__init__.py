"""Model soups and manifold mixing."""

from core.soups.by_hand import PRESETS, SKETCH, Hand, cut_of, desk, in_full, preset
from core.soups.ingredients import describe_ingredient, ingredients, plan_ingredients, soup_task
from core.soups.judge import Judge
from core.soups.measure import WISE_ALPHAS, individuals, pool_results, wise_ft
from core.soups.plan import METHODS, Pool, SoupPlan, check_plan, cut, make_pool, outcome_file, pool_folder, too_small
from core.soups.published import PUBLISHED_COLUMNS, PUBLISHED_NOTE, published
from core.soups.results import PoolResults, SoupOutcome, SoupRow, marks, outcome_facts, row_facts, value
from core.soups.run import evaluation_seconds, make_soup, most_evaluations, trace_of
from core.soups.trace import put_aside

__all__ = [
    "METHODS",
    "PRESETS",
    "PUBLISHED_COLUMNS",
    "PUBLISHED_NOTE",
    "SKETCH",
    "WISE_ALPHAS",
    "Hand",
    "Judge",
    "Pool",
    "PoolResults",
    "SoupOutcome",
    "SoupPlan",
    "SoupRow",
    "check_plan",
    "cut",
    "cut_of",
    "describe_ingredient",
    "desk",
    "evaluation_seconds",
    "in_full",
    "individuals",
    "ingredients",
    "make_pool",
    "make_soup",
    "marks",
    "most_evaluations",
    "outcome_facts",
    "outcome_file",
    "plan_ingredients",
    "pool_folder",
    "pool_results",
    "preset",
    "published",
    "put_aside",
    "row_facts",
    "soup_task",
    "too_small",
    "trace_of",
    "value",
    "wise_ft",
]
