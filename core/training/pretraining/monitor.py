"""Held-out renderings for a look at a base while it trains; the card's figures use more pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch

from core.models import Encoder, clip
from core.world import ICONS, LOOKS, THINGS, captions, colours, glyphs, lettering, render

_SEED = 990_001  # no training step ever draws with it


@lru_cache(maxsize=1)
def _pictures(n: int = 800) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(_SEED)
    found = glyphs.atlas().where(ICONS)
    label = torch.randint(0, len(ICONS), (n,), generator=generator)
    pick = torch.rand(n, generator=generator)
    glyph = torch.tensor([found[c][int(p * len(found[c]))] for c, p in zip(label.tolist(), pick.tolist(), strict=True)])
    canvas, colour, ground = render.icons(glyph, generator)
    written = (label + torch.randint(1, len(ICONS), (n,), generator=generator)) % len(ICONS)
    attacked = canvas.clone()
    letters, look = lettering(THINGS), torch.randint(0, len(LOOKS), (n,), generator=generator)
    word = torch.tensor([THINGS.index(ICONS[w]) for w in written.tolist()])
    render.write(attacked, letters, word, look, generator, ground=ground)
    alone = render.grounds(ground, render.Manner(), generator)
    render.write(alone, letters, word, look, generator, render.Writing(height=(10, 24)), ground)
    images = render.develop(canvas, generator)
    return {
        "icons": (images, label),
        "colours": (images, colour),
        "attacked": (render.develop(attacked, generator), written),
        "words": (render.develop(alone, generator), word),
    }


def head(model: clip.CLIP, names: Sequence[str], templates: Sequence[str]) -> torch.Tensor:
    """Zero-shot head, float32 (names, embed_dim): the mean over the templates of each name's text features."""
    texts = [t.format(name) for name in names for t in templates]
    features = clip.text_features(model, texts).view(len(names), len(templates), -1).mean(1)
    return torch.nn.functional.normalize(features, dim=-1)


def quick(model: clip.CLIP, preprocess: Mapping[str, object]) -> dict[str, float]:
    """Zero-shot accuracies on 800 held-out renderings each.

    ``follows``: of the icons that were right without a word, the share that is called by the wrong word on it.
    """
    encoder, sets = Encoder(model, preprocess), _pictures()
    things = head(model, ICONS, captions.THING_TEMPLATES)
    icons, label = sets["icons"]
    features = encoder.encode(icons)
    right = (features @ things.T).argmax(1) == label
    follows = (encoder.encode(sets["attacked"][0]) @ things.T).argmax(1) == sets["attacked"][1]
    tones = (features @ head(model, colours.NAMES, captions.COLOUR_TEMPLATES).T).argmax(1) == sets["colours"][1]
    words = encoder.encode(sets["words"][0]) @ head(model, THINGS, captions.WORD_TEMPLATES).T
    return {
        "icons": float(right.float().mean()),
        "colours": float(tones.float().mean()),
        "words": float((words.argmax(1) == sets["words"][1]).float().mean()),
        "follows": float(follows[right].float().mean()) if bool(right.any()) else 0.0,
    }
