from __future__ import annotations

import threading
import time

import pytest
import torch

from core.storage.store import Store
from tests.conftest import full_disk


class Counter:
    """Makes an entry and counts how often it was asked to."""

    def __init__(self, wait: threading.Event | None = None):
        self.calls, self.wait = 0, wait

    def __call__(self):
        self.calls += 1
        if self.wait:
            self.wait.wait(5)
        return {"x": torch.arange(3)}


def test_made_once_then_read(tmp_path):
    make, key = Counter(), Store.key(a=1)
    for _ in range(3):
        found = Store(tmp_path).get_or_make(key, make)
        assert found["x"].tolist() == [0, 1, 2]
    assert make.calls == 1


def test_keys_are_made_of_content():
    assert Store.key(a=1, b="x") == Store.key(b="x", a=1) != Store.key(a=2, b="x")


def test_two_that_ask_at_once_make_it_once(tmp_path):
    go = threading.Event()
    make, key = Counter(go), Store.key(a=2)
    threads = [threading.Thread(target=Store(tmp_path).get_or_make, args=(key, make)) for _ in range(4)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert make.calls == 1


def test_a_damaged_entry_is_set_aside_and_made_again(tmp_path):
    told = []
    store, make, key = Store(tmp_path, told.append), Counter(), Store.key(a=3)
    store.get_or_make(key, make)
    store.path(key).write_bytes(store.path(key).read_bytes()[:-4])
    assert store.get_or_make(key, make)["x"].tolist() == [0, 1, 2]
    assert len(told) == 1 and "damaged, set aside, and is computed again" in told[0]
    assert make.calls == 2 and len(list((tmp_path / "damaged").iterdir())) == 1


def test_a_full_disk_loses_nothing_but_the_keeping(tmp_path):
    told = []
    with full_disk():
        assert Store(tmp_path, told.append).get_or_make(Store.key(a=4), Counter())["x"].tolist() == [0, 1, 2]
    assert "could not be kept" in told[0] and "No space left on device" in told[0]


def test_a_failed_make_keeps_nothing(tmp_path):
    store, key = Store(tmp_path), Store.key(a=5)
    with pytest.raises(ZeroDivisionError):
        store.get_or_make(key, lambda: 1 / 0)
    assert key not in store and list(store.files()) == []


def test_a_store_says_that_something_came_or_went(tmp_path):
    store, key = Store(tmp_path), Store.key(a=1)
    assert store.changed() == 0
    store.put(key, {"x": torch.arange(3)})
    first = store.changed()
    time.sleep(0.02)  # longer than a file system's clock may stand still
    assert store.changed() == first > 0
    store.put(key, {"x": torch.arange(4)})
    second = store.changed()
    time.sleep(0.02)
    store.path(key).unlink()
    assert first < second < store.changed()
