"""An exported recipe that somebody changed by hand: the same bytes, another model that says so, or one sentence."""

from __future__ import annotations

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import PaletteError
from core.exchange.exporting.export import apply, export
from core.exchange.manifest import ExportError
from core.recipes.recipe import Recipe, lerp, single
from core.workspace.named_recipes import parse_recipe, read


@pytest.fixture
def mix(tiny_lab) -> Recipe:
    return lerp(tiny_lab.base, single("noisy"), {"": 0.3, "visual.layer3": 0.8})


@pytest.mark.parametrize("digests", [[1, 2], "ab", {"digest": 5}])
def test_a_recipe_file_with_other_digests_than_words_is_one_sentence(tiny_lab, mix, tmp_path, digests):
    export(tiny_lab, mix, tmp_path / "out")
    whole = json.loads((tmp_path / "out" / "recipe.json").read_text())
    (tmp_path / "by_hand.json").write_text(json.dumps({**whole, "digests": digests}))
    with pytest.raises(ExportError, match="not what Palette wrote"):
        apply(tiny_lab, tmp_path / "by_hand.json", tmp_path / "again")
    assert not (tmp_path / "again").exists()


JUNK = (
    None,
    True,
    5,
    -1,
    0.5,
    10**400,
    float("nan"),
    "",
    "a",
    "0.5",
    "\ud800",
    "x\0",
    "../a",
    "{} {}",
    [],
    [5],
    ["a"],
    {},
    {"a": 5},
)


@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_changed_by_hand_is_one_sentence_or_a_model_that_says_so(tiny_lab, mix, tmp_path, data):
    out, again, changed = tmp_path / "out", tmp_path / "again", tmp_path / "changed.json"
    if not out.exists():
        tiny_lab.evaluate(mix, "noisy", "val")  # so that there are figures to change, too
        export(tiny_lab, mix, out)
    whole = json.loads((out / "recipe.json").read_text())
    holder, key = whole, data.draw(st.sampled_from(["export", "export", "models", "components", "coefficients"]))
    while isinstance(holder[key], dict | list) and holder[key] and data.draw(st.integers(0, 3)):
        holder = holder[key]
        key = data.draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
    value = data.draw(st.sampled_from(JUNK))
    if value is None and isinstance(holder, dict):
        del holder[key]
    else:
        holder[key] = value
    changed.write_text(json.dumps(whole))
    shutil.rmtree(again, ignore_errors=True)
    try:
        apply(tiny_lab, changed, again)
    except PaletteError as error:
        assert not again.exists() and len(str(error)) < 700, error


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (["model_cfg"], 5, "model_cfg: 5 is not of type 'object'"),
        (["model_cfg", "vision_cfg"], {"timm_model_name": "resnet18"}, "its model_cfg is not that of the base of tiny"),
        (["preprocess_cfg", "mean"], [0, 0, 0], "its preprocess_cfg is not that of the base of tiny"),
        (["activation"], "relu", "its activation is not that of the base of tiny"),
        (["tasks", "noisy", "class_names"], ["x", "x"], "tasks.noisy.class_names: "),
        (["base_model"], "\ud800", "it holds what no file can hold"),
        (["figures"], [{"accuracy": float("nan")}], "it holds what no file can hold"),
        (["tasks", "noisy", "class_names"], "ab", "tasks.noisy.class_names: 'ab' is not of type 'array'"),
        (["tasks", "noisy", "templates"], ["{} and {}"], "tasks.noisy.templates.0: "),
        (["trained_heads"], ["gone"], "trained_heads: 'gone' is none of its tasks"),
    ],
)
def test_facts_changed_by_hand_are_told_with_their_place(tiny_lab, mix, tmp_path, place, value, said):
    export(tiny_lab, mix, tmp_path / "out")
    whole = json.loads((tmp_path / "out" / "recipe.json").read_text())
    holder = whole["export"]
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    (tmp_path / "by_hand.json").write_text(json.dumps(whole))
    with pytest.raises(ExportError, match=f"by_hand.json is not what Palette wrote: {said.replace('*', '.*')}"):
        apply(tiny_lab, tmp_path / "by_hand.json", tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("parents", [{"base": "0" * 64}, {"noisy": "0" * 64}, {"base": None}])
def test_a_recipe_of_other_weights_is_refused(tiny_lab, mix, tmp_path, parents):
    export(tiny_lab, mix, tmp_path / "out")
    whole = json.loads((tmp_path / "out" / "recipe.json").read_text())
    (name,) = parents
    whole["export"]["parents"][name] = parents[name] or tiny_lab.zoo["noisy"].digest  # another model's is no base
    text = json.dumps(whole)
    (tmp_path / "by_hand.json").write_text("\ufeff" + text, encoding="utf-8")
    with pytest.raises(ExportError, match=r"another base|digest 000000000000"):
        apply(tiny_lab, tmp_path / "by_hand.json", tmp_path / "again")
    with pytest.raises(PaletteError, match=f"means another '{name}'"):
        parse_recipe(tiny_lab, str(tmp_path / "by_hand.json"))
    with pytest.raises(PaletteError, match=f"means another '{name}'"):
        read(tiny_lab, text)
    assert not (tmp_path / "again").exists()
