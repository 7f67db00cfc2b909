"""Which texts the text tower is taught: names that some task asks for, and tens of thousands of other words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from core.models import clip, imagenet_class_names, imagenet_templates
from core.training.pretraining.texts.phrases import phrase, templates
from core.training.pretraining.texts.targets import Phrase
from core.training.pretraining.texts.wordnet import Nouns
from core.world import THINGS, captions, colours

LONGEST_NAME = 40  # letters
MOST_WORDS = 80_000


@dataclass(frozen=True)
class Curriculum:
    """``own``: exact texts with their phrases, what the drawn tasks' heads are made of; ``asked``: what other heads are
    made of; ``words``: other names, most useful first."""

    own: tuple[tuple[str, Phrase], ...]
    asked: tuple[tuple[str, Phrase], ...]
    words: tuple[str, ...]


def _filled(names: Iterable[str], forms: Iterable[str], kind: str) -> list[tuple[str, Phrase]]:
    return [(form.format(name), Phrase(kind, name)) for name, form in product(names, tuple(forms))]


def _of_papers() -> list[tuple[str, Phrase]]:
    from core.tasks import entries

    found: list[tuple[str, Phrase]] = []
    for entry in entries().values():
        if isinstance(entry.names, (list, tuple)):
            found += _filled(entry.names, entry.template_texts(), "thing")
    return found


def _of_the_world(written: Sequence[str]) -> list[tuple[str, Phrase]]:
    from core.world import NEIGHBOURS, TASKS

    found = _filled(THINGS, captions.THING_TEMPLATES, "thing")
    found += _filled(written, captions.WORD_TEMPLATES, "word")
    found += _filled(written, ("a photo of a {}", "a {}", "{}"), "thing")
    found += _filled(colours.NAMES, captions.COLOUR_TEMPLATES, "color")
    found += _filled(colours.NAMES, captions.GROUND_TEMPLATES, "ground")
    for task in TASKS:
        forms = [t for t in task.templates if templates().get(t, "thing") == "thing"]
        found += _filled(task.class_names, forms, "thing")
    prompts = [t for label in captions.STYLE_PROMPTS for t in label]
    prompts += [t for n in NEIGHBOURS for label in n.captions for t in label]
    return found + [(text, phrase(text)) for text in prompts]


def curriculum(written: Sequence[str], photographed: Sequence[str], known: Iterable[str], nouns: Nouns) -> Curriculum:
    """All texts. ``written``: words on pictures; ``photographed``: names of photographs' classes; ``known``: names that
    ImageNet has examples of."""
    usual = ("a photo of a {}", "a photo of a {}.", "a {}", "{}")
    asked = _filled(imagenet_class_names(), (*imagenet_templates(), *captions.THING_TEMPLATES, "{}"), "thing")
    own = tuple(dict.fromkeys(_of_the_world(written)))
    asked += _of_papers()
    asked += _filled([*photographed, *known], (*usual, *captions.THING_TEMPLATES), "thing")
    first = {name for _, p in (*own, *asked) for name in (p.name.lower(),)}
    words = [name for name in [*frequent(), *nouns.first] if len(name) <= LONGEST_NAME and name not in first]
    short = [name for name in dict.fromkeys(words) if name.count(" ") < 2]
    return Curriculum(own, tuple(dict.fromkeys(asked)), tuple(short[:MOST_WORDS]))


def frequent() -> list[str]:
    """Words that are one token of the tokenizer: the web's most frequent ones, most frequent first."""
    ids, _ = clip.vocabulary()
    order = sorted(ids, key=ids.__getitem__)
    whole = (token.removesuffix("</w>") for token in order if token.endswith("</w>"))
    return [word for word in whole if word.isascii() and word.isalnum() and word == word.lower()]


def ordinary() -> tuple[tuple[str, str], ...]:
    """Templates in which any word may stand, with the kind of what they name."""
    things = [(t, "thing") for t in (*captions.THING_TEMPLATES, *imagenet_templates()[:24], "a photo of {}", "{}")]
    return (*things, *((t, "word") for t in captions.WORD_TEMPLATES))
