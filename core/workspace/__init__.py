"""Everything that one may ask of a folder in cache/."""

from core.workspace.lab import Lab

__all__ = ["Lab"]
