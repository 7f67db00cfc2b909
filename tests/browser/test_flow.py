"""One visit in a real browser: open, drag, see the numbers move, copy the link, open it again."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.browser import PATIENCE_MS, WATCH, chromium, drag, find_chromium, open_page, server
from core.workspace.lab import CACHE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on the PATH; set PALETTE_CHROMIUM"),
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the mini workspace, so that the repository stays as it is."""
    copy = tmp_path_factory.mktemp("browser")
    passing = shutil.ignore_patterns("images", "partial", "jobs", "locks", "damaged")
    shutil.copytree(Path(CACHE) / "mini", copy / "mini", ignore=passing)
    return copy


@pytest.fixture(scope="module")
def address(cache: Path) -> Iterator[str]:
    """The app on it."""
    with server(cache) as found:
        yield found


def figures(page) -> list[str]:
    return page.locator("[data-testid=stMetricValue]").all_text_contents()


def stands_at(slider) -> float:
    return float(slider.get_attribute("aria-valuetext").removeprefix("alpha "))


def test_a_visit(address):
    with chromium() as browser:
        troubles: list[str] = []
        page = open_page(browser, f"{address}/?task=digits", permissions=["clipboard-read", "clipboard-write"])
        page.on("pageerror", lambda error: troubles.append(str(error)))
        slider = page.get_by_role("slider")
        before = figures(page)
        assert len(before) >= 3 and all(re.fullmatch(r"\d+\.\d %", f) for f in before)

        page.evaluate(WATCH)
        drag(page, [0.0, 0.75], seconds=3)
        seen = page.evaluate("window.seen")
        assert len(set(seen)) >= 5, "the numbers must move before the mouse is let go"
        page.mouse.up()
        stop = stands_at(slider)
        assert 0.7 <= stop <= 0.8
        page.wait_for_url(f"**alpha={stop:.2f}**")

        slider.focus()
        page.keyboard.press("ArrowLeft")
        lower = stands_at(slider)
        assert lower < stop
        page.wait_for_url(f"**alpha={lower:.2f}**")
        page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
        moved = figures(page)
        assert moved != before

        page.get_by_role("button", name="Copy link").click()
        link = page.evaluate("navigator.clipboard.readText()")
        assert "task=digits" in link and f"alpha={lower:.2f}" in link
        again = open_page(browser, link)
        assert figures(again) == moved
        assert stands_at(again.get_by_role("slider")) == lower
        assert not again.locator("[data-testid=stAlert]").count()
        assert not troubles


def test_a_recipes_json_is_checked_while_one_types(address):
    with chromium() as browser:
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{address}/recipe?recipe=digits@0.4&show=change")
        page.get_by_text("JSON", exact=True).click()
        field = page.locator(".live-text textarea")
        field.press("Control+End")
        field.press("Backspace")
        page.get_by_text("This is not a recipe").wait_for()  # and nobody has left the field
        page.keyboard.type("}")
        page.get_by_text("for the same weights as before").wait_for()
        assert not page.get_by_text("This is not a recipe").count()
        field.fill(field.input_value().replace("0.6", "0.55").replace("[0.4]", "[0.45]"))
        page.get_by_text("every column sums to 1", exact=False).last.wait_for()
        page.get_by_role("button", name="Open this mix").click()
        page.wait_for_url(re.compile(r"recipe=[0-9a-f]{16}"))


def test_a_click_in_the_first_moments_of_a_fresh_server_counts(cache):
    with server(cache) as fresh, chromium() as browser:
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{fresh}/typographic?number=5")
        page.get_by_text("Upload", exact=True).first.click()  # the first run draws the rest for seconds
        page.locator(".st-key-controls input[type=file]").wait_for(state="attached")
