"""Weights from data."""

from core.training.closed_heads import own_head, train_head, train_heads, without_head
from core.training.compress import compress, cost
from core.training.finetune import TrainingSet, batch_indices
from core.training.graph import Piece, WorkspaceSpec, run_graph
from core.training.lp_ft import SweepSettings, finetune_with_head, linear_probe
from core.training.pretraining import photos
from core.training.settings import Settings, describe_training, patch_settings, settings_of
from core.training.steps import Step, build
from core.training.train import DRAWING_COST, TRAINING_COST, check_start, pictures_per_second, train
from core.training.workers import default_workers, executor

__all__ = [
    "DRAWING_COST",
    "TRAINING_COST",
    "Piece",
    "Settings",
    "Step",
    "SweepSettings",
    "TrainingSet",
    "WorkspaceSpec",
    "batch_indices",
    "build",
    "check_start",
    "compress",
    "cost",
    "default_workers",
    "describe_training",
    "executor",
    "finetune_with_head",
    "linear_probe",
    "own_head",
    "patch_settings",
    "photos",
    "pictures_per_second",
    "run_graph",
    "settings_of",
    "train",
    "train_head",
    "train_heads",
    "without_head",
]
