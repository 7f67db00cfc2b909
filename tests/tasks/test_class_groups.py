from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.tasks.class_groups import ClassGroup, class_groups
from core.tasks.task import Pictures, Task, TaskError
from tests.conftest import Noisy, tiny_tasks


class Counted:
    """Twelve 1 × 1 pictures of six classes whose colour is their number; counts how often it is loaded."""

    def __init__(self):
        self.loads = 0

    def sizes(self):
        return {"train": 12, "val": 6, "test": 6}

    def digest(self, split):
        return f"counted {split}"

    def load(self, split):
        self.loads += 1
        n = self.sizes()[split]
        numbers = np.arange(n)
        images = np.tile(numbers.astype(np.uint8)[:, None, None, None], (1, 1, 1, 3))
        return Pictures(images, (numbers * 5 % 6).astype(np.int64), {"written": numbers * 2})


SIX = Task("six", "supported", "Six", "Numbers.", tuple("abcdef"), ("{}",), Counted(), plays="CIFAR-100")


def test_a_groups_classes_stand_for_what_they_did():
    others = tuple((f"{name} one", f"{name} two") for name in SIX.class_names)
    whole = replace(SIX, stands_for=others)
    assert [g.stands_for for g in class_groups(whole, 3)] == [others[:2], others[2:4], others[4:]]
    assert all(g.stands_for == others for g in class_groups(whole, 3, all_names=True))
    assert class_groups(SIX, 3)[0].stands_for == ()


def test_groups_share_no_class_and_together_are_the_task():
    groups = class_groups(SIX, 3)
    assert [g.class_names for g in groups] == [("a", "b"), ("c", "d"), ("e", "f")]
    assert [g.name for g in groups] == ["six.1of3", "six.2of3", "six.3of3"] and {g.role for g in groups} == {"patching"}
    whole = SIX.source.load("train")
    seen = [int(i[0, 0, 0]) for g in groups for i in g.source.load("train").images]
    assert sorted(seen) == sorted(whole.images[:, 0, 0, 0].tolist())
    assert [g.size("train") for g in groups] == [4, 4, 4] and groups[0].plays == "Split CIFAR-100"


def test_pictures_keep_their_class_and_their_notes():
    whole = SIX.source.load("test")
    name = {int(i[0, 0, 0]): SIX.class_names[c] for i, c in zip(whole.images, whole.labels, strict=True)}
    for group in class_groups(SIX, 3, seed=4):
        found = group.source.load("test")
        numbers = found.images[:, 0, 0, 0]
        assert [group.class_names[c] for c in found.labels] == [name[int(n)] for n in numbers]
        assert found.labels.dtype == np.int64 and found.notes["written"].tolist() == (numbers * 2.0).tolist()


def test_with_all_names_labels_and_head_stay_those_of_the_whole_task():
    group = class_groups(SIX, 2, all_names=True)[1]
    assert group.class_names == SIX.class_names and set(group.source.load("train").labels.tolist()) == {3, 4, 5}


def test_what_is_different_has_another_digest_and_name():
    made = [class_groups(SIX, 2)[0], class_groups(SIX, 2)[1], class_groups(SIX, 2, seed=1)[0], class_groups(SIX, 3)[0]]
    made.append(class_groups(SIX, 2, all_names=True)[0])
    assert len({g.source.digest("val") for g in made}) == len({g.name for g in made}) == 5
    assert class_groups(SIX, 2, seed=1) == class_groups(SIX, 2, seed=1)


def test_sizes_look_at_the_source_once_for_each_split():
    source = Counted()
    group = ClassGroup(source, (0, 1))
    assert group.sizes() == {"train": 4, "val": 2, "test": 2} == group.sizes() and source.loads == 3


def test_any_task_of_a_workspace_can_be_cut(tiny_lab):
    task = tiny_tasks()["noisy"]
    four = Task("four", "patching", "Four", "", ("w", "x", "y", "z"), task.templates, Noisy(3, 50))
    tiny_lab.tasks |= {t.name: t for t in class_groups(four, 2)}
    assert tiny_lab.evaluate(tiny_lab.base, "four.1of2", "val").accuracy.n == tiny_lab.task("four.1of2").size("val")


@pytest.mark.parametrize(("groups", "complaint"), [(1, "2 to 3 groups, not 1"), (4, "2 to 3 groups, not 4")])
def test_too_few_classes_are_refused(groups, complaint):
    with pytest.raises(TaskError, match=complaint):
        class_groups(SIX, groups)
    with pytest.raises(TaskError, match="too few"):
        class_groups(tiny_tasks()["noisy"], 2)
