"""Glyphs, letters and the renderer: what is drawn, that it repeats, and what is said when the fonts are not right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.world import WorldError, colours
from core.world.concepts import CONCEPTS, ICONS, PHOTO_NAMES, THINGS
from core.world.drawing import glyphs, lettering, render


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(glyph, seed=0, manner=None):
    """Finished pictures of the atlas's glyphs, uint8 (n, 64, 64, 3)."""
    generator, manner = seeded(seed), manner or render.Manner()
    return render.develop(render.icons(glyph, generator, manner)[0], generator, manner.grain)


def test_names():
    assert len(CONCEPTS) == len(set(CONCEPTS)) == 166
    assert len(ICONS) == len(set(ICONS)) == 100 and set(ICONS) <= set(CONCEPTS)
    assert set(PHOTO_NAMES) <= set(THINGS) and len(set(THINGS)) == len(THINGS)


def test_every_concept_is_drawn_several_times():
    atlas = glyphs.atlas()
    assert atlas.masks.shape == (len(glyphs.table()), glyphs.SIDE, glyphs.SIDE) and atlas.masks.dtype == np.uint8
    assert np.bincount(atlas.concept, minlength=len(CONCEPTS)).min() >= 4
    ink = (atlas.masks > 128).mean(axis=(1, 2))
    assert ink.min() > 0.01 and ink.max() < 0.95  # neither empty nor a solid box that stands for a missing glyph


def test_where_finds_glyphs_by_look():
    atlas = glyphs.atlas()
    thin = atlas.where(ICONS, (("phosphor", "thin"),))
    assert 80 < len(thin) < 100
    for label, numbers in thin.items():
        assert {CONCEPTS[c] for c in atlas.concept[numbers]} == {ICONS[label]}
        assert {glyphs.STYLES[s] for s in atlas.style[numbers]} == {"thin"}


def test_changed_fonts_are_said(monkeypatch):
    glyphs.checked_digest.cache_clear()
    monkeypatch.setattr(glyphs, "EXPECTED_DIGEST", "0" * 64)
    with pytest.raises(WorldError, match=r"Installed qtawesome .* does not draw the glyphs .* pip install qtawesome=="):
        glyphs.checked_digest()
    glyphs.checked_digest.cache_clear()


def test_a_missing_font_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(glyphs, "fonts_folder", lambda: tmp_path)
    with pytest.raises(WorldError, match=r"remixicon-2\.5\.0\.ttf is missing"):
        glyphs._read("remix", "ttf")


def test_qtawesome_not_installed_is_said(monkeypatch):
    monkeypatch.setattr(glyphs.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WorldError, match="pip install qtawesome"):
        glyphs.fonts_folder()


@pytest.mark.parametrize("look", lettering.LOOKS)
def test_words_fill_their_canvas(look):
    masks = lettering.word_masks(("cat", "headphones"), look)
    assert masks.shape == (2, lettering.HEIGHT, lettering.WIDTH)
    assert (masks > 128).any(axis=(1, 2)).all()
    assert not masks[:, :, 0].any() and not masks[:, :, -1].any()  # nothing is cut off at the sides


def test_lettering_knows_the_extent_of_its_ink():
    letters = lettering.lettering(("cat", "headphones"))
    assert letters.aspect.shape == letters.ink.shape[:2] == (2, len(lettering.LOOKS))
    assert (letters.aspect[1] > letters.aspect[0]).all() and letters.ink.max() <= 1


def test_bad_lettering_is_said():
    with pytest.raises(WorldError, match="no lettering look 'gothic'"):
        lettering.word_masks(("cat",), "gothic")
    with pytest.raises(WorldError, match="letters a to z"):
        lettering.word_masks(("naïve",), "rounded")


def test_the_same_seed_draws_the_same_bytes():
    glyph = torch.arange(40)
    first, again, other = (drawn(glyph, s) for s in (1, 1, 2))
    assert first.shape == (40, 64, 64, 3) and first.dtype == torch.uint8
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_icons_stand_out_from_their_ground():
    canvas, colour, ground = render.icons(torch.arange(64), seeded())
    assert colours.stands_out()[colour, ground].all()
    assert canvas.amin() >= 0 and canvas.amax() <= 1
    assert (canvas.amax(dim=(2, 3)) - canvas.amin(dim=(2, 3))).amax(dim=1).min() > 0.2


def test_an_upright_icon_is_its_mask():
    still = render.Manner(size=(1, 1), tilt=0, shear=0, plain=1, pattern=(0, 0), wander=0, grain=0)
    centre, half = torch.full((1, 2), 32.0), torch.full((1, 2), 32.0)
    where = render.coordinates(centre, half, torch.zeros(1))
    mask = torch.from_numpy(glyphs.atlas().masks[:1])
    assert torch.allclose(render.stamp(mask, where)[0, 0], mask[0] / 255, atol=1e-3)
    assert drawn(torch.tensor([0]), manner=still).unique().numel() > 2


def test_turning_goes_round():
    centre, half = torch.full((2, 2), 32.0), torch.tensor([[20.0, 10.0]] * 2)
    where = render.coordinates(centre, half, torch.tensor([0.0, torch.pi / 2]))
    inside = (where.abs() <= 1).all(dim=3)
    assert inside[0].any(dim=0).sum() == 40 and inside[0].any(dim=1).sum() == 20
    assert inside[1].any(dim=0).sum() == 20 and inside[1].any(dim=1).sum() == 40


def test_written_words_change_only_their_place():
    letters = lettering.lettering(THINGS)
    canvas, _, ground = render.icons(torch.arange(32), seeded())
    before, n = canvas.clone(), torch.arange(32)
    low = render.Writing(where=(0.8, 0.8), tilt=0, height=(8, 10), plate=1)
    render.write(canvas, letters, n, n % len(lettering.LOOKS), seeded(3), low, ground)
    assert torch.equal(canvas[:, :, :32], before[:, :, :32])
    assert (canvas != before).flatten(1).any(dim=1).all()
