"""Real data in a workspace: added, decoded, evaluated, trained on; from the command line too."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from core import PaletteError
from core.__main__ import main
from core.models import clip
from core.patching import curves
from core.progress import CancelledError, Progress
from core.tasks.datasets import DataError
from core.tasks.datasets.adapters import DataLocation
from core.tasks.datasets.catalogue import entries
from core.tasks.datasets.status import clear_cache
from core.tasks.task import TaskError
from core.workspace import datasets
from core.workspace.checkpoints import BASE
from core.workspace.facts import SoupFacts
from core.workspace.lab import Lab
from core.workspace.tasks import placed
from tests.conftest import COLOURS, CONFIG, make_workspace
from tests.tasks.datasets import layouts


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A workspace with no task yet, an empty data folder, and images of one's own: three classes of 24."""
    monkeypatch.setenv("PALETTE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PALETTE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    folder = make_workspace(tmp_path / "cache")
    facts = json.loads((folder / "workspace.json").read_text())
    (folder / "workspace.json").write_text(json.dumps({**facts, "tasks": [], "supported": []}))
    layouts.folders(tmp_path / "pets", ["cat", "dog", "emu"], "all", ".png", each=24)
    clear_cache()
    return tmp_path / "cache"


@pytest.fixture
def pets(cache):
    return cache.parent / "pets"


@pytest.fixture
def run(cache, capsys):
    def call(*words):
        status = main(["--cache", str(cache), "--workspace", "tiny", "--device", "cpu", *words])
        out = capsys.readouterr()
        return status, out.out, out.err

    return call


def opened(cache):
    return Lab("tiny", cache, "cpu")


def test_added_data_are_a_task_that_is_evaluated_and_trained_on(cache, pets):
    from core.training.train import train

    rng = np.random.default_rng(0)
    for kind, colour in zip(("cat", "dog", "emu"), COLOURS.values(), strict=True):
        for i in range(24):
            noisy = np.clip(rng.normal(colour, 40, (32, 32, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(pets / kind / f"{kind}_{i}.png")
    datasets.add(opened(cache), datasets.facts_of(str(pets), title="My pets"))
    lab = opened(cache)
    assert lab.task("pets").source.sizes() == {"train": 51, "val": 7, "test": 14}
    assert lab.task("pets").title == "My pets" and lab.by_role("patching") == ["pets"]
    before = lab.evaluate(lab.base, "pets", "test").accuracy
    assert before.n == 14
    train(lab, ["pets"], "pets")
    assert lab.evaluate(lab.tuned("pets"), "pets", "test").accuracy.value > before.value + 0.2


def test_pictures_are_as_large_as_the_model_wants(cache, pets):
    datasets.add(opened(cache), datasets.facts_of(str(pets)))
    lab = opened(cache)
    assert datasets.decode(lab, ["pets"], Progress()) == {"pets": 72}
    height, width = CONFIG["preprocess_cfg"]["size"]
    assert lab.pictures("pets", "val").images.shape == (7, height, width, 3)


def test_what_is_read_for_the_first_time_is_said(cache, pets, run):
    datasets.add(opened(cache), datasets.facts_of(str(pets), title="My pets", role="supported"))
    said: list[str] = []
    lab, progress = opened(cache), Progress(lambda p: said.append(p.what))
    lab.evaluate(lab.base, "pets", "test", progress)
    reading = "Reading the files of My pets for the first time"
    assert said[0] == reading and "Decoding the test pictures of My pets" in said
    said.clear()
    again = opened(cache)
    again.evaluate(again.base, "pets", "val", progress)
    again.pictures("pets", "train", progress)
    assert said and reading not in said
    (pets / "emu" / "emu_0.png").touch()
    progress.cancel()
    clear_cache()
    with pytest.raises(CancelledError):
        opened(cache).evaluate(lab.base, "pets", "test", progress)
    assert reading in run("build", "--tasks", "pets", "--dry-run")[2]
    assert reading not in run("build", "--tasks", "pets", "--dry-run")[2]


def test_damaged_images_are_told_as_a_notice(cache, pets):
    for i in range(24):
        (pets / "emu" / f"emu_{i}.png").write_bytes(b"no image")
    datasets.add(opened(cache), datasets.facts_of(str(pets)))
    lab = opened(cache)
    datasets.decode(lab, ["pets"], Progress())
    assert len(lab.notices) == 3 and all("damaged image" in said and "emu_" in said for said in lab.notices)
    assert lab.evaluate(lab.base, "pets", "test").accuracy.n < 14


def test_class_names_can_be_edited_and_are_counted(cache, pets):
    named = datasets.facts_of(str(pets), class_names=["a tabby", "a hound", "a big bird"])
    datasets.add(opened(cache), named)
    assert opened(cache).task("pets").class_names == ("a tabby", "a hound", "a big bird")
    with pytest.raises(DataError, match="2 class names are given, but the labels of pets are of 3 classes"):
        datasets.facts_of(str(pets), class_names=["cat", "dog"])
    with pytest.raises(TaskError, match="names a class twice"):
        datasets.preview(opened(cache), {**named, "class_names": ["cat", "cat", "emu"]})
    with pytest.raises(DataError, match="names 2 classes, but the all labels"):
        datasets.preview(opened(cache), {**named, "class_names": ["cat", "dog"]})


def test_a_name_is_taken_once_and_replaced_when_asked(cache, pets):
    facts = datasets.facts_of(str(pets))
    datasets.add(opened(cache), facts)
    with pytest.raises(DataError, match="has a task called 'pets'"):
        datasets.add(opened(cache), facts)
    datasets.add(opened(cache), {**facts, "role": "supported"}, replace=True)
    assert opened(cache).task("pets").role == "supported"
    datasets.remove(opened(cache), "pets")
    assert not opened(cache).tasks
    with pytest.raises(DataError, match="no added task 'pets'"):
        datasets.remove(opened(cache), "pets")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "../up"}, "cannot be a name"),
        ({"role": "hero"}, "'hero' is no role"),
        ({"cuts": [["test", "all", 10]]}, "has no train and no val images"),
        ({"cuts": [["test", "all", 1000]]}, "only 72 of its 72 are left"),
        ({"templates": ["no place"]}, "needs templates"),
        ({"class_names": 7}, "cannot be read"),
    ],
)
def test_a_table_that_makes_no_sense_is_one_sentence(cache, pets, change, said):
    with pytest.raises(PaletteError, match=said) as error:
        datasets.preview(opened(cache), {**datasets.facts_of(str(pets)), **change})
    assert "\n" not in str(error.value)


