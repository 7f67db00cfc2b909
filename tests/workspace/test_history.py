"""Recipes survive on disk, whatever made them, and hostile keys lead nowhere."""

from __future__ import annotations

import pytest

from core import PaletteError
from core.recipes.recipe import lerp, single
from core.workspace.history import History


def test_a_remembered_recipe_comes_back(tmp_path):
    history, recipe = History(tmp_path), lerp(single("base"), single("digits"), 0.3)
    entry = history.remember(recipe, "Digits at 0.3", "alpha?task=digits")
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


def test_a_name_a_star_and_figures_stay_when_the_recipe_is_made_again(tmp_path):
    history = History(tmp_path)
    key = history.remember(single("base"), "one", "alpha?task=a").key
    history.remember(single("digits"), "two")
    figures = [{"task": "icons", "split": "test", "accuracy": 0.5, "low": 0.4, "high": 0.6, "n": 100}]
    history.change(key, name=" The good one ", star=True, figures=figures)
    again = history.remember(single("base"), "another title")
    assert (again.label, again.star, again.origin, again.figures) == ("The good one", True, "alpha?task=a", (*figures,))
    assert History(tmp_path)[key] == again
    assert [e.label for e in history.entries()] == ["The good one", "two"]
    assert [e.label for e in history.entries("GOOD icons")] == ["The good one"]
    assert history.entries("good digits") == []
    history.forget(key), history.forget(key)
    assert [e.label for e in history.entries()] == ["two"] and key not in history


@pytest.mark.parametrize("name", ["x" * 121, "two\nlines", "\x00"])
def test_a_name_is_one_short_line(tmp_path, name):
    history = History(tmp_path)
    key = history.remember(single("base"), "one").key
    with pytest.raises(PaletteError, match="one line"):
        history.change(key, name=name)
    assert history[key].name == ""
