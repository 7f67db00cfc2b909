# ruff: noqa: F811  (fixtures are imported, and named again as arguments)
"""Photographs of real attacks in the typographic lab, as a zip file or in a folder."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from core.attacks.photo_files import png
from core.attacks.photographs import TEMPLATES
from core.classify.classifier import classifier
from pages.shared.app import workspace
from pages.shared.typographic import photographs as attack_photos_panel
from pages.shared.widgets.formatting import percent
from tests.pages.opening import cache, lab_of, page, swept_template, values, wait  # noqa: F401
from tests.pages.typographic.attacking import no_old_desk  # noqa: F401

WRITTEN = ("green", "blue", "red")  # on pictures of red, green and blue things


def photographs(lab, count: int = 9) -> dict[str, bytes]:
    """Noisy pictures under the names of real attacks."""
    pictures, names = lab.pictures("noisy", "test"), lab.task("noisy").class_names
    labels = pictures.labels[:count]
    called = [f"label={names[c]}_text={WRITTEN[c]}_{i}.png" for i, c in enumerate(labels)]
    return {name: png(image) for name, image in zip(called, pictures.images[:count], strict=True)}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def folder_of(where: Path, files: dict[str, bytes]) -> Path:
    where.mkdir(exist_ok=True)
    for name, data in files.items():
        (where / name).write_bytes(data)
    return where


def upload(at, files: dict[str, bytes]):
    return at.file_uploader(key="attack.photos").set_value(("all.zip", zipped(files), "application/zip")).run()


def look_into(at, path: object):
    return at.text_input(key="attack.folder").set_value(str(path)).run()


def table(at):
    return next((d.value for d in at.dataframe if "written" in d.value.columns), None)


def figures(at) -> list[str]:
    labels = ":red[✕] Fooled", ":green[●] Right", ":orange[◆] Fine-tuned: fooled"
    found = {m.label: m.value for m in at.metric}
    return [found[label] for label in labels]


def answers(lab, count: int = 9) -> np.ndarray:
    """What base, half way and fine-tuned say of these photographs, among the colours in the photographs' prompts."""
    images, colours = lab.pictures("noisy", "test").images[:count], np.array(sorted(lab.task("noisy").class_names))
    rows, found = classifier(lab).head(colours.tolist(), TEMPLATES), []
    for alpha in (0.0, 0.5, 1.0):
        encoder = lab.encoder()
        lab.load(lab.patch("noisy", alpha), encoder)
        found.append(colours[(encoder.encode(images) @ rows.T).argmax(dim=1).numpy()])
    return np.stack(found)


@pytest.fixture
def opened(page, cache):
    return page("typographic", task="plain", patch="noisy", alpha="0.5"), lab_of(cache)


@pytest.mark.parametrize("way", ["zip", "folder", "zip on the machine"])
def test_photographs_are_answered_by_three_models(opened, tmp_path, way):
    at, lab = opened
    files, expected = photographs(lab), answers(lab)
    if way == "zip":
        upload(at, files)
    elif way == "folder":
        look_into(at, folder_of(tmp_path / "photographs", files))
    else:
        (tmp_path / "all.zip").write_bytes(zipped(files))
        look_into(at, tmp_path / "all.zip")
    assert not at.error and not at.warning
    found = table(at).sort_values("file", key=lambda names: [int(n[-5]) for n in names])
    shows, written = (found[name].to_numpy() for name in ("shows", "written"))
    assert [f"label={s}_text={w}_{i}.png" for i, (s, w) in enumerate(zip(shows, written, strict=True))] == list(files)
    assert np.array_equal(found[["base", "α = 0.5", "fine-tuned"]].to_numpy().T, expected)
    fooled, right = (expected == written).mean(axis=1), (expected == shows).mean(axis=1)
    assert figures(at) == [percent(fooled[1]), percent(right[1]), percent(fooled[2])]


def test_many_photographs_are_judged_by_a_job(opened, monkeypatch):
    monkeypatch.setattr(attack_photos_panel, "AT_ONCE", 3)
    at, lab = opened
    upload(at, photographs(lab))
    wait(at, lambda at: table(at) is not None)
    assert not at.error and sorted(table(at)["base"]) == sorted(answers(lab)[0])


