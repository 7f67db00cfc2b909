from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.attacks.photo_files import Photo, Trouble, file_name, parse, png, read, save
from core.attacks.tasks import SEEN, UNSEEN, AttackSplit, attacked_task, clean_twin, plan
from core.attacks.typography import Look
from core.classify.decode import IntakeError, decode_picture
from core.tasks.task import TaskError
from tests.conftest import COLOURS, tiny_tasks

NAMES = tuple(COLOURS)
PICTURE = np.full((32, 48, 3), 90, np.uint8)


def test_an_attack_writes_another_class_on_every_picture():
    task = tiny_tasks()["plain"]
    attacked = attacked_task(task, {"test": AttackSplit(24, Look())})
    found, clean = attacked.source.load("test"), clean_twin(attacked).source.load("test")
    assert attacked.role == "attack" and attacked.size("test") == 24
    assert (found.notes["written"] != found.labels).all()
    assert np.array_equal(found.labels, clean.labels)
    original = task.source.load("test")
    assert np.array_equal(clean.images, original.images[found.notes["picture"]])
    assert (found.images != clean.images).any(axis=(1, 2, 3)).all()
    again = attacked.source.load("test")
    assert np.array_equal(found.images, again.images)


def test_digests_follow_what_is_written():
    task = tiny_tasks()["plain"]
    one = attacked_task(task, {"test": AttackSplit(8, Look())})
    others = [
        clean_twin(one),
        attacked_task(task, {"test": AttackSplit(8, Look(size=0.3))}),
        attacked_task(task, {"test": AttackSplit(8, Look())}, seed=1),
        attacked_task(task, {"test": AttackSplit(8, SEEN)}),
        attacked_task(tiny_tasks()["noisy"], {"test": AttackSplit(8, Look())}),
    ]
    digests = {t.source.digest("test") for t in [one, *others]}
    assert len(digests) == len(others) + 1
    assert one.source.digest("test") == attacked_task(task, {"test": AttackSplit(8, Look())}).source.digest("test")


def test_training_and_test_share_no_class_and_no_style():
    labels = np.arange(80) % 8
    seen = plan(labels, 8, AttackSplit(40, SEEN, tuple(range(4))), seed=3)
    new = plan(labels, 8, AttackSplit(40, UNSEEN, tuple(range(4, 8))), seed=3)
    assert set(labels[seen.rows]) | set(seen.written) == set(range(4))
    assert set(labels[new.rows]) | set(new.written) == set(range(4, 8))
    assert not {k.face for k in seen.looks} & {k.face for k in new.looks}
    assert all(not k.plate for k in seen.looks) and all(k.plate for k in new.looks)
    task = attacked_task(tiny_tasks()["plain"], {"train": AttackSplit(12, SEEN, (0, 1))})
    assert set(task.source.load("train").labels) == {0, 1}


def test_every_picture_comes_once_before_any_comes_twice():
    rows = plan(np.arange(10) % 5, 5, AttackSplit(25, Look()), seed=0).rows
    assert sorted(rows[:10]) == list(range(10)) and np.bincount(rows).max() == 3


def test_an_attack_without_pictures_or_classes_says_so():
    with pytest.raises(TaskError, match="at least two classes"):
        plan(np.zeros(4, int), 3, AttackSplit(4, Look(), (0,)), seed=0)
    with pytest.raises(TaskError, match="no split 'val'"):
        attacked_task(tiny_tasks()["plain"], {"test": AttackSplit(4, Look())}).source.load("val")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("label=dog_text=cat.png", ("dog", "cat")),
        ("somewhere/label=teddy_bear_text=ice_cream.JPG", ("teddy bear", "ice cream")),
        ("label=dog_text=cat_2.jpeg", ("dog", "cat")),
        ("label=dog_text=cat (3).webp", ("dog", "cat")),
        ("label=dog_text=.png", ("dog", "")),
    ],
)
def test_names_of_the_paper_are_read(name, expected):
    assert parse(name) == expected


