"""Palette's engine: recipes over model weights, and what they do to a model. It imports no Streamlit."""

from collections.abc import Callable, Iterable

Follow = Callable[[Iterable], Iterable]
"""Wraps a loop to show how far it has come, and may raise to cancel it; ``iter`` shows nothing."""


class PaletteError(ValueError):
    """Something that a person can put right: the message is one clear sentence that says what is wrong, and how."""
