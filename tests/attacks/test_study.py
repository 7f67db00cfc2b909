from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from core import PaletteError
from core.__main__ import main
from core.attacks.photo_files import Photo, Trouble, file_name, parse, png, save
from core.attacks.photographs import judge_photographs
from core.attacks.study import (
    PLACES,
    SIZES,
    AttackEvaluation,
    Study,
    by_place,
    by_size,
    outcome,
    over_alpha,
    trained_classes,
    transfer,
    written_on,
)
from core.attacks.tasks import AttackSplit, attacked_task, clean_twin
from core.attacks.typography import Look
from core.classify.classifier import classifier
from core.tasks.answers import Answers
from core.tasks.task import TaskError
from core.workspace.lab import Lab
from tests.conftest import tiny_tasks

LOOK = Look(size=0.4)


def answers(predicted: list[int], labels: list[int]) -> Answers:
    logits = np.eye(3, dtype=np.float16)[predicted] * 5
    return Answers.from_logits(logits, np.array(labels))


def test_fooled_means_the_answer_is_the_written_word():
    found = outcome(answers([0, 1, 2, 1], [0, 0, 0, 1]), np.array([1, 1, 1, 2]), answers([0, 0, 1, 1], [0, 0, 0, 1]))
    assert (found.accuracy.value, found.fooled.value, found.accuracy.n) == (0.5, 0.25, 4)
    assert found.clean is not None and found.clean.value == 0.75
    assert outcome(answers([0], [0]), np.array([1])).clean is None


def test_a_study_is_the_models_on_the_attacked_pictures(tiny_lab: Lab):
    recipes = [tiny_lab.patch("noisy", a) for a in (0.0, 0.5, 1.0)]
    study = over_alpha(recipes, tiny_lab.task("plain"), "test", LOOK, 20)
    assert not study.is_cached(tiny_lab) and study.cost == 3 * 2 * 20
    table = study.table(tiny_lab)
    assert study.is_cached(tiny_lab) and len(table) == 3
    task = study.tasks[0]
    pictures, head = task.source.load("test"), tiny_lab.head("plain")
    clean = clean_twin(task).source.load("test")
    for recipe, (found,) in zip(recipes, table, strict=True):
        encoder = tiny_lab.encoder()
        tiny_lab.load(recipe, encoder)
        said = (encoder.encode(pictures.images).half().float() @ head.T).argmax(dim=1).numpy()
        assert np.array_equal(found.follows, said == pictures.notes["written"])
        assert np.array_equal(found.right, said == pictures.labels)
        said = (encoder.encode(clean.images).half().float() @ head.T).argmax(dim=1).numpy()
        assert np.array_equal(found.unharmed, said == clean.labels)


def test_a_study_goes_on_where_it_stopped_and_shares_the_labs_results(tiny_lab: Lab):
    recipes = [tiny_lab.base, tiny_lab.tuned("noisy")]
    study = Study(tuple(recipes), (tiny_lab.task("plain"),), "test")
    kept = tiny_lab.evaluate(tiny_lab.base, "plain", "test")
    assert AttackEvaluation(tiny_lab).is_cached(study.asked()[:1]) and not study.is_cached(tiny_lab)
    found = AttackEvaluation(tiny_lab).run(study.asked())
    assert np.array_equal(found[0].predictions, kept.predictions)
    assert tiny_lab.is_cached(tiny_lab.tuned("noisy"), "plain", "test")


def test_sizes_places_and_transfer_span_what_they_say(tiny_lab: Lab):
    task, recipes = tiny_lab.task("plain"), [tiny_lab.base]
    sizes, places = by_size(recipes, task, "val", LOOK, 6), by_place(recipes, task, "val", LOOK, 6)
    assert len(sizes.tasks) == len(SIZES) and len(places.tasks) == len(PLACES) ** 2
    assert len({t.source.digest("val") for t in [*sizes.tasks, *places.tasks]}) == len(SIZES) + len(PLACES) ** 2
    assert all(
        written_on(tiny_lab, t, "val").tolist() == written_on(tiny_lab, sizes.tasks[0], "val").tolist()
        for t in sizes.tasks
    )
    assert len(by_size(recipes, task, "val", LOOK, 6).table(tiny_lab)[0]) == len(SIZES)
    four = replace(task, class_names=("a", "b", "c", "d"))
    labels = [t.source.load("val").labels for t in transfer(recipes, four, "val", 2, 6).tasks]
    assert [set(x.tolist()) <= {0, 1} for x in labels] == [True, True, False, False]
    assert trained_classes(tiny_lab, "noisy", four) == 2