def test_data_that_went_away_are_one_sentence(cache, pets):
    datasets.add(opened(cache), datasets.facts_of(str(pets)))
    pets.rename(pets.with_name("moved"))
    clear_cache()
    with pytest.raises(DataError, match="There is no folder"):
        opened(cache).pictures("pets", "val")


def test_the_catalogue_from_the_command_line(run):
    status, out, _ = run("data")
    assert status == 0
    assert all(key in out for key in entries())
    assert "can be downloaded" in out and "by hand" in out and "Sign up with Mapillary" in out


def test_adding_from_the_command_line(run, cache, pets):
    status, out, _ = run("data", "add", "tiny", str(pets), "--dry-run")
    assert status == 0 and "3 classes; train 51, val 7, test 14" in out and not opened(cache).tasks
    status, out, _ = run("data", "add", "tiny", str(pets), "--name", "mine", "--role", "supported", "--seed", "3")
    assert status == 0 and "tiny has mine now" in out
    status, out, _ = run("data", "decode", "tiny")
    assert status == 0 and "mine: 72 pictures are decoded" in out
    assert re.search(r"72 pictures\. Decoding takes 0\.2 MB in .*tiny.images, and very roughly \d+ s\.", out)
    status, out, _ = run("eval", "base", "--task", "mine")
    assert status == 0 and "n = 14" in out
    status, out, _ = run("data", "remove", "tiny", "mine")
    assert status == 0 and not opened(cache).tasks and (pets / "cat").is_dir()


