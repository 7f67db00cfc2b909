"""Trains the base's text tower to give the fixed directions of texts: tens of thousands of words, all templates."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.models import clip
from core.storage import files
from core.training.pretraining.config import MODEL_CONFIG
from core.training.pretraining.texts.names import Curriculum, ordinary
from core.training.pretraining.texts.targets import Phrase, Targets


@dataclass(frozen=True)
class Settings:
    """What determines a text tower: the budget is in texts."""

    texts: int = 600_000
    batch: int = 256
    own: float = 0.3  # share of the texts that the drawn tasks' heads are made of: few, and asked for most
    asked: float = 0.3  # share of those that other heads are made of
    rate: float = 1.5e-3
    table_rate: float = 2e-3
    warm_up: int = 100
    sharpness: float = 20.0
    seed: int = 7


def tokens(texts: Sequence[str]) -> Tensor:
    """Token ids int64 (n, as long as the longest text): what follows a text's end cannot reach it, so it is cut."""
    rows = clip.tokenize(texts, MODEL_CONFIG["text_cfg"]["context_length"])
    return rows[:, : int(rows.argmax(dim=1).max()) + 1]


def encode(model: Any, ids: Tensor) -> Tensor:
    """Unit text features of shortened token rows, as ``model.encode_text`` gives for the whole ones.

    Nothing but a text's end is read off the last layer, so that nothing else is computed there.
    """
    length, ends = ids.shape[1], ids.argmax(dim=1)
    x = model.token_embedding(ids) + model.positional_embedding[:length]
    *first, last = model.transformer.resblocks
    for block in first:
        x = block(x, attn_mask=model.attn_mask[:length, :length])
    x = model.ln_final(_at_end(last, x, ends))
    return functional.normalize((x @ model.text_projection).float(), dim=-1)


def _at_end(block: Any, x: Tensor, ends: Tensor) -> Tensor:
    """A transformer layer's output float32 (n, width) at the texts' ends."""
    n, length, width = x.shape
    rows, known = torch.arange(n), block.ln_1(x)
    weight, bias, heads = block.attn.in_proj_weight, block.attn.in_proj_bias, block.attn.num_heads
    query = functional.linear(known[rows, ends], weight[:width], bias[:width]).view(n, heads, 1, -1)
    keys, values = functional.linear(known, weight[width:], bias[width:]).view(n, length, 2, heads, -1).unbind(2)
    there = (torch.arange(length) <= ends[:, None])[:, None, None]
    seen = functional.scaled_dot_product_attention(query, keys.transpose(1, 2), values.transpose(1, 2), there)
    end = x[rows, ends] + block.attn.out_proj(seen.reshape(n, width))
    return end + block.mlp(block.ln_2(end))


