"""Any pictures, any class names: the same numbers as the lab's own, and no more work than is needed."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core import metrics
from core.__main__ import main
from core.classify.album import Album, picture
from core.classify.class_names import WordlistError
from core.classify.classifier import Classifier, classifier, classify
from core.classify.rankings import UNKNOWN, known_labels, rank
from core.classify.snippet import snippet
from core.models import alike, clip, torchvision_shim
from core.models.image_tower.encoder import Encoder
from core.models.preprocess import fitting
from core.recipes.recipe import lerp, single
from core.storage.lru import LRU
from core.workspace.lab import Lab
from tests.conftest import COLOURS

ROOT = Path(__file__).resolve().parents[2]
NAMES, TEMPLATES = tuple(COLOURS), ("a {} picture", "something {}")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Six pictures in folders that are called as their colours, and one file that is none."""
    for i, (name, colour) in enumerate([*COLOURS.items()] * 2):
        (tmp_path / "in" / name).mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(i).integers(-20, 20, (24, 40, 3))
        Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8)).save(tmp_path / "in" / name / f"{i}.png")
    (tmp_path / "in" / "broken.png").write_bytes(b"\x89PNG")
    return tmp_path / "in"


def album_of(lab: Lab, task: str) -> Album:
    found, fit = lab.pictures(task, "test"), classifier(lab).fit
    return Album(
        tuple(
            picture(x, fit, str(i), NAMES[y]) for i, (x, y) in enumerate(zip(found.images, found.labels, strict=True))
        )
    )


@pytest.fixture
def passes(monkeypatch) -> list[int]:
    """How many pictures each forward pass took."""
    seen: list[int] = []
    encode = "core.models.image_tower.encoder.Encoder.encode"
    real = Encoder.encode
    monkeypatch.setattr(encode, lambda self, images: seen.append(len(images)) or real(self, images))
    return seen


def test_answers_are_those_of_the_lab(tiny_lab):
    recipes = {"base": tiny_lab.base, "patch": tiny_lab.patch("noisy", 0.5)}
    result = Classifier(tiny_lab).classify(recipes, album_of(tiny_lab, "noisy"), NAMES, TEMPLATES, top=3)
    for title, recipe in recipes.items():
        known = tiny_lab.evaluate(recipe, "noisy", "test")
        assert np.array_equal(result.rankings[title].top, known.top)
        assert np.allclose(result.rankings[title].probability, known.probability.astype(float), atol=1e-3)
        assert result.accuracy(title) == known.accuracy
    first, second = (tiny_lab.evaluate(r, "noisy", "test").predictions for r in recipes.values())
    assert np.array_equal(result.differ, first != second)


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_pictures_are_prepared_as_open_clip_does_it(tiny_lab, mode, interpolation):
    config = tiny_lab.config["preprocess_cfg"] | {"resize_mode": mode, "interpolation": interpolation}
    torchvision_shim.prepare()
    import open_clip

    theirs = open_clip.transform.image_transform_v2(open_clip.transform.PreprocessCfg(**config), is_train=False)
    encoder = Encoder(clip.load(tiny_lab.folder / "base"), config)
    for shape in ((50, 90, 3), (90, 31, 3), (7, 5, 3), (32, 32, 3)):
        pixels = np.random.default_rng(1).integers(0, 255, shape, dtype=np.uint8)
        ours = encoder.prepare(fitting(config)(pixels)[None])[0]
        assert np.allclose(ours.numpy(), theirs(Image.fromarray(pixels)).numpy(), atol=1e-5)


def test_new_class_names_need_no_forward_pass(tiny_lab, passes):
    desk, album = Classifier(tiny_lab), album_of(tiny_lab, "noisy")
    recipes = {"base": tiny_lab.base, "patch": tiny_lab.patch("noisy", 0.5)}
    desk.classify(recipes, album, NAMES, TEMPLATES)
    assert passes == [36, 36]
    desk.classify(recipes, album, ["cat", "dog"], ["a {}"])
    desk.classify({"the same weights": tiny_lab.patch("noisy", 0.0)}, album, NAMES, TEMPLATES)
    assert passes == [36, 36]
    more = Album((*album.pictures, *album.pictures[:5], *album_of(tiny_lab, "plain").pictures[:2]))
    desk.classify({"base": tiny_lab.base}, more, NAMES, TEMPLATES)
    assert passes == [36, 36, 2]


def test_class_names_that_were_read_are_not_read_again(tiny_lab, monkeypatch):
    read: list[int] = []
    real = tiny_lab.class_features
    monkeypatch.setattr(tiny_lab, "class_features", lambda prompts: read.append(len(prompts)) or real(prompts))
    desk = Classifier(tiny_lab)
    desk.head(NAMES, TEMPLATES)
    desk.head((*NAMES, "purple"), TEMPLATES)
    desk.head(("purple", "red"), TEMPLATES)
    assert read == [3, 1]
    assert np.allclose(desk.head(NAMES, TEMPLATES), tiny_lab.head("noisy"), atol=1e-6)


