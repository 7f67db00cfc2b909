"""What the tests of the typographic lab share: what it shows, and what the models say when asked without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest import mock

import numpy as np
import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
from streamlit.testing.v1 import AppTest

from core.classify.classifier import classifier
from core.recipes.recipe import Recipe
from core.tasks.task import Task
from core.workspace.lab import Lab
from pages.shared.app import workspace
from pages.shared.typographic import reading, view


@pytest.fixture(autouse=True)
def no_old_desk() -> Iterator[None]:
    """Each test has a workspace of its own, and so has the live desk."""
    classifier.cache_clear()
    yield
    classifier.cache_clear()


def view_of(at: AppTest) -> view.View:
    return at.session_state["attack.view"]


def reading_of(at: AppTest) -> reading.Reading:
    return at.session_state[reading.KEY][1]


def probability(lab: Lab, recipe: Recipe, image: np.ndarray, task: Task) -> float:
    """How sure a mix is of its answer to a picture of any size, among a task's classes."""
    desk = classifier(lab)
    table = desk.probabilities([recipe], desk.prepared(image)[None], desk.head(task.class_names, task.templates))
    return float(table[0, 0].max())


def said(lab: Lab, recipe: Recipe, images: np.ndarray, task: Task) -> np.ndarray:
    """The class that a mix answers to each picture, int64 (n,), by the workspace's own encoder and head."""
    encoder = lab.encoder()
    lab.load(recipe, encoder)
    return (encoder.encode(images).half().float() @ lab.head(task.name).T).argmax(dim=1).numpy()


@contextmanager
def live_part_alone(at: AppTest) -> Iterator[None]:
    """Inside, only the page's fragments run again, as in a browser after a click in one of them."""
    queue = list(at._fragment_storage._fragments)
    with mock.patch("streamlit.testing.v1.local_script_runner.RerunData", partial(RerunData, fragment_id_queue=queue)):
        yield


def chart(at: AppTest, key: str) -> list[dict]:
    """The traces of the chart with this key."""
    return json.loads(next(c.proto.spec for c in at.get("plotly_chart") if c.proto.id.endswith(f"-{key}")))["data"]


def find_out(at: AppTest, number: int) -> AppTest:
    """Press one of the buttons that begin an evaluation, and wait for its end."""
    [b for b in at.button if "find out" in b.label][number].click().run()
    for job in workspace.jobs().all():
        assert job.finished.wait(120) and job.state == "done", job.error
    return at.run()
