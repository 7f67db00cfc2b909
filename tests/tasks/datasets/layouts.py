"""Tiny data sets in their own layouts on disk. Every image is one flat colour that tells its part and its label."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pickle
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow
from PIL import Image
from pyarrow import parquet
from scipy import io as matlab

PARTS = ("train", "val", "test", "all")
Rows = list[tuple[str, int]]  # (part, label) of every image that was written


def colour(part: str, label: int) -> tuple[int, int, int]:
    """The flat colour of an image."""
    return 40 + 50 * PARTS.index(part), 20 + 25 * (label % 9), 40 + 70 * (label // 9 % 3)


def image(part: str, label: int, size: tuple[int, int] = (40, 36)) -> Image.Image:
    """An image that tells its part and its label."""
    return Image.new("RGB", size, colour(part, label))


def save(path: Path, part: str, label: int, size: tuple[int, int] = (40, 36)) -> None:
    """Write one, whatever the suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image(part, label, size).save(path, quality=95)


def folders(root: Path, names: list[str], part: str, suffix: str = ".jpg", each: int = 2) -> Rows:
    """A folder for each class."""
    for label, name in enumerate(names):
        for i in range(each):
            save(root / name / f"{name}_{i}{suffix}", part, label)
    return [(part, label) for label in range(len(names)) for _ in range(each)]


