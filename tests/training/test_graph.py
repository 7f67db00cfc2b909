from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections import Counter
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from core import PaletteError
from core.patching.pieces import pieces
from core.progress import CancelledError, Progress
from core.storage import files as disk
from core.training.graph import GraphError, InProcess, WorkspaceSpec, run_graph, work
from core.training.workers import WorkersError, executor, gpu_of
from core.workspace.lab import Lab
from tests.conftest import make_workspace, tiny_tasks

ALPHAS = (0.0, 0.5, 1.0)
ZOO = {"first": ["noisy"], "second": ["noisy"], "both": ["noisy", "plain"]}


@pytest.fixture
def empty(tmp_path) -> Path:
    """A workspace with three patches to build and nothing built."""
    folder = make_workspace(tmp_path / "cache")
    facts = json.loads((folder / "workspace.json").read_text()) | {"zoo": ZOO}
    facts["finetune"] |= {"second": {"seed": 1}, "both": {"steps": 30}}
    (folder / "workspace.json").write_text(json.dumps(facts))
    return folder.parent


def desk(cache: Path) -> WorkspaceSpec:
    return WorkspaceSpec("tiny", cache, "cpu", 1, tiny_tasks)


def graph_of(cache: Path):
    return pieces(desk(cache).open(), list(ZOO), ["plain"], ALPHAS)


def content(cache: Path) -> dict[str, str]:
    """Digest of every checkpoint and result, by what it is called (results: by content)."""
    files = [*(cache / "tiny" / "checkpoints").glob("*"), *Lab("tiny", cache, "cpu", {}).store.files()]
    return {p.name: disk.read_facts(p)["digest"] for p in files}


def events(cache: Path) -> list[dict]:
    return [
        line | {"worker": path.stem}
        for path in (cache / "tiny" / "work").glob("*.jsonl")
        for line in disk.read_lines(path)
    ]


def copy_of(cache: Path) -> Path:
    return Path(shutil.copytree(cache, cache.with_name(f"{cache.name}-again")))


def test_keys_are_made_of_content(empty):
    graph = graph_of(empty)
    assert len({p.key for p in graph}) == len(graph) == 3 * (1 + len(ALPHAS))
    assert [p.key for p in graph_of(copy_of(empty))] == [p.key for p in graph]  # another place, the same work
    facts = json.loads((empty / "tiny" / "workspace.json").read_text())
    facts["finetune"]["second"]["seed"] = 2
    (empty / "tiny" / "workspace.json").write_text(json.dumps(facts))
    other = {p.key for p in pieces(Lab("tiny", empty, "cpu", tiny_tasks()), list(ZOO), ["plain"], ALPHAS)}
    assert {p.patch for p in graph if p.key not in other} == {"second"}


def test_pieces_with_augmentation_are_others_and_train_with_it(empty):
    lab = desk(empty).open()
    usual, light = (pieces(lab, ["first"], ["plain"], ALPHAS, augment) for augment in ("none", "light"))
    assert [p.key for p in usual] == [p.key for p in pieces(lab, ["first"], ["plain"], ALPHAS)]
    assert not {p.key for p in usual} & {p.key for p in light}
    run_graph(light[:1], desk(empty), InProcess())
    assert lab.zoo["first"].settings["augment"] == "light"


def test_each_piece_waits_for_what_it_needs_and_a_second_build_computes_nothing(empty):
    seen: list[str] = []

    class Watching(InProcess):
        def submit(self, fn, /, *args, **kwargs):
            seen.append(args[1].key)
            return super().submit(fn, *args, **kwargs)

    graph, reported = graph_of(empty), []
    outcomes = run_graph(graph, desk(empty), Watching(), Progress(lambda p: reported.append(p.fraction)))
    spared = {o.key for o in outcomes if not o.computed}
    assert spared <= {p.key for p in graph if p.alpha == 0} and len(spared) == 2  # one base, one result
    assert len(outcomes) == len(graph)
    assert all(seen.index(need) < seen.index(p.key) for p in graph for need in p.needs)
    assert reported == sorted(reported) and reported[-1] == 1 and len(reported) > len(graph)
    assert not any(o.computed for o in run_graph(graph, desk(empty), InProcess()))
    assert Counter(e["event"] for e in events(empty)) == {"began": len(graph) - 2, "done": len(graph) - 2}


