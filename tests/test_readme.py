"""The README's commands work as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = re.findall(r"^python (-m core\S*(?: [^#\n]*)?)", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
SHOWN = [line.strip() for line in COMMANDS]


def test_the_readme_shows_commands():
    assert len(SHOWN) >= 5


@pytest.mark.parametrize("words", [line for line in SHOWN if " build" not in line])
def test_a_command_of_the_readme_works(words, tmp_path):
    """Run on a copy of the cache, from another folder; ``build`` is left out, it may take an hour."""
    shutil.copytree(ROOT / "cache", tmp_path / "cache", ignore=shutil.ignore_patterns("images", "partial"))
    places = {"PYTHONPATH": str(ROOT), "PALETTE_CACHE": str(tmp_path / "cache")}
    ran = subprocess.run(
        [sys.executable, *words.split()], cwd=tmp_path, env={**os.environ, **places}, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout and "Traceback" not in ran.stderr


def test_links_of_the_documents_lead_somewhere():
    for document in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for target in re.findall(r"\]\((?!https?://|#)([^)]+)\)", (ROOT / document).read_text()):
            assert (ROOT / target).exists(), f"{document} links to {target}, which is not there"
