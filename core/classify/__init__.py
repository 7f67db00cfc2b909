"""Anybody's pictures under any class names."""

from core.classify.classifier import classify

__all__ = ["classify"]