def test_memory_is_bounded_and_answers_stay_the_same(tiny_lab, passes):
    small, large = Classifier(tiny_lab, features_kept=5, classes_kept=2), Classifier(tiny_lab)
    album = album_of(tiny_lab, "noisy")
    one, two = (d.classify({"base": tiny_lab.base}, album, NAMES, TEMPLATES) for d in (small, large))
    assert one.to_json() == two.to_json()
    assert len(small._features) == 5 and len(small._classes) == 2


def test_many_recipes_share_few_encoders(tiny_lab):
    tiny_lab.encoders.room = 2
    desk, album = Classifier(tiny_lab), album_of(tiny_lab, "noisy")
    recipes = {f"{a}": tiny_lab.patch("noisy", a) for a in (0.0, 0.3, 0.6, 1.0)}
    together = desk.classify(recipes, album, NAMES, TEMPLATES)
    for title, recipe in recipes.items():
        alone = Classifier(tiny_lab).classify({title: recipe}, album, NAMES, TEMPLATES)
        assert np.array_equal(alone.rankings[title].probability, together.rankings[title].probability)
    assert tiny_lab.encoders._made == 2


def test_ten_thousand_classes_emoji_and_long_names_are_answered(tiny_lab):
    names = [*(f"thing {i}" for i in range(9_997)), "🐈", "x" * 200, "red"]
    result = Classifier(tiny_lab).classify({"base": tiny_lab.base}, album_of(tiny_lab, "plain"), names, ["{}"], top=10)
    assert result.rankings["base"].top.shape == (36, 10)
    assert np.isfinite(result.rankings["base"].probability).all()


def test_the_first_of_equals_wins_as_in_the_metrics():
    logits = np.random.default_rng(0).integers(0, 4, (50, 7)).astype(np.float16)
    found = rank(logits, 7)
    assert np.array_equal(found.top[:, 0], metrics.predictions(logits))
    assert np.array_equal(found.top, np.argsort(-logits.astype(float), axis=1, kind="stable"))
    assert np.allclose(found.probability.sum(1), 1, atol=1e-6)


def test_labels_are_recognised_as_folders_are_called():
    names = ["golden retriever", "T-shirt", "cat"]
    labels = ["Golden_Retriever", "t shirt", "CAT", "dog", None]
    assert known_labels(labels, names).tolist() == [0, 1, 2, UNKNOWN, UNKNOWN]


def test_confusion_and_files_say_the_same(tiny_lab, folder):
    recipes = {"base": tiny_lab.base, "patch": tiny_lab.patch("noisy", 1.0)}
    result = classify(tiny_lab, recipes, [folder], NAMES, TEMPLATES, top=2)
    assert len(result.album.refused) == 1 and "broken.png" in result.album.refused[0]
    rows = list(csv.DictReader(io.StringIO(result.to_csv())))
    facts = json.loads(result.to_json())
    for title in recipes:
        counts = result.confusion(title)
        assert counts.sum() == 6 and np.trace(counts) == result.right(title).sum()
        for row, fact in zip(rows, facts["pictures"], strict=True):
            assert row["label"] == fact["label"] == row["picture"].split("/")[0]
            assert row[f"{title} class 1"] == fact["answers"][title][0]["class"]
        right = [row[f"{title} class 1"] == row["label"] for row in rows]
        assert sum(right) == result.right(title).sum()
    assert len(facts["refused"]) == 1


def test_nothing_to_classify_is_one_sentence(tiny_lab, tmp_path):
    with pytest.raises(WordlistError, match="not there"):
        classify(tiny_lab, {"base": tiny_lab.base}, [tmp_path / "gone.png"], NAMES)
    with pytest.raises(WordlistError, match=r"needs \{\}"):
        Classifier(tiny_lab).classify({"base": tiny_lab.base}, album_of(tiny_lab, "plain"), NAMES, ["a photo"])


def test_recent_forgets_what_was_used_the_longest_ago():
    kept: LRU[str, int] = LRU(10, lambda size: size)
    kept.put("a", 4), kept.put("b", 4)
    assert kept.get("a") == 4
    kept.put("c", 4)
    assert "b" not in kept and "a" in kept and kept.used == 8
    kept.put("d", 100)
    assert len(kept) == 1 and kept.take_oldest() == 100 and kept.used == 0 and kept.take_oldest() is None


def test_the_snippet_prints_what_the_page_shows(tiny_cache, folder):
    """Run as a script, in a process of its own."""
    facts = tiny_cache / "tiny" / "workspace.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "tasks": "mini", "supported": ["icons"]}))
    lab = Lab("tiny", tiny_cache, "cpu")
    recipes = {"Base": lab.base, 'A "quoted" patch': lerp(lab.base, single("noisy"), 0.3)}
    source = snippet(lab, recipes, [str(folder)], ["red", "it's", 'say "hi"'], ["a {} picture"], 2)
    expected = classify(lab, recipes, [str(folder)], ["red", "it's", 'say "hi"'], ["a {} picture"], 2).to_csv()
    ran = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.rstrip() == expected.rstrip()


