# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
"""The typographic lab's questions about a whole task: how large, and where; does it transfer?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.attacks.study import PLACES, SIZES
from core.attacks.tasks import SEEN, UNSEEN, AttackSplit, attacked_task
from core.attacks.typography import Look
from core.tasks.task import Task
from core.workspace.lab import Lab
from pages.shared.typographic import panels
from tests.conftest import Noisy, tiny_tasks
from tests.pages.opening import cache, lab_of, page, swept_template  # noqa: F401
from tests.pages.typographic.attacking import chart, find_out, no_old_desk, said  # noqa: F401

COUNT = 24


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(panels, "FEWER", COUNT)


def fooled(lab: Lab, task: Task, part: AttackSplit) -> list[float]:
    """The share (%) of answers that are the written word: base, half way, fine-tuned."""
    pictures = attacked_task(task, {"test": part}).source.load("test")
    answers = [said(lab, recipe, pictures.images, task) for recipe in map(lab.patch, ["noisy"] * 3, [0.0, 0.5, 1.0])]
    return [100 * float(np.mean(row == pictures.notes["written"])) for row in answers]


def test_fooled_by_the_size_of_the_word(page, cache):
    at, lab = page("typographic", task="plain", patch="noisy", alpha="0.5", size="0.3"), lab_of(cache)
    find_out(at, 1)
    lines = chart(at, "attack.sizes")
    assert [line["name"] for line in lines] == ["base", "α = 0.5", "fine-tuned"]
    expected = [fooled(lab, lab.task("plain"), AttackSplit(COUNT, Look(size=size))) for size in SIZES]
    assert [line["x"] for line in lines] == [[100 * size for size in SIZES]] * 3
    assert np.allclose([line["y"] for line in lines], np.transpose(expected))
    assert len({row[2] for row in expected}) > 1, "else the test would not see a wrong order"


def test_a_map_of_where_the_word_fools(page, cache):
    at, lab = page("typographic", task="plain", patch="noisy", alpha="0.5", x="0.2"), lab_of(cache)
    find_out(at, 2)
    maps = [chart(at, f"attack.places.{i}")[0] for i in range(3)]
    cells = np.array([m["z"] for m in maps])
    assert cells.shape == (3, 5, 5) and not np.allclose(cells[2], cells[2].T), "else nobody would see it transposed"
    assert maps[0]["x"] == maps[0]["y"] == [round(100 * place) for place in PLACES]
    for row, column in ((0, 0), (0, 4), (4, 0), (2, 3)):
        look = replace(Look(), x=PLACES[column], y=PLACES[row])
        assert np.allclose(cells[:, row, column], fooled(lab, lab.task("plain"), AttackSplit(COUNT, look)))


def test_transfer_to_classes_and_styles_that_were_not_trained_on(page, cache, monkeypatch):
    four = replace(
        tiny_tasks()["plain"], name="four", class_names=("red", "green", "blue", "grey"), source=Noisy(3, 60)
    )
    tasks = {**tiny_tasks(), "four": four}
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tasks)
    at, lab = page("typographic", task="four", patch="noisy", alpha="0.5"), Lab("tiny", cache, "cpu", tasks)
    assert any("the first 2 classes of Plain" in m.value for m in at.markdown)
    find_out(at, 3)
    bars = chart(at, "attack.transfer")
    words = [["new" if "new" in x else "seen", "other" if "other" in x else "seen"] for x in bars[0]["x"]]
    assert words == [["seen", "seen"], ["seen", "other"], ["new", "seen"], ["new", "other"]]
    parts = [AttackSplit(COUNT, style, classes) for classes in ((0, 1), (2, 3)) for style in (SEEN, UNSEEN)]
    expected = [fooled(lab, four, part) for part in parts]
    assert np.allclose([bar["y"] for bar in bars], np.transpose(expected))
    assert len({tuple(row) for row in expected}) > 2, "else the test would not see a wrong order"


def test_too_few_classes_for_transfer_are_said_before_anybody_waits(page):
    at = page("typographic", task="plain", patch="noisy")
    assert any("two classes on either side, and here they are 1 and 2" in i.value for i in at.info)
    assert sum("find out" in b.label for b in at.button) == 3
