"""A person's own data: folders, CSV, parquet, zip; what is wrong with them is one sentence."""

from __future__ import annotations

import zipfile

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from core import PaletteError
from core.progress import CancelledError
from core.tasks.datasets import DataError
from core.tasks.datasets.adapters import guess, open_parts
from core.tasks.datasets.formats.folders import class_folders
from core.tasks.datasets.formats.parquet import read
from core.tasks.datasets.splits import Cut, rows, usual
from tests.tasks.datasets import layouts


@pytest.fixture(autouse=True)
def memories(tmp_path, monkeypatch):
    monkeypatch.setenv("PALETTE_CACHE", str(tmp_path / "memories"))


def parts_at(path, **columns):
    return open_parts(guess(path, **columns))


def test_a_folder_per_class(tmp_path):
    layouts.folders(tmp_path / "pets", ["fat_cat", "dog"], "all")
    part = parts_at(tmp_path / "pets")["all"]
    assert part.class_names == ("dog", "fat cat") and part.counts() == [2, 2]


def test_folders_by_split_share_their_classes(tmp_path):
    layouts.folders(tmp_path / "pets" / "training", ["cat", "dog", "emu"], "train")
    layouts.folders(tmp_path / "pets" / "valid", ["dog"], "val")
    found = parts_at(tmp_path / "pets")
    assert found["val"].class_names == ("cat", "dog", "emu") and set(found["val"].labels) == {1}


