"""One way to read a picture: the same pixels on every path, for every mode and format."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from core.attacks.photo_files import read as attacked
from core.classify import decode_picture
from core.tasks import pictures
from core.tasks.datasets.adapters import guess, open_parts
from tests.hostile import png_chunk

MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "YCbCr", "I;16", "I", "F"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("L", "P"),
    "BMP": ("1", "L", "P", "RGB"),
    "AVIF": ("RGB", "RGBA"),
    "JPEG2000": ("L", "LA", "RGB", "RGBA"),
    "PPM": ("1", "L", "RGB"),
}
PAIRS = [(kind, mode) for kind, modes in MODES.items() for mode in modes]
TURNED = ("PNG", "JPEG", "WEBP")


def drawn(mode: str, seed: int) -> Image.Image:
    """Blocks of colours in a mode, with some of it see-through where a mode can be."""
    rng = np.random.default_rng(seed)
    blocks = np.kron(rng.integers(0, 256, (3, 5, 4)), np.ones((8, 8, 1))).astype(np.uint8)
    if mode in ("I;16", "I", "F"):
        deep = blocks[..., 0].astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode])
        return Image.fromarray(deep * 257)
    image = Image.fromarray(blocks, "RGBA" if mode in ("RGBA", "LA") else "RGB") if mode in ("RGBA", "LA") else None
    image = image or Image.fromarray(blocks[..., :3])
    return Image.merge("LAB", image.split()) if mode == "LAB" else image.convert(mode)


def encoded(kind: str, mode: str, seed: int, turn: int) -> bytes:
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = turn
    well = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    drawn(mode, seed).save(out, kind, **well, **({"exif": exif.tobytes()} if kind in TURNED and turn > 1 else {}))
    return out.getvalue()


def on_every_path(data: bytes, folder: Path) -> dict[str, np.ndarray]:
    """The pixels of one picture as every place of the program reads it."""
    folder = Path(mkdtemp(dir=folder))
    (folder / "set" / "cat").mkdir(parents=True)
    (folder / "set" / "cat" / "one.png").write_bytes(data)
    (folder / "list.csv").write_text("image,label\nset/cat/one.png,cat\n")
    parquet.write_table(pyarrow.table({"image": [data], "label": ["cat"]}), folder / "one.parquet")
    with zipfile.ZipFile(folder / "one.zip", "w") as archive:
        archive.writestr("cat/one.png", data)
    (folder / "label=cat_text=dog.png").write_bytes(data)
    found = {name: open_parts(guess(folder / name))["all"] for name in ("set", "list.csv", "one.parquet", "one.zip")}
    read = {name: np.asarray(part.images.open(0)) for name, part in found.items()}
    (photo,) = attacked(_alone(folder))
    return read | {"classify": decode_picture(data, "one"), "attacks": photo.image}


def _alone(folder: Path) -> Path:
    alone = folder / "attacks"
    alone.mkdir()
    (folder / "label=cat_text=dog.png").replace(alone / "label=cat_text=dog.png")
    return alone


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pair=st.sampled_from(PAIRS), turn=st.integers(1, 8), seed=st.integers(0, 9))
def test_every_path_sees_the_same_pixels(tmp_path, pair, turn, seed):
    found = on_every_path(encoded(*pair, seed, turn), tmp_path)
    first = found.pop("set")
    assert first.dtype == np.uint8 and first.shape[2] == 3
    assert first.shape[:2] == ((40, 24) if turn > 4 and pair[0] in TURNED else (24, 40))
    for name, pixels in found.items():
        assert np.array_equal(pixels, first), name


@pytest.mark.parametrize(("kind", "mode"), PAIRS)
def test_every_mode_is_read_as_people_see_it(kind, mode):
    """Against the picture that was drawn, laid on white and made 8 bits by hand; some formats lose a little."""
    drawing = drawn(mode, 1)
    if mode in ("I;16", "I", "F"):
        values = np.asarray(drawing).astype(np.float64)
        low, high = (0, 65535) if mode == "I;16" else (values.min(), values.max())
        expected = np.repeat(((values - low) / (high - low) * 255)[..., None], 3, axis=2)
    elif mode in ("RGBA", "LA"):
        clear = np.asarray(drawing.convert("RGBA")).astype(np.float64)
        share = clear[..., 3:] / 255
        expected = clear[..., :3] * share + 255 * (1 - share)
    elif mode == "LAB":
        return  # how colours turn is the colour library's; that they are read at all is tested above
    else:
        expected = np.asarray(drawing.convert("RGB")).astype(np.float64)
    found = np.asarray(pictures.read(encoded(kind, mode, 1, 1))).astype(np.float64)
    assert np.abs(found - expected).mean() < (8 if kind in ("JPEG", "WEBP", "AVIF", "JPEG2000") or mode == "P" else 1.5)


@pytest.mark.parametrize("chunk", [b"iCCP", b"zTXt", b"iTXt"])
@pytest.mark.parametrize("behind", [False, True])
def test_a_sound_png_with_large_words_in_it_is_read(tmp_path, chunk, behind):
    large = zlib.compress(bytes(3_000_000))
    body = {b"iCCP": b"profile\0\0", b"zTXt": b"Comment\0\0", b"iTXt": b"Comment\0\1\0\0\0"}[chunk] + large
    data = encoded("PNG", "RGB", 0, 1)
    at = len(data) - 12 if behind else 33
    talking = data[:at] + png_chunk(chunk, body) + data[at:]
    (tmp_path / "x.png").write_bytes(talking)
    for source in (talking, tmp_path / "x.png"):
        assert np.array_equal(np.asarray(pictures.read(source)), np.asarray(pictures.read(data)))


def test_more_pixels_than_asked_for_are_refused_before_they_are_read():
    with pytest.raises(pictures.TooLargeError, match="40 × 24 pixels"):
        pictures.read(encoded("PNG", "RGB", 0, 1), most=900)


@pytest.mark.parametrize("kind", MODES)
def test_content_says_what_a_file_is(kind):
    assert pictures.kind(encoded(kind, MODES[kind][0], 0, 1)[:16])


@pytest.mark.parametrize(
    "head", [b"", b"GET / HTTP/1.1", b"P4ssword", b"RIFF0000WAVE", b"\0\0\0\x18ftypisom", b"PK\3\4"]
)
def test_what_is_no_picture_is_none(head):
    assert not pictures.kind(head)


CASES = Path(__file__).resolve().parents[2].parent / "shared" / "cases" / "28-odd-pictures" / "set" / "odd"


COLOURLESS = ("grey16", "float", "la", "onebit")


@pytest.mark.skipif(not CASES.is_dir(), reason="needs the shared cases")
@pytest.mark.parametrize("path", sorted(CASES.glob("*")) if CASES.is_dir() else [], ids=lambda p: p.name)
def test_one_picture_in_many_encodings_is_nearly_the_same(path):
    if path.name == "cut.jpg":
        with pytest.raises(OSError):
            pictures.read(path)
        return
    found = np.asarray(pictures.read(path).resize((32, 32))).astype(int)
    if path.name == "exif6.jpg":  # lies on its side without the turn
        found = np.rot90(found)
    if path.stem in ("rgba", "palette_alpha"):  # see-through there
        assert (found[16, [4, 28]] == 255).all()
    elif path.stem in COLOURLESS:
        assert np.ptp(found, axis=2).max() == 0 and found.std() > 5
    else:
        assert np.abs(found[16, 4] - (220, 30, 30)).max() <= 4 and np.abs(found[16, 28] - (30, 30, 220)).max() <= 4