def test_no_picture_is_counted_twice(tiny_lab: Lab):
    task, recipes = tiny_lab.task("plain"), [tiny_lab.base]
    whole = over_alpha(recipes, task, "val", LOOK, 10_000)
    assert whole.table(tiny_lab)[0][0].accuracy.n == task.size("val") == whole.tasks[0].size("val")
    four = replace(task, class_names=("a", "b", "c", "d"))
    half = transfer(recipes, four, "val", 2, task.size("val")).tasks[0]  # more than its classes have
    found = Study((tiny_lab.base,), (half,), "val").table(tiny_lab)[0][0]
    assert found.accuracy.n == np.isin(task.source.load("val").labels, (0, 1)).sum() < half.size("val")


def test_a_task_without_written_words_is_no_attack(tiny_lab: Lab):
    with pytest.raises(TaskError, match="is no attack"):
        written_on(tiny_lab, tiny_lab.task("plain"), "test")


def test_live_answers_are_the_labs(tiny_lab: Lab):
    desk, task = classifier(tiny_lab), tiny_lab.task("noisy")
    rows = desk.head(task.class_names, task.templates)
    assert torch.allclose(rows, tiny_lab.head("noisy"), atol=1e-5)
    images = tiny_lab.pictures("noisy", "test").images[:9]
    recipe = tiny_lab.patch("noisy", 0.35)
    expected = tiny_lab.logits(recipe, "noisy", "test")[:9].float().numpy()
    assert np.allclose(desk.logits(recipe, np.array(images), rows), expected, atol=0.1)
    table = desk.probabilities([tiny_lab.base, recipe], np.array(images), rows)
    assert table.shape == (2, 9, 3) and np.allclose(table.sum(axis=2), 1)


def test_only_new_class_names_are_read(tiny_lab: Lab, monkeypatch):
    desk, asked = classifier(tiny_lab), []
    real = tiny_lab.class_features
    monkeypatch.setattr(tiny_lab, "class_features", lambda prompts: asked.append(len(prompts)) or real(prompts))
    desk.joint_head([(["red", "green"], ["a {}"]), ([], ["a {}"])])
    desk.head(["green", "blue", "red"], ["a {}"])
    desk.head(["red", "blue"], ["a {}"])
    assert asked == [2, 1]


def test_any_picture_is_scaled_as_the_model_wants_it(tiny_lab: Lab):
    desk = classifier(tiny_lab)
    for shape in ((32, 32), (64, 200), (7, 5), (1, 1)):
        assert desk.prepared(np.zeros((*shape, 3), np.uint8)).shape == (desk.size, desk.size, 3)


def test_photographs_are_judged_and_bad_files_left_out(tiny_lab: Lab):
    images = tiny_lab.pictures("plain", "test").images
    labels = [tiny_lab.task("plain").class_names[i] for i in tiny_lab.pictures("plain", "test").labels[:5]]
    photos = [Photo(np.array(images[i]), labels[i], "Red", f"{i}.png") for i in range(5)]
    recipes = [tiny_lab.base, tiny_lab.tuned("noisy")]
    found = judge_photographs(
        tiny_lab, recipes, [*photos, Trouble("x", "It is broken.")], templates=tiny_lab.task("plain").templates
    )
    assert sorted(map(str.casefold, found.classes)) == ["blue", "green", "red"] and found.answers.shape == (2, 5)
    classes = [name.casefold() for name in found.classes]  # "Red" and "red" are one
    assert [classes[i] for i in found.labels] == labels and {classes[i] for i in found.written} == {"red"}
    assert [t.why for t in found.troubles] == ["It is broken."] and len(found.names) == 5
    assert found.outcome(1).fooled.n == 5
    with pytest.raises(PaletteError, match="classes lack"):
        judge_photographs(tiny_lab, recipes, photos, ["cat", "dog"])
    with pytest.raises(PaletteError, match="same thing"):
        judge_photographs(tiny_lab, recipes, [Photo(np.array(images[0]), "red", "red", "a")])


