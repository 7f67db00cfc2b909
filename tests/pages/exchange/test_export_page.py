# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from core.__main__ import main
from core.exchange.manifest import read_recipe
from core.recipes.recipe import lerp, single
from core.workspace.history import History
from tests.pages.opening import cache, lab_of, page, swept_template, wait  # noqa: F401


def to_folder(at, folder: Path):
    at.button_group(key="export.where").set_value("Folder").run()
    return at.text_input(key="export.folder").set_value(str(folder)).run()


def written(at) -> bool:
    return any(s.value.startswith("Done") for s in at.success)


def test_a_mix_is_written_into_a_folder_with_what_the_page_said(page, cache, tmp_path):
    at = to_folder(page("export", recipe="noisy@0.5", dtype="float16"), tmp_path / "out")
    at.button(key="export.go").click().run()
    wait(at, written)
    lab = lab_of(cache)
    assert read_recipe(tmp_path / "out") == lerp(lab.base, single("noisy"), 0.5)
    assert at.query_params == {"workspace": "tiny", "recipe": "noisy@0.5", "dtype": "float16"}
    shown = next(m.value for m in at.markdown if "An affine mix" in m.value)
    card = (tmp_path / "out" / "README.md").read_text()
    said, classes = shown.split("\n\n", 1)[1].split("\n<", 1)[0].split("**noisy: ")
    assert said.strip() in card and classes.split("\n", 1)[1].split("```")[1] in card and "details" not in shown


def test_the_command_on_the_page_writes_the_same_bytes(page, cache, tmp_path):
    key = (
        History(cache / "tiny")
        .remember(lerp(single("base"), single("noisy"), {"": 0.2, "visual.layer3": 0.7}), "x")
        .key
    )
    at = to_folder(page("export", recipe=key), tmp_path / "page")
    at.button(key="export.go").click().run()
    wait(at, written)
    words = at.code[0].value.replace(str(tmp_path / "page"), str(tmp_path / "command")).split()
    assert words[:3] == ["python", "-m", "core"]
    assert main(["--cache", str(cache), *words[3:]]) == 0
    ours, theirs = ({p.name: p.read_bytes() for p in (tmp_path / w).iterdir()} for w in ("page", "command"))
    assert ours == theirs


def test_nothing_is_overwritten_unless_asked(page, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "recipe.json").write_text("mine")
    at = to_folder(page("export", recipe="noisy"), tmp_path / "out")
    at.button(key="export.go").click().run()
    wait(at, lambda at: at.warning)
    assert "already holds recipe.json" in at.warning[0].value
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["recipe.json"]
    at.checkbox(key="export.overwrite").check().run()
    at.button(key="export.go").click().run()
    wait(at, written)
    assert json.loads((tmp_path / "out" / "recipe.json").read_text())["models"] == ["noisy"]


@pytest.mark.parametrize(
    ("folder", "said"), [("", "Say which folder"), ("somewhere", "no full path"), ("~nobody-here/x", "no full path")]
)
def test_a_folder_must_be_named_whole(page, folder, said):
    at = to_folder(page("export"), folder)
    assert at.button(key="export.go").disabled and any(said in c.value for c in at.caption)


def test_a_download_is_one_file_with_everything(page, tmp_path):
    at = page("export", recipe="noisy@0.5", format="image_tower")
    at.button(key="export.go").click().run()
    wait(at, written)
    drawer = Path(at.session_state["export.drawer"].name)
    (parcel,) = drawer.glob("*.zip")
    with zipfile.ZipFile(parcel) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    assert read_recipe(tmp_path / parcel.stem) == lerp(single("base"), single("noisy"), 0.5)
    assert "noisy-at-" in parcel.name and "image_tower" in parcel.name


def test_a_format_that_does_not_fit_says_why(page):
    at = page("export", recipe="noisy", format="huggingface")
    assert any("plain vision transformers" in w.value for w in at.warning)
    assert not [b for b in at.button if b.key == "export.go"]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"recipe": "nobody@0.4"}, "no checkpoint 'nobody'"),
        ({"recipe": "../../etc/passwd"}, "cannot be a name"),
        ({"recipe": "noisy@7"}, "α"),
        ({"format": "zip"}, "'zip'"),
        ({"dtype": "int4"}, "'int4'"),
    ],
)
def test_nonsense_in_the_address_is_one_sentence_and_the_page_goes_on(page, parameters, said):
    at = page("export", **parameters)
    assert [w for w in at.warning if said in w.value] and len(at.warning) == 1
    assert not at.error and at.button(key="export.go")


def test_a_recipe_can_be_pasted_and_a_wrong_one_is_told(page, cache):
    at = page("export")
    at.text_area(key="export.mix.json").set_value(
        '{"models": ["gone"], "components": [""], "coefficients": [[1]]}'
    ).run()
    at.button(key="export.mix.use").click().run()
    assert any("no checkpoint 'gone'" in e.value for e in at.error)
    mix = lerp(single("base"), single("noisy"), 0.75)
    at.text_area(key="export.mix.json").set_value(mix.to_json()).run()
    at.button(key="export.mix.use").click().run()
    assert not at.error
    assert History(cache / "tiny")[at.query_params["recipe"]].recipe == mix


def test_a_token_is_used_once_and_kept_nowhere(page, cache, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "core.exchange.exporting.push.push", lambda *words: asked.append(words) or "https://hub/me/model"
    )
    at = to_folder(page("export", recipe="noisy"), tmp_path / "out")
    at.button(key="export.go").click().run()
    wait(at, written)
    at.text_input(key="export.repository").set_value("me/model")
    at.text_input(key="export.token.0").set_value("hf_secret")
    at.button(key="export.push").click().run()
    wait(at, lambda at: any("hub/me/model" in s.value for s in at.success))
    (((weights, *_), *rest),) = asked
    assert weights == tmp_path / "out" / "open_clip_model.safetensors" and rest == ["me/model", True, "hf_secret"]
    assert at.text_input(key="export.token.1").value == ""
    assert "me/model" in repr(at.session_state) and "hf_secret" not in repr(at.session_state)
    assert not [p for p in cache.rglob("*") if p.is_file() and b"hf_secret" in p.read_bytes()]
