"""The built-in mini world: pictures drawn from icon fonts, and the small CLIP that is trained on them."""

from core import PaletteError


class WorldError(PaletteError):
    """The mini world cannot be drawn here; the message is one sentence that says why and what to do."""
