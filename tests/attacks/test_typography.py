from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import PaletteError
from core.attacks import fonts
from core.attacks.fonts import Face, FontError
from core.attacks.typography import LIMITS, LONGEST, SMALLEST, Look, TypographyError, wrap, write

GREY = np.full((96, 128, 3), 120, np.uint8)
INK = Look(colour="#ff0000", plate="", opacity=1.0)


def inked(image: np.ndarray, before: np.ndarray = GREY) -> np.ndarray:
    """Where the picture changed, bool (h, w)."""
    return (image != before).any(axis=2)


def box(image: np.ndarray) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of what changed."""
    rows, columns = (np.flatnonzero(inked(image).any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


@pytest.mark.parametrize("family", list(fonts.families()))
def test_every_font_writes_and_writes_the_same_again(family):
    look = replace(INK, face=Face(family))
    once, again = write(GREY, "umbrella", look), write(GREY, "umbrella", look)
    assert np.array_equal(once, again) and inked(once).sum() > 50
    assert not np.array_equal(once, write(GREY, "anchor", look))
    assert (GREY == 120).all(), "the picture that was given stays as it was"


def test_the_families_that_ship_are_there():
    assert set(fonts.families()) == {"Aileron", "Pixel", "Source Sans", "Source Serif", "Source Code"}


def test_weight_and_italic_change_the_letters():
    plain = write(GREY, "dog", replace(INK, face=Face("Source Serif")))
    heavy = write(GREY, "dog", replace(INK, face=Face("Source Serif", "black")))
    slanted = write(GREY, "dog", replace(INK, face=Face("Source Serif", italic=True)))
    assert inked(heavy).sum() > 1.2 * inked(plain).sum()
    assert not np.array_equal(plain, slanted)


def test_size_is_relative_to_the_shorter_side():
    heights = []
    for scale in (1, 2):
        canvas = np.full((96 * scale, 128 * scale, 3), 120, np.uint8)
        rows = np.flatnonzero(inked(write(canvas, "dog", replace(INK, size=0.3)), canvas).any(axis=1))
        heights.append(rows[-1] - rows[0])
    assert heights[1] == pytest.approx(2 * heights[0], abs=3)


def test_position_is_the_middle_and_nothing_sticks_out():
    for x, y in ((0.5, 0.5), (0.3, 0.6)):
        top, bottom, left, right = box(write(GREY, "dog", Look(x=x, y=y, size=0.2)))  # its plate is symmetric
        assert (left + right + 1) / 2 == pytest.approx(128 * x, abs=1.5)
        assert (top + bottom + 1) / 2 == pytest.approx(96 * y, abs=1.5)
    middle = inked(write(GREY, "dog", Look(x=0.5, y=0.5))).sum()
    assert inked(write(GREY, "dog", Look(x=0.0, y=1.0))).sum() == middle


def test_colours_plate_outline_and_opacity():
    def has(image: np.ndarray, colour: tuple[int, int, int]) -> bool:
        return bool((image == colour).all(axis=2).any())

    look = Look(colour="#ff0000", plate="#00ff00", size=0.5, face=Face("Source Sans", "bold"))
    assert has(write(GREY, "I", look), (255, 0, 0)) and has(write(GREY, "I", look), (0, 255, 0))
    assert not has(write(GREY, "I", replace(look, plate="")), (0, 255, 0))
    outlined = replace(look, plate="", outline=0.1, outline_colour="#0000ff")
    assert has(write(GREY, "I", outlined), (0, 0, 255))
    faint = write(GREY, "I", replace(look, opacity=0.5))
    assert not has(faint, (255, 0, 0)) and np.abs(faint.astype(int) - (187, 60, 60)).sum(axis=2).min() <= 6


def test_turning_turns():
    flat, upright = (box(write(GREY, "umbrella", replace(INK, rotation=r, y=0.5, size=0.15))) for r in (0.0, 90.0))
    assert flat[3] - flat[2] > flat[1] - flat[0]
    assert upright[1] - upright[0] > upright[3] - upright[2]


def test_long_text_is_wrapped_then_shrunk():
    lines = wrap("a long sentence that must go on", Face(), 20, 100)
    assert len(lines) > 1 and " ".join(lines) == "a long sentence that must go on"
    assert all(fonts.length(Face(), 20, line) <= 100 for line in lines)
    assert wrap("one\ntwo", Face(), 20, 1000) == ["one", "two"]
    word = box(write(GREY, "W" * 30, replace(INK, size=0.5)))
    assert word[3] - word[2] <= 128 and word[1] - word[0] < 20, "one long word cannot wrap, so it shrinks"


@settings(max_examples=60, deadline=None)
@given(
    text=st.text("aW é\n", min_size=1, max_size=40),
    look=st.builds(
        Look,
        face=st.sampled_from([Face("Source Sans"), Face("Pixel")]),
        **{name: st.floats(low, high) for name, (low, high) in LIMITS.items()},
    ),
)
def test_any_look_writes_inside_the_picture_or_says_why_not(text, look):
    try:
        image = write(GREY, text, look)
    except TypographyError as error:
        assert "too long" in str(error)
        return
    assert image.shape == GREY.shape and image.dtype == np.uint8
    assert inked(image).any() == bool(text.strip())


def test_nothing_to_write_is_the_picture_itself():
    for text in ("", "   ", "\n\n"):
        assert np.array_equal(write(GREY, text), GREY)


def test_unicode_that_a_font_has_and_has_not():
    for text in ("Żółw", "кот", "λ", "été"):
        assert inked(write(GREY, text, replace(INK, face=Face("Source Sans")))).any()
    with pytest.raises(FontError, match=r"Aileron cannot draw 'к'.*Source Sans.*would do\.$"):
        write(GREY, "кот")
    with pytest.raises(FontError, match="no font here has all of that"):
        write(GREY, "猫")
    with pytest.raises(FontError, match=r"U\+0007"):
        write(GREY, "a\x07b")
    with pytest.raises(FontError, match="Pixel cannot draw 'Ż'"):
        write(GREY, "Żółw", Look(Face("Pixel")))


def test_what_makes_no_sense_is_said_in_one_sentence():
    with pytest.raises(TypographyError, match=f"{LONGEST} are the most"):
        write(GREY, "x" * (LONGEST + 1))
    tiny = np.zeros((SMALLEST, SMALLEST, 3), np.uint8)
    with pytest.raises(TypographyError, match="too long for a picture of 4 × 4"):
        write(tiny, "umbrella")
    for wrong in ({"size": 2.0}, {"x": -0.1}, {"rotation": 400.0}, {"opacity": 0.0}, {"y": float("nan")}):
        with pytest.raises(TypographyError, match="must lie between"):
            Look(**wrong)
    with pytest.raises(TypographyError, match="like #ff8800"):
        Look(colour="red")
    for face in (Face("Comic Sans"), Face("Source Sans", "heavy")):
        with pytest.raises(PaletteError, match="There is no"):
            Look(face)
