# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core.patching import curves
from core.recipes.recipe import lerp, single
from core.workspace.history import History
from pages.shared.widgets.formatting import percent
from tests import hostile
from tests.conftest import tiny_tasks
from tests.pages.opening import cache, lab_of, page, swept_template, values, wait  # noqa: F401

RED, GREEN = (220, 30, 30), (30, 200, 40)


def png(colour: tuple[int, int, int], seed: int = 0) -> bytes:
    noise = np.random.default_rng(seed).integers(-15, 15, (32, 32, 3))
    return hostile.encoded(Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8)), "PNG")


def warnings(at) -> list:
    """What the page warns of, but for colours that the tiny base's random text tower does not tell apart."""
    return [warning for warning in at.warning if warning.icon != ":material/equal:"]


def cards(at) -> str:
    return next(h.body for h in at.get("html") if "<article" in h.body)


def upload(at, files: dict[str, bytes]):
    at.get("file_uploader")[0].set_value([(name, data, "image/png") for name, data in files.items()])
    return at.run()


def test_says_something_before_anything_is_uploaded(page, cache):
    at, lab = page("classify"), lab_of(cache)
    assert at.title[0].value.endswith("?")
    assert not at.error and not warnings(at)
    assert cards(at).count("<article") == 12
    chosen = curves.chosen_alpha(lab, "noisy", ["plain"], curves.known_alphas(lab, "noisy", ["plain"]))
    assert at.query_params["second"] == f"noisy@{chosen:.2f}"
    assert at.query_params["sample"] == at.query_params["words"] == "noisy"
    same, *_ = values(at)
    table = at.dataframe[0].value
    assert same == f"{12 - int(table['They differ'].sum())} of 12"
    base = lab.evaluate(lab.base, "noisy", "test")
    rows = [int(name.split()[1]) for name in table["Picture"]]
    names = lab.task("noisy").class_names
    assert list(table["Base"]) == [names[c] for c in base.predictions[rows]]
    assert values(at)[1] == percent(float(base.right[rows].mean()))


def test_uploads_are_answered_and_bad_ones_are_said(page):
    at = upload(page("classify"), {"rose.png": png(RED), "broken.png": b"\x89PNG", "<b>leaf</b>.png": png(GREEN)})
    assert not at.error
    assert cards(at).count("<article") == 2
    assert "&lt;b&gt;leaf&lt;/b&gt;.png" in cards(at) and "<b>leaf" not in cards(at)
    assert any("broken.png begins as a PNG but is damaged" in t.value for t in at.text)
    assert at.session_state["classify.words"] == "everyday"
    upload(at, {"rose.png": png(RED)})
    assert cards(at).count("<article") == 1


def test_what_the_base_has_seen_is_said_beside_pictures_of_ones_own(page, cache):
    facts = json.loads((cache / "tiny" / "workspace.json").read_text())
    (cache / "tiny" / "workspace.json").write_text(json.dumps(facts | {"knows": "It has seen *noise* alone."}))
    at = page("classify")
    assert not [c for c in at.caption if "noise" in c.value], "its own pictures need no such word"
    upload(at, {"rose.png": png(RED)})
    assert [c.value for c in at.caption if "noise" in c.value] == [r"It has seen \*noise\* alone."]


def test_only_bad_files_say_so(page):
    at = upload(page("classify"), {"page.png": b"<html>"})
    assert any("a web page" in t.value for t in at.text) and at.info
    assert not at.error and not at.metric


def test_new_class_names_change_the_answers_and_the_address(page):
    at = page("classify", words="noisy")
    at.text_area(key="classify.names").set_value("crimson\nscarlet\nCrimson\n\n🐈").run()
    assert at.session_state["classify.words"] == "own"
    assert "scarlet" in cards(at)
    assert any("1 repeated name left out" in c.value for c in at.caption)
    assert at.query_params["names"] == "crimson\nscarlet\nCrimson\n\n🐈"
    again = page("classify", **dict(at.query_params))
    assert cards(again) == cards(at)


def test_names_of_ones_own_leave_the_tasks_prompts_and_names_of_the_task_keep_them(page, cache, monkeypatch):
    tasks = tiny_tasks()
    tasks["noisy"] = replace(tasks["noisy"], templates=("the number {}",))
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tasks)
    at = page("classify", words="noisy")
    some = tasks["noisy"].class_names[0]
    at.text_area(key="classify.names").set_value(f"{some}\ntrumpet").run()
    assert at.text_area(key="classify.templates").value == "the number {}"
    at = page("classify", words="noisy")
    at.text_area(key="classify.names").set_value("cat\ntrumpet").run()
    assert at.text_area(key="classify.templates").value == "\n".join(tasks["plain"].templates)
    assert cards(page("classify", **dict(at.query_params))) == cards(at)


def test_what_comes_with_the_address_of_a_moment_ago_is_no_step_back(page, monkeypatch):
    at = page("classify", words="noisy")
    before = dict(at.query_params)
    at.text_area(key="classify.names").set_value("cat\ntrumpet").run()
    after = dict(at.query_params)
    for name in after:  # the browser has not heard of the new address yet
        del at.query_params[name]
    for name, value in before.items():
        at.query_params[name] = value
    at.slider(key="classify.top").set_value(1).run()
    assert at.text_area(key="classify.names").value == "cat\ntrumpet" and at.query_params["top"] == "1"
    monkeypatch.setattr("pages.shared.app.url_state.ECHO", 0.0)  # somebody pressed the back button
    for name in dict(at.query_params):
        del at.query_params[name]
    for name, value in before.items():
        at.query_params[name] = value
    at.run()
    assert at.selectbox(key="classify.words").value == "noisy"


