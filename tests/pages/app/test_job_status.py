"""Work is offered once: a button begins it, its progress is followed, its error is told, its result is drawn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import PaletteError
from core.jobs import Jobs
from pages.shared.app import job_status


class Desk:
    """A queue and a piece of work that waits to be let go; the script under test finds it by the module's name."""

    def __init__(self, folder: Path) -> None:
        self.jobs, self.go, self.error, self.begun = Jobs(folder), threading.Event(), "", 0

    def work(self, progress) -> str:
        self.begun += 1
        progress.at(0.25, "half of a half")
        while not self.go.wait(0.01):
            progress.check()
        if self.error:
            raise PaletteError(self.error)
        return "forty-two"


DESK: list[Desk] = []


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    DESK[:] = [Desk(tmp_path / "jobs")]
    yield DESK[0]
    DESK[0].go.set()


def offering() -> None:
    from pages.shared.app import job_status
    from tests.pages.app.test_job_status import DESK, drawn

    job_status.offer(
        DESK[0].jobs, "k", "A title", DESK[0].work, "Do it", command="python -m core it", done=drawn, key="button"
    )


def looking() -> None:
    from pages.shared.app import job_status
    from tests.pages.app.test_job_status import DESK, drawn

    job = job_status.at_once(DESK[0].jobs, "k", "A title", DESK[0].work, again="Once more", words="On its way.")
    if job is not None:
        drawn(job.result)


def drawn(result: str) -> None:
    st.success(f"The answer is {result}.")


def ended(desk: Desk) -> None:
    desk.go.set()
    assert desk.jobs.get("k").finished.wait(10)


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def test_an_offer_is_a_button_and_a_command_then_progress_then_the_result(desk):
    at = AppTest.from_function(offering).run()
    assert labels(at) == ["Do it"] and at.code[0].value == "python -m core it" and not desk.begun
    at.button(key="button").click().run()
    assert labels(at) == ["Cancel"] and not at.code and not at.success
    ended(desk)
    at.run()
    assert at.success[0].value == "The answer is forty-two." and not at.button and not at.exception
    assert desk.begun == 1


def test_what_went_wrong_is_told_and_the_offer_stands_again(desk):
    desk.error = "The *disk* is full; make room."
    at = AppTest.from_function(offering).run()
    at.button[0].click().run()
    ended(desk)
    at.run()
    assert [w.value for w in at.warning] == [r"The \*disk\* is full; make room."] and labels(at) == ["Do it"]
    desk.error = ""
    at.button[0].click().run()
    ended(desk)
    at.run()
    assert at.success and not at.warning and desk.begun == 2


def test_cancel_stops_the_work_and_says_so(desk):
    at = AppTest.from_function(offering).run()
    at.button[0].click().run()
    at.button[0].click().run()
    assert desk.jobs.get("k").finished.wait(10)
    at.run()
    assert labels(at) == ["Do it"] and "Cancelled" in at.warning[0].value


def test_what_somebody_looks_at_begins_by_itself_and_once(desk):
    at = AppTest.from_function(looking).run()
    assert at.markdown[0].value == "On its way." and labels(at) == ["Cancel"]
    at.run()
    ended(desk)
    at.run()
    assert at.success and desk.begun == 1 and not at.button


def test_what_is_quick_is_there_at_once(desk):
    desk.go.set()
    assert AppTest.from_function(looking).run().success


def test_what_failed_by_itself_begins_again_by_a_button_alone(desk):
    desk.error = "No."
    desk.go.set()
    at = AppTest.from_function(looking).run()
    assert at.warning[0].value == "No." and labels(at) == ["Once more"]
    at.run()
    assert desk.begun == 1
    desk.error = ""
    at.button[0].click().run()
    desk.jobs.get("k").finished.wait(10)
    assert at.run().success and desk.begun == 2


def test_a_job_whose_result_was_forgotten_begins_anew(desk):
    desk.go.set()
    for times in (1, 2):
        job = job_status.at_once(desk.jobs, "k", "A title", desk.work, anew=("done",))
        assert job is not None and job.state == "done" and desk.begun == times
