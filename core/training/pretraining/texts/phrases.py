"""Reading texts as phrases: which template a text is made with, what it names, and of what kind that is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from core.training.pretraining.texts.targets import Phrase
from core.world import captions


@lru_cache(maxsize=1)
def templates() -> dict[str, str]:
    """The kind of what every known template names: the drawn world's, its tasks', the papers' and ImageNet's."""
    from core.models import imagenet_templates
    from core.tasks import entries
    from core.world import TASKS

    found = {t: "thing" for entry in entries().values() for t in entry.template_texts()}
    found.update(dict.fromkeys(imagenet_templates(), "thing"))
    found.update({t: "thing" for task in TASKS for t in task.templates})
    found.update(dict.fromkeys(captions.COLOUR_TEMPLATES, "color"))
    found.update(dict.fromkeys(captions.GROUND_TEMPLATES, "ground"))
    found.update(dict.fromkeys(captions.WORD_TEMPLATES, "word"))
    return found


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Longest fixed part first, so that "a photo of a {}" comes before "a {}"."""
    order = sorted((t for t in templates() if t != "{}"), key=len, reverse=True)
    return tuple((re.compile(re.escape(t).replace(r"\{\}", "(.+)") + r"\Z"), templates()[t]) for t in order)


@lru_cache(maxsize=1 << 16)
def phrase(text: str) -> Phrase:
    """The phrase that a text is; one of no known template names all of itself."""
    for pattern, kind in _patterns():
        if match := pattern.match(text):
            return Phrase(kind, match[1])
    return Phrase("thing" if len(text.split()) <= 3 else "text", text)


def phrases(texts: Iterable[str]) -> list[Phrase]:
    """The phrase of each text."""
    return [phrase(text) for text in texts]
