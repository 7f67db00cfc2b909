"""Decoded once: pixel-identical to the model's transform, parallel, resumable, whole or not there."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pyarrow
import pytest
import torch
from PIL import Image
from pyarrow import parquet

from core.models import torchvision_shim
from core.models.preprocess import geometry
from core.progress import CancelledError, Progress
from core.storage import files
from core.tasks.datasets import DataError
from core.tasks.datasets import decode as decoded
from core.tasks.datasets.formats.folders import Zipped, class_folders
from core.tasks.datasets.formats.parquet import read
from core.tasks.datasets.images import Files, StoredPart
from tests.conftest import full_disk
from tests.tasks.datasets import layouts

torchvision_shim.prepare()
import open_clip  # noqa: E402
from open_clip.transform import PreprocessCfg, image_transform_v2  # noqa: E402

SQUASHED = {"size": 24, "interpolation": "bilinear", "resize_mode": "squash", "mean": [0, 0, 0], "std": [1, 1, 1]}
CONFIGS = {
    "CLIP": {"size": 32, "interpolation": "bicubic", "resize_mode": "shortest"},
    "squash": SQUASHED,
    "longest": {"size": 32, "interpolation": "bicubic", "resize_mode": "longest", "fill_color": 128},
    "wide": {"size": [24, 40], "interpolation": "bicubic", "resize_mode": "squash"},
}


@pytest.fixture(autouse=True)
def memories(tmp_path, monkeypatch):
    monkeypatch.setenv("PALETTE_CACHE", str(tmp_path / "memories"))


@pytest.fixture
def noisy(tmp_path):
    """Photograph-like images of several sizes and modes, in two classes."""
    rng = np.random.default_rng(0)
    for i, (size, mode) in enumerate([((50, 37), "RGB"), ((33, 64), "L"), ((32, 32), "RGBA"), ((80, 20), "RGB")]):
        place = tmp_path / "images" / ("cat" if i % 2 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
        Image.fromarray(pixels, "RGBA").convert(mode).save(place / f"{i}.png")
    return class_folders(tmp_path / "images")


def decode(part, folder, config=SQUASHED, **more):
    rows = np.arange(len(part.labels))
    return decoded.pictures(part, rows, part.digest, config, folder, **more)


@pytest.mark.parametrize("name", CONFIGS)
def test_pixels_are_those_of_open_clips_transform(noisy, tmp_path, name):
    config = CONFIGS[name]
    sizes = {"size": tuple(config["size"])} if isinstance(config["size"], list) else {}
    plain = PreprocessCfg(**{**config, **sizes, "mean": (0, 0, 0), "std": (1, 1, 1)})
    transform = image_transform_v2(plain, is_train=False)
    found = decode(noisy, tmp_path / "cache", config)
    for row in range(len(noisy.labels)):
        expected = transform(noisy.images.open(row).convert("RGB"))  # as every torchvision loader gives images
        assert torch.equal(torch.from_numpy(found.images[row].copy()).permute(2, 0, 1) / 255, expected)


def test_the_encoder_sees_what_a_real_clips_own_transform_gives(noisy, tmp_path):
    from core.models.image_tower.encoder import Encoder

    model, _, transform = open_clip.create_model_and_transforms("RN50", pretrained=None, precision="fp32")
    facts = open_clip.get_model_preprocess_cfg(model)
    found = decode(noisy, tmp_path / "cache", facts)
    ours = Encoder(model, facts).prepare(found.images)
    expected = torch.stack([transform(noisy.images.open(i).convert("RGB")) for i in range(len(noisy.labels))])
    assert ours.shape == expected.shape == (4, 3, 224, 224)
    assert torch.allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize(
    "name",
    [
        "test_resnet",
        "resnet18.tv_in1k",
        "convnext_tiny.in12k_ft_in1k",
        "dm_nfnet_f0.dm_in1k",
        "volo_d4_448.sail_in1k",
        "deepseek_vit_412m.deepseek_v4_flash_vision_exp",
    ],
)
def test_a_timm_models_pixels_are_those_of_its_own_transform(noisy, tmp_path, name):
    """Resized to the size over crop_pct and cropped, squashed, or with a border; bilinear or bicubic: as timm says."""
    from core.models.clip import create
    from core.models.configs import timm_config
    from core.models.image_tower.encoder import Encoder
    from core.models.preprocess import fitting

    known = timm_config(name)
    facts = json.loads(json.dumps(known["preprocess_cfg"]))  # as a workspace keeps it
    from timm import data, get_pretrained_cfg

    transform = data.create_transform(**data.resolve_data_config(pretrained_cfg=get_pretrained_cfg(name).to_dict()))
    found, fit = decode(noisy, tmp_path / "cache", facts), fitting(facts)
    for row in range(len(noisy.labels)):
        image = noisy.images.open(row).convert("RGB")
        pixels = torch.from_numpy(found.images[row].copy()).permute(2, 0, 1) / 255
        mean, std = (torch.tensor(facts[k]).view(3, 1, 1) for k in ("mean", "std"))
        assert torch.equal((pixels - mean) / std, transform(image))
        assert np.array_equal(fit(np.asarray(image)), found.images[row])
    if name == "test_resnet":
        prepared = Encoder(create(known["model_cfg"]), facts).prepare(found.images)
        expected = [transform(noisy.images.open(row).convert("RGB")) for row in range(len(noisy.labels))]
        assert torch.allclose(prepared, torch.stack(expected), atol=1e-5)


def test_what_was_decoded_before_keeps_its_key():
    """crop_pct is part of a key only where there is one."""
    usual = {"size": [32, 32], "interpolation": "bicubic", "resize_mode": "shortest", "fill_color": 0}
    assert geometry(CONFIGS["CLIP"]) == usual
    cropped = [geometry({**CONFIGS["CLIP"], "crop_pct": share}) for share in (0.875, 0.9)]
    assert usual not in cropped and cropped[0] != cropped[1]


def many(tmp_path, count=3 * decoded.CHUNK, damaged=()):
    """A part of small images in two classes; those of ``damaged`` are no images at all."""
    for i in range(count):
        path = tmp_path / "many" / str(i % 2) / f"{i:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x89PNG and then nothing") if i in damaged else layouts.save(path, "all", i % 27, (6, 6))
    return class_folders(tmp_path / "many")


def colours(found):
    return [tuple(int(c) for c in image[3, 3]) for image in found.images]


def test_damaged_images_are_skipped_counted_and_named(tmp_path):
    part, notices = many(tmp_path, 40, damaged={0, 7, 38, 39}), []
    found = decode(part, tmp_path / "cache", notice=notices.append)
    assert found.images.shape == (36, 24, 24, 3) and len(found.labels) == 36
    (said,) = notices
    assert said.startswith("4 damaged images were left out: ") and "00007.png" in said and "00039.png" in said
    numbers = [int(p.stem) for p in part.images.paths if int(p.stem) not in (0, 7, 38, 39)]
    expected = sorted((layouts.colour("all", i % 27), i % 2) for i in numbers)
    assert sorted(zip(colours(found), found.labels.tolist(), strict=True)) == expected, "labels stay with their images"
    again = []
    decode(part, tmp_path / "cache", notice=again.append)
    assert again == notices, "said again to whoever reads them next"


def test_nothing_but_damage_is_an_error(tmp_path):
    with pytest.raises(DataError, match="None of the 3 images can be decoded"):
        decode(many(tmp_path, 3, damaged={0, 1, 2}), tmp_path / "cache")


def test_processes_give_what_one_gives(tmp_path, monkeypatch):
    part = many(tmp_path, 2 * decoded.CHUNK + 9, damaged={5, 400})
    alone = decode(part, tmp_path / "alone", workers=1)
    monkeypatch.setattr(decoded, "ALONE", 0)
    together = decode(part, tmp_path / "together", workers=2)
    assert np.array_equal(alone.images, together.images) and np.array_equal(alone.labels, together.labels)


def _in_files(_, count):
    boxes = tuple((i, i, i + 9, i + 9) for i in range(count))
    return Files(tuple(Path(f"{i:09}.png") for i in range(count)), boxes=boxes)


def _in_a_zip(_, count):
    return Zipped(Path("x.zip"), tuple(f"{i:09}.png" for i in range(count)))


def _in_parquet(tmp_path, count):
    table = pyarrow.table({"image": [b"bytes"] * count, "label": [0] * count})
    for i in range(2):
        parquet.write_table(table.slice(i * count // 2, count // 2), tmp_path / f"{i}.parquet", row_group_size=64)
    return read([tmp_path / "0.parquet", tmp_path / "1.parquet"]).images


@pytest.mark.parametrize("make", [_in_files, _in_a_zip, _in_parquet])
def test_what_a_process_is_told_does_not_grow_with_the_data_set(tmp_path, make):
    def told(count):
        images = make(tmp_path, count)
        part = StoredPart(images, np.zeros(count, np.int64), ("thing",))
        asked = decoded._asked(part, np.arange(count)[::-1], [decoded.CHUNK], (), (24, 24, 3), tmp_path / "pixels")
        chunk, rows, *_ = words = next(asked)
        expected = [images.name(count - 1 - decoded.CHUNK - i) for i in range(decoded.CHUNK)]
        assert [chunk.name(int(row)) for row in rows] == expected, "the same images"
        return len(pickle.dumps(words))

    assert told(40 * decoded.CHUNK) <= told(4 * decoded.CHUNK) + 500


def test_parquet_is_decoded_by_processes_as_by_one(tmp_path, monkeypatch):
    rows = [("all", i % 27) for i in range(decoded.CHUNK + 20)]
    for i, half in enumerate((rows[:150], rows[150:])):
        layouts.write_parquet(tmp_path / f"{i}.parquet", half, [str(n) for n in range(27)])
    part = read([tmp_path / "0.parquet", tmp_path / "1.parquet"])
    monkeypatch.setattr(decoded, "ALONE", 0)
    found = decode(part, tmp_path / "cache", workers=2)
    assert colours(found) == [layouts.colour(*row) for row in rows]


def test_a_stopped_build_goes_on_where_it_was(tmp_path, monkeypatch):
    part, folder = many(tmp_path), tmp_path / "cache"
    progress = Progress(lambda p: p.cancel() if p.fraction > 0.3 else None)
    with pytest.raises(CancelledError):
        decode(part, folder, workers=1, progress=progress)
    (log,) = folder.glob("*.jsonl")
    done = [json.loads(line)["first"] for line in log.read_text().splitlines()]
    assert done == [0, decoded.CHUNK] and not list(folder.glob("*.safetensors"))
    from core.tasks.datasets import decode_worker

    asked = []
    whole = decode_worker.decode
    monkeypatch.setattr(decode_worker, "decode", lambda *words: asked.append(words[-1]) or whole(*words))
    found = decode(part, folder, workers=1)
    assert asked == [2 * decoded.CHUNK]
    assert colours(found) == [layouts.colour("all", int(p.stem) % 27) for p in part.images.paths]
    assert not list(folder.glob("*.jsonl"))


def test_what_was_decoded_is_not_decoded_again(tmp_path, monkeypatch):
    part, folder = many(tmp_path, 10), tmp_path / "cache"
    first = decode(part, folder)
    monkeypatch.setattr(decoded, "_build", None)
    second = decode(part, folder)
    assert isinstance(second.images, np.memmap) and np.array_equal(first.images, second.images)
    assert torch.from_numpy(second.images).shape == (10, 24, 24, 3)


def test_a_file_cut_short_is_made_again(tmp_path):
    part, folder = many(tmp_path, 10), tmp_path / "cache"
    before = decode(part, folder).images.copy()
    (pixels,) = folder.glob("*.pixels")
    pixels.write_bytes(pixels.read_bytes()[:100])
    assert np.array_equal(decode(part, folder).images, before)


def test_another_transform_is_another_array(tmp_path):
    part, folder = many(tmp_path, 4), tmp_path / "cache"
    assert decode(part, folder).images.shape[1] == 24
    assert decode(part, folder, {**SQUASHED, "size": 16}).images.shape[1] == 16
    same = {**SQUASHED, "mean": [0.5, 0.5, 0.5]}
    assert decoded.key_of(part.digest, same) == decoded.key_of(part.digest, SQUASHED), "the mean decides no pixel"


def test_two_builds_at_once_decode_once(tmp_path, monkeypatch):
    part, folder, built = many(tmp_path, 300), tmp_path / "cache", []
    whole = decoded._build
    monkeypatch.setattr(decoded, "_build", lambda *words: built.append(1) or whole(*words))
    found = []
    threads = [threading.Thread(target=lambda: found.append(decode(part, folder, workers=1))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1 and len(found) == 3
    assert all(np.array_equal(f.images, found[0].images) for f in found)


def test_no_space_is_said_beforehand_with_the_size(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10**9, 10**9, 1000))
    folder = tmp_path / "cache"
    with pytest.raises(files.DiskError, match=r"Decoding needs 17 kB in .*, but only 1 kB are free"):
        decode(many(tmp_path, 10), folder)
    assert not list(folder.glob("*.pixels")), "said before anything is written"


def test_a_disk_that_fills_up_is_one_sentence_and_loses_nothing(tmp_path):
    part, folder = many(tmp_path, 2 * decoded.CHUNK), tmp_path / "cache"
    with full_disk(), pytest.raises(files.DiskError, match="Free some space"):
        decode(part, folder, workers=1)
    assert len(decode(part, folder, workers=1).labels) == 2 * decoded.CHUNK


def test_notes_follow_their_images(tmp_path):
    part = many(tmp_path, 6, damaged={1})
    part = StoredPart(part.images, part.labels, part.class_names, {"written": np.arange(6)})
    found = decode(part, tmp_path / "cache")
    by_place = [int(part.images.paths[w].stem) for w in found.notes["written"]]
    assert colours(found) == [layouts.colour("all", i % 27) for i in by_place]


def test_a_worker_ends_with_the_process_that_wanted_it():
    """Killed without a word: a worker must not wait for its next chunk for ever."""
    root = str(Path(__file__).resolve().parents[3])
    child = "import os, sys, time; from core.tasks.datasets.decode_worker import end_with; "
    child += "end_with(int(sys.argv[1])); time.sleep(120)"
    parent = (
        "import os, subprocess, sys, time\n"
        "started = subprocess.Popen([sys.executable, '-c', sys.argv[1], str(os.getpid())])\n"
        "print(started.pid, flush=True)\n"
        "time.sleep(120)"
    )
    with subprocess.Popen([sys.executable, "-c", parent, child], cwd=root, stdout=subprocess.PIPE, text=True) as wanted:
        assert wanted.stdout is not None
        worker = int(wanted.stdout.readline())
        wanted.kill()
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and Path(f"/proc/{worker}/status").exists():
        time.sleep(0.2)
    assert not Path(f"/proc/{worker}/status").exists()
