# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
from __future__ import annotations

import json

import pytest

from core.metrics import paired
from core.recipes.recipe import Recipe, RecipeError, lerp, single
from core.recipes.strategies import mixed
from core.workspace.history import History
from pages.shared.recipe import edit
from pages.shared.widgets import coefficients
from pages.shared.widgets.formatting import percent
from tests.pages.opening import cache, lab_of, page, swept_template, values, wait  # noqa: F401


def opened(at, cache) -> Recipe:
    """The mix that the page shows, from its address."""
    word = at.query_params["recipe"]
    return History(cache / "tiny")[word].recipe


def way(at, name: str):
    return at.button_group(key="recipe.way").set_value(name).run()


def type_json(at, text: str) -> None:
    """As coming back to what was typed does (a component of our own types only in a browser)."""
    at.session_state[edit.TEXT] = {"noisy@0.5": text}
    way(way(at, "Table"), "JSON")


def test_shows_the_matrix_and_the_labs_own_numbers(page, cache):
    at, lab = page("recipe", recipe="noisy@0.5"), lab_of(cache)
    assert at.title[0].value.endswith("?") and not at.error and not at.warning
    found = [lab.evaluate(lab.patch("noisy", 0.5), task, "test").accuracy.value for task in ("noisy", "plain")]
    assert values(at) == [percent(v) for v in found]


def test_comparing_is_a_paired_test_on_the_same_pictures(page, cache):
    at, lab = page("recipe", recipe="noisy", against="noisy@0.5", show="compare"), lab_of(cache)
    table = next(d.value for d in at.dataframe if "Fixed" in d.value).set_index("Task")
    before, after = (lab.evaluate(r, "noisy", "test") for r in (lab.patch("noisy", 0.5), single("noisy")))
    flips = paired(before.right, after.right)
    row = table.loc["Noisy"]
    assert (row["Fixed"], row["Broken"], row["p"], row["n"]) == (flips.fixed, flips.broken, flips.p, flips.n)
    assert at.query_params["task"] == "noisy" and at.query_params["against"] == "noisy@0.5"
    assert page("recipe", recipe="noisy", against="noisy", show="compare").info


def test_the_table_opens_on_the_mix_itself(page):
    at = way(page("recipe", recipe="noisy@0.5", show="change"), "Table")
    assert any("same weights" in c.value for c in at.caption) and not at.error


TABLE = coefficients.table(lerp(single("base"), single("noisy"), {"": 0.25, "visual.layer3": 0.75}))


@pytest.mark.parametrize(
    ("model", "number", "said"),
    [
        ("noisy", 0.9, "must sum to 1"),
        ("noisy", None, "not filled in"),
        (None, 0.25, "not filled in"),
        ("base", 0.25, "twice"),
    ],
)
def test_a_table_that_is_no_recipe_is_told(model, number, said):
    rows = TABLE.copy()
    rows.insert(0, edit.MODEL, ["base", model])
    rows.loc["noisy", ""] = number
    with pytest.raises(RecipeError, match=said):
        edit.from_table(rows)


def test_a_whole_table_is_a_recipe_and_empty_rows_do_not_matter():
    rows = TABLE.copy()
    rows.insert(0, edit.MODEL, list(rows.index))
    rows.loc["new"] = None
    assert edit.from_table(rows).column("visual.layer3.0") == {"base": 0.25, "noisy": 0.75}


def test_json_is_checked_while_it_is_written_and_opens(page, cache):
    at = way(page("recipe", recipe="noisy@0.5", show="change"), "JSON")
    for text, said in (
        ("{", "not a recipe"),
        ('{"models": ["gone"], "components": [""], "coefficients": [[1]]}', "no checkpoint 'gone'"),
        ('{"models": ["../noisy"], "components": [""], "coefficients": [[1]]}', "cannot be a name"),
    ):
        type_json(at, text)
        assert len(at.error) == 1 and said in at.error[0].value
        assert not [b for b in at.button if b.key == "recipe.open"]
    mine = lerp(single("base"), single("noisy"), {"": 0.25, "visual.layer3": 0.75})
    type_json(at, mine.to_json())
    assert not at.error
    at.button(key="recipe.open").click().run()
    assert opened(at, cache) == mine and at.session_state["recipe.show"] == "mix"


