"""The command line: each command is a function for its arguments and one that runs it; importing this is instant."""

from core.cli.main import main
from core.cli.terminal import add_augment, followed, words_of

__all__ = ["add_augment", "followed", "main", "words_of"]
