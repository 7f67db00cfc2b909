"""Zips and folders that anybody may send: labels from folder names, nothing written, nothing unbounded."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from pathlib import Path

import pytest

from core.classify import uploads
from core.classify.album import take_in
from core.classify.decode import IntakeError
from tests import hostile

PNG = hostile.encoded(hostile.red(), "PNG")


def zipped(files: dict[str, bytes], **options) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def unpack(data: bytes):
    return take_in(uploads.from_zip(io.BytesIO(data), "sent.zip"), lambda pixels: pixels)


def encrypted() -> bytes:
    """The flag of an encrypted entry, in both of its headers."""
    data = bytearray(zipped({"secret.png": PNG}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def test_folders_in_a_zip_are_labels_and_clutter_is_left_out():
    album = unpack(
        zipped(
            {
                "cat/1.png": PNG,
                "dog/2.png": PNG,
                "top.png": PNG,
                "__MACOSX/cat/._1.png": b"?",
                "cat/.DS_Store": b"?",
                "dog/Thumbs.db": b"?",
                "deep/down/fox/3.png": PNG,
                "empty/": b"",
            }
        )
    )
    assert [(p.name, p.label) for p in album.pictures] == [
        ("cat/1.png", "cat"), ("dog/2.png", "dog"), ("top.png", None), ("deep/down/fox/3.png", "fox"),
    ]  # fmt: skip
    assert not album.refused


def test_names_that_climb_stay_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["../../up.png", "/etc/root.png", "..\\..\\windows.png", "a/../../b/c.png", "naïve/猫 🐈.png"]
    album = unpack(zipped(dict.fromkeys(names, PNG)))
    assert [p.name for p in album.pictures] == ["up.png", "etc/root.png", "windows.png", "a/b/c.png", "naïve/猫 🐈.png"]
    assert not list(tmp_path.rglob("*")) and not list(tmp_path.parent.glob("up.png"))


def test_each_bad_file_in_a_zip_is_a_sentence_and_the_others_go_on():
    bad = {f"bad/{i}.png": data for i, (data, _) in enumerate(hostile.refused().values())}
    good = {f"good/{name}": data for name, (data, *_) in hostile.handled().items()}
    bad["bad/inner.zip"] = zipped({"x.png": PNG})
    bad["bad/link.png"] = b"../../../etc/passwd"
    album = unpack(zipped({**bad, **good}))
    assert [p.name for p in album.pictures] == list(good)
    assert len(album.refused) == len(bad)
    assert any("a zip file" in said for said in album.refused)


def test_a_zip_bomb_costs_no_more_than_its_first_bytes(monkeypatch):
    bomb = zipped({f"{i}.png": bytes(50_000_000) for i in range(3)})
    read = []
    monkeypatch.setattr(uploads, "refuse_by_head", lambda head, name: read.append(len(head)) or refuse(head, name))
    from core.classify.decode import refuse_by_head as refuse

    album = unpack(bomb)
    assert len(album.refused) == 3 and not album.pictures
    assert read == [64, 64, 64]


def test_what_a_zip_unpacks_to_is_bounded_even_behind_a_picture_s_head(monkeypatch):
    monkeypatch.setattr(uploads, "MAX_BYTES", 1_000_000)
    monkeypatch.setattr(uploads, "MAX_UNPACKED", 3_500_000)
    files = {f"{i}.png": PNG + bytes(10_000_000) for i in range(5)}
    got = []
    for file in uploads.from_zip(io.BytesIO(zipped(files)), "bomb.zip"):
        try:
            got.append(len(file.read()))
        except IntakeError as error:
            got.append(str(error))
    assert got[:3] == [1_000_001] * 3
    assert all("unpacks to more than" in said for said in got[3:])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no zip"),
        (b"PK\x03\x04" + b"x" * 100, "cut off"),
        (zipped({"a.png": PNG})[:-30], "cut off"),
        (zipped({}), "no files"),
        (zipped({f"{i}.png": b"" for i in range(10_001)}), "more than 10,000"),
        (b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 9, 9, 2**31, 0, 0), "table of contents"),
    ],
    ids=["nothing", "rubbish", "truncated", "empty", "many", "huge directory"],
)
def test_what_is_no_zip_is_one_sentence(data, said):
    with pytest.raises(IntakeError, match=said):
        uploads.from_zip(io.BytesIO(data), "sent.zip")


def test_encrypted_and_damaged_entries_are_a_sentence_each():
    assert "encrypted" in unpack(encrypted()).refused[0]
    damaged = bytearray(zipped({"a.png": os.urandom(10) + PNG * 50, "b.png": PNG}))
    damaged[60] ^= 255
    album = unpack(bytes(damaged))
    assert [p.name for p in album.pictures] == ["b.png"] and len(album.refused) == 1
    odd = bytearray(zipped({"c.png": PNG}))
    odd[8] = odd[odd.index(b"PK\x01\x02") + 10] = 99  # a way of packing that nobody knows
    assert "damaged inside the zip" in unpack(bytes(odd)).refused[0]


def test_a_folder_gives_labels_and_odd_things_in_it_do_no_harm(tmp_path):
    for where in ("cat", "dog/puppies", ".hidden"):
        (tmp_path / where).mkdir(parents=True)
        (tmp_path / where / "a.png").write_bytes(PNG)
    (tmp_path / "cat" / "z.txt").write_text("hello")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.png")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd-\xff.png")).write_bytes(PNG)
    album = take_in(uploads.gather([tmp_path]), lambda pixels: pixels)
    assert [(p.name, p.label) for p in album.pictures] == [
        ("odd-?.png", None), ("cat/a.png", "cat"), ("dog/puppies/a.png", "puppies"),
    ]  # fmt: skip
    assert len(album.refused) == 1 and "z.txt" in album.refused[0]


def test_paths_of_all_kinds_at_once(tmp_path):
    (tmp_path / "one.png").write_bytes(PNG)
    (tmp_path / "pack.zip").write_bytes(zipped({"cat/two.png": PNG}))
    (tmp_path / "named.zip").write_bytes(b"no zip at all")
    (tmp_path / "empty").mkdir()
    album = take_in(
        uploads.gather([tmp_path / n for n in ("one.png", "pack.zip", "named.zip", "empty", "gone.png", "x\0y")]),
        lambda pixels: pixels,
    )
    assert [p.name for p in album.pictures] == ["one.png", "cat/two.png"]
    for said, words in zip(album.refused, ("not a picture", "no files", "not there", "not there"), strict=True):
        assert words in said


def test_a_folder_of_too_many_files_is_refused_early(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_FILES", 3)
    for i in range(5):
        (tmp_path / f"{i}.png").write_bytes(PNG)
    with pytest.raises(IntakeError, match="more than 3 files"):
        uploads.from_folder(tmp_path)


def test_an_album_that_is_full_says_what_was_left_out(monkeypatch):
    monkeypatch.setattr("core.classify.album.MAX_ALBUM_BYTES", 5000)
    album = unpack(zipped({f"{i}.png": PNG for i in range(4)}))
    assert len(album.pictures) == 2 and len(album.refused) == 2
    assert "left out" in album.refused[0]
