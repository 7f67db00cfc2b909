"""The command line: each command is a function for its arguments and one that runs it; importing this is instant."""

from core.cli.command_line import command_line, comparison_command
from core.cli.main import main
from core.cli.terminal import add_augment, followed, words_of

__all__ = ["add_augment", "command_line", "comparison_command", "followed", "main", "words_of"]
