"""The command line that pages print: it names the workspace, and a shell reads it back as it was meant."""

from __future__ import annotations

import shlex
from types import SimpleNamespace

import pytest

from core.cli.command_line import command_line


def test_the_usual_workspace_is_not_named():
    assert command_line(SimpleNamespace(name="mini"), ["head", "digits"]) == "python -m core head digits"


@pytest.mark.parametrize("word", ["a b", "it's", "$HOME", "ViT-B-32.openai", ""])
def test_a_shell_reads_the_words_as_they_were_given(word):
    line = command_line(SimpleNamespace(name="ViT-B-32.openai"), ["export", word])
    assert shlex.split(line) == ["python", "-m", "core", "--workspace", "ViT-B-32.openai", "export", word]
