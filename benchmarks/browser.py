"""The app in a real browser, for measurements and tests: a server on a free port, and a headless Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

APP = Path(__file__).resolve().parent.parent / "app.py"
NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 180_000  # a busy machine is slow, not wrong
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

WATCH = """() => {
  window.seen = []
  const look = () => {
    const marker = document.querySelector('.js-plotly-plot')?.data?.at(-1)
    const now = JSON.stringify([marker?.x, marker?.y])
    if (marker && window.seen.at(-1) !== now) window.seen.push(now)
    requestAnimationFrame(look)
  }
  look()
}"""
"""Notes every place where the server has put the chart's moving marker, the last to be drawn, in ``window.seen``."""


def find_chromium() -> str | None:
    """Path of a Chromium: PALETTE_CHROMIUM, or one of the usual names on the PATH; None if there is none."""
    return os.environ.get("PALETTE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def server(cache: Path) -> Iterator[str]:
    """The app on the workspaces in ``cache``, started from another folder than its own; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.port", str(port)]
    words += ["--server.headless", "true", "--server.address", "127.0.0.1"]
    log = (cache / "server.log").open("w")
    process = subprocess.Popen(
        words, cwd=cache, env={**os.environ, "PALETTE_CACHE": str(cache)}, stdout=log, stderr=subprocess.STDOUT
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/_stcore/health", process, cache / "server.log")
        yield address
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def _wait_for(url: str, process: subprocess.Popen, log: Path, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"The app did not start: {log.read_text()[-2000:]}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium. Raises RuntimeError if none is installed."""
    found = find_chromium()
    if found is None:
        raise RuntimeError(f"No Chromium: install one of {', '.join(NAMES)}, or set PALETTE_CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


def open_page(browser: Browser, url: str, **context: object) -> Page:
    """The page at ``url`` in a fresh browser profile at 1400 × 900, once its chart is there and all is quiet."""
    page = browser.new_context(viewport={"width": 1400, "height": 900}, **context).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    page.wait_for_selector(".js-plotly-plot .main-svg")
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    return page


def drag(page: Page, stations: list[float], seconds: float, moves: int = 60) -> tuple[int, float]:
    """Drag α through these stations as a hand does: where the mouse is depends on the time alone.

    At most ``moves`` moves are sent in so many seconds; one that comes too late is left out. The button stays pressed.
    Returns how many moves were sent, and the seconds from the first to the last.
    """
    box = page.locator("input[type=range]").bounding_box()
    assert box is not None
    half = 10  # of the thumb, in pixels
    middle = box["y"] + box["height"] / 2

    def move(share: float) -> None:
        leg = min(int(share * (len(stations) - 1)), len(stations) - 2)
        part = share * (len(stations) - 1) - leg
        alpha = stations[leg] + part * (stations[leg + 1] - stations[leg])
        page.mouse.move(box["x"] + half + alpha * (box["width"] - 2 * half), middle)

    move(0.0)
    page.mouse.down()
    started, sent, slot = time.perf_counter(), 0, 0
    while slot < moves:
        late = (time.perf_counter() - started) / seconds * moves
        slot = min(moves, max(slot + 1, int(late)))
        page.wait_for_timeout(max(0.0, 1000 * (slot / moves * seconds - (time.perf_counter() - started))))
        move(slot / moves)
        sent += 1
    return sent, time.perf_counter() - started
