# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.attacks import study as attack
from core.attacks.fonts import Face
from core.attacks.typography import Look, write
from core.classify.classifier import classifier
from core.workspace.history import History
from pages.shared.app.url_state import Parameters
from pages.shared.typographic import panels, studies
from pages.shared.typographic import view as attack_view
from pages.shared.widgets.formatting import percent
from tests.conftest import tiny_tasks
from tests.pages.opening import cache, lab_of, page, swept_template, values  # noqa: F401
from tests.pages.typographic.attacking import find_out, no_old_desk, probability, reading_of, view_of  # noqa: F401


def test_shows_what_three_models_say_of_the_attacked_picture(page, cache):
    at, lab = page("typographic", task="plain", number="2", text="green", patch="noisy", alpha="0.4"), lab_of(cache)
    assert at.title[0].value.endswith("?") and not at.error and not at.warning
    task = lab.task("plain")
    image = write(np.array(lab.pictures("plain", "test").images[1]), "green", Look())
    recipes = [lab.base, lab.patch("noisy", 0.4), lab.tuned("noisy")]
    expected = [percent(probability(lab, r, image, task)) for r in recipes]
    assert values(at)[:3] == expected
    assert np.array_equal(reading_of(at).image, image)


def test_another_class_is_written_until_somebody_types(page, cache):
    at, lab = page("typographic"), lab_of(cache)
    found, label = reading_of(at), lab.pictures("plain", "test").labels[0]
    assert found.truth == label and found.word is not None and found.word != label
    at.text_input(key="attack.text").input("a zebra").run()
    found = reading_of(at)
    assert found.names[-1] == "a zebra" and found.word == len(found.names) - 1 and len(found.names) == 4
    at.text_input(key="attack.text").input("").run()
    found = reading_of(at)
    assert found.word is None and len(found.names) == 3
    assert np.array_equal(found.image, lab.pictures("plain", "test").images[0])


def test_typing_draws_no_other_part_again(page, cache):
    at = page("typographic", text="green")
    before = reading_of(at).table
    at.text_input(key="attack.text").input("blue").run()
    assert view_of(at).text == "blue" and not np.array_equal(reading_of(at).table, before)


def test_the_look_and_the_classes_are_the_visitors(page, cache):
    at = page("typographic", task="plain", text="green")
    at.selectbox(key="attack.family").select("Source Serif").run()
    at.selectbox(key="attack.weight").select("bold").run()
    at.slider(key="attack.size").set_value(0.5).run()
    at.checkbox(key="attack.plated").uncheck().run()
    look = view_of(at).look
    assert (look.face, look.size, look.plate) == (Face("Source Serif", "bold"), 0.5, "")
    at.text_area(key="attack.classes").input("cat\n dog \n\nCat\ngreen").run()
    assert reading_of(at).names == ("cat", "dog", "green", "red") and not at.error
    at.text_area(key="attack.classes").input("alone").run()
    assert any("2 to" in w.value for w in at.warning) and len(reading_of(at).names) == 3
    at.text_area(key="attack.classes").input("cat\n" + "x" * 500).run()
    assert any("500 characters" in w.value for w in at.warning) and len(reading_of(at).names) == 3


def test_words_that_are_no_class_of_the_task_stand_in_the_usual_prompts(page, cache, monkeypatch):
    tasks = tiny_tasks()
    tasks["plain"] = replace(tasks["plain"], templates=("only {}",))
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tasks)
    at, lab, task = page("typographic", task="noisy", text="airship"), lab_of(cache), tasks["noisy"]
    found, desk = reading_of(at), classifier(lab)
    rows = torch.cat([desk.head(task.class_names, task.templates), desk.head(["airship"], ["only {}"])])
    picture = desk.prepared(found.image)[None]
    assert found.names == (*task.class_names, "airship")
    assert np.allclose(found.table[-1], desk.probabilities([lab.tuned("noisy")], picture, rows)[0, 0])


def test_what_a_font_lacks_is_one_sentence(page, cache):
    at = page("typographic", text="猫")
    assert len(at.error) == 1 and "cannot draw '猫'" in at.error[0].value
    at.text_input(key="attack.text").input("green").run()
    assert not at.error


def test_a_link_brings_everything_back(page, cache):
    lab = lab_of(cache)
    look = Look(Face("Source Sans", "bold", True), 0.3, "#ff0000", 0.1, "#00ff00", "", 0.25, 0.4, 30.0, 0.5)
    view = attack_view.View("noisy", 3, "two words", "noisy", 0.35, look, ("cat", "dog"))
    assert read_again(lab, view) == view
    at = page("typographic", **attack_view.write(view))
    assert view_of(at) == view and not at.warning and not at.error
    assert read_again(lab, replace(view, text=None, alpha=None)).text is None
    split = replace(view, classes=("either|or", "neither"))
    assert read_again(lab, split) == split


def read_again(lab, view):
    """The view that its own address asks for, without a complaint."""
    parameters = Parameters(attack_view.write(view))
    again = attack_view.read(lab, parameters)
    assert not parameters.complaints
    return again


@pytest.mark.parametrize(
    "parameters",
    [
        {"task": "nowhere"},
        {"number": "9999999"},
        {"number": "-1"},
        {"number": "0000000010000000"},
        {"patch": "nobody"},
        {"patch": "../../etc"},
        {"alpha": "7"},
        {"alpha": "much"},
        {"size": "big"},
        {"size": "nan"},
        {"colour": "red"},
        {"font": "Comic Sans"},
        {"recipe": "../x"},
        {"recipe": "0123456789abcdef"},
        {"classes": "alone"},
    ],
)
def test_an_odd_address_is_told_and_left_out(page, cache, parameters):
    at = page("typographic", **parameters)
    assert len(at.warning) == 1 and not at.error and len(values(at)) >= 3


def test_a_text_without_end_is_cut(cache):
    parameters = Parameters({"text": "ab " * 3000})
    view = attack_view.read(lab_of(cache), parameters)
    assert len(view.text or "") == 400 and "9,000 characters" in parameters.complaints[0]


def test_a_mix_from_another_page_is_attacked(page, cache):
    lab = lab_of(cache)
    recipe = lab.patch("noisy", 0.7)
    entry = History(lab.folder).remember(recipe, "mine")
    at = page("typographic", task="plain", text="green", recipe=entry.key)
    assert not at.warning and view_of(at).alpha == 1.0
    task = lab.task("plain")
    image = write(np.array(lab.pictures("plain", "test").images[0]), "green", Look())
    assert values(at)[2] == percent(probability(lab, recipe, image, task))


def test_a_whole_task_is_attacked_when_asked(page, cache):
    at, lab = page("typographic", task="plain", patch="noisy", alpha="0.5"), lab_of(cache)
    find_out(at, 0)
    recipes = [lab.patch("noisy", a) for a in panels.ALPHAS]
    study = attack.over_alpha(recipes, lab.task("plain"), "test", view_of(at).look, studies.COUNT)
    assert study.is_cached(lab)
    middle = study.table(lab)[panels.ALPHAS.index(0.5)][0]
    assert middle.clean is not None
    shown = [percent(v) for v in (middle.fooled.value, middle.accuracy.value, middle.clean.value)]
    assert values(at)[3:6] == shown


def test_without_any_patch_it_says_what_is_missing(page, cache):
    (cache / "tiny" / "checkpoints" / "noisy.safetensors").unlink()
    at = page("typographic")
    assert not at.error and "fine-tune noisy" in at.info[0].value
    assert [c.value for c in at.code] == ["python -m core --workspace tiny build --tasks noisy"]