def cars(home: Path) -> tuple[Rows, list[str]]:
    base, rows = home / "stanford_cars", []
    kind = np.dtype([("fname", object), ("class", object)])
    for part, place in (
        ("train", base / "devkit" / "cars_train_annos.mat"),
        ("test", base / "cars_test_annos_withlabels.mat"),
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
        labels = [2, 0, 1]
        listed = np.array([(f"{i:05}.jpg", label + 1) for i, label in enumerate(labels)], dtype=kind)
        matlab.savemat(place, {"annotations": listed})
        for i, label in enumerate(labels):
            save(base / f"cars_{part}" / f"{i:05}.jpg", part, label)
        rows += [(part, label) for label in labels]
    names = ["AM General Hummer SUV 2000", "Acura RL Sedan 2012", "Acura TL Sedan 2012"]
    matlab.savemat(base / "devkit" / "cars_meta.mat", {"class_names": np.array(names, dtype=object)})
    return rows, names


def dtd(home: Path) -> tuple[Rows, list[str]]:
    base, rows = home / "dtd" / "dtd", []
    names = ["banded", "blotchy", "polka-dotted"]
    for part in ("train", "val", "test"):
        listed = []
        for label, name in enumerate(names):
            save(base / "images" / name / f"{name}_{part}.jpg", part, label)
            listed.append(f"{name}/{name}_{part}.jpg")
            rows.append((part, label))
        (base / "labels").mkdir(exist_ok=True)
        (base / "labels" / f"{part}1.txt").write_text("\n".join(listed) + "\n")
    return rows, names


EUROSAT = (
    "AnnualCrop Forest HerbaceousVegetation Highway Industrial Pasture PermanentCrop Residential River SeaLake".split()
)


def eurosat(home: Path) -> tuple[Rows, list[str]]:
    return folders(home / "eurosat" / "2750", EUROSAT, "all"), EUROSAT


def gtsrb(home: Path) -> tuple[Rows, list[str]]:
    base = home / "gtsrb"
    rows = folders(base / "GTSRB" / "Training", ["00000", "00001", "00002"], "train", ".ppm")
    lines = ["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"]
    for i, label in enumerate([2, 0]):
        save(base / "GTSRB" / "Final_Test" / "Images" / f"{i:05}.ppm", "test", label)
        lines.append(f"{i:05}.ppm;40;36;5;5;30;30;{label}")
        rows.append(("test", label))
    (base / "GT-final_test.csv").write_text("\n".join(lines) + "\n")
    return rows, ["0", "1", "2"]


def kitti(home: Path) -> tuple[Rows, list[str]]:
    """Forty frames of twenty drives, with the devkit; cut by the loop of TensorFlow Datasets, written out."""
    drives = [f"2011_09_26_drive_{i % 20:04}_sync" for i in range(40)]
    random = np.random.RandomState(123)
    test = set(random.choice(sorted(set(drives)), 2, replace=False))
    val = set(random.choice(sorted(set(drives) - test), 2, replace=False))
    parts = ["test" if d in test else "val" if d in val else "train" for d in drives]
    order = np.random.RandomState(0).permutation(40)  # image i is line order[i] of the mapping, from 0
    lines = {int(line): f"2011_09_26 {drives[i]} {i // 20:010}" for i, line in enumerate(order)}
    mapping = home / "Kitti" / "raw" / "mapping"
    mapping.mkdir(parents=True)
    (mapping / "train_mapping.txt").write_text("".join(f"{lines[i]}\n" for i in range(40)))
    (mapping / "train_rand.txt").write_text(",".join(str(line + 1) for line in order) + "\n")
    return kitti_frames(home, parts)


def kitti_frames(home: Path, parts: list[str]) -> tuple[Rows, list[str]]:
    """KITTI's images and labels, each with the colour of its part."""
    base = home / "Kitti" / "raw" / "training"
    line = "{} 0.00 0 1.5 10 10 20 20 1.5 1.6 3.9 0.5 1.6 {} 0.01"
    seen = [
        [("Car", 5.0), ("Car", 40.0)],
        [("Van", 12.5), ("Pedestrian", 2.0)],
        [("Truck", 30.0)],
        [("Pedestrian", 3.0), ("DontCare", -1000.0)],
    ]
    for i, part in enumerate(parts):
        save(base / "image_2" / f"{i:06}.png", part, i % 4)
        (base / "label_2").mkdir(exist_ok=True)
        (base / "label_2" / f"{i:06}.txt").write_text("\n".join(line.format(*o) for o in seen[i % 4]) + "\n")
    return [(part, i % 4) for i, part in enumerate(parts)], []


def write_idx(root: Path, word: str, pixels: np.ndarray, labels: list[int], packed: bool) -> None:
    """A pair of idx files, as MNIST's own page has them."""
    root.mkdir(parents=True, exist_ok=True)
    contents = {
        f"{word}-images-idx3-ubyte": struct.pack(">HBB3I", 0, 8, 3, *pixels.shape) + pixels.tobytes(),
        f"{word}-labels-idx1-ubyte": struct.pack(">HBBI", 0, 8, 1, len(labels)) + bytes(labels),
    }
    for name, content in contents.items():
        if packed:
            (root / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (root / name).write_bytes(content)


def idx(root: Path, packed: bool) -> tuple[Rows, list[str]]:
    rows: Rows = []
    for part, word in (("train", "train"), ("test", "t10k")):
        labels = [3, 0, 9, 1]
        pixels = np.stack([np.full((28, 28), colour(part, label)[1], np.uint8) for label in labels])
        write_idx(root, word, pixels, labels, packed)
        rows += [(part, label) for label in labels]
    return rows, [str(i) for i in range(10)]


def mnist(home: Path) -> tuple[Rows, list[str]]:
    return idx(home / "MNIST" / "raw", packed=False)


def fashion_mnist(home: Path) -> tuple[Rows, list[str]]:
    return idx(home / "FashionMNIST" / "raw", packed=True)


def resisc45(home: Path) -> tuple[Rows, list[str]]:
    names = ["airplane", "baseball_diamond", "beach"]
    return folders(home / "NWPU-RESISC45", names, "all"), ["airplane", "baseball diamond", "beach"]


def sun397(home: Path) -> tuple[Rows, list[str]]:
    base, names = home / "SUN397", ["a/abbey", "a/apartment_building/outdoor"]
    for label, name in enumerate(names):
        save(base / name / f"sun_{label}.jpg", "all", label)
    (base / "ClassName.txt").write_text("".join(f"/{name}\n" for name in names))
    return [("all", 0), ("all", 1)], ["abbey", "apartment building outdoor"]


def md5(path: Path) -> str:
    """What torchvision compares files with."""
    return hashlib.md5(path.read_bytes()).hexdigest()


def svhn(home: Path, patch: Callable[..., None]) -> tuple[Rows, list[str]]:
    from torchvision.datasets import SVHN

    rows, listed = [], dict(SVHN.split_list)
    (home / "svhn").mkdir(parents=True)
    for part in ("train", "test"):
        labels = [1, 9, 0, 4]
        pixels = np.stack([np.asarray(image(part, label, (32, 32))) for label in labels], axis=-1)
        path = home / "svhn" / f"{part}_32x32.mat"
        matlab.savemat(path, {"X": pixels, "y": np.array([[label or 10] for label in labels])})
        listed[part] = [listed[part][0], listed[part][1], md5(path)]
        rows += [(part, label) for label in labels]
    patch(SVHN, "split_list", listed)
    return rows, [str(i) for i in range(10)]


def cifar(home: Path, patch: Callable[..., None], name: str) -> tuple[Rows, list[str]]:
    from torchvision import datasets

    kind = getattr(datasets, name)
    base, key = home / kind.base_folder, "labels" if name == "CIFAR10" else "fine_labels"
    base.mkdir(parents=True)
    names = [f"class_{i}" for i in range(3)]
    rows: Rows = []
    for part, files in (("train", kind.train_list), ("test", kind.test_list)):
        sums = []
        for file, _ in files:
            pixels = np.stack([np.asarray(image(part, label, (32, 32))).transpose(2, 0, 1).ravel() for label in (2, 0)])
            (base / file).write_bytes(pickle.dumps({"data": pixels, key: [2, 0]}))
            sums.append([file, md5(base / file)])
            rows += [(part, 2), (part, 0)]
        patch(kind, f"{part}_list", sums)
    meta = base / kind.meta["filename"]
    meta.write_bytes(pickle.dumps({kind.meta["key"]: names}))
    patch(kind, "meta", {**kind.meta, "md5": md5(meta)})
    return rows, ["class 0", "class 1", "class 2"]


def cifar10(home: Path, patch: Callable[..., None]) -> tuple[Rows, list[str]]:
    return cifar(home, patch, "CIFAR10")


def cifar100(home: Path, patch: Callable[..., None]) -> tuple[Rows, list[str]]:
    return cifar(home, patch, "CIFAR100")


def stl10(home: Path, patch: Callable[..., None]) -> tuple[Rows, list[str]]:
    from torchvision.datasets import STL10

    base, rows = home / "stl10_binary", []
    base.mkdir(parents=True)
    (base / "class_names.txt").write_text("airplane\nbird\ncar\n")
    (base / "fold_indices.txt").write_text("0 1\n")
    for part in ("train", "test"):
        labels = [1, 0, 2]
        pixels = np.stack([np.asarray(image(part, label, (96, 96))).transpose(2, 1, 0) for label in labels])
        pixels.tofile(base / f"{part}_X.bin")
        (np.array(labels, np.uint8) + 1).tofile(base / f"{part}_y.bin")
        rows += [(part, label) for label in labels]
        listed = [[name, md5(base / name)] for name, _ in getattr(STL10, f"{part}_list") if (base / name).exists()]
        patch(STL10, f"{part}_list", listed)
    return rows, ["airplane", "bird", "car"]


def food101(home: Path) -> tuple[Rows, list[str]]:
    base, names, rows = home / "food-101", ["apple_pie", "baby_back_ribs"], []
    for part in ("train", "test"):
        listed: dict[str, list[str]] = {name: [] for name in names}
        for label, name in enumerate(names):
            save(base / "images" / name / f"{part}{label}.jpg", part, label)
            listed[name].append(f"{name}/{part}{label}")
            rows.append((part, label))
        (base / "meta").mkdir(exist_ok=True)
        (base / "meta" / f"{part}.json").write_text(json.dumps(listed))
    return rows, ["apple pie", "baby back ribs"]


def clevr(home: Path) -> tuple[Rows, list[str]]:
    base, rows = home / "clevr" / "CLEVR_v1.0", []
    for folder, part in (("train", "train"), ("val", "test")):
        scenes = []
        for i, count in enumerate([3, 10, 4, 6]):
            name = f"CLEVR_{folder}_{i:06}.png"
            save(base / "images" / folder / name, part, count - 3)
            scenes.append({"image_filename": name, "objects": [{}] * count})
            rows.append((part, count - 3))
        (base / "scenes").mkdir(exist_ok=True)
        (base / "scenes" / f"CLEVR_{folder}_scenes.json").write_text(json.dumps({"scenes": scenes}))
    return rows, [str(n) for n in range(3, 11)]


def imagenet(home: Path) -> tuple[Rows, list[str]]:
    ids = ["n01440764", "n01443537", "n02119022"]
    rows = folders(home / "imagenet" / "train", ids, "train", ".JPEG")
    return rows + folders(home / "imagenet" / "val", ids, "test", ".JPEG", 1), ["tench", "goldfish", "red fox"]


def imagenet_v2(home: Path) -> tuple[Rows, list[str]]:
    root = home / "imagenetv2-matched-frequency-format-val"
    return folders(root, ["0", "2", "10", "277"], "test", ".jpeg"), [
        "tench",
        "great white shark",
        "brambling",
        "red fox",
    ]


def imagenet_r(home: Path) -> tuple[Rows, list[str]]:
    return folders(home / "imagenet-r", ["n01443537", "n02119022"], "test"), ["goldfish", "red fox"]


def imagenet_sketch(home: Path) -> tuple[Rows, list[str]]:
    return folders(home / "sketch", ["n01440764", "n02119022"], "test", ".JPEG"), ["tench", "red fox"]


def imagenet_a(home: Path) -> tuple[Rows, list[str]]:
    return folders(home / "imagenet-a", ["n02119022", "n01443537"][::-1], "test"), ["goldfish", "red fox"]


def objectnet(home: Path) -> tuple[Rows, list[str]]:
    base = home / "objectnet-1.0"
    for label, name in enumerate(["alarm_clock", "backpack"]):
        save(base / "images" / name / "a.png", "test", label)
        framed = Image.new("RGB", (44, 40), (255, 0, 0))
        framed.paste(image("test", label), (2, 2))
        framed.save(base / "images" / name / "a.png")
    save(base / "images" / "bandaid_box" / "b.png", "val", 5)  # ImageNet has none of these
    (base / "mappings").mkdir()
    labels = {"alarm_clock": "Alarm clock", "backpack": "Backpack", "bandaid_box": "Band Aid"}
    (base / "mappings" / "folder_to_objectnet_label.json").write_text(json.dumps(labels))
    known = {"Alarm clock": "analog clock; digital clock", "Backpack": "backpack, back pack, knapsack"}
    (base / "mappings" / "objectnet_to_imagenet_1k.json").write_text(json.dumps(known))
    (base / "mappings" / "imagenet_to_label_2012_v2").write_text(
        "digital clock\nbackpack, back pack, knapsack\ncrane\nanalog clock\n"
    )
    numbers = {"134": 2, "409": 3, "414": 1, "530": 0}  # by the order of WordNet ids, that of the list
    (base / "mappings" / "pytorch_to_imagenet_2012_id.json").write_text(json.dumps(numbers))
    return [("test", 0), ("test", 1)], ["alarm clock", "backpack"]


def mtsd(home: Path) -> tuple[Rows, list[str]]:
    base, rows = home / "mtsd", []
    for folder in ("images", "annotations", "splits"):
        (base / folder).mkdir(parents=True)
    for split, part in (("train", "train"), ("val", "test")):
        street = Image.new("RGB", (120, 80))
        street.paste(image(part, 0, (30, 30)), (10, 10))
        street.paste(image(part, 1, (30, 30)), (60, 20))
        street.save(base / "images" / f"street_{split}.jpg", quality=95)
        box = {"xmin": 10.2, "ymin": 10.0, "xmax": 39.8, "ymax": 40.0}
        signs = [
            {"key": "a", "label": "regulatory--no-entry--g1", "bbox": box},
            {"key": "b", "label": "warning--stop-ahead--g2", "bbox": {"xmin": 60, "ymin": 20, "xmax": 90, "ymax": 50}},
            {"key": "c", "label": "other-sign", "bbox": box},
        ]
        facts = {"ispano": False, "objects": signs}
        (base / "annotations" / f"street_{split}.json").write_text(json.dumps(facts))
        (base / "annotations" / f"round_{split}.json").write_text(json.dumps({**facts, "ispano": True}))
        (base / "splits" / f"{split}.txt").write_text(f"street_{split}\nround_{split}\n")
        rows += [(part, 0), (part, 1)]
    return rows, ["no entry", "stop ahead"]


def typographic_photos(home: Path) -> tuple[Rows, list[str]]:
    root = home / "typographic_attack_data"
    save(root / "label=dog_text=coffee_mug.png", "test", 2)
    save(root / "label=cat_text=dog_2.png", "test", 0)
    return [("test", 0), ("test", 2)], ["cat", "coffee mug", "dog"]


def encoded(part: str, label: int) -> bytes:
    """An image's bytes, as a cell holds them."""
    out = io.BytesIO()
    image(part, label).save(out, "PNG")
    return out.getvalue()


def write_parquet(
    path: Path,
    rows: Rows,
    names: list[str] | None,
    image: str = "image",
    label: str = "label",
    also: str = "",
    words: bool = False,
) -> None:
    """A parquet file as the hub keeps data sets: images as structs, names in the header, several groups.

    ``also`` is one more column with labels, which are all 0; with ``words`` a label is its name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {image: [{"bytes": encoded(part, number), "path": None} for part, number in rows]}
    columns |= {also: ["thing" if words else 0 for _ in rows]} if also else {}
    columns |= {label: [names[number] if words and names else number for _, number in rows]}
    table = pyarrow.table(columns)
    if names is not None and not words:
        features = {image: {"_type": "Image"}, label: {"_type": "ClassLabel", "names": names}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, path, row_group_size=3)


class HubCopy(NamedTuple):
    """A data set of the hub: its folder, the part that each word in a file's name is, its columns, what else it has."""

    folder: str = "data"
    words: Mapping[str, str] = {"train": "train", "test": "test"}
    image: str = "image"
    label: str = "label"
    also: str = ""  # another column with labels
    beside: tuple[str, ...] = ()  # files that are no part
    hashed: bool = False  # whether a hash follows the number in a name


UNLABELLED = "data/test-00000-of-00001.parquet"
VARIANTS = tuple(f"data/{kind}-00000-of-00002.parquet" for kind in ("contrast", "gaussian_noise", "spatter"))
HUB = {
    "tanganke/stanford_cars": HubCopy(beside=VARIANTS),
    "tanganke/dtd": HubCopy(beside=VARIANTS),
    "tanganke/eurosat": HubCopy(beside=VARIANTS),
    "tanganke/gtsrb": HubCopy(beside=VARIANTS),
    "tanganke/resisc45": HubCopy(beside=VARIANTS),
    "tanganke/sun397": HubCopy(beside=VARIANTS),
    "tanganke/stl10": HubCopy(beside=VARIANTS),
    "ylecun/mnist": HubCopy("mnist"),
    "zalando-datasets/fashion_mnist": HubCopy("fashion_mnist"),
    "ufldl-stanford/svhn": HubCopy(
        "cropped_digits",
        beside=("cropped_digits/extra-00000-of-00002.parquet", "full_numbers/train-00000-of-00004.parquet"),
    ),
    "ILSVRC/imagenet-1k": HubCopy(words={"train": "train", "validation": "test"}, beside=(UNLABELLED,)),
    "uoft-cs/cifar10": HubCopy("plain_text", image="img"),
    "uoft-cs/cifar100": HubCopy("cifar100", image="img", label="fine_label", also="coarse_label"),
    "ethz/food101": HubCopy(words={"train": "train", "validation": "test"}),
    "axiong/imagenet-r": HubCopy("test", words={"test": "test"}, label="wnid", also="class_name"),
    "barkermrl/imagenet-a": HubCopy(words={"train": "test"}, hashed=True),
}


def hub(home: Path, repo: str, names: list[str]) -> Rows:
    """A snapshot of a data set of the hub, each part in two files; labels are words where the hub's are."""
    base, copy, rows = home / "huggingface" / repo.replace("/", "--"), HUB[repo], []
    by_word = copy.label == "wnid"
    for word, part in copy.words.items():
        mine = [(part, label) for label in (range(len(names)) if by_word else (1, 0, len(names) - 1, 1, 0))]
        for i, some in enumerate((mine[:4], mine[4:])):
            name = f"{word}-{i:05}-of-00002" + (f"-{hash_of(i)}" if copy.hashed else "")
            write_parquet(
                base / copy.folder / f"{name}.parquet", some, names, copy.image, copy.label, copy.also, by_word
            )
        rows += mine
    for name in copy.beside:
        write_parquet(base / name, [("val", -1 if name == UNLABELLED else 0)], names, copy.image, copy.label)
    return rows


def hash_of(number: int) -> str:
    """Sixteen digits, as older files of the hub have them in their names."""
    return hashlib.sha256(bytes([number])).hexdigest()[:16]


def vqa_files(base: Path, subset: str, asked: list[tuple[int, int, str, list[str], str]], part: str) -> Rows:
    """Official files of VQA v1 from (question id, image id, question, choices, right answer)."""
    about = {"data_type": "mscoco", "data_subtype": subset, "license": {}, "info": {"version": "1.0"}}
    questions = [
        {"question_id": q, "image_id": i, "question": text, "multiple_choices": choices}
        for q, i, text, choices, _ in asked
    ]
    answers = [{"answer": right, "answer_confidence": "yes", "answer_id": n + 1} for n, right in enumerate("ab")]
    annotations = [
        {
            **{"question_id": q, "image_id": i, "question_type": "what", "answer_type": "other", "answers": answers},
            "multiple_choice_answer": right,
        }
        for q, i, _, _, right in asked
    ]
    base.mkdir(parents=True, exist_ok=True)
    whole = {**about, "num_choices": 18, "task_type": "Multiple-Choice", "questions": questions}
    (base / f"MultipleChoice_mscoco_{subset}_questions.json").write_text(json.dumps(whole))
    (base / f"mscoco_{subset}_annotations.json").write_text(json.dumps({**about, "annotations": annotations[::-1]}))
    rows = [(part, choices.index(right)) for *_, choices, right in asked if right in choices]
    for (_, i, *_), (_, label) in zip(asked, rows, strict=False):
        save(base / subset / f"COCO_{subset}_{i:012}.jpg", part, label)
    return rows


def vqa(home: Path) -> tuple[Rows, list[str]]:
    """Two questions about one picture, and one about another; eighteen choices each."""
    rows, choices = [], [f"answer {i}" for i in range(18)]
    for subset, part in (("train2014", "train"), ("val2014", "test")):
        asked = [
            (91, 9, "What is this?", choices, "answer 4"),
            (90, 9, "What colour is it?", [*choices[:4], part, *choices[5:]], part),
            (251, 25, "Is it red?", choices[::-1], "answer 0"),
        ]
        rows += vqa_files(home / "vqa_v1", subset, asked, part)
    return rows, [f"choice {i + 1}" for i in range(18)]


WITH_SUMS = {f.__name__: f for f in (svhn, cifar10, cifar100, stl10)}
PLAIN = {
    f.__name__: f
    for f in (
        *(cars, dtd, eurosat, gtsrb, kitti, mnist, fashion_mnist, resisc45, sun397, food101, clevr, mtsd, vqa),
        *(imagenet, imagenet_v2, imagenet_r, imagenet_sketch, imagenet_a, objectnet, typographic_photos),
    )
}