def test_class_names_from_a_file(run, cache, pets, tmp_path):
    (tmp_path / "names.txt").write_text("a tabby\n\na hound\na big bird\n")
    assert run("data", "add", "tiny", str(pets), "--classes", str(tmp_path / "names.txt"))[0] == 0
    assert opened(cache).task("pets").class_names[2] == "a big bird"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["data", "add", "tiny", "kats"], "neither in the catalogue nor a path"),
        (["data", "add", "tiny", "/nowhere/kats"], "There is nothing at"),
        (["data", "add", "tiny", "mnist"], "MNIST is not here yet"),
        (["data", "add", "tiny", "mtsd"], "has to be fetched by hand"),
        (["data", "add", "tiny", "vqa"], "has to be fetched by hand"),
        (["data", "add", "tiny", "splitcifar"], "Add cifar100"),
        (["data", "add", "nobody", "mnist"], "no workspace 'nobody'"),
        (["data", "get", "mtsd"], "has to be fetched by hand"),
        (["data", "get", "kats"], "no data set 'kats'"),
        (["data", "decode", "tiny", "kats"], "no task 'kats'"),
        (["data", "remove", "tiny", "kats"], "no added task 'kats'"),
    ],
)
def test_what_cannot_be_is_one_line_and_status_1(run, words, said):
    status, _, err = run(*words)
    assert status == 1 and said in err and err.count("\n") == 1


def test_without_a_network_a_download_says_what_to_do_by_hand(cache, monkeypatch):
    from core.tasks.datasets import fetch
    from core.tasks.datasets.catalogue import entry

    def no_network(*_):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(fetch, "_by_torchvision", no_network)
    monkeypatch.setattr(fetch, "_from_hub", no_network)
    with pytest.raises(DataError, match=r"could not be downloaded \(torchvision: OSError.*By hand: Unpack dtd"):
        fetch.fetch(entry("dtd"))


@pytest.fixture
def vqa(cache):
    """VQA in its own layout: 40 training and 12 test questions, one damaged picture in each, added as a task."""
    rng, root = np.random.default_rng(0), cache.parent / "data" / "vqa_v1"
    for subset, count in (("train2014", 40), ("val2014", 12)):
        asked = []
        for i in range(count):
            choices = [f"{w}" for w in rng.permutation(30)[:18]]
            asked.append((10 * i + 1, i, f"How many {'cats' if i % 2 else 'dogs'}?", choices, choices[i % 18]))
        layouts.vqa_files(root, subset, asked, "train")
        for i in range(count):
            noise = rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)
            Image.fromarray(noise).save(root / subset / f"COCO_{subset}_{i:012}.jpg")
        (root / subset / f"COCO_{subset}_{3:012}.jpg").write_bytes(b"no image")
    clear_cache()
    facts = {"name": "vqa", "role": "supported", "title": "VQA", "templates": ["{}"], "cuts": []}
    facts["class_names"] = [f"choice {i + 1}" for i in range(18)]
    datasets.add(opened(cache), {**facts, "from": placed(DataLocation("vqa", root))})
    lab = opened(cache)
    generator = torch.Generator().manual_seed(1)
    other = {n: t.float() + 0.1 * torch.randn(t.shape, generator=generator) for n, t in lab.zoo.weights(BASE).items()}
    lab.zoo.add("other", {n: t.to(lab.zoo.weights(BASE)[n].dtype) for n, t in other.items()}, tasks=("vqa",))
    return lab


def test_each_picture_of_vqa_is_compared_with_its_own_answers(vqa, monkeypatch):
    monkeypatch.setattr("core.workspace.evaluation.results.CHOOSING", 5)  # several blocks, the last one short
    pictures = vqa.pictures("vqa", "test")
    assert len(pictures.labels) == 11 and 3 not in pictures.notes["row"]
    part = vqa.task("vqa").source.split("test")[0]
    model, encoder = clip.load(vqa.folder / "base"), vqa.encoder()
    images = encoder.encode(pictures.images)
    expected = torch.zeros(11, 18)
    for i, row in enumerate(pictures.notes["row"]):
        texts = [
            f"Question: {part.candidates.questions[row]} Answer: {part.candidates.words[w]}"
            for w in part.candidates.answers[row]
        ]
        assert texts[pictures.labels[i]].endswith(f"Answer: {texts[row % 18].split()[-1]}")
        expected[i] = encoder.logit_scale * images[i] @ clip.text_features(model, texts).T
    found = vqa.logits(vqa.base, "vqa", "test").float()
    assert torch.allclose(found, expected, atol=0.05)
    answers = vqa.evaluate(vqa.base, "vqa", "test")
    assert np.array_equal(answers.right, found.argmax(1).numpy() == pictures.labels) and answers.accuracy.n == 11


