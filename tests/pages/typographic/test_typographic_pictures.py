# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
"""A visitor's own pictures in the typographic lab, and what is said while the first answers are being computed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st
from PIL import Image

from core.attacks.typography import Look, write
from core.classify.decode import decode_picture
from core.tasks.datasets import DataError
from core.world.concepts import PHOTO_NAMES
from pages.shared.typographic import reading
from pages.shared.widgets.formatting import percent
from tests import hostile
from tests.conftest import Noisy, tiny_tasks
from tests.pages.opening import cache, lab_of, page, swept_template, values  # noqa: F401
from tests.pages.typographic.attacking import chart, live_part_alone, no_old_desk, probability, reading_of, view_of  # noqa: F401

SKY = Image.fromarray(np.random.default_rng(0).integers(40, 230, (60, 90, 3), dtype=np.uint8))


def source(at, name: str):
    return at.segmented_control(key="attack.source").set_value(name).run()


def expected(lab, image: np.ndarray, text: str) -> list[str]:
    """The three figures: what base, mix and fine-tuned model are how sure of, among everyday things and the word."""
    recipes, words = [lab.base, lab.patch("noisy", 0.4), lab.tuned("noisy")], (*PHOTO_NAMES, text)
    task = replace(lab.task("plain"), class_names=words)
    return [percent(probability(lab, r, write(image, text, Look()), task)) for r in recipes]


def test_a_picture_of_ones_own_is_attacked(page, cache):
    at, lab = page("typographic", task="plain", patch="noisy", alpha="0.4", text="green"), lab_of(cache)
    sample = values(at)[:3]
    source(at, "upload")
    assert not at.error and "No picture yet" in at.info[0].value
    at.file_uploader(key="attack.upload").set_value(("sky.png", hostile.encoded(SKY, "PNG"), "image/png")).run()
    assert not at.error
    assert np.array_equal(reading_of(at).image, write(np.asarray(SKY), "green", Look()))
    assert values(at)[:3] == expected(lab, np.asarray(SKY), "green") != sample
    names, clean = reading_of(at).names, reading_of(at).clean
    assert any(f"Without the word the base says **{names[clean.argmax()]}**" in c.value for c in at.caption)
    assert any("as the base without the word" in c.value for c in at.caption) and not any(
        c.value.startswith("right") for c in at.caption
    )


def test_a_picture_of_ones_own_stays_while_one_looks_at_a_sample(page, cache):
    at = page("typographic", task="plain", patch="noisy", alpha="0.4", text="green")
    before = values(at)[:3]
    source(at, "upload")
    at.file_uploader(key="attack.upload").set_value(("sky.png", hostile.encoded(SKY, "PNG"), "image/png")).run()
    mine = values(at)[:3]
    source(at, "sample")
    assert values(at)[:3] == before and view_of(at).classes == ()
    source(at, "upload")
    assert values(at)[:3] == mine != before and view_of(at).classes == PHOTO_NAMES
    next(b for b in at.button if b.label == "Take sky.png away").click().run()
    assert "No picture yet" in at.info[0].value


@pytest.mark.parametrize(
    ("data", "why"), [(b"\x89PNG\r\n", "damaged or cut off"), (b"", "empty"), (b"<svg>", "an SVG drawing")]
)
def test_a_broken_picture_is_one_sentence(page, data, why):
    at = source(page("typographic", task="plain"), "upload")
    at.file_uploader(key="attack.upload").set_value(("sky.png", data, "image/png")).run()
    assert len(at.error) == 1 and at.error[0].value.startswith("sky.png ") and why in at.error[0].value
    assert "No picture yet" in at.info[0].value and not any("says" in m.label for m in at.metric)
    at.file_uploader(key="attack.upload").set_value(("sky.png", hostile.encoded(SKY, "PNG"), "image/png")).run()
    assert not at.error and any("says" in m.label for m in at.metric)


def test_a_photograph_of_the_camera_is_attacked_as_it_was_held(page, cache):
    at, lab = page("typographic", task="plain", patch="noisy", alpha="0.4", text="red"), lab_of(cache)
    source(at, "camera")
    assert at.camera_input(key="attack.camera").label == "A photograph"
    data = hostile.with_exif(6)  # lies on its side in the file
    at.camera_input(key="attack.camera").set_value(("camera.jpg", data, "image/jpeg")).run()
    upright = decode_picture(data, "camera.jpg")
    assert not at.error and upright.shape == (40, 20, 3) == reading_of(at).image.shape
    assert values(at)[:3] == expected(lab, upright, "red")


def test_one_can_go_back_to_the_samples(page, cache):
    """In a browser only the live part runs again, and Streamlit forgets the widgets that were not drawn."""
    at, lab = page("typographic", task="noisy", number="3", patch="noisy", alpha="0.4", text="green"), lab_of(cache)
    before = values(at)[:3]
    with live_part_alone(at):
        source(at, "upload")
        assert "No picture yet" in at.info[0].value and not at.metric
        source(at, "sample")
    assert not at.error and values(at)[:3] == before
    assert (at.selectbox(key="attack.task").value, at.number_input(key="attack.number").value) == ("noisy", 3)
    assert (view_of(at).task, view_of(at).number) == ("noisy", 3)
    assert np.array_equal(reading_of(at).image, write(lab.pictures("noisy", "test").images[2], "green", Look()))


class Gone(Noisy):
    """A data set that somebody moved away."""

    def digest(self, split: str) -> str:
        raise DataError("The pictures of Gone are not there; add them again.")

    load = digest


def test_pictures_that_are_gone_keep_nobody_from_others(page, monkeypatch):
    plain = tiny_tasks()["plain"]
    gone = replace(plain, name="gone", role="ood", title="Gone", source=Gone(3, 20))
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: {**tiny_tasks(), "gone": gone})
    at = page("typographic", task="gone", patch="noisy")
    assert {e.value for e in at.error} == {"The pictures of Gone are not there; add them again."}
    assert "choose another task" in at.info[0].value and not any("says" in m.label for m in at.metric)
    assert chart(at, "attack.cost") and any(b.label == "Take it home" for b in at.button)
    at.selectbox(key="attack.task").select("plain").run()
    assert not at.error and any("says" in m.label for m in at.metric)


def test_a_task_without_one_list_of_classes_is_not_offered(page, monkeypatch):
    asked = replace(tiny_tasks()["plain"], name="asked", title="Asked", per_picture=True)
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: {"asked": asked, **tiny_tasks()})
    at = page("typographic", task="asked")
    assert ["classes of their own each; showing plain" in w.value for w in at.warning] == [True] and not at.error
    assert view_of(at).task == "plain" and at.selectbox(key="attack.task").options == ["Noisy", "Plain"]


def test_it_says_what_it_waits_for(page, monkeypatch):
    shown, during = [], []

    @contextmanager
    def spinner(text: str, **_more):
        shown.append(text)
        yield
        shown.remove(text)

    real = reading.compute
    monkeypatch.setattr(st, "spinner", spinner)
    monkeypatch.setattr(reading, "compute", lambda *asked: during.append(list(shown)) or real(*asked))
    at = page("typographic", task="plain")
    assert [len(sentences) for sentences in during] == [1] and "first answers" in during[0][0]
    assert not shown and any("says" in m.label for m in at.metric)
    at.run()
    assert len(during) == 1, "what is there is not computed again"
