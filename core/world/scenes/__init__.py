"""The nine patching tasks' pictures, and their neighbourhoods for the base model's pre-training.

Each module draws one kind of scene; a task's own pictures and its neighbours' come from different functions.
"""

from core.tasks import Task

from .aerial import AERIAL_TASK, LAND_USE_TASK
from .clocks import CLOCKS
from .counting import COUNTING, PATCHED, TRANSFER
from .digits import DIGITS
from .neighbours import NEIGHBOURS, Neighbour
from .numbers import HOUSE_NUMBERS
from .road import DISTANCE
from .signs import SIGNS_TASK
from .textures import TEXTURES

TASKS: tuple[Task, ...] = (
    DIGITS,
    HOUSE_NUMBERS,
    LAND_USE_TASK,
    AERIAL_TASK,
    TEXTURES,
    SIGNS_TASK,
    DISTANCE,
    CLOCKS,
    COUNTING,
)

__all__ = ["NEIGHBOURS", "PATCHED", "TASKS", "TRANSFER", "Neighbour"]
