"""Where texts belong: spelling tells names apart, looks come from ImageNet, WordNet and a regression."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.models import imagenet_class_names
from core.training.pretraining.config import IMAGE, SPELLING, WIDTH
from core.training.pretraining.texts import looks, targets, wordnet
from core.training.pretraining.texts.phrases import phrase, phrases, templates
from core.training.pretraining.texts.targets import Looks, Phrase, Targets, sentence, spelling
from core.world import TASKS

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789' ", min_size=1, max_size=20).filter(str.strip)


def embed(sentences):
    """Stands for sentence embeddings: any direction, of the sentence's own."""
    seeds = [int.from_bytes(s.encode()[-7:], "big") for s in sentences]
    drawn = [torch.randn(384, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.nn.functional.normalize(torch.stack(drawn), dim=-1)


@pytest.fixture(scope="module")
def some_targets():
    rows = torch.nn.functional.normalize(torch.randn(2, IMAGE, generator=torch.Generator().manual_seed(3)), dim=-1)
    regression = torch.randn(385, IMAGE, generator=torch.Generator().manual_seed(4))
    return Targets(Looks({"tench": rows[0], "cat": rows[1]}, regression), embed)


@given(NAMES)
def test_spelling_is_a_unit_vector_whatever_the_case(name):
    one = spelling(name)
    assert one.shape == (SPELLING,) and np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(one, spelling(name.upper()))


def test_spelling_tells_small_differences_and_knows_likeness():
    assert spelling("3 o'clock") @ spelling("4 o'clock") < 0.9
    assert spelling("speed limit 30") @ spelling("speed limit 50") < 0.95
    assert spelling("tiger") @ spelling("tigers") > 0.2 > spelling("tiger") @ spelling("lamp")
    assert abs(spelling("red", "color") @ spelling("red", "ground")) < 0.5


def test_a_written_word_is_like_the_thing_but_not_the_same(some_targets):
    thing, word, other, written = some_targets(
        [Phrase("thing", "cat"), Phrase("word", "cat"), Phrase("thing", "tench"), Phrase("word", "tench")]
    )
    assert 0.5 < thing @ word < 0.95
    assert thing @ word > max(thing @ written, other @ word) + 0.3


def test_targets_are_unit_directions_and_keep_known_looks(some_targets):
    found = some_targets([Phrase("thing", "Cat"), Phrase("color", "red"), Phrase("text", "a line drawing")])
    assert found.shape == (3, WIDTH) and torch.allclose(found.norm(dim=1), torch.ones(3), atol=1e-5)
    seen = torch.nn.functional.normalize(found[0, :IMAGE], dim=0)
    assert torch.allclose(seen, some_targets.looks.known["cat"], atol=1e-5)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("a photo of a cat", "thing", "cat"),
        ('the word "tiger"', "word", "tiger"),
        ("a red icon", "color", "red"),
        ("an icon on a red background", "ground", "red"),
        ('the number "3"', "thing", "3"),
        ("a bad photo of a dog.", "thing", "dog"),
        ("there are three objects", "thing", "three"),
        ("{nobody} knows what this is about at all", "text", "{nobody} knows what this is about at all"),
    ],
)
def test_a_text_is_read_as_a_phrase(text, kind, name):
    assert phrase(text) == Phrase(kind, name)


def test_no_two_classes_of_a_task_share_a_direction(some_targets):
    for task in TASKS:
        rows = torch.stack([some_targets(phrases(texts)).mean(0) for texts in task.prompts()])
        rows = torch.nn.functional.normalize(rows, dim=-1)
        assert float((rows @ rows.T - 2 * torch.eye(len(rows))).max()) < 0.98, task.name


def test_the_tasks_templates_are_known():
    assert {t for task in TASKS for t in task.templates} <= set(templates())


def test_ridge_regression_is_the_weighted_normal_equations():
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(50, 384, generator=draw), torch.randn(50, IMAGE, generator=draw)
    weights = torch.rand(50, generator=draw) + 0.1
    found = targets.regress(x, y, weights, ridge=2.0).double()
    design = torch.cat([x, torch.ones(50, 1)], 1).double()
    gradient = design.T @ (weights.double()[:, None] * (design @ found - y.double()))
    gradient[:-1] += 2.0 * found[:-1]
    assert float(gradient[:-1].abs().max()) < 1e-3


DATA = """  1 a licence line
00000001 03 n 01 entity 0 000 | all
00000002 05 n 02 animal 0 beast 0 001 @ 00000001 n 0000 | lives
00000003 05 n 02 tench 0 Tinca_tinca 0 001 @ 00000002 n 0000 | a fish
00000004 05 n 01 goldfish 0 002 @ 00000002 n 0000 #m 00000001 n 0000 | a fish
"""
INDEX = """  1 a licence line
animal n 1 1 @ 1 1 00000002
beast n 2 1 @ 2 0 00000009 00000002
entity n 1 0 1 0 00000001
goldfish n 1 1 @ 1 0 00000004
tench n 1 1 @ 1 0 00000003
tinca_tinca n 1 1 @ 1 0 00000003
"""


@pytest.fixture
def nouns(tmp_path):
    (tmp_path / "data.noun").write_text(DATA)
    (tmp_path / "index.noun").write_text(INDEX)
    return wordnet.read(tmp_path)


def test_wordnets_files_are_read(nouns):
    assert nouns.names["n00000003"] == ("tench", "Tinca tinca")
    assert nouns.above("n00000003") == {"n00000002", "n00000001"}
    assert nouns.kinds["n00000004"] == ("n00000002",)
    assert nouns.first["beast"] == "n00000009" and nouns.common == {"animal"}


def test_a_kind_looks_like_the_mean_of_its_classes(nouns):
    rows = torch.eye(IMAGE)[:2]
    found = looks.kinds(rows, nouns, ["n00000003", "n00000004"])
    assert torch.allclose(found["animal"], torch.nn.functional.normalize(rows.mean(0), dim=0))
    assert torch.equal(found["tinca tinca"], rows[0])
    assert "beast" not in found  # its usual sense is another


def test_the_sentence_of_a_phrase():
    assert sentence(Phrase("thing", "cat")) == "a photo of a cat"
    assert sentence(Phrase("ground", "red")) == "a photo of a red background"
    assert len(set(imagenet_class_names())) == 1000