def test_a_text_of_vqa_is_read_once_whatever_model_is_asked(vqa, monkeypatch):
    read, reads = clip.text_features, []
    monkeypatch.setattr(clip, "text_features", lambda model, texts: reads.extend(texts) or read(model, texts))
    curve = curves.curve(vqa, "other", ["vqa"], "test", (0.0, 0.5, 1.0))
    assert [p.accuracies["vqa"].n for p in curve] == [11] * 3
    assert not torch.equal(*(vqa.logits(p.recipe, "vqa", "test") for p in (curve[0], curve[2])))
    assert len(reads) == len(set(reads)) <= 60, "thirty answers to two questions"
    again = Lab("tiny", vqa.folder.parent, "cpu")
    again.evaluate(again.patch("other", 0.25), "vqa", "test")
    assert len(reads) == len(set(reads))


def test_other_questions_are_another_task(vqa):
    before = vqa.logits(vqa.base, "vqa", "test")
    path = vqa.task("vqa").source.opening.root / "MultipleChoice_mscoco_val2014_questions.json"
    path.write_text(path.read_text().replace("cats", "birds"))
    clear_cache()
    again = Lab("tiny", vqa.folder.parent, "cpu")
    assert not again.is_cached(again.base, "vqa", "test")
    assert not torch.equal(again.logits(again.base, "vqa", "test"), before)


def test_whoever_looks_at_some_pictures_of_vqa_sees_the_same(vqa):
    from core.patching.estimate import Estimate
    from core.soups.ensembles import Ensemble
    from core.soups.judge import Judge

    logits, labels = vqa.logits(vqa.base, "vqa", "val"), vqa.pictures("vqa", "val").labels
    right = logits.argmax(1).numpy() == labels
    assert Judge(vqa, "vqa").judge(vqa.base).score == right.mean()
    assert Judge(vqa, "vqa", most=2).judge(vqa.base).score == right[:2].mean()
    assert np.array_equal(Ensemble(vqa, Progress()).right([vqa.base], ("vqa", "val")), right)
    assert Estimate(vqa, ["vqa"])(vqa.base)["vqa"].value == right.mean()
    rows = np.array([2, 0])
    seen = vqa.features(vqa.base, "vqa", "val")[rows]
    assert torch.equal(vqa.classified(vqa.base, "vqa", "val", seen, rows), logits[rows])


def test_nothing_is_trained_on_vqa_and_one_sentence_says_why(vqa, tmp_path):
    from core.attacks.tasks import attacked_task
    from core.exchange.exporting.export import export
    from core.soups.ingredients import PROBE, train_ingredient
    from core.training.lp_ft import SweepSettings
    from core.training.train import train

    vqa.facts = replace(vqa.facts, soup=SoupFacts("vqa"))
    for refused in (
        lambda: train(vqa, ["vqa"], "mine"),
        lambda: train_ingredient(vqa, PROBE, SweepSettings(steps=0)),
        lambda: vqa.head("vqa"),
        lambda: vqa.task("vqa.1of2"),
        lambda: attacked_task(vqa.task("vqa"), {}),
    ):
        with pytest.raises(TaskError, match=r"VQA has candidate answers of its own.*but not trained on") as caught:
            refused()
        assert "\n" not in str(caught.value)
    vqa.evaluate(vqa.base, "vqa", "test")
    assert "vqa" not in export(vqa, vqa.base, tmp_path / "out").facts["tasks"], "it has no head to take along"


def test_uploads_are_kept_by_content(cache):
    first = datasets.keep_upload("../My pets!.zip", b"abc")
    assert first == datasets.keep_upload("../My pets!.zip", b"abc") != datasets.keep_upload("../My pets!.zip", b"abd")
    assert first.parent == cache.parent / "data" / "own" and first.name.startswith("My-pets-")
    with pytest.raises(DataError, match="neither zip nor parquet"):
        datasets.keep_upload("run.py", b"abc")


def test_two_tasks_of_one_name_are_one_sentence(cache, pets):
    facts = datasets.facts_of(str(pets))
    path = cache / "tiny" / "workspace.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "tasks": [facts, facts]}))
    with pytest.raises(TaskError, match="two tasks called 'pets'"):
        opened(cache)
