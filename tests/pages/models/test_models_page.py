# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
from __future__ import annotations

import json
import shutil

import pytest

from core.exchange.importing.base_model import Origin
from core.exchange.importing.new_workspace import make_workspace
from core.models import clip, configs
from core.training.closed_heads import without_head
from core.workspace.lab import Lab
from tests.conftest import tiny_tasks
from tests.pages.opening import cache, lab_of, page, swept_template  # noqa: F401


@pytest.fixture
def small_models(monkeypatch, cache):
    """open_clip's ViT-B-32-quickgelu as small as the tiny workspace's model, and no network."""
    config = clip.read_config(cache / "tiny" / "base")["model_cfg"]
    monkeypatch.setattr(configs, "model_config", lambda name: json.loads(json.dumps(config)))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return config


def until_idle(at, key="new:w", tries=200):
    """Run the page until the job has ended, as its polling does."""
    from pages.shared.app.workspace import jobs

    jobs().get(key).finished.wait(60)
    return at.run()


def test_shows_the_workspaces_the_device_and_a_form(page):
    at = page("models")
    assert at.title[0].value.endswith("?") and not at.error and not at.warning
    table = at.dataframe[0].value
    assert list(table["Workspace"]) == ["tiny"] and list(table["Checkpoints"]) == [1] and table["MB"][0] > 0.1
    assert at.metric[0].label == "Computing on" and at.metric[0].value in ("CPU", "CUDA", "MPS")
    assert at.text_input(key="models.name").value == "ViT-B-32-quickgelu.openai"
    assert any("MB to keep" in c.value for c in at.caption)


def test_the_choice_is_in_the_address_and_comes_back(page):
    at = page("models")
    at.selectbox(key="models.model").set_value("RN50").run()
    assert at.query_params["model"] == "RN50" and at.query_params["tag"] == "openai"
    again = page("models", model="RN101", tag="yfcc15m")
    assert again.selectbox(key="models.model").value == "RN101"
    assert again.text_input(key="models.name").value == "RN101.yfcc15m"
    assert page("models", source="hub").text_input(key="models.hub").value == ""


@pytest.mark.parametrize("parameters", [{"source": "moon"}, {"model": "ViT-Z"}, {"tag": "nobody"}])
def test_nonsense_in_the_address_is_one_sentence(page, parameters):
    at = page("models", **parameters)
    assert len(at.warning) == 1 and not at.error


def test_a_file_becomes_a_workspace_that_can_be_opened(page, cache, small_models):
    source = shutil.copytree(cache / "tiny" / "base", cache.parent / "theirs")
    at = page("models", source="file")
    assert not [b for b in at.button if b.label == "Make the workspace"]
    at.text_input(key="models.file").set_value(str(source)).run()
    at.text_input(key="models.name").set_value("w").run()
    next(b for b in at.button if b.label == "Make the workspace").click().run()
    until_idle(at)
    assert not at.warning and not at.error
    assert set(at.dataframe[0].value["Workspace"]) == {"tiny", "w"}
    facts = json.loads((cache / "w" / "workspace.json").read_text())
    assert facts["tasks"] == [] and facts["precision"] == "float32"
    assert not [b for b in at.button if b.label == "Make the workspace"]
    at.button(key="models.ready").click().run()
    assert at.session_state["workspace"] == "w" and not at.error


def test_offline_the_page_says_what_to_place_where(page, cache, small_models):
    at = page("models")
    at.text_input(key="models.name").set_value("w").run()
    next(b for b in at.button if b.label == "Make the workspace").click().run()
    until_idle(at)
    assert "hf download timm/vit_base_patch32_clip_224.openai" in at.warning[0].value
    assert any("hf download" in m.value for m in at.markdown)
    assert any("python -m core new w --model ViT-B-32-quickgelu --pretrained openai" in c.value for c in at.code)
    assert not (cache / "w").exists()


def test_nonsense_in_the_form_is_one_sentence(page, small_models):
    at = page("models", source="hub")
    at.text_input(key="models.hub").set_value("no/such/thing").run()
    at.text_input(key="models.name").set_value("w").run()
    next(b for b in at.button if b.label == "Make the workspace").click().run()
    until_idle(at)
    assert "write OWNER/NAME" in at.warning[0].value


def test_precisions_are_measured(page, cache):
    at = page("models")
    at.button(key="models.measure").click().run()
    until_idle(at, f"tiny:precision on {at.selectbox(key='models.task').value}")
    table = at.dataframe[1].value
    assert list(table["Precision"])[:3] == ["float32", "bfloat16", "float16"] and table["Against float32"][0] == "–"


@pytest.mark.parametrize("name", ["alpha", "gallery"])
def test_a_workspace_without_tasks_opens_on_every_page(page, cache, small_models, monkeypatch, name):
    monkeypatch.undo()
    monkeypatch.setenv("PALETTE_CACHE", str(cache))
    make_workspace(cache, "fresh", Origin(checkpoint=cache / "tiny" / "base"))
    at = page(name, workspace="fresh")
    assert not at.error and any("Add tasks" in i.value for i in at.info)
    assert any("core data add fresh" in c.value for c in at.code)


def test_a_model_of_timm_is_offered_with_its_command(page):
    at = page("models", source="timm")
    assert not at.error and not any("Make the workspace" in b.label for b in at.button)
    at.selectbox(key="models.timm").set_value("resnet18.a1_in1k").run()
    assert at.text_input(key="models.name").value == "resnet18.a1_in1k" and not at.error
    assert any(c.value == "python -m core new resnet18.a1_in1k --model resnet18.a1_in1k --closed" for c in at.code)


def test_a_closed_vocabulary_gets_its_heads_by_a_button(page, cache):
    assert not any(s.value == "Heads" for s in page("datasets").subheader), "an open vocabulary needs none"
    facts = json.loads((cache / "tiny" / "workspace.json").read_text())
    folder = make_workspace(cache, "closed", Origin("test_resnet", seed=0, closed=True))
    made = json.loads((folder / "workspace.json").read_text())
    (folder / "workspace.json").write_text(json.dumps(facts | {"tasks": made["tasks"], "zoo": {}}))
    lab = Lab("closed", cache, "cpu", tiny_tasks())
    at = page("datasets", workspace="closed")
    assert any("closed vocabulary" in c.value and "appendix H" in c.value for c in at.caption) and not at.error
    at.button(key="data.heads").click().run()
    at = until_idle(at, f"closed:heads {'+'.join(lab.tasks)}")
    assert not at.error and any("Every task has its head" in c.value for c in at.caption)
    assert without_head(lab) == [] and lab.head("noisy").shape[0] == 3


def test_without_any_workspace_the_page_still_opens(page, cache):
    shutil.rmtree(cache / "tiny")
    at = page("models")
    assert any("There is no workspace yet" in i.value for i in at.info)