@pytest.mark.parametrize(
    ("names", "said"), [("", "no class name yet"), ("x" * 10_240, "10,240 characters"), ("a\n" * 3 + "b" * 300, "300")]
)
def test_names_that_cannot_be_used_are_one_sentence(page, names, said):
    at = page("classify")
    at.text_area(key="classify.names").set_value(names).run()
    assert len(at.error) == 1 and said in at.error[0].value
    at.text_area(key="classify.names").set_value("red\nblue").run()
    assert not at.error and cards(at)


def test_a_template_without_a_place_is_one_sentence(page):
    at = page("classify")
    at.text_area(key="classify.templates").set_value("a photo").run()
    assert len(at.error) == 1 and "needs {}" in at.error[0].value
    at.text_area(key="classify.templates").set_value("a {}\nthe {}").run()
    assert not at.error and any("3 names × 2 templates = 6 prompts" in c.value for c in at.caption)
    assert at.query_params["templates"] == "a {}\nthe {}"


def test_a_mix_from_another_page_stands_beside_the_base(page, cache):
    lab = lab_of(cache)
    entry = History(lab.folder).remember(lerp(lab.base, single("noisy"), 0.37), "My <mix>", "alpha")
    at = page("classify", recipe=entry.key)
    assert not warnings(at) and not at.error
    assert at.query_params["second"] == entry.key
    assert "My &lt;mix&gt;" in cards(at)
    base = at.dataframe[0].value
    assert "My <mix>" in base.columns


def test_one_model_alone(page):
    at = page("classify", second="")
    assert [m.label for m in at.metric] == ["Pictures", "Base: right"]
    assert at.selectbox(key="classify.second").value == ""


@pytest.mark.parametrize(
    "parameters",
    [
        {"sample": "gone"},
        {"words": "<script>"},
        {"first": "nobody@0.5"},
        {"second": "noisy@7"},
        {"second": "noisy@nan"},
        {"recipe": "../../etc/passwd"},
        {"recipe": "0123456789abcdef"},
        {"top": "99"},
        {"top": "0099"},
        {"top": "many"},
        {"show": "none"},
    ],
)
def test_nonsense_in_the_address_is_one_sentence(page, parameters):
    at = page("classify", **parameters)
    assert len(warnings(at)) == 1 and not at.error
    assert cards(at)


def test_a_zip_is_read_in_the_background_and_its_folders_are_labels(page):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for i in range(30):
            archive.writestr(f"{'red' if i % 2 else 'green'}/{i}.png", png(RED if i % 2 else GREEN, i))
        archive.writestr("red/notes.txt", "hello")
    at = page("classify", words="noisy")
    at.selectbox(key="classify.words").set_value("plain").run()
    upload(at, {"all.zip": buffer.getvalue()})
    wait(at, lambda at: at.metric)
    table = at.dataframe[0].value
    assert len(table) == 30 and set(table["Label"]) == {"red", "green"}
    assert [m.label for m in at.metric][1] == "Base: right"
    assert any("notes.txt" in t.value for t in at.text)
    assert at.get("plotly_chart")


def test_a_folder_can_be_read_again(page, tmp_path):
    (tmp_path / "red").mkdir()
    (tmp_path / "red" / "1.png").write_bytes(png(RED))
    at = page("classify")
    at.text_input(key="classify.folder").set_value(str(tmp_path)).run()
    wait(at, lambda at: at.dataframe and len(at.dataframe[0].value) == 1)
    (tmp_path / "red" / "2.png").write_bytes(png(RED, 1))
    next(b for b in at.button if b.label == "Read it again").click().run()
    wait(at, lambda at: at.dataframe and len(at.dataframe[0].value) == 2)
    assert not at.error


def test_a_folder_that_is_not_there_is_one_sentence(page):
    at = page("classify")
    at.text_input(key="classify.folder").set_value("/no/such/folder").run()
    wait(at, warnings)
    assert "not there" in warnings(at)[0].value and not at.error


def test_much_work_is_a_job_that_ends_in_answers(page, monkeypatch):
    monkeypatch.setattr("pages.shared.classify.answers.AT_ONCE", 3)
    at = page("classify")
    wait(at, lambda at: at.metric)
    assert cards(at).count("<article") == 12


def test_the_page_shows_the_script_that_does_the_same(page):
    at = upload(page("classify"), {"rose.png": png(RED)})
    source = next(c.value for c in at.code if "from core.classify" in c.value)
    compile(source, "snippet", "exec")
    assert "'rose.png'" in source and "'Base': Recipe(" in source


def test_the_mix_can_be_taken_on(page, cache):
    at = page("classify", second="noisy@0.30")
    at.button(key="classify.export").click().run()
    [entry] = History(cache / "tiny").entries()
    assert entry.recipe == lerp(single("base"), single("noisy"), 0.3) and entry.origin.startswith("classify?")
    assert at.title[0].value == "How do I take this model home?" and at.query_params["recipe"] == entry.key