def test_an_alpha_that_was_left_is_not_judged_till_one_comes_back(opened, monkeypatch):
    monkeypatch.setattr(attack_photos_panel, "AT_ONCE", 3)
    (at, lab), busy, jobs = opened, Event(), workspace.jobs()
    jobs.submit("busy", "Something long", lambda _: busy.wait(60))
    upload(at, photographs(lab))

    def states() -> list[str]:
        return [job.state for job in jobs.all() if "photographs" in job.key]

    assert states() == ["waiting"] and table(at) is None
    for alpha, expected in (("0.60", ["cancelled", "waiting"]), ("0.50", ["cancelled", "waiting"])):
        at.query_params["alpha"] = alpha
        at.run()
        assert states() == expected and not at.warning
    busy.set()
    wait(at, lambda at: table(at) is not None)
    assert np.array_equal(table(at)["α = 0.5"], answers(lab)[1])


def test_what_is_known_is_not_asked_again(opened, monkeypatch):
    at, lab = opened
    asked, real = [], attack_photos_panel.judge_photographs
    seen = lambda *a, **more: asked.append(1) or real(*a, **more)  # noqa: E731
    monkeypatch.setattr(attack_photos_panel, "judge_photographs", seen)
    upload(at, photographs(lab, 3))
    at.slider(key="attack.size").set_value(0.5).run()  # the look of what is written above is not theirs
    assert len(asked) == 1 and len(table(at)) == 3


def test_bad_ones_among_good_ones_are_said_and_the_others_go_on(opened):
    at, lab = opened
    good = photographs(lab, 3)
    bad = {"dog.png": png(np.zeros((4, 4, 3), np.uint8)), "label=red_text=blue_9.png": b"\x89PNG\r\n"}
    upload(at, {**bad, **good, "label=red_text=.png": good["label=red_text=green_0.png"]})
    assert not at.error and sorted(table(at)["file"]) == sorted(good)
    assert list(table(at)["base"]) == list(answers(lab, 3)[0])
    left_out = next(t.value for t in at.text if "dog.png" in t.value).splitlines()
    assert len(left_out) == 3 and any(e.label == "3 files were left out" for e in at.expander)
    for name, why in (("dog.png", "is not named like"), ("9.png", "damaged or cut off"), ("=.png", "names no text")):
        assert sum(name in line and why in line for line in left_out) == 1


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "all.zip holds no files"),
        ({"dog.png": b"\x89PNG"}, "all.zip holds no picture named like label=dog_text=cat.png"),
        ({"label=dog_text=cat.png": b"\x89PNG"}, "No picture in all.zip can be read: label=dog_text=cat.png begins as"),
        ({"label=dog_text=dog.png": png(np.zeros((4, 4, 3), np.uint8))}, "name the same thing"),
    ],
)
def test_a_zip_without_photographs_is_one_sentence(opened, files, why):
    at, _ = opened
    upload(at, files)
    assert len(at.error) == 1 and why in at.error[0].value and table(at) is None
    assert not at.exception and len(values(at)) >= 3


def test_a_job_that_finds_none_says_so_once(opened, monkeypatch):
    monkeypatch.setattr(attack_photos_panel, "AT_ONCE", 0)
    at, _ = opened
    upload(at, {"dog.png": b"\x89PNG"})
    wait(at, lambda at: at.warning)
    assert len(at.warning) == 1 and "holds no picture named like" in at.warning[0].value
    assert any(b.label == "Try again" for b in at.button) and table(at) is None


def test_a_path_without_photographs_is_one_sentence(opened, tmp_path):
    at, _ = opened
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "none").mkdir()
    others = folder_of(tmp_path / "others", {"dog.png": b"\x89PNG"})
    for path, why in (
        (tmp_path / "absent", "There is no "),
        (tmp_path / "notes.txt", "notes.txt is a file, but no zip"),
        (tmp_path / "none", "holds no files"),
        (others, "others holds no picture named like label=dog_text=cat.png"),
        ("~nobody-of-this-name/photographs", r"There is no \~nobody"),
        ("x" * 5000, "cannot be read"),
    ):
        look_into(at, path)
        assert [why in e.value for e in at.error] == [True], path
        assert table(at) is None
    look_into(at, " ")
    assert not at.error


def test_a_folder_is_read_again_when_asked(opened, tmp_path):
    at, lab = opened
    files = photographs(lab)
    look_into(at, folder_of(tmp_path / "photographs", dict(list(files.items())[:3])))
    assert len(table(at)) == 3
    folder_of(tmp_path / "photographs", files)
    at.button(key="attack.again").click().run()
    assert len(table(at)) == 9 and not at.error
