from __future__ import annotations

import zipfile

import pytest

from core.exchange.exporting.archive import pack_archive
from core.exchange.exporting.export import export
from core.exchange.exporting.formats import FORMATS, expected_bytes, trouble
from core.exchange.manifest import read_recipe
from core.progress import CancelledError, Progress
from core.recipes.recipe import lerp, single
from core.storage import files
from tests.conftest import full_disk


def test_a_zip_holds_the_same_files_and_is_the_same_whenever_it_is_made(tiny_lab, tmp_path):
    mix = lerp(tiny_lab.base, single("noisy"), 0.5)
    done = export(tiny_lab, mix, tmp_path / "out")
    one, two = (pack_archive(done.files, tmp_path / d / "mix.zip") for d in ("a", "b"))
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "open")
    assert read_recipe(tmp_path / "open" / "mix") == mix
    assert {p.name: p.read_bytes() for p in done.files} == {
        p.name: p.read_bytes() for p in (tmp_path / "open" / "mix").iterdir()
    }


def test_a_full_disk_or_a_cancel_leaves_no_zip(tiny_lab, tmp_path):
    done = export(tiny_lab, tiny_lab.base, tmp_path / "out", "image_tower")
    with full_disk(), pytest.raises(files.DiskError, match="No space left"):
        pack_archive(done.files, tmp_path / "zips" / "mix.zip")
    progress = Progress()
    progress.cancel()
    with pytest.raises(CancelledError):
        pack_archive(done.files, tmp_path / "zips" / "mix.zip", progress)
    assert not list((tmp_path / "zips").iterdir())


@pytest.mark.parametrize("fmt", ["open_clip", "state_dict", "image_tower"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_size_is_known_before(tiny_lab, tmp_path, fmt, dtype):
    written = export(tiny_lab, tiny_lab.base, tmp_path / "out", fmt, dtype).files[0].stat().st_size
    expected = expected_bytes(tiny_lab, fmt, dtype)
    assert expected <= written <= expected + 40_000  # the header


def test_a_format_that_cannot_be_is_known_before(tiny_lab):
    assert "plain vision transformers" in (trouble(tiny_lab, "huggingface", "float32") or "")
    assert [fmt for fmt in FORMATS if fmt not in ("huggingface", "onnx") and trouble(tiny_lab, fmt, "float16")] == []
    assert trouble(tiny_lab, "onnx", "float16")
