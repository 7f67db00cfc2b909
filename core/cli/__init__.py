"""The command line: every command's arguments and what it runs."""

from core.cli import attack, classify, data, exchange, searches, soup, strategies, workspaces
from core.cli.attack import words_of
from core.cli.searches import add_augment
from core.cli.terminal import followed

__all__ = [
    "add_augment",
    "attack",
    "classify",
    "data",
    "exchange",
    "followed",
    "searches",
    "soup",
    "strategies",
    "words_of",
    "workspaces",
]
