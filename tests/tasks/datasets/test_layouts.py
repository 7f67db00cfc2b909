"""Every adapter on its data set's own layout: tiny files, and real bytes where they are at hand."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.models.preprocess import imagenet_class_names
from core.tasks.datasets import AbsentError, DataError
from core.tasks.datasets.adapters import DataLocation, guess, open_parts
from core.tasks.datasets.catalogue import entries, entry
from core.tasks.datasets.formats.imagenet import wordnet_ids
from core.tasks.datasets.status import Status, clear_cache, look
from core.tasks.task import TaskError
from core.workspace.tasks import catalogued, task_of
from tests.tasks.datasets import layouts

SHARED = Path(os.environ.get("PALETTE_SHARED") or Path(__file__).resolve().parents[4] / "shared") / "data"
shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty data folder, and memories of its own."""
    monkeypatch.setenv("PALETTE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PALETTE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    clear_cache()
    yield tmp_path / "data"
    clear_cache()


def opened(key):
    """What the first way of a data set finds."""
    return open_parts(entry(key).places()[0][1])


def check(parts, rows, grey=False):
    """Labels and images belong together: each image has the colour that was written for its part and label."""
    found = []
    for name, part in parts.items():
        for row, label in enumerate(part.labels.tolist()):
            found.append((name, label))
            pixels = np.asarray(part.images.open(row).convert("RGB"), dtype=int)[4:-4, 4:-4]
            expected = [layouts.colour(name, label)[1]] * 3 if grey else layouts.colour(name, label)
            assert np.abs(pixels - expected).max() <= 8, (part.images.name(row), label)
        assert len(part.digest) == 64
        assert all(path.is_file() for path in part.images.files())
    assert sorted(found) == sorted(rows)


@pytest.mark.parametrize("key", layouts.PLAIN)
def test_a_data_set_in_its_own_layout(home, key):
    rows, names = layouts.PLAIN[key](home)
    parts = opened(key)
    check(parts, rows, grey=key in ("mnist", "fashion_mnist"))
    if names:
        classes = next(iter(parts.values())).class_names
        assert list(classes[: len(names)]) == names or set(names) <= set(classes)


@pytest.mark.parametrize("key", layouts.WITH_SUMS)
def test_a_data_set_whose_files_torchvision_checks(home, key, monkeypatch):
    rows, names = layouts.WITH_SUMS[key](home, monkeypatch.setattr)
    parts = opened(key)
    check(parts, rows)
    assert list(next(iter(parts.values())).class_names) == names


def test_a_file_with_another_checksum_is_not_read(home):
    """CIFAR's batches are pickled: torchvision compares their digests before it opens them."""
    with pytest.MonkeyPatch.context() as patch:
        layouts.cifar10(home, patch.setattr)
    with pytest.raises(DataError, match="these have another content: data_batch_1, data_batch_2, data_batch_3 and 4"):
        opened("cifar10")
    assert look(entry("cifar10")).state == "half"


@pytest.mark.parametrize(
    ("key", "lost", "said"),
    [
        ("cifar10", "cifar-10-batches-py/data_batch_3", "of its 7 files these are missing: data_batch_3;"),
        ("cifar100", "cifar-100-python/meta", "of its 3 files these are missing: meta;"),
        ("stl10", "stl10_binary/test_X.bin", "these are missing: test_X.bin;"),
        ("svhn", "svhn/train_32x32.mat", "train has 0 of 73,257"),
    ],
)
def test_a_missing_file_of_several_is_half_a_data_set(home, key, lost, said, monkeypatch):
    layouts.WITH_SUMS[key](home, monkeypatch.setattr)
    (home / lost).unlink()
    found = look(entry(key))
    assert found.state == "half" and said in found.said, found.said


@pytest.mark.parametrize(
    ("key", "lost"),
    [
        ("svhn", "svhn/train_32x32.mat"),
        ("stl10", "stl10_binary/test_X.bin"),
    ],
)
def test_a_file_cut_short_is_half_a_data_set(home, key, lost, monkeypatch):
    layouts.WITH_SUMS[key](home, monkeypatch.setattr)
    (home / lost).write_bytes((home / lost).read_bytes()[:100])
    found = look(entry(key))
    assert found.state == "half" and f"these have another content: {Path(lost).name};" in found.said


@pytest.mark.parametrize(
    ("key", "lost"),
    [
        ("food101", "food-101/images/apple_pie/test0.jpg"),
        ("dtd", "dtd/dtd/images/banded/banded_val.jpg"),
        ("cars", "stanford_cars/cars_test/00001.jpg"),
        ("gtsrb", "gtsrb/GTSRB/Final_Test/Images/00001.ppm"),
        ("mtsd", "mtsd/images/street_val.jpg"),
    ],
)
def test_a_listed_image_that_is_not_there_is_said(home, key, lost):
    layouts.PLAIN[key](home)
    (home / lost).unlink()
    found = look(entry(key))
    assert found.state == "half" and "image files are not there, such as" in found.said and lost in found.said


def kitti_entry(**counts):
    """The catalogue's KITTI with as many images as a tiny layout has."""
    known = entry("kitti")
    return replace(known, ways=[replace(w, counts=c) for w, c in zip(known.ways, counts.values(), strict=True)])


def test_kitti_is_cut_by_drive_where_the_devkit_is_there_else_by_a_seed(home):
    layouts.kitti(home)
    known = kitti_entry(drives={"train": 32, "val": 4, "test": 4}, seed={"all": 40})
    found = look(known)
    assert found.state == "there" and found.sizes == {"train": 32, "val": 4, "test": 4} and "by drive" in found.note
    assert "in train and in test" not in found.note
    mapping = home / "Kitti" / "raw" / "mapping"
    mapping.rename(home / "moved")
    clear_cache()
    found = look(known)
    assert found.state == "there" and found.sizes == {"all": 40} and "cut by a seed" in found.note
    (home / "Kitti" / "raw" / "devkit_object").mkdir()
    (home / "moved").rename(home / "Kitti" / "raw" / "devkit_object" / "mapping")
    clear_cache()
    assert look(known).sizes == {"train": 32, "val": 4, "test": 4}


@pytest.mark.parametrize("numbers", ["1,2,3", "1,2,x", ",".join(["41"] * 40)])
def test_a_devkit_that_is_not_about_these_images_is_said(home, numbers):
    layouts.kitti(home)
    (home / "Kitti" / "raw" / "mapping" / "train_rand.txt").write_text(numbers)
    with pytest.raises(DataError, match="does not say which drives the images are of"):
        opened("kitti")


def test_kitti_without_its_devkit_is_one_part(home):
    rows, _ = layouts.kitti_frames(home, ["all"] * 4)
    with pytest.raises(AbsentError, match="devkit is not in"):
        opened("kitti")
    check(open_parts(entry("kitti").places()[1][1]), rows)


def test_objectnets_classes_stand_for_imagenets_under_clips_names(home, monkeypatch):
    layouts.objectnet(home)
    groups = (("analog clock", "digital clock"), ("backpack",))
    assert opened("objectnet")["test"].stands_for == groups
    monkeypatch.setattr("core.tasks.datasets.status._check_classes", lambda *_: None)
    table = json.loads(json.dumps(catalogued("objectnet")))
    task = task_of(table)
    assert task.stands_for == groups and task.class_names == ("alarm clock", "backpack")
    assert task.head_names == ("analog clock", "digital clock", "backpack")
    with pytest.raises(TaskError, match="must stand for at least one other"):
        task_of({**table, "stands_for": [["backpack"]]})


@pytest.mark.parametrize("lost", ["imagenet_to_label_2012_v2", "pytorch_to_imagenet_2012_id.json"])
def test_objectnet_without_imagenets_list_stands_for_nothing(home, lost, monkeypatch):
    rows, names = layouts.objectnet(home)
    (home / "objectnet-1.0" / "mappings" / lost).unlink()
    parts = opened("objectnet")
    check(parts, rows)
    assert parts["test"].class_names == tuple(names) and parts["test"].stands_for == ()
    monkeypatch.setattr("core.tasks.datasets.status._check_classes", lambda *_: None)
    assert "stands_for" not in catalogued("objectnet")


@pytest.mark.parametrize("name", ["imagenet_to_label_2012_v2", "objectnet_to_imagenet_1k.json"])
def test_mappings_of_objectnet_that_do_not_fit_are_said(home, name):
    layouts.objectnet(home)
    path = home / "objectnet-1.0" / "mappings" / name
    path.write_text(path.read_text().replace("digital", "other"))
    with pytest.raises(DataError, match=r"mappings of ObjectNet .* cannot be read .*(digital|other) clock"):
        opened("objectnet")


def test_half_of_imagenet_is_not_all_of_a_folder_per_class(home, monkeypatch):
    layouts.imagenet(home)
    monkeypatch.setattr("core.tasks.datasets.status._check_classes", lambda *_: None)
    assert "train has 6 of 1,281,167" in look(entry("imagenet")).said


def test_images_that_go_away_later_are_said(home):
    layouts.food101(home)
    part = opened("food101")["test"]
    (home / "food-101" / "images" / "apple_pie" / "test0.jpg").unlink()
    with pytest.raises(DataError, match=r"^1 of 2 image files are not there, such as .*apple_pie.test0.jpg; fetch"):
        part.remember()


def test_the_whole_catalogue_of_both_papers_is_there():
    asked = """cars dtd eurosat gtsrb kitti mnist resisc45 sun397 svhn imagenet cifar10 cifar100 stl10 food101
    fashion_mnist mtsd clevr vqa splitcifar imagenet_v2 imagenet_r imagenet_sketch imagenet_a objectnet
    typographic_photos""".split()
    assert set(asked) <= set(entries())
    tested = {*layouts.PLAIN, *layouts.WITH_SUMS, "clevr_unseen"}
    assert {key for key in entries() if entry(key).ways} == tested, "every adapter has a test on its layout"
    for key, found in entries().items():
        assert found.licence and found.home.startswith("http") and found.by_hand, key
        assert all(text.count("{}") == 1 for text in found.template_texts()), key
        assert isinstance(found.names, str) or len(found.names) == len(set(found.names)) == found.classes, key
        assert set(found.only) <= set(found.names), key


ON_THE_HUB = {way.repo: key for key in entries() for way in entry(key).ways if way.repo}


def snapshot(home, repo):
    """A small copy of a data set of the hub, how the catalogue opens it, what is in it, and its classes."""
    known = entry(ON_THE_HUB[repo])
    names = [f"class {i}" for i in range(known.classes)]
    if known.key in ("imagenet_r", "imagenet_a"):
        names = sorted(wordnet_ids()[: known.classes])
    rows = layouts.hub(home, repo, names)
    (place,) = [place for way, place in known.places() if way.repo]
    return known, place, rows, names


@pytest.mark.parametrize("repo", ON_THE_HUB)
def test_a_copy_on_the_hub(home, repo):
    known, place, rows, names = snapshot(home, repo)
    parts = open_parts(place)
    check(parts, rows)
    if known.names == "imagenet":
        ids = wordnet_ids() if known.classes == 1000 else names
        names = [imagenet_class_names()[wordnet_ids().index(wnid)] for wnid in ids]
    assert all(list(part.class_names) == names for part in parts.values())
    found = look(known)
    assert found.where == place and found.state == ("half" if counted(known) else "there")


def counted(known):
    """Whether the catalogue says how many images a copy on the hub has."""
    return any(way.counts for way in known.ways if way.repo)


@pytest.mark.parametrize("repo", ON_THE_HUB)
def test_half_a_copy_on_the_hub_says_which_file_is_missing(home, repo):
    known, place, _, _ = snapshot(home, repo)
    lost = next(p for p in sorted(place.root.rglob("*.parquet")) if "-00001-of-00002" in p.name)
    lost.unlink()
    found = look(known)
    stem = lost.name.partition("-of-")[0]
    assert found.state == "half" and "1 of 2 parquet files are not there" in found.said and stem in found.said


def test_imagenets_own_test_part_has_no_labels_and_is_left_out(home):
    _, place, *_ = snapshot(home, "ILSVRC/imagenet-1k")
    alone = open_parts(DataLocation("parquet", place.root))
    assert "test" not in alone and any("without a label left out" in said for said in alone["train"].said)
    assert {name: len(part.labels) for name, part in open_parts(place).items()} == {"train": 5, "test": 5}


def test_imagenets_names_differ_and_are_a_thousand():
    names = imagenet_class_names()
    assert len(names) == len(set(names)) == 1000
    assert names[657] == "missile" and names[744] == "projectile" and names[837] == "sunglasses"


def test_folders_called_by_number_are_in_the_order_of_numbers(home):
    layouts.imagenet_v2(home)
    part = opened("imagenet_v2")["test"]
    assert part.class_names == ("tench", "great white shark", "brambling", "red fox")


def test_an_odd_folder_among_imagenets_is_named(home):
    layouts.folders(home / "imagenet-r", ["n01443537", "extra"], "test")
    with pytest.raises(DataError, match="'extra' is no class of ImageNet"):
        opened("imagenet_r")


def test_typographic_photographs_know_the_written_word(home):
    layouts.typographic_photos(home)
    part = opened("typographic_photos")["test"]
    said = [part.class_names[i] for i in part.notes["written"]]
    assert said == ["dog", "coffee mug"]


@pytest.mark.parametrize("key", [k for k in entries() if entry(k).ways])
def test_nothing_there_is_absent(home, key):
    assert look(entry(key)).state in ("download", "hand")
    for _, place in entry(key).places():
        with pytest.raises(AbsentError):
            open_parts(place)


def test_half_a_data_set_is_said_to_be_half(home):
    layouts.eurosat(home)
    found = look(entry("eurosat"))
    assert found.state == "half" and "20 of 27,000" in found.said and found.sizes == {"all": 20}
    layouts.resisc45(home)
    assert "has 45 classes" in look(entry("resisc45")).said


def test_classes_called_by_number_have_the_names_of_their_numbers(home):
    layouts.folders(home / "gtsrb", [str(i) for i in range(43)], "all", ".png", 1)
    (place,) = [p for _, p in entry("gtsrb").places() if p.kind == "folder"]
    part = open_parts(place)["all"]
    assert part.class_names == tuple(map(str, range(43)))
    assert [Path(part.images.name(row)).parent.name for row in range(43)] == [str(label) for label in part.labels]
    assert entry("gtsrb").class_names(part.class_names)[14] == "stop"


def test_half_a_pair_and_half_a_file_are_said(home):
    layouts.mnist(home)
    raw = home / "MNIST" / "raw"
    (raw / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="only one of the train images and labels"):
        opened("mnist")
    layouts.mnist(home)
    clear_cache()
    whole = raw / "t10k-images-idx3-ubyte"
    whole.write_bytes(whole.read_bytes()[:100])
    with pytest.raises(DataError, match="no whole idx file"):
        opened("mnist")


def test_clevr_is_cut_into_seen_and_unseen_numbers(home):
    from core.workspace.tasks import catalogued, task_of

    layouts.clevr(home)
    where = entry("clevr").places()[0][1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "core.workspace.tasks.located", lambda known: Status(known, "there", "", where=known.places()[0][1])
        )
        seen, unseen = (task_of(catalogued(key)) for key in ("clevr", "clevr_unseen"))
    part, rows = seen.source.split("test")
    assert part is open_parts(where)["test"] and part.labels[rows].tolist() == [1, 3]  # 4 and 6 objects
    part, rows = unseen.source.split("test")
    assert part.labels[rows].tolist() == [0, 7] and unseen.class_names[7] == "10"


def test_vqa_asks_as_paint_does(home):
    layouts.vqa(home)
    part = opened("vqa")["test"]
    rows = part.notes["row"]
    prompts = part.candidates.prompts(rows)
    assert prompts[0][4] == "Question: What is this? Answer: answer 4"
    right = [texts[label].split("? ")[1] for texts, label in zip(prompts, part.labels, strict=True)]
    assert right == ["Answer: answer 4", "Answer: test", "Answer: answer 0"] and part.labels.tolist() == [4, 4, 17]
    assert len({part.images.paths[row] for row in rows}) == 2


def test_what_vqa_asks_is_part_of_its_digest(home):
    """Other questions about the same pictures with the same places of the right answers are other data."""
    layouts.vqa(home)
    before = opened("vqa")["test"].digest
    path = home / "vqa_v1" / "MultipleChoice_mscoco_val2014_questions.json"
    path.write_text(path.read_text().replace("Is it red?", "Is it blue?"))
    clear_cache()
    assert opened("vqa")["test"].digest != before


def test_vqa_where_its_own_tools_want_it(home):
    layouts.vqa(home)
    base = home / "vqa_v1"
    for folder, names in (
        ("Questions", "MultipleChoice*.json"),
        ("Annotations", "mscoco*.json"),
        ("Images/mscoco", "*2014"),
    ):
        found = list(base.glob(names))
        (base / folder).mkdir(parents=True)
        for path in found:
            path.rename(base / folder / path.name)
    check(opened("vqa"), [("train", 4), ("train", 4), ("train", 17), ("test", 4), ("test", 4), ("test", 17)])


CHOICES = [f"answer {i}" for i in range(18)]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda q, a: q["questions"].pop(0), "Question 1 is missing from MultipleChoice_mscoco_val2014_questions.json"),
        (lambda q, a: a["annotations"].pop(1), "Question 1 is missing from mscoco_val2014_annotations.json"),
        (lambda q, a: a["annotations"][1].update(multiple_choice_answer="a"), "'a' to question 1 is not among its"),
        (lambda q, a: q["questions"][1]["multiple_choices"].pop(), "question 2 has 17 choices, not 18"),
        (lambda q, a: q["questions"][0].update(image_id=3), "COCO_val2014_000000000003.jpg, which"),
        (lambda q, a: q["questions"][0].pop("image_id"), "not in its own format"),
        (lambda q, a: q.update(questions={"a": 1}), "not in its own format"),
        (lambda q, a: (q.update(questions=[]), a.update(annotations=[])), "asks no question"),
    ],
)
def test_vqa_files_that_do_not_fit_are_one_sentence(home, harm, said):
    asked = [(i, i, "What is this?", CHOICES, "answer 2") for i in (1, 2)]
    layouts.vqa_files(home / "vqa_v1", "val2014", asked, "test")
    files = [
        home / "vqa_v1" / n for n in ("MultipleChoice_mscoco_val2014_questions.json", "mscoco_val2014_annotations.json")
    ]
    whole = [json.loads(path.read_text()) for path in files]
    harm(*whole)
    for path, facts in zip(files, whole, strict=True):
        path.write_text(json.dumps(facts))
    with pytest.raises(DataError, match=said) as caught:
        opened("vqa")
    assert "\n" not in str(caught.value)


