from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.recipes.search import DECIMALS, OPTIMISERS, SearchError, Trial, maximise, replay, within
from core.storage import files


def hill(x):
    """Highest at 0.3, 0.4, 0.5, ...; flat in steps of 0.01, as accuracy is, with the slope in the tie-break."""
    smooth = 1 - sum((v - 0.3 - 0.1 * i) ** 2 for i, v in enumerate(x)) / len(x)
    return round(smooth, 2), smooth


class Killed(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("d", [1, 3, 9])
def test_every_optimiser_climbs_and_says_what_ran(optimiser, d):
    start = (0.9,) * d
    found = maximise(hill, start, 60, optimiser)
    assert found.trials[0].x == start and len(found.trials) <= 60
    assert found.best.score > hill(start)[0] and optimiser in found.optimiser
    assert len({t.x for t in found.trials}) == len(found.trials)
    assert all(0 <= v <= 1 for t in found.trials for v in t.x)


@pytest.mark.parametrize("killed_at", [1, 7, 29])
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_killed_search_goes_on_exactly_and_evaluates_nothing_twice(optimiser, killed_at):
    whole = maximise(hill, (0.5, 0.5), 30, optimiser)
    log, calls = [], []

    def dies(x):
        if len(calls) == killed_at:
            raise Killed
        calls.append(x)
        return hill(x)

    if len(whole.trials) > killed_at:
        with pytest.raises(Killed):
            maximise(dies, (0.5, 0.5), 30, optimiser, keep=log.append)
        assert [t.x for t in log] == calls
    again = []
    rest = maximise(lambda x: again.append(x) or hill(x), (0.5, 0.5), 30, optimiser, known=log, keep=log.append)
    assert rest == whole and not set(calls) & set(again) and len(log) == len(whole.trials)
    assert maximise(lambda x: pytest.fail("evaluated again"), (0.5, 0.5), 30, optimiser, known=log) == whole


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_cancelled_search_leaves_no_thread(optimiser):
    before = threading.active_count()

    def cancel(rounds):
        for i in rounds:
            if i == 5:
                raise Killed
            yield i

    with pytest.raises(Killed):
        maximise(hill, (0.5, 0.5, 0.5), 40, optimiser, progress=cancel)
    assert threading.active_count() == before
    maximise(hill, (0.5, 0.5, 0.5), 12, optimiser)
    assert threading.active_count() == before


SEARCHER = """
import sys, time
from dataclasses import asdict
from pathlib import Path
from core.storage import files
from core.recipes.search import maximise
def objective(x):
    time.sleep(0.02)
    if len(sys.argv) > 2 and len(files.read_lines(Path(sys.argv[1]))) > 3:
        raise RuntimeError("something else went wrong")
    return round(1 - sum((v - 0.3) ** 2 for v in x), 2), 0.0
maximise(objective, (0.6,) * 9, 100, keep=lambda t: files.append_line(Path(sys.argv[1]), asdict(t)))
"""


def test_a_search_of_100_vectors_resumes_after_kill_9_with_nothing_evaluated_twice(tmp_path):
    def objective(x):
        return round(1 - sum((v - 0.3) ** 2 for v in x), 2), 0.0

    log = tmp_path / "search.jsonl"
    victim = subprocess.Popen([sys.executable, "-c", SEARCHER, str(log)])
    deadline = time.monotonic() + 120
    while len(files.read_lines(log)) < 20 and time.monotonic() < deadline:
        time.sleep(0.05)
    victim.kill()
    victim.wait()
    known = [Trial(tuple(line["x"]), line["score"], line["tie"]) for line in files.read_lines(log)]
    assert 20 <= len(known) < 100
    calls = []
    found = maximise(lambda x: calls.append(x) or objective(x), (0.6,) * 9, 100, known=known)
    assert found == maximise(objective, (0.6,) * 9, 100)
    assert len(calls) == len(found.trials) - len(known) and not {t.x for t in known} & set(calls)


def test_an_error_in_mid_search_ends_the_process(tmp_path):
    """Cobyla's thread would keep the interpreter alive for ever."""
    done = subprocess.run(
        [sys.executable, "-c", SEARCHER, str(tmp_path / "log"), "fail"], capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 1 and b"something else went wrong" in done.stderr


def test_cobylas_first_probes_do_not_bounce_back_to_the_start():
    found = maximise(hill, (0.5, 0.5), 3, "Cobyla")
    assert [t.x for t in found.trials] == [(0.5, 0.5), (0.75, 0.5)]  # the start is asked for once more, and is known


def test_a_choice_of_ngopt_that_could_not_be_replayed_is_not_taken():
    found = maximise(hill, (0.5,) * 3, 251, "NGOpt")
    assert found.optimiser == "Cobyla, because NGOpt's choice (CmaFmin2) cannot be resumed"
    assert maximise(hill, (0.5,) * 9, 20, "NGOpt").optimiser == "NGOpt: Cobyla"


@given(st.lists(st.floats(-1, 2), min_size=1, max_size=9), st.sampled_from([None, 0.5, 1.0]))
def test_points_lie_in_the_space_and_stay_where_they_are(x, total):
    point = within(x, total)
    assert all(0 <= v <= 1 for v in point) and within(point, total) == point
    assert total is None or sum(point) <= total + 1e-9
    if total is None:
        assert point == pytest.approx([min(1, max(0, v)) for v in x], abs=10**-DECIMALS)


def test_a_bounded_sum_is_kept_by_every_point():
    found = maximise(lambda x: (sum(x) / 3, 0.0), (0.2, 0.2, 0.2), 40, total=1.0)
    assert max(sum(t.x) for t in found.trials) == pytest.approx(1, abs=1e-3)
    assert all(sum(t.x) <= 1 + 1e-9 for t in found.trials)


def test_equal_scores_are_told_apart_by_the_tie_break_then_by_order():
    found = maximise(lambda x: (0.5, 0.0), (0.5,), 8, "OnePlusOne")
    assert found.best.x == (0.5,)
    trials = (Trial((0.1,), 0.5, 0.1), Trial((0.2,), 0.5, 0.9), Trial((0.3,), 0.4, 1.0))
    assert type(found)(trials, "").best.x == (0.2,)


def test_wrong_use_and_failures_are_one_sentence(monkeypatch):
    with pytest.raises(SearchError, match="no optimiser 'Magic'; choose one of Cobyla"):
        maximise(hill, (0.5,), 5, "Magic")
    with pytest.raises(SearchError, match="at least one factor"):
        maximise(hill, (), 5)
    monkeypatch.setattr("core.recipes.search._engine", lambda *_: 1 / 0)
    with pytest.raises(SearchError, match=r"Cobyla failed \(ZeroDivisionError"):
        maximise(hill, (0.5,), 5)


def test_a_budget_of_one_tries_the_start_alone():
    assert [t.x for t in maximise(hill, (0.5, 0.1), 1).trials] == [(0.5, 0.1)]


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_log_that_answers_a_search_replays_it_and_a_shorter_one_does_not(optimiser):
    """Whether a search is done is read off what it tried; nothing is evaluated for it."""
    settings = {"optimiser": optimiser, "seed": 3}

    def objective(x):
        return 1 - sum((v - 0.3) ** 2 for v in x), 0.0

    result = maximise(objective, (0.5, 0.5), 8, **settings)
    assert replay(result.trials, (0.5, 0.5), 8, **settings) == result
    assert replay(result.trials[:-1], (0.5, 0.5), 8, **settings) is None
    assert replay([], (0.5, 0.5), 8, **settings) is None
