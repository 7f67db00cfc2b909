from __future__ import annotations

import torch

from core.models import resident as module
from core.models.device import Memory
from core.models.merge import Stacked
from core.models.resident import Parents

ZOO = {name: {"visual.weight": torch.full((3, 2), float(i))} for i, name in enumerate("abcdefgh")}
CPU = torch.device("cpu")


def some(names):
    return {name: ZOO[name] for name in names}


def test_models_asked_for_twice_in_a_row_are_held_until_others_are():
    parents = Parents(CPU)
    assert parents.of(some("abc")) == some("abc")
    held = parents.of(some("abc"))
    assert isinstance(held, Stacked) and list(held) == ["a", "b", "c"]
    assert parents.of(some("ca")) is held, "some of them are there, too"
    assert parents.of(some("ad")) == some("ad") and parents.of(some("abc")) is held, "once is not twice"
    assert parents.of(some("ad")) == some("ad") and parents.of(some("abc")) is held, "two people take turns"
    assert parents.of(some("ad")) == some("ad")
    assert isinstance(parents.of(some("ad")), Stacked)
    assert parents.of(some("abc")) == some("abc")


def test_one_model_is_never_copied():
    parents = Parents(CPU)
    assert all(parents.of(some("a")) == some("a") for _ in range(3))


def test_two_of_many_are_not_mixed_by_reading_all():
    parents = Parents(CPU)
    assert parents.of(some("abcdefgh")) is not parents.of(some("abcdefgh"))
    assert not isinstance(parents.of(some("ab")), Stacked)


def test_a_checkpoint_that_was_written_anew_is_read_anew():
    parents = Parents(CPU)
    assert isinstance([parents.of(some("ab")) for _ in range(2)][1], Stacked)
    fresh = {"a": ZOO["a"], "b": {"visual.weight": torch.full((3, 2), 7.0)}}
    assert parents.of(fresh) is fresh
    held = parents.of(fresh)
    assert isinstance(held, Stacked) and held["b"]["visual.weight"][0, 0] == 7


def test_models_that_do_not_fit_the_memory_stay_on_disk(monkeypatch):
    monkeypatch.setattr(module, "device_memory", lambda device: Memory(10**9, 4 * 2 * 24 - 1, 0))
    parents = Parents(CPU)
    assert not any(isinstance(parents.of(some("ab")), Stacked) for _ in range(3))
    monkeypatch.setattr(module, "device_memory", lambda device: Memory(10**9, 4 * 2 * 24, 0))
    assert isinstance(parents.of(some("ab")), Stacked)