def test_half_of_vqa_is_one_sentence(home):
    asked = [(1, 1, "What is this?", CHOICES, "answer 2")]
    layouts.vqa_files(home / "vqa_v1", "train2014", asked, "train")
    answers = home / "vqa_v1" / "mscoco_train2014_annotations.json"
    answers.write_text(answers.read_text()[:-5])
    with pytest.raises(DataError, match=r"mscoco_train2014_annotations\.json cannot be read"):
        opened("vqa")
    answers.unlink()
    with pytest.raises(DataError, match=r"mscoco_train2014_annotations\.json is missing"):
        opened("vqa")
    assert look(entry("vqa")).state == "half"


@shared
def test_cifar_10_from_real_parquet():
    parts = open_parts(guess(SHARED / "cifar10-test.parquet"))
    part = parts["test"]
    assert part.class_names == tuple(entry("cifar10").names)
    assert part.counts() == [1000] * 10
    assert part.images.open(9_999).size == (32, 32)


@shared
def test_mnist_from_its_own_files():
    part = open_parts(DataLocation("idx", SHARED / "mnist"))["test"]
    assert len(part.labels) == 10_000 and part.labels[:5].tolist() == [7, 2, 1, 0, 4]
    first = np.asarray(part.images.open(0))
    assert first.shape == (28, 28) and first.max() == 255 and first[:5].max() == 0


@shared
def test_real_photographs_in_folders(tmp_path):
    photos = sorted((SHARED / "photos").iterdir())[:6]
    for photo in photos:
        wnid = photo.stem.partition("_")[0]
        place = tmp_path / wnid
        place.mkdir()
        (place / photo.name).symlink_to(photo)
    part = open_parts(DataLocation("shift", tmp_path))["test"]
    assert part.class_names == ("electric ray", "tailed frog", "southern black widow", "ptarmigan", "jacamar", "duck")
    assert all(part.images.open(i).width > 50 for i in range(6))
