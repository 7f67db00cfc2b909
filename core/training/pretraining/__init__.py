"""The training of the built-in world's base."""
