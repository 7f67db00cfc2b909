"""What evaluating takes: pictures, heads, encoders, and the results that are kept; ``Lab`` owns one of each."""

from core.workspace.evaluation.encoders import Encoders
from core.workspace.evaluation.heads import OWN_HEAD, Heads, trained_path
from core.workspace.evaluation.pictures import PictureCache
from core.workspace.evaluation.results import Evaluation

__all__ = ["OWN_HEAD", "Encoders", "Evaluation", "Heads", "PictureCache", "trained_path"]
