"""Splits, classes and labels of what people bring: folder and zip alike, every picture used or named as left out."""

from __future__ import annotations

import os
import zipfile
from collections import Counter

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from core.tasks.datasets.adapters import guess, open_parts
from core.tasks.datasets.formats.walk import walk
from core.tasks.zip_names import zip_names
from tests.tasks.datasets import layouts

PNG = layouts.encoded("all", 0)
FOUND = {
    "plain": ("cat/1 cat/2 dog/1", {"all": {"cat": 2, "dog": 1}}, ""),
    "synonyms merge": (
        "train/cat/1 train/dog/1 val/cat/1 validation/cat/2 validation/dog/2",
        {"train": {"cat": 1, "dog": 1}, "val": {"cat": 2, "dog": 1}},
        "val and validation are taken together as val",
    ),
    "unknown top": (
        "pets/Train/cat/1 pets/dev/dog/1 pets/test/dog/2",
        {"train": {"cat": 1}, "val": {"dog": 1}, "test": {"dog": 1}},
        "are the folders in pets",
    ),
    "top with others": (
        "pets/train/cat/1 pets/train/dog/1 docs/logo",
        {"train": {"cat": 1, "dog": 1}},
        "1 picture in docs, beside pets: left out",
    ),
    "class called train": (
        "bus/1 train/1 airplane/1",
        {"all": {"bus": 1, "train": 1, "airplane": 1}},
        "train is a class",
    ),
    "class called test": ("test/1 exam/1", {"all": {"test": 1, "exam": 1}}, "test is a class"),
    "one too high": ("pets/cat/1 pets/dog/1", {"all": {"cat": 1, "dog": 1}}, "are the folders in pets"),
    "one class": ("cat/1 cat/2", {"all": {"cat": 2}}, "only one class, cat"),
    "unlabelled test": (
        "train/cat/1 train/dog/1 test/1 test/2",
        {"train": {"cat": 1, "dog": 1}},
        "2 pictures in test, without class folders (unlabelled): left out",
    ),
    "not a split": (
        "train/cat/1 train/dog/1 test/cat/1 extra/cat/1",
        {"train": {"cat": 1, "dog": 1}, "test": {"cat": 1}},
        "1 picture in extra, which is no split: left out",
    ),
    "classes first": (
        "cat/train/1 cat/test/1 dog/train/1",
        {"train": {"cat": 1, "dog": 1}, "test": {"cat": 1}},
        "",
    ),
    "kaggle's words": ("training_set/cat/1 test_set/dog/1", {"train": {"cat": 1}, "test": {"dog": 1}}, ""),
    "loose": ("a cat/1 dog/1", {"all": {"cat": 1, "dog": 1}}, "1 picture in no class folder: left out"),
    "deep": ("cat/2019/1 cat/2020/1 dog/1", {"all": {"cat": 2, "dog": 1}}, ""),
    "names that meet": ("hot_dog/1 hot\u00a0dog/1", {"all": {"hot_dog": 1, "hot\u00a0dog": 1}}, ""),
    "hidden": ("cat/1 dog/1 .ipynb_checkpoints/1 cat/._1 __MACOSX/cat/1", {"all": {"cat": 1, "dog": 1}}, "3 hidden"),
}


def counted(parts):
    return {s: dict(Counter(p.class_names[i] for i in p.labels)) for s, p in parts.items()}


@pytest.mark.parametrize("name", FOUND)
def test_folder_and_zip_give_the_same_and_say_what_is_left_out(tmp_path, name):
    files, expected, said = FOUND[name]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for file in files.split(" "):
            path = tmp_path / "x" / f"{file}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(PNG)
            archive.writestr(f"{file}.png", PNG)
    for place in ("x", "x.zip"):
        parts = open_parts(guess(tmp_path / place))
        assert counted(parts) == expected, place
        sentences = " ".join(next(iter(parts.values())).said)
        assert said.replace("3 hidden", "hidden") in sentences and (said or not sentences)


def test_pictures_are_known_by_content(tmp_path):
    for name in ("a.jfif", "b.avif", "c.jp2", "d", "e.JPG_large", "f.png", "notes.txt", "data.bin"):
        path = tmp_path / "cat" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(PNG if name not in ("notes.txt", "data.bin") else b"hello")
    found = walk(tmp_path)
    assert [name for _, name in found.files] == ["a.jfif", "b.avif", "c.jp2", "d", "e.JPG_large", "f.png"]
    (said,) = found.left_out
    assert said.startswith("2 files that are no picture") and "cat/data.bin" in said and "1 .txt" in said


