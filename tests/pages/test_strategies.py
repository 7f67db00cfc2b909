# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
"""The page for many tasks, on a real comparison of a few steps."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import COLOURS, Noisy, tiny_tasks
from opening import page  # noqa: F401

from core.compare import compare
from core.lab import Lab
from core.outcomes import JOINT, SEQUENTIAL, SHARED, SPECIALISED
from core.plan import make_plan, outcome_path
from core.tasks import Task
from pages.shared.wording import percent


def many():
    """The tiny tasks, a second to patch, and one of four classes to cut."""
    noisy = tiny_tasks()["noisy"]
    turned = Task("turned", "patching", "Turned", "", tuple(COLOURS)[::-1], ("the opposite of {}",), Noisy(8, 60))
    four = Task("four", "ood", "Four", "", ("w", "x", "y", "z"), noisy.templates, Noisy(3, 50))
    return {**tiny_tasks(), "turned": turned, "four": four}


@pytest.fixture(scope="session")
def compared_template(tiny_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The tiny workspace with one comparison, made once, and the comparison's key; tests get copies."""
    cache = Path(shutil.copytree(tiny_template, tmp_path_factory.mktemp("many") / "cache"))
    lab = Lab("tiny", cache, "cpu", many())
    plan = make_plan(lab, ["noisy", "turned"], ["plain"], 80, orders=2, trials=6, exhaustive=3)
    compare(lab, plan)
    return cache, outcome_path(lab, plan).stem


@pytest.fixture
def cache(compared_template: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = Path(shutil.copytree(compared_template[0], tmp_path / "cache"))
    monkeypatch.setenv("PALETTE_CACHE", str(copy))
    monkeypatch.setattr("core.lab.tasks_of", lambda _: many())
    return copy


@pytest.fixture
def key(compared_template: tuple[Path, str]) -> str:
    return compared_template[1]


@pytest.fixture
def outcome(cache, key):
    from core.plan import outcomes

    return outcomes(Lab("tiny", cache, "cpu", many()))[key]


def test_opens_on_the_newest_comparison_with_its_own_numbers(page, cache, key, outcome):
    at = page("strategies")
    assert at.title[0].value.endswith("?") and at.query_params["compare"] == key
    shown = [outcome.spread(s).accuracy.value for s in (SHARED, SEQUENTIAL, JOINT, SPECIALISED)]
    assert [m.value for m in at.metric] == [percent(v) for v in shown]
    assert not at.error and not at.warning
    assert any(outcome.contrasts[0].sentence() in c.value for c in at.caption)
