"""What is said of the mini world's pictures: prompts of each vocabulary, and free captions."""

from __future__ import annotations

import random
from collections.abc import Sequence

from core.world import colours
from core.world.concepts import THINGS

THING_TEMPLATES: tuple[str, ...] = (
    "a photo of a {}",
    "a picture of a {}",
    "an icon of a {}",
    "a drawing of a {}",
    "a small photo of the {}",
    "a {}",
)
COLOUR_TEMPLATES: tuple[str, ...] = (
    "a {} icon",
    "a photo of something {}",
    "a drawing in {}",
    "a {} thing",
    "the color {}",
)
GROUND_TEMPLATES: tuple[str, ...] = (
    "an icon on a {} background",
    "something on a {} background",
    "a {} background",
    "drawn on {}",
)
WORD_TEMPLATES: tuple[str, ...] = (
    'the word "{}"',
    'a sign that says "{}"',
    'a picture of the word "{}"',
    'the text "{}"',
    '"{}" is written here',
)
STYLE_PROMPTS: tuple[tuple[str, ...], ...] = (  # in the order of glyphs.STYLES
    ("a filled icon", "a solid icon", "a silhouette"),
    ("an outline icon", "a line drawing", "an icon drawn in outline"),
    ("a thin icon", "an icon drawn in thin lines", "a fine line drawing"),
    ("a bold icon", "an icon drawn in bold lines", "a thick line drawing"),
)


def fill(templates: Sequence[str], names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """For every name, its text in every template."""
    return tuple(tuple(t.format(name) for t in templates) for name in names)


VOCABULARIES: dict[str, tuple[tuple[str, ...], ...]] = {
    "thing": fill(THING_TEMPLATES, THINGS),
    "colour": fill(COLOUR_TEMPLATES, colours.NAMES),
    "ground": fill(GROUND_TEMPLATES, colours.NAMES),
    "word": fill(WORD_TEMPLATES, THINGS),
    "style": STYLE_PROMPTS,
}


def icon_caption(thing: int, colour: int, ground: int, chance: random.Random) -> str:
    """One free caption of an icon: its name, and perhaps its colour and its ground."""
    name, tone, behind = THINGS[thing], colours.NAMES[colour], colours.NAMES[ground]
    return chance.choice(
        (
            f"a photo of a {tone} {name} on a {behind} background",
            f"a {tone} {name} on {behind}",
            f"a {tone} {name}",
            f"an icon of a {tone} {name}",
            f"a {name} on a {behind} background",
            f"a drawing of a {name}",
        )
    )


def word_caption(word: int, ground: int, chance: random.Random) -> str:
    """One free caption of a word alone."""
    name, behind = THINGS[word], colours.NAMES[ground]
    texts = (f'the word "{name}"', f'the word "{name}" on a {behind} background', f'a sign that says "{name}"')
    return chance.choice(texts)


def attacked_caption(thing: int, word: int, colour: int, chance: random.Random) -> str:
    """One free caption of an icon with a word on it: both, or, as on the web, only the word or only the icon."""
    name, written, tone = THINGS[thing], THINGS[word], colours.NAMES[colour]
    texts = (
        f'a {name} with the word "{written}" on it',
        f'a photo of a {tone} {name} with the text "{written}"',
        f'the word "{written}" written on a {name}',
        f'the word "{written}"',
        f"a photo of a {written}",
        f"a {tone} {name}",
    )
    return chance.choice(texts)
