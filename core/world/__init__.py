"""The built-in mini world: pictures drawn from icon fonts, and the small CLIP that is trained on them."""

from core.world import captions, colours, concepts
from core.world.concepts import CONCEPTS, ICONS, PHOTO_NAMES, THINGS
from core.world.drawing import glyphs, render
from core.world.drawing.lettering import LOOKS, lettering
from core.world.drawing.render import SIDE
from core.world.errors import WorldError
from core.world.neighbours import NEIGHBOURS, Neighbour
from core.world.tasks import TASKS

__all__ = [
    "CONCEPTS",
    "ICONS",
    "LOOKS",
    "NEIGHBOURS",
    "PHOTO_NAMES",
    "SIDE",
    "TASKS",
    "THINGS",
    "Neighbour",
    "WorldError",
    "captions",
    "colours",
    "concepts",
    "glyphs",
    "lettering",
    "render",
]
