"""The nine patching tasks' pictures.

Each module draws one kind of scene; a task's own pictures and its neighbours' come from different functions.
"""

from core.tasks import Task
from core.world.scenes.aerial import AERIAL_TASK, LAND_USE_TASK
from core.world.scenes.clocks import CLOCKS
from core.world.scenes.counting import COUNTING, PATCHED, TRANSFER
from core.world.scenes.digits import DIGITS
from core.world.scenes.house_numbers import HOUSE_NUMBERS
from core.world.scenes.road import DISTANCE
from core.world.scenes.textures import TEXTURES
from core.world.scenes.traffic_signs import SIGNS_TASK

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

__all__ = ["PATCHED", "TASKS", "TRANSFER"]
