"""A tiny workspace whose curve is there, opened by the real pages."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.patching.build import build_steps
from core.progress import Progress
from core.training.steps import build
from core.workspace.lab import Lab
from tests.conftest import tiny_tasks

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture(scope="session")
def swept_template(tiny_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny workspace with its α grid evaluated, made once; tests get copies."""
    cache = Path(shutil.copytree(tiny_template, tmp_path_factory.mktemp("swept") / "cache"))
    lab = Lab("tiny", cache, "cpu", tiny_tasks())
    build(build_steps(lab, ["noisy"], ["plain"]), Progress())
    return cache


@pytest.fixture
def cache(swept_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own, which the pages open."""
    copy = Path(shutil.copytree(swept_template, tmp_path / "cache"))
    monkeypatch.setenv("PALETTE_CACHE", str(copy))
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tiny_tasks())
    return copy


@pytest.fixture
def page(cache: Path) -> Iterator[Callable[..., AppTest]]:
    """Opens a page of the app at an address: ``page("alpha", task="noisy")``; tracebacks never show."""
    opened: list[AppTest] = []

    def open_page(name: str = "alpha", **parameters: str) -> AppTest:
        test = AppTest.from_file(str(APP), default_timeout=60)
        opened.append(test)
        if name != "alpha":
            test.run()
            test.switch_page(f"pages/{name}.py")
            test.query_params.clear()
        for key, value in parameters.items():
            test.query_params[key] = value
        return test.run()

    yield open_page
    st.cache_resource.clear()
    for test in opened:
        assert not test.exception


def lab_of(cache: Path) -> Lab:
    """A lab of the test's own on the same folder."""
    return Lab("tiny", cache, "cpu", tiny_tasks())


def values(at: AppTest) -> list[str]:
    """The figures on the page, as they are written."""
    return [metric.value for metric in at.metric]


def wait(at, until, seconds: float = 120) -> None:
    """Run a page again and again, as it does itself while work is under way, until something holds."""
    end = time.monotonic() + seconds
    while not until(at):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
        at.run()