def test_links_are_followed_once_and_circles_end(tmp_path):
    layouts.folders(tmp_path / "set", ["cat", "dog"], "all", each=2)
    layouts.folders(tmp_path / "elsewhere", ["emu"], "all", each=3)
    (tmp_path / "set" / "emu").symlink_to(tmp_path / "elsewhere" / "emu")
    (tmp_path / "set" / "bird").symlink_to(tmp_path / "elsewhere" / "emu")
    (tmp_path / "set" / "dog" / "cats").symlink_to(tmp_path / "set" / "cat")
    (tmp_path / "set" / "dog" / "up").symlink_to(tmp_path)
    (tmp_path / "elsewhere" / "emu" / "self").symlink_to(tmp_path / "elsewhere" / "emu")
    (tmp_path / "set" / "cat" / "gone.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "set" / "cat" / "pipe.png")
    found = walk(tmp_path / "set")
    assert len(found.files) == 7
    assert any("4 links to folders" in said for said in found.left_out)
    assert any("2 files that cannot be read" in said for said in found.left_out)


def read(tmp_path, labels, **more):
    table = pyarrow.table({"image": [PNG] * len(labels), "label": labels, **more})
    parquet.write_table(table, tmp_path / "x.parquet")
    return open_parts(guess(tmp_path / "x.parquet"))["all"]


@pytest.mark.parametrize(
    ("labels", "names", "codes"),
    [
        ([20230115, 20230116, 20230115], ("20230115", "20230116"), [0, 1, 0]),
        ([1, 2, 1], ("1", "2"), [0, 1, 0]),
        (["01", "1", "None"], ("01", "1", "None"), [0, 1, 2]),
        ([0, -1, 2], ("0", "2"), [0, 1]),
        ([1, -1, 1], ("-1", "1"), None),
        (["a", None, "b", ""], ("a", "b"), [0, 1]),
        ([1.0, 2.0, None], ("1", "2"), [0, 1]),
        ([True, False, True], ("False", "True"), [1, 0, 1]),
        (pyarrow.array(["a", "b", "a"]).dictionary_encode(), ("a", "b"), [0, 1, 0]),
        ([b"a", b"b"], ("a", "b"), [0, 1]),
    ],
)
def test_labels_are_names_and_what_is_none_is_left_out(tmp_path, labels, names, codes):
    part = read(tmp_path, labels)
    assert set(part.class_names) == set(names)
    if codes is not None:
        assert part.class_names == names and part.labels.tolist() == codes
        assert len(part.images) == len(codes) and part.images.open(len(codes) - 1).size == (40, 36)
        assert bool(part.said) == (len(codes) < len(labels))


def test_dictionary_encoded_images_are_seen(tmp_path):
    column = pyarrow.array([PNG, PNG]).dictionary_encode()
    parquet.write_table(pyarrow.table({"image": column, "label": ["a", "b"]}), tmp_path / "x.parquet")
    assert open_parts(guess(tmp_path / "x.parquet"))["all"].images.open(1).size == (40, 36)


CSVS = {
    "plain": "image,label\n{0},lesion\n{1},None\n",
    "NA and null": "image,label\n{0},NA\n{1},null\n",
    "leading zero": "image,label\n{0},01\n{1},1\n",
    "semicolon": "image;label\n{0};a\n{1};b\n",
    "tabs": "image\tlabel\n{0}\ta\n{1}\tb\n",
    "backslashes": "image,label\nimg\\0.png,a\nimg\\1.png,b\n",
    "no ending": "image_id,label\n0,a\n1,b\n",
    "only names": "filename,label\n0.png,a\n1.png,b\n",
    "other words": "Image Path,Class\n{0},a\n{1},b\n",
    "bom": "\ufeffimage,label\n{0},a\n{1},b\n",
    "decimals": "image,label\n{0},0.0\n{1},1.0\n",
}


@pytest.mark.parametrize("name", CSVS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lists_as_people_save_them(tmp_path, name, encoding):
    for i in range(2):
        layouts.save(tmp_path / "img" / f"{i}.png", "all", i)
    (tmp_path / "x.csv").write_bytes(CSVS[name].format("img/0.png", "img/1.png").encode(encoding))
    part = open_parts(guess(tmp_path / "x.csv"))["all"]
    assert len(part.class_names) == 2 and sorted(part.labels) == [0, 1]
    assert part.images.open(1).getpixel((3, 3)) == layouts.colour("all", 1)
    if name == "plain":
        assert part.class_names == ("None", "lesion")
    if name == "decimals":
        assert part.class_names == ("0", "1")


def test_a_row_without_a_label_is_left_out_and_said(tmp_path):
    for i in range(3):
        layouts.save(tmp_path / f"{i}.png", "all", i)
    (tmp_path / "x.csv").write_text("image,label\n0.png,a\n1.png,\n2.png,b\n")
    part = open_parts(guess(tmp_path / "x.csv"))["all"]
    assert part.labels.tolist() == [0, 1] and part.said == ("1 picture of x.csv without a label left out.",)


@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-8", "Bär/犬.png"), ("cp932", "犬/ネコ.png"), ("latin-1", "Bär/a.png")]
)
def test_names_in_a_zip_are_decoded_or_said(tmp_path, encoding, name):
    raw = name.encode(encoding)
    placeholder = "x" * len(raw)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(placeholder, PNG)
    data = (tmp_path / "x.zip").read_bytes().replace(placeholder.encode(), raw)
    (tmp_path / "x.zip").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        (found,), said = zip_names(archive)[0].values(), zip_names(archive)[1]
    assert (found == name) != ("may be garbled" in said)
    part = open_parts(guess(tmp_path / "x.zip"))["all"]
    assert part.images.open(0).size == (40, 36) and np.all(part.labels == 0)
