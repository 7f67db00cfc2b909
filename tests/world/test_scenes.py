"""The scenes: the same seed gives the same bytes, splits share nothing, and neighbours say what they show."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from core.tasks.task import Pictures, Task, TaskError
from core.world.drawing.shapes import box, by_class, disc, inside, noise, plane
from core.world.neighbours import NEIGHBOURS, Neighbour
from core.world.scenes import PATCHED, TASKS, TRANSFER
from core.world.scenes.seeded import Drawn

by_name = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
by_neighbour = pytest.mark.parametrize("neighbour", NEIGHBOURS, ids=lambda neighbour: neighbour.name)


def small(task: Task) -> Task:
    """The same task with few pictures, so that drawing it takes no time."""
    if isinstance(task.source, Drawn):
        counts = (("train", 60), ("val", 40), ("test", 40))
        object.__setattr__(task := Task(**vars(task)), "source", Drawn(**{**vars(task.source), "counts": counts}))
    return task


def prints(pictures: Pictures) -> set[str]:
    return {hashlib.sha256(image.tobytes()).hexdigest() for image in pictures.images}


def test_the_nine_patching_tasks() -> None:
    names = "digits house_numbers land_use aerial textures signs distance clocks counting"
    assert [t.name for t in TASKS] == names.split()
    assert all(t.role == "patching" and t.plays and t.description and 3 <= len(t.templates) <= 6 for t in TASKS)
    assert len({t.source.digest(s) for t in TASKS for s in ("train", "val", "test")}) == 27


@by_name
def test_pictures_are_as_declared(task: Task) -> None:
    task = small(task)
    for split, n in task.source.sizes().items():
        pictures = task.source.load(split)
        assert pictures.images.shape == (n, 64, 64, 3) and pictures.images.dtype == np.uint8
        assert pictures.labels.shape == (n,) and pictures.labels.dtype == np.int64
        assert set(pictures.labels.tolist()) == set(range(len(task.class_names)))
        assert pictures.images.flags.c_contiguous and pictures.images.std() > 10


@by_name
def test_the_same_seed_gives_the_same_bytes(task: Task) -> None:
    task = small(task)
    one, other = task.source.load("val"), task.source.load("val")
    assert np.array_equal(one.images, other.images) and np.array_equal(one.labels, other.labels)
    assert task.source.digest("val") == task.source.digest("val")


@by_name
def test_splits_share_no_picture(task: Task) -> None:
    task = small(task)
    seen = [prints(task.source.load(split)) for split in ("train", "val", "test")]
    # scikit-learn's digits hold no duplicates either, so the number of different prints is the number of pictures
    assert len(set.union(*seen)) == sum(task.source.sizes().values())


@pytest.mark.parametrize("task", [t for t in TASKS if isinstance(t.source, Drawn)], ids=lambda task: task.name)
def test_another_seed_gives_other_pictures_and_another_digest(task: Task) -> None:
    source, other = small(task).source, Drawn(**{**vars(small(task).source), "seed": 1})
    assert source.digest("val") != other.digest("val")
    assert not prints(source.load("val")) & prints(other.load("val"))


@by_name
def test_a_missing_split_is_named(task: Task) -> None:
    with pytest.raises(TaskError, match="holdout"):
        task.source.load("holdout")
    with pytest.raises(TaskError, match="holdout"):
        task.source.digest("holdout")


def test_counting_tells_the_count_and_splits_its_classes() -> None:
    task = small(next(t for t in TASKS if t.name == "counting"))
    pictures = task.source.load("test")
    assert np.array_equal(pictures.notes["count"], pictures.labels + 3)
    assert sorted(PATCHED + TRANSFER) == list(range(3, 11))


def test_digits_are_all_of_scikit_learns() -> None:
    assert sum(TASKS[0].source.sizes().values()) == 1797


@by_neighbour
def test_neighbours_draw_labelled_pictures_with_captions(neighbour: Neighbour) -> None:
    images, labels = neighbour.draw(80, torch.Generator().manual_seed(0))
    again, same = neighbour.draw(80, torch.Generator().manual_seed(0))
    assert images.shape == (80, 64, 64, 3) and images.dtype == torch.uint8 and labels.dtype == torch.int64
    assert torch.equal(images, again) and torch.equal(labels, same)
    assert set(labels.tolist()) == set(range(len(neighbour.captions)))
    assert all(len(texts) >= 3 and len(set(texts)) == len(texts) for texts in neighbour.captions)


def test_neighbours_weights_sum_to_one_and_digits_weigh_most() -> None:
    assert sum(n.weight for n in NEIGHBOURS) == pytest.approx(1)
    assert max(NEIGHBOURS, key=lambda n: n.weight).name == "printed_digits"


def test_no_caption_belongs_to_two_labels() -> None:
    for neighbour in NEIGHBOURS:
        texts = [text for captions in neighbour.captions for text in captions]
        assert len(texts) == len(set(texts)), neighbour.name


def test_shapes_cover_what_they_should() -> None:
    g = torch.Generator().manual_seed(0)
    x, y = plane(1, g)
    assert inside(disc(x, y, 0.5)).mean().item() == pytest.approx(np.pi / 16, abs=1e-3)
    assert inside(box(x, y, 0.5, 0.25)).mean().item() == pytest.approx(0.125, abs=1e-3)
    assert noise(4, 5, g).min() >= 0 and noise(4, 5, g).max() <= 1


def test_each_picture_is_drawn_by_its_own_class() -> None:
    g = torch.Generator().manual_seed(0)
    painters = [lambda n, g, k=k: torch.full((n, 3, 64, 64), float(k)) for k in range(3)]
    labels = torch.tensor([2, 0, 1, 2])
    assert torch.equal(by_class(painters, labels, g)[:, 0, 0, 0], labels.float())


def test_one_thread_or_two_draw_the_same_bytes() -> None:
    draw, threads = NEIGHBOURS[0].draw, torch.get_num_threads()
    try:
        drawn = []
        for count in (1, 2):
            torch.set_num_threads(count)
            drawn.append(draw(64, torch.Generator().manual_seed(0))[0])
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*drawn)
