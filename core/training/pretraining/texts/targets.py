"""Where texts belong: a fixed direction for every text, made from ImageNet's classifier, sentences and spelling.

The first IMAGE numbers say what a thing looks like: an ImageNet class has its classifier's row (centred, unit length,
projected), a kind of which ImageNet has examples the mean of theirs, any other name what a ridge regression from its
sentence embedding predicts. The others say how it is spelled, by words and pieces of words, so that no two names
coincide. A written word is mostly spelling, a thing mostly looks: alike in part, so that writing misleads, as in CLIP.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from torch.nn.functional import normalize

from core.training.pretraining.config import SPELLING

# The share of spelling in the unit vector of each kind of text.
SPELLED = {"thing": 0.35, "word": 0.83, "color": 0.85, "ground": 0.85, "text": 0.5}
_SLIGHT = frozenset("a an the of on in with and at to it is that this my i me there thing s o clock o'clock".split())
_TELLING = frozenset("zero one two three four five six seven eight nine ten eleven twelve no left right".split())


@dataclass(frozen=True)
class Phrase:
    """What a text says: its kind, a key of SPELLED, and the name in it (or all of it)."""

    kind: str
    name: str


@lru_cache(maxsize=1 << 18)
def _random(key: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    drawn = np.random.default_rng(seed).standard_normal(SPELLING).astype(np.float32)
    return drawn / np.linalg.norm(drawn)


@lru_cache(maxsize=1 << 17)
def spelling(name: str, kind: str = "thing") -> np.ndarray:
    """Unit vector float32 (SPELLING,): of a name's words, each half itself, half its pieces of two and three letters.

    Colours and grounds have vectors of their own: what is red and what it lies on are different questions.
    """
    space = kind if kind in ("color", "ground") else ""
    total = np.zeros(SPELLING, np.float32)
    for word in re.findall(r"[^\W_]+(?:'[^\W_]+)*", name.lower()) or [name]:
        marked = f"^{word}$"
        parts = [_random(f"{space}:{marked[i : i + n]}") for n in (2, 3) for i in range(len(marked) - n + 1)]
        pieces = np.sum(parts, axis=0)
        pieces /= np.linalg.norm(pieces)
        weight = 0.3 if word in _SLIGHT else 1.6 if word in _TELLING or word.isdigit() else 1.0
        total += weight * (_random(f"{space}={word}") + pieces)
    return total / np.linalg.norm(total)


@dataclass
class Looks:
    """What names look like, float32 (IMAGE,) each: ``known`` rows by lower-case name, else by regression."""

    known: dict[str, torch.Tensor]
    regression: torch.Tensor  # float32 (385, IMAGE): from a sentence embedding and a 1

    def __call__(self, names: Sequence[str], embeddings: torch.Tensor) -> torch.Tensor:
        """Unit rows float32 (n, IMAGE) of names whose sentences are embedded as float32 (n, 384)."""
        rows = normalize(torch.cat([embeddings, torch.ones(len(embeddings), 1)], 1) @ self.regression, dim=-1)
        for i, name in enumerate(names):
            if (row := self.known.get(name.lower())) is not None:
                rows[i] = row
        return rows


def regress(embeddings: torch.Tensor, rows: torch.Tensor, weights: torch.Tensor, ridge: float) -> torch.Tensor:
    """Ridge regression float32 (385, IMAGE) of unit rows on sentence embeddings; samples weigh ``weights``."""
    x = torch.cat([embeddings, torch.ones(len(embeddings), 1)], 1).double()
    w = weights.double()[:, None]
    penalty = ridge * torch.eye(x.shape[1], dtype=torch.float64)
    penalty[-1, -1] = 1e-6
    return torch.linalg.solve(x.T @ (w * x) + penalty, x.T @ (w * rows.double())).float()


def sentence(phrase: Phrase) -> str:
    """The sentence whose embedding stands for a phrase's looks."""
    if phrase.kind == "text":
        return phrase.name
    what = {"ground": "{} background", "color": "{} thing"}.get(phrase.kind, "{}").format(phrase.name)
    return f"a photo of a {what}"


@dataclass
class Targets:
    """Directions of phrases; ``embed`` gives sentence embeddings, which are remembered."""

    looks: Looks
    embed: Callable[[list[str]], torch.Tensor]
    memory: dict[str, torch.Tensor] = field(default_factory=dict)

    def learn(self, sentences: Sequence[str]) -> None:
        """Embed sentences that are not remembered yet."""
        new = [s for s in dict.fromkeys(sentences) if s not in self.memory]
        if new:
            self.memory.update(zip(new, self.embed(new), strict=True))

    def __call__(self, phrases: Sequence[Phrase]) -> torch.Tensor:
        """Unit directions float32 (n, WIDTH)."""
        sentences = [sentence(p) for p in phrases]
        self.learn(sentences)
        names = [p.name if p.kind in ("thing", "word") else "" for p in phrases]
        looks = self.looks(names, torch.stack([self.memory[s] for s in sentences]))
        spelled = torch.from_numpy(np.stack([spelling(p.name, p.kind) for p in phrases]))
        share = torch.tensor([SPELLED[p.kind] for p in phrases])[:, None]
        return torch.cat([looks * (1 - share**2).sqrt(), spelled * share], 1)
