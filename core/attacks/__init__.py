"""Words written on pictures: attack tasks, photographs of attacks, and studies over α, size and place."""

from core.attacks import fonts, photo_files, study
from core.attacks.fonts import Face
from core.attacks.photographs import PhotographResults, judge_photographs
from core.attacks.study import PLACES, SIZES, AttackOutcome, Study, over_alpha
from core.attacks.tasks import clean_twin
from core.attacks.typography import LIMITS, LONGEST, Look, write

__all__ = [
    "LIMITS",
    "LONGEST",
    "PLACES",
    "SIZES",
    "AttackOutcome",
    "Face",
    "Look",
    "PhotographResults",
    "Study",
    "clean_twin",
    "fonts",
    "judge_photographs",
    "over_alpha",
    "photo_files",
    "study",
    "write",
]