def test_what_is_typed_as_json_is_in_the_table_and_starting_over_forgets_both(page):
    at = way(page("recipe", recipe="noisy@0.5", show="change"), "JSON")
    mine = lerp(single("base"), single("noisy"), {"": 0.25, "visual.layer3": 0.75})
    at.session_state[edit.DRAFT] = {"noisy@0.5": edit.framed(mine)}
    way(at, "Table")
    (parts,) = [m for m in at.multiselect if m.key.startswith("recipe.parts")]
    assert parts.value == ["visual.layer3"] and not at.error and at.button(key="recipe.open")
    at.button(key="recipe.again").click().run()
    (parts,) = [m for m in at.multiselect if m.key.startswith("recipe.parts")]
    assert parts.value == [] and any("same weights" in c.value for c in at.caption)


def test_a_part_that_no_weight_has_is_told(page):
    at = way(page("recipe", recipe="noisy@0.5", show="change"), "JSON")
    text = json.dumps(json.loads(lerp(single("base"), single("noisy"), {"": 0.2, "visual.layer9": 1}).to_json()))
    type_json(at, text)
    assert any("'visual.layer9'" in w.value for w in at.warning)


def test_negating_averaging_and_replacing_a_part(page, cache):
    base, noisy = single("base"), single("noisy")
    at = way(page("recipe", recipe="noisy", show="change"), "Add task vectors")
    at.number_input(key="recipe.scale.noisy").set_value(-1.0).run()
    at.button(key="recipe.open").click().run()
    assert opened(at, cache) == mixed(base, [noisy], [-1])
    at = way(page("recipe", recipe="noisy", show="change"), "Average")
    at.multiselect(key="recipe.several.Average of.noisy").set_value(["noisy", "base"]).run()
    at.button(key="recipe.open").click().run()
    assert opened(at, cache).canonical() == lerp(base, noisy, 0.5).canonical()
    at = way(page("recipe", recipe="noisy", show="change"), "Replace a part")
    at.selectbox(key="recipe.override.part").set_value("visual.layer3").run()
    at.button(key="recipe.open").click().run()
    assert opened(at, cache).column("visual.layer3.0") == {"noisy": 0.0, "base": 1.0}
    assert opened(at, cache).column("visual.conv1") == {"noisy": 1.0, "base": 0.0}


def test_what_is_not_measured_is_a_job_and_is_kept_with_the_mix(page, cache):
    mix = mixed(single("base"), [single("noisy")], [-0.5])
    key = History(cache / "tiny").remember(mix, "against noise").key
    at = page("recipe", recipe=key)
    assert not values(at) and any("No task was measured" in i.value for i in at.info)
    at.button(key="recipe.mix.measure").click().run()
    wait(at, lambda at: len(values(at)) == 2)
    found = lab_of(cache).evaluate(mix, "noisy", "test").accuracy
    assert values(at)[0] == percent(found.value)
    kept = {(f["task"], f["split"]): f for f in History(cache / "tiny")[key].figures}
    assert kept["noisy", "test"]["accuracy"] == found.value and kept["noisy", "test"]["n"] == found.n
    assert ("plain", "val") in kept


def test_the_history_is_searched_named_starred_and_opened_where_it_was_made(page, cache):
    at = page(task="noisy", alpha="0.40")
    at.button(key="alpha.keep").click().run()
    history = History(cache / "tiny")
    (entry,) = history.entries()
    assert entry.recipe == lerp(single("base"), single("noisy"), 0.4) and entry.figures
    other = history.remember(single("noisy"), "the end")
    at = page("recipe", show="history")
    at.text_input(key=f"history.name.{entry.key}").set_value("My best").run()
    at.button(key=f"history.star.{entry.key}").click().run()
    assert history[entry.key].name == "My best" and history[entry.key].star
    at.text_input(key="history.words").set_value("my NOISY").run()
    assert [b.key for b in at.button if b.key and b.key.startswith("history.open")] == [f"history.open.{entry.key}"]
    at.text_input(key="history.words").set_value("nothing like it").run()
    assert any("Nothing that was kept matches" in i.value for i in at.info)
    at.text_input(key="history.words").set_value("").run()
    at.button(key=f"history.forget.{other.key}").click().run()
    assert [e.key for e in history.entries()] == [entry.key]
    at.button(key=f"history.origin.{entry.key}").click().run()
    assert at.title[0].value == "How much patch is right?" and at.query_params["alpha"] == "0.40"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"recipe": "nobody"}, "no checkpoint 'nobody'"),
        ({"recipe": "noisy", "against": "../x"}, "cannot be a name"),
        ({"recipe": "noisy", "show": "pie"}, "'pie'"),
        ({"recipe": "noisy", "task": "cats"}, "'cats'"),
    ],
)
def test_nonsense_in_the_address_is_one_sentence_and_the_page_goes_on(page, parameters, said):
    at = page("recipe", **parameters)
    assert [w for w in at.warning if said in w.value] and len(at.warning) == 1 and not at.error