def test_a_csv_file_beside_its_images(tmp_path):
    lines = ["path,class,split"]
    for i, (label, split) in enumerate([("dog", "train"), ("cat", "train"), ("cat", "test")]):
        layouts.save(tmp_path / "img" / f"{i}.png", "train", i)
        lines.append(f"img/{i}.png,{label},{split}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    found = parts_at(tmp_path / "list.csv")
    assert found["train"].labels.tolist() == [1, 0] and found["test"].class_names == ("cat", "dog")


def test_parquet_with_bare_bytes_and_words_as_labels(tmp_path):
    table = pyarrow.table({"picture": [layouts.encoded("all", i) for i in (0, 1)], "kind": ["b", "a"]})
    parquet.write_table(table, tmp_path / "own.parquet")
    part = parts_at(tmp_path / "own.parquet", label="kind")["all"]
    assert part.class_names == ("a", "b") and part.labels.tolist() == [1, 0]
    assert part.images.open(1).getpixel((5, 5)) == layouts.colour("all", 1)


@pytest.mark.parametrize("above", ["", "download/pets/"])
def test_a_zip_file_is_read_in_place(tmp_path, above):
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for split in ("train", "test"):
            for label, name in enumerate(["cat", "dog"]):
                archive.writestr(f"{above}{split}/{name}/{label}.png", layouts.encoded(split, label))
        archive.writestr(f"{above}../../escape/notes.txt", "not an image, and nothing is unpacked")
    found = parts_at(tmp_path / "pets.zip")
    assert set(found) == {"train", "test"} and found["test"].class_names == ("cat", "dog")
    assert found["test"].images.open(1).getpixel((3, 3)) == layouts.colour("test", 1)
    assert [p.name for p in tmp_path.iterdir()] == ["pets.zip"]


def _table(path, **columns):
    parquet.write_table(pyarrow.table(columns), path)


def _no_image(path):
    _table(path / "x.parquet", text=["a"], label=[0])
    return path / "x.parquet", "no column with images; its columns are text, label"


def _no_label(path):
    _table(path / "x.parquet", image=[b"1"], what=["a"])
    return path / "x.parquet", "no column with the labels"


def _negative(path):
    _table(path / "x.parquet", image=[b"1", b"2"], label=[-1, -1])
    return path / "x.parquet", "No image there has a label"


def _several(path):
    _table(path / "x.parquet", image=[b"1", b"2"], label=[[0, 1], [1]])
    return path / "x.parquet", "holds several values"


def _tables(path):
    _table(path / "x.parquet", image=[b"1"], label=[{"a": 1}])
    return path / "x.parquet", "holds several values"


def _paths_alone(path):
    _table(path / "x.parquet", image=[{"bytes": None, "path": "a.png"}], label=["a"])
    return path / "x.parquet", "only the paths of its images, such as a.png"


def _no_heading(path):
    (path / "x.csv").write_text("a.png,cat\nb.png,dog\n")
    return path / "x.csv", "no line with the names of its columns"


def _cp1252(path):
    (path / "x.csv").write_bytes("image,label\na.png,Bär\n".encode("cp1252"))
    return path / "x.csv", "x.csv is not in UTF-8 (line 2)"


def _windows(path):
    (path / "x.csv").write_text("image,label\nC:\\data\\a.png,cat\n")
    return path / "x.csv", "Windows paths cannot be followed here"


def _list_beside(path):
    (path / "a.csv").write_text("image,label\nx.png,a\n")
    layouts.save(path / "x.png", "all", 0)
    return path, "a.csv may list them: give its path"


def _beyond_names(path):
    layouts.write_parquet(path / "x.parquet", [("all", 0), ("all", 5)], ["cat", "dog"])
    return path / "x.parquet", "has label 5, but 2 classes are numbered from 0 to 1"


def _half_parquet(path):
    layouts.write_parquet(path / "x.parquet", [("all", 0)] * 9, ["cat"])
    whole = (path / "x.parquet").read_bytes()
    (path / "x.parquet").write_bytes(whole[: len(whole) // 2])
    return path / "x.parquet", "no whole parquet file"


def _half_shard(path):
    for i in (0, 1):
        layouts.write_parquet(path / "pets" / f"train-{i:05}-of-00002.parquet", [("train", 0)] * 9, ["cat"])
    lost = path / "pets" / "train-00001-of-00002.parquet"
    lost.write_bytes(lost.read_bytes()[:200])
    return path / "pets", "train-00001-of-00002.parquet is no whole parquet file"


def _lost_shard(path):
    for name in ("train-00000-of-00003-ab6d3d8ffc378699", "train-00002-of-00003-121935bd0e031962"):
        layouts.write_parquet(path / "pets" / f"{name}.parquet", [("train", 0)], ["cat"])
    return path / "pets", "1 of 3 parquet files are not there, such as "


def _half_zip(path):
    (path / "x.zip").write_bytes(b"PK\x03\x04 and no more")
    return path / "x.zip", "no whole zip file"


def _flat_zip(path):
    with zipfile.ZipFile(path / "x.zip", "w") as archive:
        archive.writestr("a.png", layouts.encoded("all", 0))
    return path / "x.zip", "needs a folder with images for each class"


def _lost_images(path):
    (path / "x.csv").write_text("image,label\na.png,cat\nb.png,dog\n")
    return path / "x.csv", "2 of the 2 images that x.csv lists are not there"


def _odd_split(path):
    layouts.save(path / "a.png", "all", 0)
    (path / "x.csv").write_text("image,label,split\na.png,cat,holdout\n")
    return path / "x.csv", "names a split 'holdout'"


def _empty_csv(path):
    (path / "x.csv").write_text("")
    return path / "x.csv", "cannot be read as CSV"


def _empty_folder(path):
    return path, "needs one folder for each class"


def _no_images(path):
    (path / "cat").mkdir()
    return path, "hold no image"


def _text_file(path):
    (path / "x.txt").write_text("hello")
    return path / "x.txt", "give a folder with a folder for each class, parquet, CSV or zip"


def _nowhere(path):
    return path / "nowhere", "There is nothing at"


WRONG = [
    *(_no_image, _no_label, _negative, _beyond_names, _half_parquet, _half_zip, _flat_zip),
    *(_half_shard, _lost_shard, _several, _tables, _paths_alone, _no_heading, _cp1252, _windows, _list_beside),
    *(_lost_images, _odd_split, _empty_csv, _empty_folder, _no_images, _text_file, _nowhere),
]


@pytest.mark.parametrize("make", WRONG, ids=lambda m: m.__name__)
def test_what_is_wrong_is_one_sentence(tmp_path, make):
    path, said = make(tmp_path)
    with pytest.raises(PaletteError) as error:
        parts_at(path)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_numbers_as_names_are_in_the_order_of_numbers(tmp_path):
    names = ["0", "2", "10", "x"]
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for name in names:
            archive.writestr(f"{name}/a.png", layouts.encoded("all", 0))
    table = pyarrow.table({"image": [b"1"] * 4, "label": names[::-1]})
    parquet.write_table(table, tmp_path / "words.parquet")
    assert parts_at(tmp_path / "pets.zip")["all"].class_names == tuple(names)
    part = parts_at(tmp_path / "words.parquet")["all"]
    assert part.class_names == tuple(names) and part.labels.tolist() == [3, 2, 1, 0]


def test_one_shard_may_be_named_alone_and_all_may_count_from_1(tmp_path):
    for i in (1, 2):
        layouts.write_parquet(tmp_path / "pets" / f"train-{i:05}-of-00002.parquet", [("train", 0)], ["cat"])
    assert parts_at(tmp_path / "pets")["train"].counts() == [2]
    assert parts_at(tmp_path / "pets" / "train-00001-of-00002.parquet")["train"].counts() == [1]


def test_a_column_that_was_asked_for_must_be_there(tmp_path):
    layouts.write_parquet(tmp_path / "x.parquet", [("all", 0)], ["cat"])
    with pytest.raises(DataError, match="no column 'picture'"):
        parts_at(tmp_path / "x.parquet", image="picture")


def test_content_decides_the_digest_and_not_the_place(tmp_path):
    listed = [("all", 0), ("all", 1)]
    for folder in ("a", "b"):
        layouts.write_parquet(tmp_path / folder / f"{folder}.parquet", listed, ["cat", "dog"])
    layouts.write_parquet(tmp_path / "c.parquet", listed[::-1], ["cat", "dog"])
    a, b, c = (read([p]).digest for p in (tmp_path / "a/a.parquet", tmp_path / "b/b.parquet", tmp_path / "c.parquet"))
    assert a == b != c


def test_a_changed_file_is_hashed_again(tmp_path):
    path = tmp_path / "x.parquet"
    layouts.write_parquet(path, [("all", 0)], ["cat"])
    before = read([path]).digest
    assert read([path]).digest == before
    layouts.write_parquet(path, [("all", 1)], ["cat", "dog"])
    assert read([path]).digest != before


def test_reading_files_the_first_time_is_followed_and_can_be_called_off(tmp_path):
    layouts.folders(tmp_path / "pets", ["cat", "dog"], "all", each=60)
    seen = []

    def follow(items):
        seen.append(len(list(items)))
        return items

    def stop(items):
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        class_folders(tmp_path / "pets").remember(stop)
    part = class_folders(tmp_path / "pets")
    assert part.remember(follow) == part.digest == part.remember(stop) and len(seen) == 1 and seen[0] > 1
    assert class_folders(tmp_path / "pets").remember(stop) == part.digest, "nothing is read again"
    layouts.save(tmp_path / "pets" / "cat" / "more.jpg", "all", 0)
    assert class_folders(tmp_path / "pets").remember(follow) != part.digest and len(seen) == 2


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"all": 100}, {"train": 70, "val": 10, "test": 20}),
        ({"train": 100, "test": 30}, {"train": 90, "val": 10, "test": 30}),
        ({"train": 100, "val": 20}, {"train": 90, "val": 10, "test": 20}),
        ({"train": 60, "val": 30, "test": 20}, {"train": 60, "val": 30, "test": 20}),
        ({"train": 60_000, "test": 10}, {"train": 55_000, "val": 5_000, "test": 10}),
        ({"test": 10}, {"test": 10}),
    ],
)
def test_the_usual_cut(parts, expected):
    found = rows(usual(parts), parts, 0)
    assert {split: len(chosen) for split, (_, chosen) in found.items()} == expected
    for part, size in parts.items():
        taken = np.concatenate([chosen for name, chosen in found.values() if name == part])
        assert sorted(taken) == list(range(size)), "every image in exactly one split"


def test_a_cut_depends_on_its_seed_alone():
    one, same, other = (rows(usual({"all": 500}), {"all": 500}, seed)["val"][1] for seed in (0, 0, 1))
    assert (one == same).all() and (one != other).any()


@pytest.mark.parametrize(
    ("cuts", "said"),
    [
        ([Cut("val", "train", 5)], "there is test"),
        ([Cut("val", "test", 50)], "only 10 of its 10 are left"),
        ([Cut("val", "test", 10), Cut("test", "test")], "only 0 of its 10 are left"),
    ],
)
def test_a_cut_that_cannot_be(cuts, said):
    with pytest.raises(DataError, match=said):
        rows(cuts, {"test": 10}, 0)