def run(capsys, cache: Path, *words: str) -> tuple[int, str, str]:
    status = main(["--cache", str(cache), "--workspace", "tiny", "--device", "cpu", "classify", *words])
    return status, *capsys.readouterr()


@pytest.fixture
def tiny_catalogue(monkeypatch):
    from tests.conftest import tiny_tasks

    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tiny_tasks())


def test_the_command_classifies_files_folders_and_zips(capsys, tiny_cache, tiny_catalogue, folder, tiny_lab):
    status, out, err = run(capsys, tiny_cache, "noisy@0.5", str(folder), "--classes", "red,green,blue", "--json")
    names, recipe = ["red", "green", "blue"], tiny_lab.patch("noisy", 0.5)
    expected = classify(tiny_lab, {"noisy@0.5": recipe}, [folder], names, TEMPLATES, 3)
    assert json.loads(out) == json.loads(expected.to_json())
    assert status == 1 and "broken.png" in err
    (folder / "broken.png").unlink()
    status, out, err = run(capsys, tiny_cache, "base", str(folder), "--against", "noisy", "--task", "noisy", "--csv")
    assert status == 0 and len(list(csv.DictReader(io.StringIO(out)))) == 6
    status, out, err = run(capsys, tiny_cache, "base", str(folder / "red" / "0.png"), "--top", "1")
    assert status == 0 and out.startswith("0.png  ") and out.count("%") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["base", "gone.png"], "not there"),
        (["nobody", "gone.png"], "nobody"),
        (["base@2", "gone.png"], "α"),
        (["base", "gone.png", "--classes", ""], "no class name yet"),
        (["base", "gone.png", "--classes", "x" * 10_240], "10,240 characters"),
        (["base", "gone.png", "--templates", "a photo"], "needs {}"),
        (["base", "gone.png", "--task", "nothing"], "nothing"),
        (["base", "gone.png", "--classes", "missing.txt"], "There is no file missing.txt"),
        (["base", "/dev/null"], "/dev/null is no file"),
    ],
)
def test_mistakes_of_the_command_are_one_line(capsys, tiny_cache, tiny_catalogue, words, said):
    status, out, err = run(capsys, tiny_cache, *words)
    assert status == 1 and not out
    lines = [line for line in err.splitlines() if line.startswith("palette: ")]
    assert len(lines) == 1 and said in lines[0]


def test_each_file_of_many_bad_ones_has_its_sentence(capsys, tiny_cache, tiny_catalogue, tmp_path):
    (tmp_path / "a.png").write_bytes(b"<html>")
    (tmp_path / "b.zip").write_bytes(b"PK\x05\x06" + b"\0" * 18)
    status, out, err = run(capsys, tiny_cache, "base", str(tmp_path / "a.png"), str(tmp_path / "b.zip"), "/gone.png")
    assert status == 1 and not out
    assert "a.png is a web page" in err and "b.zip holds no files" in err and "/gone.png is not there" in err


def test_what_the_scores_do_not_say_is_said(capsys, tiny_cache, tiny_catalogue, folder, tiny_lab, monkeypatch):
    picture = str(folder / "red" / "0.png")
    assert "one class name only" in run(capsys, tiny_cache, "base", picture, "--classes", "red")[2]
    assert "palette" not in run(capsys, tiny_cache, "base", picture, "--classes", "red,blue")[2]
    head = torch.nn.functional.normalize(torch.eye(5)[[0, 1, 1, 2, 1]], dim=1)
    assert alike(head, ["red", "zork", "blip", "blue", "quux"]) == (("zork", "blip", "quux"),)
    result = classify(tiny_lab, {"base": tiny_lab.base}, [picture], ["red", "blue"])
    assert not result.alike and not result.remark
    assert "does not tell 'a', 'b' apart (and 1 more group)" in replace(result, alike=(("a", "b"), ("c", "d"))).remark


def test_names_from_a_strangers_zip_neither_steer_a_terminal_nor_compute(
    capsys, tiny_cache, tiny_catalogue, tmp_path, folder
):
    data = (folder / "red" / "0.png").read_bytes()
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("=cmd()/\x1b[31mred\n.png", data)
        archive.writestr("=1+1.png", data)
    status, out, _ = run(capsys, tiny_cache, "base", str(tmp_path / "x.zip"))
    assert status == 0 and "\x1b" not in out and len(out.splitlines()) == 2
    out = run(capsys, tiny_cache, "base", str(tmp_path / "x.zip"), "--csv")[1]
    assert {row["picture"][0] for row in csv.DictReader(io.StringIO(out))} == {"'"}


def test_class_names_come_from_a_file_too(capsys, tiny_cache, tiny_catalogue, folder, tmp_path):
    (tmp_path / "names.csv").write_text("id,class\n0,red\n1,teal\n1,teal\n", encoding="utf-8-sig")
    words = [str(folder / "red"), "--classes", str(tmp_path / "names.csv"), "--templates", "a {}", "--json"]
    status, out, err = run(capsys, tiny_cache, "base", *words)
    assert status == 0 and json.loads(out)["classes"] == ["red", "teal"]
    assert "1 repeated name left out" in err
