"""The α page at a cached α: `python -m benchmarks.page`.

Server: milliseconds that the live fragment's body takes, for every evaluated α, measured in the process (the limit is
30). Screen: how many values a second a real headless browser shows while the slider is dragged there and back in two
seconds with at most 60 mouse moves (the limit is 10); a value counts when the chart's marker has moved on the screen.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.browser import APP, WATCH, chromium, drag, open_page, server
from core.workspace import CACHE

SERVER_LIMIT_MS, SCREEN_LIMIT = 30.0, 10.0


def on_the_server(cache: Path, rounds: int) -> list[float]:
    """Milliseconds of each run of the live fragment's body, after a first round that does not count."""
    os.environ["PALETTE_CACHE"] = str(cache)
    logging.disable(logging.WARNING)  # it warns of every run outside a server
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    from pages.shared.alpha import live

    body, spent = live._live.__wrapped__, []

    def timed(*things: object) -> None:
        started = time.perf_counter()
        body(*things)
        spent.append(1000 * (time.perf_counter() - started))

    live._live = st.fragment(timed)
    page = AppTest.from_file(str(APP), default_timeout=120).run()
    alphas = page.session_state[live.CURVE].alphas
    for _ in range(rounds + 1):
        for alpha in alphas:
            page.session_state[live.VIEW] = replace(page.session_state[live.VIEW], alpha=alpha)
            assert not page.run().error
    return spent[1 + len(alphas) :]


def on_the_screen(cache: Path, rounds: int) -> list[tuple[int, int, float]]:
    """For each drag: changes seen while the mouse moved, moves that the browser took, seconds."""
    found = []
    with server(cache) as address, chromium() as browser:
        page = open_page(browser, address)
        for _ in range(rounds + 1):
            page.evaluate(WATCH)
            moves, seconds = drag(page, [0.0, 1.0, 0.0], 2.0)
            seen = page.evaluate("window.seen")
            page.mouse.up()
            page.wait_for_timeout(1500)
            found.append((len(seen) - 1, moves, seconds))
    return found[1:]


def main() -> int:
    """Measure and print; returns 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=CACHE, help="home of the mini workspace (default: cache/)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        shutil.copytree(options.cache / "mini", cache / "mini")
        drags = on_the_screen(cache, options.rounds)
        spent = on_the_server(cache, options.rounds)
    middle = statistics.median(spent)
    worst = sorted(spent)[int(0.95 * len(spent))]
    print(f"server  {middle:6.1f} ms a value at the median, {worst:.1f} at 95 %, n = {len(spent)}; limit 30 ms")
    print(f"        ratio to the limit {middle / SERVER_LIMIT_MS:.2f}")
    rates = [changes / seconds for changes, _, seconds in drags]
    rate = statistics.median(rates)
    for changes, moves, seconds in drags:
        print(f"screen  {changes:3} changes seen in {moves} mouse moves, {seconds:.1f} s")
    print(f"        {rate:.1f} a second at the median; limit 10; ratio to the limit {rate / SCREEN_LIMIT:.2f}")
    return 0 if middle <= SERVER_LIMIT_MS and rate >= SCREEN_LIMIT else 1


if __name__ == "__main__":
    raise SystemExit(main())
