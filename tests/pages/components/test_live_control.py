"""A live control hears of a value only where that is not its own word, and says when the hand has let go."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pages.shared.components import live_control
from pages.shared.components.live_control import LiveControl, Move


class Browser:
    """What the browser does: it draws what it is sent, and tells moves."""

    def __init__(self, state: dict) -> None:
        self.state, self.sequence = state, 0

    def __call__(self, key, data, on_moved_change) -> None:
        self.key, self.data, self.tell = key, data, on_moved_change

    def move(self, value, settled: bool = False) -> None:
        self.sequence += 1
        self.state[self.key] = {"moved": {"value": value, "settled": settled, "sequence": self.sequence}}
        self.tell()


@pytest.fixture
def state(monkeypatch) -> dict:
    kept: dict = {}
    monkeypatch.setattr(live_control, "st", SimpleNamespace(session_state=kept))
    return kept


@pytest.fixture
def browser(state) -> Browser:
    return Browser(state)


class Page:
    """A page that holds a value which the control moves, if it is within what the page can show."""

    def __init__(self, control: LiveControl, browser: Browser, value) -> None:
        self.control, self.browser, self.value, self.shown = control, browser, value, lambda _: True

    def moved(self, move: Move) -> bool:
        if self.shown(move.value):
            self.value = move.value
        return self.shown(move.value)

    def draw(self) -> dict:
        self.control.draw(self.browser, self.value, {"more": 1}, self.moved)
        return self.browser.data


@pytest.fixture
def page(browser) -> Page:
    return Page(LiveControl("c"), browser, 0.5)


def test_the_first_value_is_heard_and_what_else_it_needs_goes_along(page):
    assert page.draw() == {"more": 1, "value": 0.5, "stamp": 1, "answered": 0} and page.control.last() is None


def test_its_own_word_is_answered_and_not_said_again(page, browser):
    stamp = page.draw()["stamp"]
    browser.move(0.6)
    assert page.value == 0.6
    assert page.draw() == {"more": 1, "value": 0.6, "stamp": stamp, "answered": 1}


def test_a_value_from_elsewhere_is_heard_once(page, browser):
    stamp = page.draw()["stamp"]
    browser.move(0.6)
    page.draw()
    page.value = 0.5
    assert page.draw()["stamp"] == page.draw()["stamp"] == stamp + 1


def test_a_move_that_the_page_does_not_take_is_put_right(page, browser):
    stamp = page.draw()["stamp"]
    page.shown = lambda value: value < 0.8
    browser.move(0.9, settled=True)
    assert not page.control.has_settled()
    assert page.draw() == {"more": 1, "value": 0.5, "stamp": stamp + 1, "answered": 1}


def test_letting_go_is_told_once_and_can_be_asked_for(page, browser):
    page.draw()
    browser.move(0.6)
    assert not page.control.has_settled() and page.control.held_at(0.6) and not page.control.held_at(0.5)
    browser.move(0.6, settled=True)
    assert not page.control.held_at(0.6)
    assert page.control.has_settled() and not page.control.has_settled()
    page.control.settle()
    assert page.control.has_settled()


def test_what_the_browser_says_is_rounded_and_kept_within_the_limits(browser):
    page = Page(LiveControl("c", digits=3), browser, (0.0, 0.0))
    page.draw()
    browser.move([0.12345, 7])
    assert page.value == (0.123, 1.0) and page.control.last() == Move((0.123, 1.0), False)
    browser.move([-1, 1])
    assert page.value == (0.0, 1.0)


def test_two_controls_keep_apart(state, browser):
    first, second = Page(LiveControl("a"), browser, 0.1), Page(LiveControl("b"), Browser(state), 0.2)
    first.draw(), second.draw()
    browser.move(0.3, settled=True)
    assert (first.value, second.value) == (0.3, 0.2) and second.draw()["stamp"] == 1
    assert first.control.has_settled() and not second.control.has_settled()
