"""The supported, shifted and attacked tasks: their promises about names, splits, glyphs and words."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from core.tasks.task import Task, TaskError
from core.world import tasks as world
from core.world.concepts import ICONS
from core.world.drawing import glyphs
from core.world.sources import Drawn, _pool

OURS = [t for t in (*world.TASKS, world.UNATTACKED) if isinstance(t.source, Drawn)]
by_name = pytest.mark.parametrize("task", OURS, ids=lambda t: t.name)


def small(task: Task, n: int = 48) -> Task:
    counts = tuple((split, n) for split, _ in task.source.counts)
    return replace(task, source=replace(task.source, counts=counts))


def test_the_list():
    names = [t.name for t in world.TASKS]
    assert len(set(names)) == len(names)
    roles = [t.role for t in world.TASKS]
    assert roles.count("supported") == 5 and roles.count("ood") == 5 and roles.count("attack") == 2
    assert roles.count("patching") == 9


def test_building_the_list_draws_nothing():
    code = "import core.world.tasks, core.world.drawing.glyphs as g; assert g.atlas.cache_info().misses == 0"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@by_name
def test_pictures_are_as_declared(task):
    task = small(task)
    for split, n in task.source.sizes().items():
        pictures = task.source.load(split)
        assert pictures.images.shape == (n, 64, 64, 3) and pictures.images.dtype == np.uint8
        assert pictures.labels.shape == (n,) and pictures.labels.dtype == np.int64
        assert pictures.labels.min() >= 0 and pictures.labels.max() < len(task.class_names)
        assert all(len(note) == n for note in pictures.notes.values())
    assert 3 <= len(task.templates) <= 7 and task.plays and task.description.endswith(".")


@by_name
def test_the_same_source_draws_the_same_bytes_and_splits_differ(task):
    task = small(task, 16)
    first, again = task.source.load("test"), task.source.load("test")
    assert np.array_equal(first.images, again.images) and np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.images, task.source.load("val").images)
    assert task.source.digest("test") != task.source.digest("val")
    assert replace(task.source, seed=9).digest("test") != task.source.digest("test")


@by_name
def test_an_unknown_split_is_said(task):
    with pytest.raises(TaskError, match="no split 'holdout'"):
        task.source.load("holdout")


def test_icons_of_the_test_were_not_met_in_training_where_there_are_three():
    drawn = glyphs.atlas().where(ICONS, world.SEEN)
    parts = {s: dict(zip(*map(list, _pool(ICONS, world.SEEN, s, True)), strict=True)) for s in ("train", "val", "test")}
    enough = [i for i, numbers in drawn.items() if len(numbers) >= 3]
    assert len(enough) > 80
    for i in enough:
        sets = [set(parts[s][i].tolist()) for s in parts]
        assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2]) and all(sets)


def test_the_shifts_share_no_look_with_what_fine_tuning_sees():
    for task in world.SHIFTS[:3]:
        assert not set(task.source.looks) & set(world.SEEN)
    assert all("train" not in task.source.sizes() for task in world.SHIFTS)


def test_attacks_write_another_class_and_train_on_other_ones():
    task = small(world.TYPOGRAPHIC)
    train, test = task.source.load("train"), task.source.load("test")
    for pictures in (train, test):
        assert (pictures.labels != pictures.notes["written"]).all()
    met = set(train.labels.tolist()) | set(train.notes["written"].tolist())
    assert not met & (set(test.labels.tolist()) | set(test.notes["written"].tolist()))
    assert not set(task.source.letters) & set(task.source.test_letters)


def test_the_clean_twin_shows_the_same_icons():
    attacked, clean = small(world.TYPOGRAPHIC).source.load("test"), small(world.UNATTACKED).source.load("test")
    assert np.array_equal(attacked.labels, clean.labels)
    same = (attacked.images == clean.images).all(axis=3).mean(axis=(1, 2))
    assert same.min() > 0.3 and same.max() < 0.97
