from __future__ import annotations

import json
import threading

import pytest

from core.jobs import Jobs
from core.progress import CancelledError, Progress


@pytest.fixture
def jobs(tmp_path):
    return Jobs(tmp_path / "jobs")


def log(jobs):
    return [json.loads(line) for line in (jobs.folder / "log.jsonl").read_text().splitlines()]


def test_work_is_done_and_its_result_kept(jobs):
    job = jobs.submit("k", "Count", lambda progress: sum(progress(range(5), "counting")))
    assert job.finished.wait(5) and (job.state, job.result, job.progress.fraction) == ("done", 10, 1.0)
    assert [(e["job"], e["state"]) for e in log(jobs)] == [("k", "running"), ("k", "done")]


def test_two_that_ask_for_the_same_get_one_job(jobs):
    go, runs = threading.Event(), []
    first = jobs.submit("k", "Slow", lambda _: runs.append(1) or go.wait(5))
    second = jobs.submit("k", "Slow", lambda _: runs.append(2))
    assert first is second
    go.set()
    assert first.finished.wait(5) and runs == [1]
    again = jobs.submit("k", "Slow", lambda _: runs.append(3))  # a finished job may be asked for anew
    assert again is not first and again.finished.wait(5) and runs == [1, 3]


def test_urgent_work_goes_before_the_rest_of_the_queue(jobs):
    go, order = threading.Event(), []
    jobs.submit("running", "", lambda _: go.wait(5))
    jobs.submit("later", "", lambda _: order.append("later"))
    last = jobs.submit("soon", "", lambda _: order.append("soon"), urgent=True)
    go.set()
    assert last.finished.wait(5) and jobs.get("later").finished.wait(5) and order == ["soon", "later"]


def test_running_work_stops_at_its_next_step(jobs):
    started, seen = threading.Event(), []

    def work(progress):
        for i in progress(range(1000)):
            seen.append(i)
            started.set()
            threading.Event().wait(0.01)

    job = jobs.submit("k", "Long", work)
    assert started.wait(5)
    jobs.cancel("k")
    assert job.finished.wait(5) and job.state == "cancelled" and len(seen) < 1000
    assert jobs.submit("k2", "Next", lambda _: "alive").finished.wait(5)


def test_waiting_work_is_cancelled_before_it_begins(jobs):
    go, runs = threading.Event(), []
    first = jobs.submit("a", "", lambda _: go.wait(5))
    waiting = jobs.submit("b", "", lambda _: runs.append(1))
    jobs.cancel("b")
    assert waiting.state == "cancelled" and waiting.finished.is_set()
    go.set()
    assert first.finished.wait(5) and jobs.submit("c", "", lambda _: 1).finished.wait(5) and runs == []


def test_a_failure_is_one_sentence_and_the_worker_lives_on(jobs):
    bad = jobs.submit("bad", "Divide", lambda _: 1 / 0)
    assert bad.finished.wait(5) and bad.state == "failed" and "Divide failed: ZeroDivisionError" in bad.error
    assert "Traceback" in log(jobs)[1]["trace"]  # details go to the log
    assert jobs.submit("good", "", lambda _: 1).finished.wait(5)


def test_a_log_that_cannot_be_written_does_not_stop_the_work(tmp_path):
    (tmp_path / "jobs").write_text("in the way")
    job = Jobs(tmp_path / "jobs").submit("k", "", lambda _: 7)
    assert job.finished.wait(5) and job.result == 7


def test_only_so_many_finished_jobs_are_remembered(tmp_path):
    jobs = Jobs(tmp_path, keep=3)
    for i in range(6):
        assert jobs.submit(str(i), "", lambda _: None).finished.wait(5)
    assert [j.key for j in jobs.all()] == ["3", "4", "5"]


def test_progress_of_loops_inside_loops():
    seen = []
    progress = Progress(lambda p: seen.append(round(p.fraction, 3)))
    for _ in progress(["a", "b"], costs=[3, 1]):
        for _ in progress(range(3)):
            pass
    assert seen == sorted(seen) and seen[-1] == 1.0 and 0.75 in seen and 0.25 in seen


def test_cancelling_stops_an_inner_loop():
    progress = Progress()
    with pytest.raises(CancelledError):
        for _ in progress(range(2)):
            for i in progress(range(10)):
                if i == 3:
                    progress.cancel()
