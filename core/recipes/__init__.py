"""What a recipe is, and every method that makes one; no torch."""

from core.recipes.recipe import Recipe

__all__ = ["Recipe"]
