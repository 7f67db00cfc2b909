"""workspace.json: what is in it is typed, and whatever is wrong in it is one sentence."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from core import PaletteError
from core.training.settings import Settings, settings_of
from core.workspace.facts import SETTINGS, Facts, FactsError
from core.workspace.lab import CACHE, Lab


def test_the_shipped_facts_are_typed():
    facts = Facts.read(CACHE / "mini")
    assert facts.tasks == "mini" and facts.supported == ("icons",) and facts.keep == ()
    assert facts.zoo["typographic"] == ("typographic",) and facts.soup.task == "icons_team"
    assert facts.patches["digits"] is None and facts.finetune["joint"]["steps"] == 1200
    assert settings_of(Lab("mini", CACHE, "cpu"), "clocks").steps == 600


def test_every_setting_of_a_fine_tune_can_be_set_and_no_other():
    assert list(SETTINGS) == [f.name for f in fields(Settings)]


def test_nothing_is_the_defaults():
    assert Facts.of({}) == Facts() and Facts().keep == ("logits", "features")


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ([], "it is [], not a table"),
        ({"task": "mini"}, "unknown key 'task'; there is title, "),
        ({"tasks": 3}, "tasks is 3, not a catalogue's name or a list"),
        ({"tasks": [["mini"]]}, "tasks is [['mini']]"),
        ({"supported": "icons"}, "supported is 'icons', not a list of words"),
        ({"precision": "int3"}, "precision is 'int3', not one of float32, tf32"),
        ({"keep": ["everything"]}, "keep names 'everything'; what can be kept is logits and features"),
        ({"compile": True}, "compile is True, not a word"),
        ({"knows": 1}, "knows is 1, not a word"),
        ({"zoo": ["joint"]}, "zoo is ['joint'], not a table"),
        ({"zoo": {"joint": "digits"}}, "zoo.joint is 'digits', not a list of words"),
        ({"soup": {"counts": 3}}, "soup has an unknown key 'counts'; there is task, shifts, count, seed"),
        ({"soup": {"count": "3"}}, "soup.count is '3', not a whole number"),
        ({"finetune": {"default": {"steps": "many"}}}, "finetune.default.steps is 'many', not a whole number"),
        ({"finetune": {"digits": {"lrr": 1}}}, "finetune.digits has an unknown key 'lrr'; there is steps, batch_size"),
        ({"finetune": {"digits": None}}, "finetune.digits is None, not a table"),
        ({"patches": {"digits": {"lr": True}}}, "patches.digits.lr is True, not a number"),
        ({"patches": {"digits": {"only": "visual"}}}, "patches.digits.only is 'visual', not a list of words"),
        ({"patches": {"default": {"hold": [1]}}}, "patches.default.hold is [1], not a number"),
    ],
)
def test_what_is_wrong_is_one_sentence_that_names_the_place(tiny_cache, facts, sentence):
    path = tiny_cache / "tiny" / "workspace.json"
    path.write_text(json.dumps(facts))
    with pytest.raises(FactsError) as caught:
        Facts.read(path.parent)
    assert sentence in str(caught.value) and str(path) in str(caught.value)
    with pytest.raises(PaletteError):
        Lab("tiny", tiny_cache, "cpu")


@pytest.mark.parametrize("text", ["{", "\x00", "[" * 100_000, "NaN"])
def test_what_is_no_json_is_one_sentence(tiny_cache, text):
    path = tiny_cache / "tiny" / "workspace.json"
    path.write_text(text)
    with pytest.raises(FactsError, match=r"workspace\.json"):
        Facts.read(path.parent)
