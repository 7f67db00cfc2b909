"""What a recipe is, and every method that makes one; no torch."""

from core.recipes import strategies
from core.recipes.components import PARTITIONS, Partition, PrefixError, blocks, is_under, owner, partition
from core.recipes.manifold import PAPER, PRESETS, Preset, Question, manifold, mix_in
from core.recipes.paint import GRID, Step, check_alpha, choose_alpha, choose_within, grid, paint
from core.recipes.recipe import Recipe, RecipeError, combine, lerp, override, single, unused
from core.recipes.search import OPTIMISERS, SIGMA, Objective, SearchError, SearchResult, Trial, Vector, maximise, replay
from core.recipes.soups import SoupError, Verdict, greedy, greedy_members, ranked, uniform
from core.recipes.strategies import check_distinct, mixed

__all__ = [
    "GRID",
    "OPTIMISERS",
    "PAPER",
    "PARTITIONS",
    "PRESETS",
    "SIGMA",
    "Objective",
    "Partition",
    "PrefixError",
    "Preset",
    "Question",
    "Recipe",
    "RecipeError",
    "SearchError",
    "SearchResult",
    "SoupError",
    "Step",
    "Trial",
    "Vector",
    "Verdict",
    "blocks",
    "check_alpha",
    "check_distinct",
    "choose_alpha",
    "choose_within",
    "combine",
    "greedy",
    "greedy_members",
    "grid",
    "is_under",
    "lerp",
    "manifold",
    "maximise",
    "mix_in",
    "mixed",
    "override",
    "owner",
    "paint",
    "partition",
    "ranked",
    "replay",
    "single",
    "strategies",
    "uniform",
    "unused",
]
