"""Sentence embeddings by all-MiniLM-L6-v2, whose weights the Python registry holds; needed to train a base, only then.

The network is BERT with six layers, mean pooling and unit length (Reimers & Gurevych 2019, Sentence-BERT).
"""

from __future__ import annotations

import json
import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path

import regex
import torch
from torch.nn import functional

from core.storage import files

HEADS, LAYERS, EPS = 12, 6, 1e-12
LONGEST = 48  # tokens; a prompt has fewer
_PIECES = regex.compile(r"\p{P}|[$+<=>^`|~]|[^\s\p{P}$+<=>^`|~]+")


class Sentences:
    """Embeds sentences: float32 (n, 384), unit length. ``package`` is the zip file inside the registry's package."""

    def __init__(self, package: Path) -> None:
        with zipfile.ZipFile(package) as package_files:
            self.weights = files.parse_tensors(package_files.read("model.safetensors"))
            self.pieces: dict[str, int] = json.loads(package_files.read("tokenizer.json"))["model"]["vocab"]

    def tokens(self, text: str) -> list[int]:
        """WordPiece ids of a text, with those of its beginning and end."""
        plain = unicodedata.normalize("NFD", text.lower())
        plain = "".join(c for c in plain if unicodedata.category(c) != "Mn")
        found = [i for word in _PIECES.findall(plain) for i in self._word(word)]
        return [self.pieces["[CLS]"], *found[: LONGEST - 2], self.pieces["[SEP]"]]

    def _word(self, word: str) -> list[int]:
        found, at = [], 0
        while at < len(word):
            for end in range(len(word), at, -1):
                piece = ("##" if at else "") + word[at:end]
                if piece in self.pieces:
                    found.append(self.pieces[piece])
                    at = end
                    break
            else:
                return [self.pieces["[UNK]"]]
        return found

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str], batch: int = 256) -> torch.Tensor:
        """Embeddings float32 (n, 384), unit length, in the order of the texts; about 300 short ones a second."""
        ids = [self.tokens(text) for text in texts]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))  # texts of one length need no padding
        out = torch.empty(len(ids), 384)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            longest = max(len(ids[i]) for i in rows)
            padded = torch.tensor([ids[i] + [0] * (longest - len(ids[i])) for i in rows])
            there = torch.arange(longest) < torch.tensor([len(ids[i]) for i in rows])[:, None]
            out[rows] = self._embed(padded, there)
        return out

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.layer_norm(x, (384,), self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], EPS)

    def _embed(self, ids: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        w, (n, length) = self.weights, ids.shape
        x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][:length]
        x = self._norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            at = f"encoder.layer.{layer}"
            q, k, v = (
                self._linear(x, f"{at}.attention.self.{part}").view(n, length, HEADS, -1).transpose(1, 2)
                for part in ("query", "key", "value")
            )
            seen = functional.scaled_dot_product_attention(q, k, v, there[:, None, None])
            seen = seen.transpose(1, 2).reshape(n, length, -1)
            x = self._norm(x + self._linear(seen, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
            inner = functional.gelu(self._linear(x, f"{at}.intermediate.dense"))
            x = self._norm(x + self._linear(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")
        shares = there.float()[:, :, None]
        return functional.normalize((x * shares).sum(1) / shares.sum(1), dim=-1)
