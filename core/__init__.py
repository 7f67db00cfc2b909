"""Palette's engine: recipes over model weights, and what they do to a model. It imports no Streamlit."""


class PaletteError(ValueError):
    """Something that a person can put right: the message is one clear sentence that says what is wrong, and how."""