@pytest.fixture
def command(tiny_cache, monkeypatch):
    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tiny_tasks())

    def run(*words: object) -> int:
        return main(["--workspace", "tiny", "--cache", str(tiny_cache), "--device", "cpu", "attack", *map(str, words)])

    return run


def test_the_command_writes_and_tests(command, tmp_path, capsys):
    (tmp_path / "red.png").write_bytes(png(np.full((40, 40, 3), (220, 30, 30), np.uint8)))
    (tmp_path / "bad.png").write_bytes(b"<html>")
    assert command("write", "green", tmp_path / "red.png", "--to", tmp_path / "out.zip") == 0
    assert "label=red_text=green.png" in capsys.readouterr().out
    assert command("write", "blue", tmp_path / "bad.png", tmp_path / "red.png", "--to", tmp_path / "two") == 1
    said = capsys.readouterr()
    assert "bad.png is a web page" in said.err and (tmp_path / "two" / "label=red_text=blue.png").exists()
    assert command("test", "noisy@0.5", "--photos", tmp_path / "two", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["fooled"]["n"] == 1 and facts["classes"] == "2 classes"
    assert command("test", "noisy", "--task", "plain", "--count", 12, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    lab = Lab("tiny", tmp_path / "cache", "cpu", tiny_tasks())
    task = attacked_task(lab.task("plain"), {"test": AttackSplit(12, Look())})
    expected = Study((lab.base, lab.tuned("noisy")), (task,), "test").table(lab)[1][0]
    assert facts["fooled"]["now"]["value"] == expected.fooled.value and facts["nothing written"]["n"] == 12


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("test", "noisy"), "Name a task"),
        (("test", "noisy", "--task", "nowhere"), "no task 'nowhere'"),
        (("test", "nobody", "--task", "plain"), "nobody"),
        (("test", "noisy", "--photos", "/nowhere.zip"), "There is no /nowhere.zip"),
        (("test", "noisy", "--task", "plain", "--count", "0"), "at least 1"),
        (("test", "noisy", "--task", "plain", "--size", "9"), "size must lie between"),
        (("write", "x", "a.png", "--to", "b", "--font", "Comic"), "no font 'Comic'"),
    ],
)
def test_the_commands_mistakes_are_one_line(command, capsys, words, why):
    assert command(*words) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert why in said[-1] and said[-1].startswith("palette: ")


def test_saving_again_replaces_nothing(tmp_path):
    photo = Photo(np.zeros((4, 4, 3), np.uint8), "dog", "cat", "")
    save([photo], tmp_path / "out")
    save([photo], tmp_path / "out.ZIP")
    for name, said in (("out", "already holds"), ("out.ZIP", "is there already")):
        with pytest.raises(PaletteError, match=said):
            save([photo], tmp_path / name)
    assert zipfile.ZipFile(tmp_path / "out.ZIP").namelist() == ["label=dog_text=cat.png"]


@pytest.mark.parametrize(
    ("name", "label", "text"),
    [
        ("label=dog_text=cat.png", "dog", "cat"),
        ("label=dog_text=cat_2.png", "dog", "cat"),
        ("label=dog_text=cat (3).JPG", "dog", "cat"),
        ("label=0_text=3.png", "0", "3"),
        ("label=dog_text=area51.png", "dog", "area51"),
        ("label=dog_text=b12_4.png", "dog", "b12"),
    ],
)
def test_a_number_of_the_word_is_not_the_files(name, label, text):
    assert parse(name) == (label, text)


@pytest.mark.parametrize("text", ["cat", "no 5", "7", "area51", "route 66 west"])
@pytest.mark.parametrize("number", [None, 3])
def test_a_files_name_says_what_it_was_made_of(text, number):
    assert parse(file_name("a dog", text, number)) == ("a dog", text)


def test_who_is_right_is_not_fooled_though_the_word_says_the_same(tiny_lab):
    image = np.full((32, 32, 3), 128, np.uint8)
    found = judge_photographs(
        tiny_lab, [tiny_lab.base], [Photo(image, "red", "red", "a.png"), Photo(image, "green", "red", "b.png")]
    )
    outcome = found.outcome(0)
    assert not (outcome.right & outcome.follows).any() and (outcome.right | outcome.follows).any()
