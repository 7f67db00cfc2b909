"""Pictures that anybody may send: each is read as a person sees it, or refused in a sentence of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.classify import decode
from core.classify.album import take_in
from core.classify.uploads import Incoming
from tests import hostile

REFUSED, HANDLED = hostile.refused(), hostile.handled()
TESTS = Path(__file__).resolve().parents[1]


def test_there_are_thirty_and_more():
    assert len(REFUSED) >= 30 and len(HANDLED) >= 30


@pytest.mark.parametrize("name", REFUSED, ids=lambda n: n[:20].encode("ascii", "replace").decode())
def test_what_is_no_picture_gets_one_sentence(name):
    data, words = REFUSED[name]
    with pytest.raises(decode.IntakeError) as caught:
        decode.decode_picture(data, name)
    said = str(caught.value)
    assert words in said
    assert said.startswith(decode.shown(name)) and said.endswith(".")
    assert len(said) < 320 and said.isprintable()


@pytest.mark.parametrize("name", HANDLED)
def test_odd_pictures_are_read_as_people_see_them(name):
    data, shape, colour, note = HANDLED[name]
    found = decode.read(data, name)
    assert found.pixels.shape == (*shape, 3) and found.pixels.dtype == np.uint8
    assert np.abs(found.pixels[0, 0].astype(int) - colour).max() <= 8
    assert (note in "; ".join(found.notes)) if note else not found.notes


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_turned_as_pillow_turns_it(orientation):
    from PIL import ImageOps

    rng = np.random.default_rng(0)
    blocks = np.kron(rng.integers(0, 255, (3, 5, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        data = hostile.encoded(Image.fromarray(blocks), kind, exif=exif)
        expected = ImageOps.exif_transpose(Image.open(hostile.io.BytesIO(data))).convert("RGB")
        assert np.array_equal(decode.decode_picture(data, kind), np.asarray(expected)), kind


def test_the_good_go_on_among_the_bad():
    mixed = []
    for (bad, (data, _)), (good, (other, *_)) in zip(REFUSED.items(), HANDLED.items(), strict=False):
        mixed += [Incoming(bad, None, lambda d=data: d), Incoming(good, None, lambda d=other: d)]
    album = take_in(mixed, lambda pixels: pixels[:1, :1])
    assert [p.name for p in album.pictures] == [i.name for i in mixed[1::2]]
    assert len(album.refused) == len(mixed) // 2 == len(set(album.refused))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(HANDLED)), st.data())
def test_any_damage_is_a_picture_or_a_sentence(name, data):
    """Some bytes anywhere are changed: nothing else than IntakeError may come out."""
    changed = bytearray(HANDLED[name][0][:4000])
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert decode.decode_picture(bytes(changed), name).shape[2] == 3
    except decode.IntakeError as error:
        assert str(error).startswith(decode.shown(name))


# The peak of this process's own memory, in bytes; what getrusage says begins at what the parent held.
PEAK = """
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
"""
linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")


@linux
def test_memory_stays_bounded():
    """All of them in one fresh process: it never grows by more than one picture of the limit in its widest form."""
    code = (
        PEAK
        + """
import sys
sys.path[:0] = sys.argv[1:]
from core.classify import decode as intake
from tests import hostile
cases = [d for d, *_ in (*hostile.refused().values(), *hostile.handled().values())]
before = peak()
for data in cases:
    try:
        intake.decode_picture(data, "x")
    except intake.IntakeError:
        pass
print(peak() - before)
"""
    )
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(TESTS.parent)],
        capture_output=True, text=True, env=os.environ, check=True,
    )  # fmt: skip
    assert int(ran.stdout) < 4 * decode.MAX_PIXELS


@linux
def test_the_limit_itself_is_read_in_bounded_memory():
    """The largest picture that is let in, see-through, which needs the most room."""
    code = (
        PEAK
        + """
import sys
sys.path[:0] = sys.argv[1:]
from PIL import Image
from core.classify import decode as intake
from tests import hostile
data = hostile.encoded(Image.new("RGBA", (8000, 8000), (9, 9, 9, 0)), "PNG", compress_level=1)
before = peak()
assert intake.decode_picture(data, "x").shape == (8000, 8000, 3)
print(peak() - before)
"""
    )
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(TESTS.parent)],
        capture_output=True, text=True, env=os.environ, check=True,
    )  # fmt: skip
    assert int(ran.stdout) < 1.2 * 2**30
