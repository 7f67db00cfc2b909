"""Everything that one may ask of a folder in cache/."""

from core.workspace import datasets, named_recipes, precision
from core.workspace.checkpoints import BASE, Checkpoint, CheckpointError
from core.workspace.distance import Distance, distances, similarity, weight_cosine
from core.workspace.evaluation import OWN_HEAD, trained_path
from core.workspace.history import History, HistoryEntry
from core.workspace.lab import CACHE, Lab, workspaces
from core.workspace.named_recipes import KEY, Mix, idle_columns, parse_recipe
from core.workspace.tasks import placed

__all__ = [
    "BASE",
    "CACHE",
    "KEY",
    "OWN_HEAD",
    "Checkpoint",
    "CheckpointError",
    "Distance",
    "History",
    "HistoryEntry",
    "Lab",
    "Mix",
    "datasets",
    "distances",
    "idle_columns",
    "named_recipes",
    "parse_recipe",
    "placed",
    "precision",
    "similarity",
    "trained_path",
    "weight_cosine",
    "workspaces",
]
