# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
from __future__ import annotations

import json

import pytest

from core.tasks.datasets.catalogue import entries
from core.tasks.datasets.status import clear_cache
from core.workspace.tasks import tasks_of
from tests.conftest import tiny_tasks
from tests.pages.opening import cache, page, swept_template, values  # noqa: F401
from tests.tasks.datasets import layouts


@pytest.fixture
def home(cache, tmp_path, monkeypatch):
    """An empty data folder; tasks that are added come beside the tiny ones, as ``tasks_of`` reads them."""
    monkeypatch.setenv("PALETTE_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()

    def tiny_and_added(listed):
        return {**tiny_tasks(), **tasks_of([t for t in listed if isinstance(t, dict)] if listed != "tiny" else [])}

    monkeypatch.setattr("core.workspace.lab.tasks_of", tiny_and_added)
    clear_cache()
    yield tmp_path / "data"
    clear_cache()


@pytest.fixture
def pets(tmp_path):
    """Data of one's own: two classes of twenty images."""
    layouts.folders(tmp_path / "pets", ["fat_cat", "dog"], "all", each=20)
    return tmp_path / "pets"


def test_the_whole_catalogue_is_shown_with_its_status(page, home):
    at = page("datasets")
    assert at.title[0].value.endswith("?") and not at.error and not at.warning
    listed = at.dataframe[0].value
    assert list(listed["Data set"]) == [entry.title for entry in entries().values()]
    assert values(at)[0] == "0" and sum(map(int, values(at))) == len(entries())


def test_what_is_half_there_says_what_is_missing(page, home):
    layouts.eurosat(home)
    at = page("datasets", state="half")
    (row,) = at.dataframe[0].value.to_dict("records")
    assert row["Data set"] == "EuroSAT" and "20 of 27,000" in row["How"]


def test_what_is_not_there_can_be_fetched_or_says_how(page, home):
    at = page("datasets", data="dtd")
    assert "data get dtd" in at.code[0].value and any(b.key == "data.get.dtd" for b in at.button)
    at = page("datasets", data="mtsd")
    assert not any("data.get" in str(b.key) for b in at.button)
    assert "has to be fetched by hand: Sign up with Mapillary" in at.warning[0].value
    at = page("datasets", data="vqa")
    assert "has to be fetched by hand: Put the questions" in at.warning[0].value


def test_ones_own_folder_becomes_a_task(page, cache, home, pets):
    at = page("datasets", data="own", path=str(pets))
    assert any("2 classes; 28 train, 4 val, 8 test" in m.value for m in at.markdown)
    at.text_input(key=f"data.name.{pets}").set_value("my-pets").run()
    at.button(key="data.add").click().run()
    assert not at.error and "is a task of tiny now" in at.success[0].value
    facts = json.loads((cache / "tiny" / "workspace.json").read_text())["tasks"]
    assert facts[0] == "tiny" and facts[1]["name"] == "my-pets" and facts[1]["class_names"] == ["dog", "fat cat"]
    assert at.button(key="data.add").disabled, "not twice under one name"
    at.button(key="data.decode").click().run()
    assert not at.error


@pytest.mark.parametrize("name", ["noisy", "../../up", ""])
def test_a_name_that_is_taken_or_a_path_is_not_added(page, cache, home, pets, name):
    at = page("datasets", data="own", path=str(pets))
    at.text_input(key=f"data.name.{pets}").set_value(name).run()
    allowed = [b for b in at.button if b.key == "data.add" and not b.disabled]
    assert not allowed and not at.error
    assert json.loads((cache / "tiny" / "workspace.json").read_text())["tasks"] == "tiny"


def test_templates_without_a_place_for_the_class_are_one_sentence(page, home, pets):
    at = page("datasets", data="own", path=str(pets))
    at.text_area(key=f"data.templates.{pets}").set_value("a photo").run()
    assert "needs templates with exactly one {}" in at.warning[0].value and not at.error


@pytest.mark.parametrize("path", ["/nowhere/at/all", "\0", "~nobody/x", "X" * 5000])
def test_odd_paths_are_one_sentence(page, home, path):
    at = page("datasets", data="own", path=path)
    assert len(at.warning) == 1 and not at.error


@pytest.mark.parametrize("parameters", [{"data": "cats"}, {"state": "lost"}])
def test_nonsense_in_the_address_is_one_sentence(page, home, parameters):
    at = page("datasets", **parameters)
    assert len(at.warning) == 1 and not at.error


def test_what_is_left_out_is_said_where_the_pictures_are_shown(page, home, pets):
    (pets / "dog" / "notes.txt").write_text("hello")
    (pets / "._dog").mkdir()
    at = page("datasets", data="own", path=str(pets))
    said = " ".join(caption.value for caption in at.caption)
    assert "dog/notes.txt" in said and "1 hidden" in said


def test_what_a_terminal_changes_is_seen_by_a_running_app(page, cache, home, pets):
    from core.workspace import datasets
    from tests.pages.opening import lab_of

    at = page("gallery")
    datasets.add(lab_of(cache), datasets.facts_of(str(pets), name="from-a-terminal"))
    at.run()
    assert not at.exception and any("pets" in list(table.value.get("Task", ())) for table in at.dataframe)


def test_a_workspace_that_vanishes_under_an_open_tab_is_one_sentence(page, cache):
    at = page("gallery")
    (cache / "tiny").rename(cache.parent / "elsewhere")
    at.run()
    assert not at.exception
    assert any("no workspace 'tiny'" in e.value and "\n" not in e.value for e in [*at.error, *at.warning])
