"""Recipes survive on disk, whatever made them, and hostile keys lead nowhere."""

from __future__ import annotations

import pytest

from core import PaletteError
from core.history import History
from core.recipe import lerp, single


def test_a_remembered_recipe_comes_back(tmp_path):
    history, recipe = History(tmp_path), lerp(single("base"), single("digits"), 0.3)
    entry = history.remember(recipe, "Digits at 0.3", "patch?task=digits")
    assert History(tmp_path)[entry.key] == entry
    assert entry.recipe == recipe


def test_the_same_recipe_is_one_entry_and_the_newest_comes_first(tmp_path):
    history = History(tmp_path)
    first = history.remember(single("base"), "one")
    history.remember(single("digits"), "two")
    again = history.remember(single("base"), "one again")
    assert again.key == first.key
    assert [e.title for e in history.entries()] == ["one again", "two"]


@pytest.mark.parametrize("key", ["nothing", "../../etc/passwd", ""])
def test_an_unknown_key_is_one_sentence(tmp_path, key):
    with pytest.raises(PaletteError):
        History(tmp_path)[key]


def test_a_damaged_entry_is_passed_over(tmp_path):
    history = History(tmp_path)
    entry = history.remember(single("base"), "one")
    (history.folder / f"{entry.key}.json").write_text("{")
    assert history.entries() == []
    with pytest.raises(PaletteError, match="make it again"):
        history[entry.key]
