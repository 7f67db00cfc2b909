# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.patching import curves
from core.recipes.recipe import lerp, single
from pages.shared.widgets.formatting import percent
from tests.pages.opening import cache, lab_of, page, swept_template, values, wait  # noqa: F401


def looked_at(at, path: Path):
    at.button_group(key="import.how").set_value("Path").run()
    at.text_input(key="import.path").set_value(str(path)).run()
    wait(at, lambda at: at.metric or at.warning)
    return at


def submit(at):
    at.button[[b.label for b in at.button].index("Bring it in")].click().run()
    wait(at, lambda at: at.warning or any("It is here" in s.value for s in at.success))


@pytest.fixture
def theirs(cache, tmp_path) -> Path:
    """The noisy checkpoint as somebody else's training loop would have saved it."""
    weights = lab_of(cache).zoo.weights("noisy")
    torch.save({"state_dict": {f"module.{n}": t for n, t in weights.items()}}, tmp_path / "their model.pt")
    return tmp_path / "their model.pt"


def test_a_checkpoint_becomes_a_patch_everywhere(page, cache, theirs):
    at = looked_at(page("import_checkpoint"), theirs)
    assert any("their model.pt fits" in s.value for s in at.success)
    assert [float(m.value) > 0.9 for m in at.metric if m.label == "Cosine"] == [True]
    assert "theirs" not in lab_of(cache).zoo
    name = next(t for t in at.text_input if t.label == "Call it")
    assert name.value == "their-model"
    name.set_value("theirs")
    at.multiselect(key="import.tasks").set_value(["noisy"])
    submit(at)
    lab = lab_of(cache)
    assert lab.zoo["theirs"].digest == lab.zoo["noisy"].digest and lab.zoo["theirs"].tasks == ("noisy",)
    assert lab.patch("theirs", 0.5) == lerp(lab.base, single("theirs"), 0.5)
    alpha = page(task="theirs", alpha="0.50")
    point = curves.point(lab, "noisy", 0.5, ["plain"], "test")
    assert "theirs" in alpha.selectbox(key="alpha.task").options[1].casefold()
    assert values(alpha)[0] == percent(point.accuracies["noisy"].value)
    exported = page("export", recipe="theirs@0.5")
    assert not exported.error and not exported.warning


def test_what_does_not_fit_says_why_and_cannot_be_kept(page, cache, tmp_path):
    weights = {n: t.clone() for n, t in lab_of(cache).zoo.weights("noisy").items()}
    gone = next(n for n, t in weights.items() if t.is_floating_point())
    del weights[gone]
    save_file({**weights, "visual.new": torch.zeros(1)}, tmp_path / "odd.safetensors")
    at = looked_at(page("import_checkpoint"), tmp_path / "odd.safetensors")
    assert "odd.safetensors does not fit tiny: 1 weights of the base are missing" in at.error[0].value
    table = next(d.value for d in at.dataframe if "Weight" in d.value)
    assert table.values.tolist() == [["missing", gone], ["extra", "visual.new"]]
    assert next(b for b in at.button if b.label == "Bring it in").disabled


def test_a_stranger_comes_with_a_warning(page, cache, tmp_path):
    torch.manual_seed(5)
    like = lab_of(cache).zoo.weights("base")
    stranger = {n: torch.randn(t.shape).to(t.dtype) if t.is_floating_point() else t.clone() for n, t in like.items()}
    save_file(stranger, tmp_path / "stranger.safetensors")
    at = looked_at(page("import_checkpoint"), tmp_path / "stranger.safetensors")
    assert any("does not seem to descend" in w.value for w in at.warning) and not at.error


def test_a_name_that_is_taken_or_a_path_is_one_sentence(page, cache, theirs):
    at = looked_at(page("import_checkpoint"), theirs)
    before = lab_of(cache).zoo["noisy"].path.stat().st_mtime_ns
    for name, said in (("noisy", "already"), ("../noisy", "cannot be a name"), ("base", "cannot be the base")):
        next(t for t in at.text_input if t.label == "Call it").set_value(name)
        submit(at)
        assert len(at.warning) == 1 and said in at.warning[0].value
    assert lab_of(cache).zoo["noisy"].path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("payload.pt", b"\x80\x04cposix\nsystem\n.", "not what torch.save writes"),
        ("cut.safetensors", b"\x10\x00\x00", "no whole safetensors file"),
        ("photo.jpg", b"\xff\xd8", "is no checkpoint"),
    ],
)
def test_hostile_files_are_one_sentence(page, tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    at = looked_at(page("import_checkpoint"), tmp_path / name)
    assert len(at.warning) == 1 and said in at.warning[0].value


def test_a_path_that_is_not_there_is_one_sentence(page, tmp_path):
    at = looked_at(page("import_checkpoint"), tmp_path / "absent.pt")
    assert len(at.warning) == 1 and "There is no" in at.warning[0].value


def test_an_upload_is_never_stored_under_its_own_name(page, cache, theirs, tmp_path):
    at = page("import_checkpoint")
    at.file_uploader(key="import.upload").set_value(("../../escaped.pt", theirs.read_bytes(), "application/zip")).run()
    wait(at, lambda at: at.metric or at.warning)
    assert any("escaped.pt fits" in s.value for s in at.success)
    kept = list(Path(at.session_state["import.drawer"].name).iterdir())
    assert len(kept) == 1 and "escaped" not in kept[0].name
    assert not list(tmp_path.rglob("*escaped*"))
