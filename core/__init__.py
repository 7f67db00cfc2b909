"""Palette's engine: recipes over model weights, and what they do to a model. It imports no Streamlit."""