def test_threads_build_what_one_builds(empty):
    other = copy_of(empty)
    run_graph(graph_of(empty), desk(empty), InProcess())
    with ThreadPoolExecutor(3) as pool:
        run_graph(graph_of(other), desk(other), pool)
    assert content(empty) == content(other)


def test_a_cancel_stops_between_steps_and_the_rest_is_done_later(empty):
    progress = Progress(lambda p: p.cancel() if p.fraction > 0.5 else None)
    with pytest.raises(CancelledError):
        run_graph(graph_of(empty), desk(empty), InProcess(), progress)
    done = {e["piece"] for e in events(empty) if e["event"] == "done"}
    assert 0 < len(done) < len(graph_of(empty))
    again = run_graph(graph_of(empty), desk(empty), InProcess())
    assert done <= {o.key for o in again if not o.computed}


def test_what_a_worker_complains_of_ends_the_build(empty):
    class Broken(Executor):
        def submit(self, fn, /, *args, **kwargs):
            future: Future = Future()
            future.set_exception(PaletteError("The disk is full."))
            return future

    with pytest.raises(PaletteError, match="The disk is full"):
        run_graph(graph_of(empty), desk(empty), Broken())


def test_two_processes_share_a_build_and_one_that_dies_is_said(empty):
    graph = graph_of(empty)
    with executor(2) as pool:
        run_graph(graph[:3], desk(empty), pool)
    assert {e["piece"] for e in events(empty) if e["event"] == "done"} == {p.key for p in graph[:3]}
    with pytest.raises(GraphError, match="A worker died"), executor(2) as pool:
        pool.submit(os.kill, pool.submit(os.getpid).result(), signal.SIGKILL)
        run_graph(graph, desk(empty), pool)


def gpu_here(_: int) -> str:
    time.sleep(0.3)  # so that no worker takes every call
    return os.environ["CUDA_VISIBLE_DEVICES"]


@pytest.mark.parametrize("words", [(2,), (2, "local")])
def test_each_worker_has_a_gpu_of_its_own_among_those_that_may_be_used(monkeypatch, words):
    if len(words) > 1:
        pytest.importorskip("distributed")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, 6")
    with executor(*words) as pool:
        found = set(pool.map(gpu_here, range(6)))
    assert found == {"4", "6"}
    assert [gpu_of(i, ["4", "6"]) for i in range(3)] == ["4", "6", "4"] and gpu_of(0, []) == ""


@pytest.mark.parametrize(("words", "complaint"), [((0,), "at least one"), ((2, "here"), "is no scheduler")])
def test_workers_that_cannot_be(words, complaint):
    if len(words) > 1:
        pytest.importorskip("distributed")
    with pytest.raises(WorkersError, match=complaint), executor(*words):
        pass


def test_a_dask_worker_dies_in_the_middle(empty):
    """The build completes, nothing is computed twice but what the dead one held, and digests are as in one process."""
    pytest.importorskip("distributed")
    alone, dead = copy_of(empty), []
    run_graph(graph_of(alone), desk(alone), InProcess())

    def kill_one() -> None:
        while not dead:
            begun = [e for e in events(empty) if e["event"] == "began"]
            over = {e["piece"] for e in events(empty) if e["event"] == "done"}
            if len(over) >= 2 and (held := [e for e in begun if e["piece"] not in over]):
                dead.append(held[-1]["worker"])
                os.kill(int(dead[0].rpartition("-")[2]), signal.SIGKILL)
            time.sleep(0.002)

    graph, killer = graph_of(empty), threading.Thread(target=kill_one, daemon=True)
    with executor(2, "local") as cluster:
        killer.start()
        outcomes = run_graph(graph, desk(empty), cluster)
    killer.join(5)
    began, over = (Counter(e["piece"] for e in events(empty) if e["event"] == kind) for kind in ("began", "done"))
    held = {e["piece"] for e in events(empty) if e["worker"] == dead[0] and e["event"] == "began"}
    held -= {e["piece"] for e in events(empty) if e["worker"] == dead[0] and e["event"] == "done"}
    assert {o.key for o in outcomes} == {p.key for p in graph} >= set(over)
    assert len(held) <= 1 and set(over.values()) == {1}
    assert {piece for piece, times in began.items() if times > 1} == held
    assert len({e["worker"] for e in events(empty)}) >= 2
    assert content(empty) == content(alone)


def test_a_piece_that_is_there_is_not_computed(empty):
    piece = graph_of(empty)[0]
    assert work(desk(empty), piece).computed and not work(desk(empty), piece).computed