@pytest.mark.parametrize("name", ["dog.png", "label=dog.png", "text=dog_label=cat.png", "label=dog_text=cat.txt", ""])
def test_other_names_are_refused(name):
    with pytest.raises(IntakeError, match="label=dog_text=cat"):
        parse(name)


def test_names_survive_writing_and_reading():
    for label, text in (("dog", "cat"), ("teddy bear", "ice cream"), ("naïve", "ünï")):
        assert parse(file_name(label, text)) == (label, text)
    assert "/" not in file_name("../../etc", "a/b\\c") and ".." not in parse(file_name("a/../b", "x"))[0].split("/")


@pytest.mark.parametrize("place", ["out", "out.zip"])
def test_a_folder_or_zip_comes_back(tmp_path, place):
    photos = [Photo(PICTURE, "dog", "cat", ""), Photo(PICTURE + 9, "dog", "cat", ""), Photo(PICTURE, "ship", "red", "")]
    names = save(photos, tmp_path / place)
    assert len(set(names)) == 3
    found = list(read(tmp_path / place))
    assert [(p.label, p.text) for p in found] == [("dog", "cat"), ("dog", "cat"), ("ship", "red")]
    assert np.array_equal(found[1].image, PICTURE + 9)


def hostile(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def test_a_hostile_zip_writes_nothing_and_the_rest_goes_on(tmp_path, monkeypatch):
    inside = tmp_path / "inside"
    inside.mkdir()
    good = png(PICTURE)
    path = hostile(
        inside / "bad.zip",
        {
            "../label=up_text=out.png": good,
            "/label=root_text=out.png": good,
            "C:\\label=drive_text=out.png": good,
            "label=cut_text=off.png": good[:60],
            "label=empty_text=file.png": b"",
            "label=page_text=html.png": b"<html></html>",
            "readme.txt": b"hello",
            "label=dog_text=cat.png": good,
            "__MACOSX/._label=dog_text=cat.png": b"\0",
        },
    )
    found = list(read(path))
    assert [p.label for p in found if isinstance(p, Photo)] == ["up", "root", "drive", "dog"]  # names are only names
    troubles = {t.name: t.why for t in found if isinstance(t, Trouble)}
    assert len(troubles) == 4 and all(why.endswith(".") for why in troubles.values())
    assert "0 bytes" in troubles["label=empty_text=file.png"]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["bad.zip", "inside"]


def test_a_damaged_file_in_a_zip_is_a_sentence_and_the_others_go_on(tmp_path):
    good = png(PICTURE)
    path = hostile(tmp_path / "some.zip", {"label=dog_text=cat.png": good, "label=cut_text=up.png": good + bytes(9000)})
    whole = bytearray(path.read_bytes())
    at = whole.index(b"label=cut_text=up.png") + 25
    whole[at : at + 12] = b"\xff" * 12  # inside the compressed stream, which zlib then refuses
    path.write_bytes(bytes(whole))
    found = list(read(path))
    assert [type(one) for one in found] == [Photo, Trouble] and "damaged inside the zip" in found[1].why


def test_a_zip_bomb_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("core.classify.uploads.MAX_UNPACKED", 50_000)
    bomb = png(PICTURE) + bytes(100_000)
    path = hostile(tmp_path / "bomb.zip", {"label=a_text=b.png": png(PICTURE), "label=dog_text=cat.png": bomb})
    found = list(read(path))
    assert [type(one) for one in found] == [Photo, Trouble] and "the zip unpacks to more than" in found[1].why


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_scams_table_says_what_is_written(tmp_path, kind):
    """Its layout: images/train/NAME.jpg, a table beside them, clean twins of type NoSCAM."""
    names = ["file_name", "type", "object_label", "attack_word", "postit_area_pct", "id"]
    rows = [
        ["SCAM_img_0001.jpg", "SCAM", "fire extinguisher", "car", 0.377, "SCAM_img_0001"],
        ["NoSCAM_img_0001.jpg", "NoSCAM", "fire extinguisher", "car", 0.377, "NoSCAM_img_0001"],
        ["SCAM_img_0002.jpg", "SCAM", "tea pot", "elevator", 1.5, "SCAM_img_0002"],
    ]
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    if kind == "csv":
        lines = [",".join(map(str, row)) for row in [names, *rows]]
    entries = {f"images/train/{row[0]}": png(PICTURE) for row in rows}
    entries[f"images/train/metadata.{kind}"] = "\n".join(lines).encode()
    entries["images/train/unlisted.png"] = png(PICTURE)
    found = list(read(hostile(tmp_path / "images.zip", entries)))
    photos = [(p.label, p.text) for p in found if isinstance(p, Photo)]
    assert photos == [("fire extinguisher", "car"), ("tea pot", "elevator")]
    assert [t.name for t in found if isinstance(t, Trouble)] == ["images/train/unlisted.png"]


@pytest.mark.parametrize("table", [b"", b"file_name,type\nx.png,SCAM\n", b"\xff\xfe\x00"])
def test_a_table_that_says_nothing_is_a_sentence(tmp_path, table):
    path = hostile(tmp_path / "t.zip", {"metadata.csv": table, "label=dog_text=cat.png": png(PICTURE)})
    found = list(read(path))
    assert [type(one) for one in found] == [Trouble, Photo] and found[0].why.endswith(".")


def test_what_is_neither_folder_nor_zip(tmp_path):
    (tmp_path / "words.zip").write_bytes(b"no zip")
    (tmp_path / "label=dog_text=cat.png").write_bytes(png(PICTURE))
    (tmp_path / "empty").mkdir()
    for place, why in (
        ("words.zip", "no zip that can be read"),
        ("label=dog_text=cat.png", "is a file, but no zip"),
        ("absent", "There is no"),
        ("empty", "holds no files"),
        ("x" * 5000, "cannot be read"),
        ("zero\0byte", "cannot be read"),
    ):
        with pytest.raises(IntakeError, match=why):
            list(read(tmp_path / place))


def test_a_folder_that_is_closed_to_us(tmp_path, monkeypatch):
    def closed(_folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("core.attacks.photo_files.from_folder", closed)
    with pytest.raises(IntakeError, match="cannot be read \\(Permission denied\\); give a folder"):
        list(read(tmp_path))


def test_pictures_that_are_all_broken_are_told_from_wrong_names(tmp_path):
    path = hostile(tmp_path / "all.zip", {"label=dog_text=cat.png": png(PICTURE)[:50], "other.png": png(PICTURE)})
    with pytest.raises(IntakeError, match=r"No picture in all\.zip can be read: label=dog_text=cat\.png is dam"):
        list(read(path))


def test_a_photograph_without_a_word_is_no_attack(tmp_path):
    path = hostile(tmp_path / "all.zip", {f"label=dog_text={word}.png": png(PICTURE) for word in ("cat", "", "_2")})
    found = list(read(path))
    assert [p.text for p in found if isinstance(p, Photo)] == ["cat"]
    assert all("names no text" in t.why for t in found if isinstance(t, Trouble))


def test_decoding_is_upright_rgb_on_white():
    from io import BytesIO

    from PIL import Image

    buffer = BytesIO()
    Image.new("RGBA", (4, 2), (255, 0, 0, 0)).save(buffer, "PNG")
    assert (decode_picture(buffer.getvalue(), "clear.png") == 255).all()
    for data, why in (
        (b"", "0 bytes"),
        (b"<svg/>", "SVG drawing"),
        (png(PICTURE)[:50], "cut off|damaged|broken"),
    ):
        with pytest.raises(IntakeError, match=why):
            decode_picture(data, "x.png")
