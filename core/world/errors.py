"""What can go wrong while the built-in world is drawn."""

from core import PaletteError


class WorldError(PaletteError):
    """The mini world cannot be drawn here; the message is one sentence that says why and what to do."""
