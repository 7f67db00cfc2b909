"""A tiny workspace with ingredients that have a head of their own: made once, copied for each test."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.soups.ingredients import ingredients, train_ingredient
from core.soups.plan import Pool, make_pool
from core.workspace.lab import Lab
from tests.conftest import make_workspace, tiny_tasks


@pytest.fixture(scope="session")
def soup_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four ingredients on ``plain``, whose noisy look is the shift; trained for longer than the sweep says."""
    cache = tmp_path_factory.mktemp("soups")
    facts_file = make_workspace(cache) / "workspace.json"
    facts = json.loads(facts_file.read_text())
    facts["soup"] = {"task": "plain", "shifts": ["noisy"], "count": 4, "seed": 1}
    facts_file.write_text(json.dumps(facts))
    lab = Lab("tiny", cache, "cpu", tiny_tasks())
    for name, settings in ingredients(lab).items():
        longer = {"steps": 10 + 5 * settings.seed, "lr": 3e-3, "warmup": 0, "batch_size": 24} if settings.steps else {}
        train_ingredient(lab, name, replace(settings, **longer))
    return cache


@pytest.fixture
def soup_cache(soup_template: Path, tmp_path: Path) -> Path:
    """A cache folder of its own."""
    return Path(shutil.copytree(soup_template, tmp_path / "soups"))


@pytest.fixture
def soup_lab(soup_cache: Path) -> Lab:
    """A lab on it; nothing is evaluated yet."""
    return Lab("tiny", soup_cache, "cpu", tiny_tasks())


@pytest.fixture
def pool(soup_lab: Lab) -> Pool:
    """The pool of its own ingredients."""
    return make_pool(soup_lab, list(ingredients(soup_lab)))