class Training:
    """One run: the tower, its texts, keeping and resuming."""

    def __init__(
        self,
        settings: Settings,
        targets: Targets,
        curriculum: Curriculum,
        kept: Path,
        say: Callable[[str], None] = print,
    ) -> None:
        self.settings, self.targets, self.curriculum, self.kept, self.say = settings, targets, curriculum, kept, say
        torch.manual_seed(settings.seed)
        self.model = clip.create(MODEL_CONFIG)
        self.model.visual = torch.nn.Identity()
        self.forms = ordinary()
        known = (*curriculum.own, *curriculum.asked)
        self.asked = [text for text, _ in known]
        order = list(dict.fromkeys(p for _, p in known))
        place = {p: i for i, p in enumerate(order)}
        self.asked_rows = torch.tensor([place[p] for _, p in known])
        self.asked_targets = targets(order)
        self.things = targets([Phrase("thing", w) for w in curriculum.words])
        self.words = targets([Phrase("word", w) for w in curriculum.words])
        self._begin()
        self.model.token_embedding.sparse = True
        self.table = torch.optim.SparseAdam([self.model.token_embedding.weight], lr=settings.table_rate)
        rest = [p for n, p in self.model.named_parameters() if n not in ("token_embedding.weight", "logit_scale")]
        self.optimiser = torch.optim.AdamW(rest, lr=settings.rate, betas=(0.9, 0.98), weight_decay=0.01)
        self.rest = rest
        self.steps = -(-settings.texts // settings.batch)
        self.step, self.seconds = 0, 0.0
        self.curve: list[dict] = []

    def _begin(self) -> None:
        """Begin with every whole word's own direction in its token's row: what it means, not yet how it is said."""
        width = MODEL_CONFIG["text_cfg"]["width"]
        rows = torch.cat([self.asked_targets, self.things[:20_000]])
        chief = torch.linalg.eigh(rows.T @ rows).eigenvectors.T.flip(0)[:width]
        ids, _ = clip.vocabulary()
        known = dict(zip(self.curriculum.words, self.things, strict=True))
        known.update(
            {
                p.name: self.targets([p])[0]
                for _, p in (*self.curriculum.own, *self.curriculum.asked)
                if p.kind == "thing"
            }
        )
        with torch.no_grad():
            table = self.model.token_embedding.weight
            for token, number in ids.items():
                row = known.get(token.removesuffix("</w>")) if token.endswith("</w>") else None
                if row is not None:
                    table[number] = chief @ row * 0.5
            self.model.text_projection.copy_(chief.T.T)

    def batch(self, step: int) -> tuple[list[str], Tensor]:
        """The texts of a step, and their directions float32 (n, WIDTH)."""
        s, chance = self.settings, np.random.default_rng([self.settings.seed, step])
        own, n = int(s.batch * s.own), int(s.batch * (s.own + s.asked))
        first = len(self.curriculum.own)
        which = np.r_[chance.integers(0, first, own), chance.integers(first, len(self.asked), n - own)]
        texts = [self.asked[i] for i in which]
        rows = [self.asked_targets[self.asked_rows[torch.from_numpy(which)]]]
        # Frequent words come first in the list, and more often.
        other = (len(self.curriculum.words) * chance.random(s.batch - n) ** 1.5).astype(int)
        forms = chance.integers(0, len(self.forms), s.batch - n)
        for i, form in zip(other.tolist(), forms.tolist(), strict=True):
            template, kind = self.forms[form]
            texts.append(template.format(self.curriculum.words[i]))
            rows.append((self.things if kind == "thing" else self.words)[i : i + 1])
        return texts, torch.cat(rows)

    def loss(self, found: Tensor, wanted: Tensor) -> Tensor:
        """Distance on the sphere, and how a batch's texts are told apart (KL divergence to what the targets say)."""
        sharp = self.settings.sharpness
        near = 2 - 2 * (found * wanted).sum(1).mean()
        said = functional.log_softmax(sharp * found @ wanted.T, dim=1)
        meant = functional.log_softmax(sharp * wanted @ wanted.T, dim=1)
        return near + 0.3 * functional.kl_div(said, meant, log_target=True, reduction="batchmean")

    def advance(self) -> tuple[float, float]:
        """One step; gives its loss and the mean cosine to the targets."""
        s = self.settings
        share = min(1.0, (self.step + 1) / s.warm_up) * 0.5 * (1 + np.cos(np.pi * self.step / self.steps))
        self.optimiser.param_groups[0]["lr"] = float(s.rate * share)
        self.table.param_groups[0]["lr"] = float(s.table_rate * share) + 1e-12
        texts, wanted = self.batch(self.step)
        with torch.autocast("cpu", torch.bfloat16):
            found = encode(self.model, tokens(texts))
        loss = self.loss(found, wanted)
        self.optimiser.zero_grad(set_to_none=True)
        self.table.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.rest, 1.0)
        self.optimiser.step()
        self.table.step()
        self.step += 1
        return float(loss.detach()), float((found * wanted).sum(1).mean().detach())

    def run(self, every: float = 120, keep_every: float = 180) -> None:
        """Train to the end."""
        began, sums, since = time.monotonic() - self.seconds, [0.0, 0.0], 0
        said = kept = time.monotonic()
        while self.step < self.steps:
            for i, value in enumerate(self.advance()):
                sums[i] += value
            since += 1
            now = time.monotonic()
            self.seconds = now - began
            if self.step in (5, 100) or now - said > every or self.step == self.steps:
                done = self.step * self.settings.batch
                row = {
                    "texts": done,
                    "seconds": round(self.seconds),
                    "loss": sums[0] / since,
                    "cosine": sums[1] / since,
                }
                self.curve.append(row)
                speed = done / max(1e-9, self.seconds)
                left = self.seconds / self.step * (self.steps - self.step) / 60
                self.say(
                    f"{time.strftime('%H:%M:%S')} {done:,} texts, {speed:.0f}/s, loss {row['loss']:.4f}, "
                    f"cosine {row['cosine']:.4f}, {left:.0f} min left"
                )
                sums, since, said = [0.0, 0.0], 0, time.monotonic()
            if now - kept > keep_every:
                self.keep()
                kept = time.monotonic()
        self.keep()

    def facts(self) -> dict:
        """How the text tower was made, so far."""
        return {
            "settings": asdict(self.settings),
            "model": MODEL_CONFIG["text_cfg"],
            "asked": len(self.asked),
            "words": len(self.curriculum.words),
            "step": self.step,
            "seconds": round(self.seconds),
            "complete": self.step == self.steps,
            "curve": self.curve,
        }

    def keep(self) -> None:
        """Write everything that resuming needs; the tower's weights are in it by open_clip's names."""
        tensors = {n: t.contiguous() for n, t in self.model.state_dict().items()}
        for label, optimiser in (("rest", self.optimiser), ("table", self.table)):
            for number, state in optimiser.state_dict()["state"].items():
                for name, value in state.items():
                    tensor = value if torch.is_tensor(value) else torch.tensor(float(value))
                    tensors[f"{label}.{number}.{name}"] = tensor.contiguous()
        files.write_tensors(self.kept, tensors, self.facts())

    def resume(self, changed: bool = False) -> bool:
        """Go on from a kept state of the same settings and texts, if there is one."""
        try:
            facts, tensors = files.read_facts(self.kept), files.read_tensors(self.kept)
        except FileNotFoundError:
            return False
        except files.DamagedError as error:
            self.say(f"{error} Starting afresh.")
            return False
        same = {k: v for k, v in self.facts().items() if k in ("settings", "model", "asked", "words")}
        if not changed and any(facts.get(k) != v for k, v in same.items()):
            self.say("The kept text tower was made with other settings. Starting afresh.")
            return False
        self.model.load_state_dict({n: tensors[n] for n in self.model.state_dict()})
        for label, optimiser in (("rest", self.optimiser), ("table", self.table)):
            state: dict[int, dict] = {}
            for name, tensor in tensors.items():
                if name.startswith(f"{label}."):
                    _, number, what = name.split(".")
                    lazily = label == "table" and what == "step"
                    state.setdefault(int(number), {})[what] = int(tensor) if lazily else tensor.clone()
            optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
        self.step, self.seconds, self.curve = facts["step"], facts["seconds"], facts["curve"]
        self.say(f"Going on after {self.step * self.settings.batch:,} texts.")
        return True
