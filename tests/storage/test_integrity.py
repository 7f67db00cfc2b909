from __future__ import annotations

import os

import pytest

from core.storage.integrity import IntegrityRecord, signature


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights")
    return path


def test_a_file_is_known_until_anything_about_it_changes(tmp_path, file):
    record = tmp_path / "verified.json"
    IntegrityRecord(record).add(file, signature(file))
    assert file in IntegrityRecord(record)
    os.utime(file, ns=(0, 0))
    assert file not in IntegrityRecord(record)


def test_other_bytes_of_the_same_size_and_date_are_another_file(tmp_path, file):
    known, times = IntegrityRecord(tmp_path / "verified.json"), file.stat()
    known.add(file, signature(file))
    file.write_bytes(b"WEIGHTS")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file not in known


def test_a_file_that_changed_while_it_was_read_is_not_noted(tmp_path, file):
    known, before = IntegrityRecord(tmp_path / "verified.json"), signature(file)
    file.write_bytes(b"other weights")
    known.add(file, before)
    known.add(tmp_path / "absent", None)
    assert file not in known and tmp_path / "absent" not in known


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff"])
def test_a_damaged_record_knows_nothing(tmp_path, file, content):
    record = tmp_path / "verified.json"
    record.write_bytes(content)
    known = IntegrityRecord(record)
    assert file not in known
    known.add(file, signature(file))
    assert file in IntegrityRecord(record)


def test_without_room_for_the_record_it_lasts_as_long_as_the_process(tmp_path, file):
    record = tmp_path / "nowhere" / "verified.json"
    (tmp_path / "nowhere").write_text("a file where a folder should be")
    known = IntegrityRecord(record)
    known.add(file, signature(file))
    assert file in known and file not in IntegrityRecord(record)
