# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
from __future__ import annotations

import shutil

import numpy as np
import pytest

from pages.shared.tasks.gallery import in_turn
from pages.shared.widgets.formatting import percent
from tests.pages.opening import cache, lab_of, page, swept_template, values  # noqa: F401


def test_shows_each_task_with_what_is_known_of_it(page, cache):
    at, lab = page("gallery"), lab_of(cache)
    assert at.title[0].value.endswith("?")
    known = [lab.evaluate(r, "noisy", "test").accuracy.value for r in (lab.base, lab.tuned("noisy"))]
    assert values(at) == [percent(v) for v in known]
    assert any(c.value == "Fine-tuned for 40 steps, the whole image tower." for c in at.caption)
    assert not at.error and not at.warning
    assert set(at.dataframe[0].value["Task"]) == {"Noisy", "Plain"}


def test_what_was_not_evaluated_is_said(page, cache):
    shutil.rmtree(cache / "tiny" / "results")
    at = page("gallery", task="plain")
    assert not values(at)
    assert any("python -m core --workspace tiny eval base --task plain" in c.value for c in at.caption)


def test_a_class_can_be_picked_and_is_in_the_address(page):
    at = page("gallery", task="noisy", classes="red,blue", sample="3")
    assert at.multiselect(key="gallery.classes").value == ["red", "blue"]
    at.selectbox(key="gallery.task").set_value("plain").run()
    assert at.query_params["task"] == "plain"
    assert not at.warning


@pytest.mark.parametrize("parameters", [{"task": "x"}, {"classes": "purple"}, {"sample": "0"}, {"sample": "many"}])
def test_nonsense_in_the_address_is_one_sentence(page, parameters):
    at = page("gallery", **parameters)
    assert len(at.warning) == 1 and not at.error


def test_samples_take_the_classes_in_turn():
    labels = np.repeat(np.arange(4), [5, 1, 0, 3])
    rows = in_turn(labels, [0, 1, 2, 3], np.random.default_rng(0), 6)
    assert list(labels[rows]) == [0, 1, 3, 0, 3, 0]
    assert len(set(rows)) == 6
    assert len(in_turn(labels, [1], np.random.default_rng(0), 6)) == 1
