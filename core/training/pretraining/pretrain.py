"""Trains the mini world's base from scratch: ``python -m core.training.pretraining.pretrain --help``.

Every step draws fresh pictures. Each picture is told from the prompts of *all* names of every vocabulary that applies
to it (its concept, colour, ground, written word, ...), one random template a step, through both towers; later on from
free captions too. Contrasting captions alone learns nothing here in reasonable time.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch.nn import functional

from core import PaletteError
from core.models import clip
from core.storage import files
from core.training.pretraining import monitor
from core.training.pretraining.mixture import Batch, Mixture
from core.world import glyphs, render

MODEL_CONFIG: dict = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": 64, "layers": [1, 1, 2, 1], "width": 20, "patch_size": None},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 128, "heads": 4, "layers": 2},
}
PREPROCESS: dict = {
    "size": 64,
    "mode": "RGB",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
    "interpolation": "bilinear",
    "resize_mode": "squash",
}
WEIGHTS = {"thing": 1.0, "word": 1.0, "colour": 0.3, "ground": 0.2, "style": 0.15}
OF_NEIGHBOURS = 0.7


@dataclass(frozen=True)
class PretrainSettings:
    """What determines a base, besides the photographs' file: the budget is in pictures, so that it can be repeated."""

    pictures: int = 1_750_000
    batch: int = 256
    rate: float = 1.2e-3
    decay: float = 0.05
    warm_up: int = 400  # steps; all other stretches are in pictures
    looking: int = 220_000  # until then hardly any words
    reading: int = 500_000  # from then on more words, and they weigh more
    words_weight: float = 2.0
    captions_from: int = 450_000  # from then on free captions too
    captions: int = 64
    captions_weight: float = 0.3
    hold: int = 750_000  # the rate stays at its top until then, and falls straight to zero after it
    text_every: int = 3  # in the steps between, the prompts' features of the last step serve, unchanged
    seed: int = 7

    def scaled(self, pictures: int) -> PretrainSettings:
        """The same schedule for another budget: every stretch in proportion."""
        stretches = ("looking", "reading", "captions_from", "hold")
        return replace(self, pictures=pictures, **{s: getattr(self, s) * pictures // self.pictures for s in stretches})


class Texts:
    """Tokenised texts, remembered, their ids renumbered to those that ever occur: the rest of the table stays zero."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.known: dict[str, torch.Tensor] = {}

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """Token ids int64 (n, as long as the longest text); what follows a text's end cannot reach it, so it is cut."""
        new = [t for t in dict.fromkeys(texts) if t not in self.known]
        if new:
            self.known.update(zip(new, clip.tokenize(new, self.length), strict=True))
        rows = torch.stack([self.known[t] for t in texts])
        return rows[:, : int(rows.argmax(dim=1).max()) + 1]


def encode_text(model: clip.CLIP, tokens: torch.Tensor) -> torch.Tensor:
    """Unit-length text features of shortened token rows, as ``model.encode_text`` gives for the whole ones."""
    length = tokens.shape[1]
    x = model.token_embedding(tokens) + model.positional_embedding[:length]
    x = model.transformer(x, attn_mask=model.attn_mask[:length, :length])
    x = model.ln_final(x[torch.arange(len(x)), tokens.argmax(dim=1)])
    return functional.normalize((x @ model.text_projection).float(), dim=-1)


class Training:
    """One training run in a folder: steps, checkpoints, resuming."""

    def __init__(
        self, settings: PretrainSettings, mixture: Mixture, out: Path, say: Callable[[str], None] = print
    ) -> None:
        self.settings, self.mixture, self.out, self.say = settings, mixture, out, say
        self.kept = out.parent / "partial" / f"{out.name}.pretraining.safetensors"
        torch.manual_seed(settings.seed)
        self.model = clip.create(MODEL_CONFIG).train()
        self.model.visual.to(memory_format=torch.channels_last)
        self.texts = Texts(MODEL_CONFIG["text_cfg"]["context_length"])
        plain = [p for p in self.model.parameters() if p.ndim < 2]
        matrices = [p for n, p in self.model.named_parameters() if p.ndim >= 2 and "token_embedding" not in n]
        # The token table gets no weight decay and sparse updates: nearly all of its rows never occur.
        self.table = self.model.token_embedding
        self.table.weight.requires_grad_(False)
        self.used = self._used_tokens()
        self.rows = torch.nn.Parameter(self.table.weight[self.used].clone())
        groups = [{"params": matrices, "weight_decay": settings.decay}]
        groups += [{"params": [*plain, self.rows], "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, 0.98), fused=True)
        self.steps = -(-settings.pictures // settings.batch)
        self.step, self.seconds = 0, 0.0
        self.curve: list[dict] = []
        self.earlier: list[dict] = []  # settings that a resumed run was begun with, and until where
        self.tower = self.model.visual
        self.words: torch.Tensor | None = None

    def _used_tokens(self) -> torch.Tensor:
        """Ids of all tokens in the prompts and free captions; free captions use no other words than the prompts."""
        texts = [t for v in self.mixture.vocabularies.values() for label in v for t in label]
        texts += [c for step in range(40) for c in self.mixture.draw(1, step, 10_000).captions.values()]
        return torch.unique(torch.cat([self.texts(texts).flatten(), torch.zeros(1, dtype=torch.long)]))

    def compile(self) -> None:
        """Compile the image tower (about 40 s); it then trains nearly twice as fast on a CPU."""
        self.tower = torch.compile(self.model.visual)

    def rate(self) -> float:
        """The learning rate of this step: warm-up, level, then straight down to zero."""
        s, done = self.settings, self.step * self.settings.batch
        return s.rate * min(1.0, (self.step + 1) / s.warm_up, (s.pictures - done) / max(1, s.pictures - s.hold))

    def phase(self, step: int) -> str:
        """Which of the mixture's phases a step belongs to."""
        done = step * self.settings.batch
        if done < self.settings.looking:
            return "looking"
        return "both" if done < self.settings.reading else "reading"

    def loss(self, batch: Batch, chance: random.Random) -> torch.Tensor:
        """Mean over the pictures of the softmaxes over every vocabulary that applies to them."""
        free = list(dict.fromkeys(batch.captions.values()))
        if self.step % self.settings.text_every == 0 or self.words is None:
            prompts = [chance.choice(label) for v in self.mixture.vocabularies.values() for label in v]
            ids = self.texts(prompts + free).contiguous()
            self.model.token_embedding = _Rows(self.rows)
            # Renumbering keeps the order, so the end of a text is still its largest number.
            words = encode_text(self.model, torch.searchsorted(self.used, ids))
            self.model.token_embedding = self.table
            self.words = words.detach()[: len(prompts)]
        else:
            words = self.words
        with torch.autocast("cpu", torch.bfloat16):
            pixels = batch.images.permute(0, 3, 1, 2).float().sub_(127.5).div_(63.75)
            pictures = functional.normalize(self.tower(pixels).float(), dim=-1)
        logits = self.model.logit_scale.exp().clamp(max=100) * pictures @ words.T
        total, at = logits.new_zeros(()), 0
        for name, labels in self.mixture.vocabularies.items():
            target = batch.targets[name]
            weight = WEIGHTS.get(name, OF_NEIGHBOURS) / len(pictures)
            if name == "word" and self.phase(self.step) == "reading":
                weight *= self.settings.words_weight
            part = logits[:, at : at + len(labels)]
            total = total + weight * functional.cross_entropy(part, target, ignore_index=-1, reduction="sum")
            at += len(labels)
        if free:
            rows = torch.tensor(list(batch.captions))
            target = torch.tensor([free.index(text) for text in batch.captions.values()])
            total = total + self.settings.captions_weight * functional.cross_entropy(logits[rows, at:], target)
        return total

    def batch(self, step: int) -> Batch:
        """The fresh pictures of a step."""
        s, done = self.settings, step * self.settings.batch
        free = s.captions if done >= s.captions_from and step % s.text_every == 0 else 0
        return self.mixture.draw(s.seed, step, free, self.phase(step))

    def advance(self, batch: Batch) -> float:
        """One step on a batch; gives its loss."""
        s = self.settings
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        loss = self.loss(batch, random.Random(s.seed * 7919 + self.step))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for g in self.optimiser.param_groups for p in g["params"]], 1.0)
        self.optimiser.step()
        self.model.logit_scale.data.clamp_(max=4.6052)
        self.step += 1
        return float(loss.detach())

    def run(self, every: float = 120, keep_every: float = 60, share_every: float = 600) -> None:
        """Train to the end: measure, keep and share the base every so many seconds."""
        began, losses = time.monotonic() - self.seconds, []
        measured = kept = shared = time.monotonic()
        # The next step's pictures are drawn, on one core, while this one is learnt.
        drawing = ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,))
        coming = drawing.submit(self.batch, self.step)
        while self.step < self.steps:
            batch, coming = coming.result(), drawing.submit(self.batch, self.step + 1)
            losses.append(self.advance(batch))
            now = time.monotonic()
            self.seconds = now - began
            if now - measured > every or self.step == self.steps:
                self._measure(sum(losses) / len(losses))
                losses, measured = [], time.monotonic()
            if now - kept > keep_every and self.step % self.settings.text_every == 0:
                self.keep()
                kept = time.monotonic()
            if now - shared > share_every:
                self.share()
                shared = time.monotonic()
        drawing.shutdown()
        self.keep()
        self.share()

    def _measure(self, loss: float) -> None:
        self._fill_table()
        self.model.eval()
        found = monitor.quick(self.model, PREPROCESS)
        self.model.train()
        done = self.step * self.settings.batch
        self.curve.append({"pictures": done, "seconds": round(self.seconds), "loss": round(loss, 4), **found})
        figures = " ".join(f"{name} {100 * value:.1f}" for name, value in found.items())
        left = self.seconds / max(1, self.step) * (self.steps - self.step) / 60
        self.say(
            f"{time.strftime('%H:%M:%S')} {done:,} pictures, {done / max(1, self.seconds):.0f}/s, loss {loss:.3f}, "
            f"scale {float(self.model.logit_scale.exp().detach()):.0f}, {figures}, {left:.0f} min left"
        )

    def _fill_table(self) -> None:
        """The trained rows into the whole token table, zero elsewhere: tokens never seen say nothing."""
        with torch.no_grad():
            self.table.weight.zero_()
            self.table.weight[self.used] = self.rows

    def share(self) -> None:
        """Write the base as it is now, for plain open_clip, with how it was made."""
        self._fill_table()
        config = {"model_cfg": MODEL_CONFIG, "preprocess_cfg": PREPROCESS}
        clip.save(self.model, config, self.out)
        files.write_json(self.out / "pretraining.json", self.facts())

    def facts(self) -> dict:
        """How this base was made: settings, the mixture, glyphs, and the curve so far."""
        return {
            "settings": asdict(self.settings),
            "pictures": self.step * self.settings.batch,
            "complete": self.step == self.steps,
            "seconds": round(self.seconds),
            "renderer": render.VERSION,
            "glyphs": glyphs.checked_digest(),
            "pictures_of_each_kind_in_a_step": self.mixture.counts,
            "earlier_settings": self.earlier,
            "neighbours": [n.name for n in self.mixture.near],
            "curve": self.curve,
        }

    def keep(self) -> None:
        """Write everything that resuming needs."""
        tensors = {f"model.{n}": t for n, t in self.model.state_dict().items() if n != "token_embedding.weight"}
        tensors["rows"], tensors["used"] = self.rows, self.used
        for number, state in self.optimiser.state_dict()["state"].items():
            tensors.update({f"optimiser.{number}.{name}": value for name, value in state.items()})
        facts = {**self.facts(), "step": self.step, "model": MODEL_CONFIG}
        files.write_tensors(self.kept, tensors, facts)

    def resume(self, changed: bool = False) -> bool:
        """Go on from a kept state of the same settings, if there is one; a damaged or other one is said and left.

        With ``changed`` a state of other settings is gone on from too, and what they were is kept with the base.
        """
        try:
            facts, tensors = files.read_facts(self.kept), files.read_tensors(self.kept)
        except FileNotFoundError:
            return False
        except files.DamagedError as error:
            self.say(f"{error} Starting afresh.")
            return False
        wanted = (asdict(self.settings), MODEL_CONFIG, self.mixture.counts, [n.name for n in self.mixture.near])
        kept = tuple(facts.get(k) for k in ("settings", "model", "pictures_of_each_kind_in_a_step", "neighbours"))
        if not torch.equal(tensors["used"], self.used) or (wanted != kept and not changed):
            self.say("The kept state was made with other settings. Starting afresh.")
            return False
        weights = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
        self.model.load_state_dict(weights, strict=False)
        self.rows.data.copy_(tensors["rows"])
        state: dict[int, dict[str, torch.Tensor]] = {}
        parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        for name, tensor in tensors.items():
            if name.startswith("optimiser."):
                _, number, what = name.split(".")
                # The fused optimiser walks through memory, so its state must lie as its parameter does.
                like = parameters[int(number)] if tensor.ndim else tensor
                state.setdefault(int(number), {})[what] = torch.empty_like(like).detach().copy_(tensor)
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": state})
        self.step, self.seconds, self.curve = facts["step"], facts["seconds"], facts["curve"]
        self.earlier = facts.get("earlier_settings", [])
        if wanted != kept:
            until = self.step * self.settings.batch
            self.earlier = [*self.earlier, {"until": until, "settings": kept[0], "mixture": kept[2]}]
        self.say(f"Going on after {self.step * self.settings.batch:,} pictures.")
        return True


class _Rows(torch.nn.Module):
    """A token table of the used rows alone."""

    def __init__(self, rows: torch.Tensor) -> None:
        super().__init__()
        self.table = [rows]  # in a list, so that it is not registered twice

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return functional.embedding(ids, self.table[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit status."""
    default = PretrainSettings()
    parser = argparse.ArgumentParser(
        prog="python -m core.training.pretraining.pretrain",
        description="Trains the mini world's base from scratch, on pictures drawn for every step: about an hour on two "
        "free cores. It can be stopped at any time; the same command goes on from there.",
        epilog="Every two minutes a line says how far it is, and zero-shot accuracies on 800 held-out renderings; "
        "'follows' is how often an attacked icon is called by the wrong word on it. The base is written every ten "
        "minutes and at the end, so that a shorter run is useful too.",
    )
    parser.add_argument("--out", type=Path, default=Path("cache/mini/base"), help="folder of the base (%(default)s)")
    photos = "CIFAR-10's training pictures as a parquet file (without it: no photographs)"
    parser.add_argument("--photos", type=Path, help=photos)
    budget = "the budget: after so many pictures the rate is zero (%(default)s)"
    parser.add_argument("--pictures", type=int, default=default.pictures, help=budget)
    parser.add_argument("--seed", type=int, default=default.seed, help="of weights and pictures (%(default)s)")
    parser.add_argument("--fresh", action="store_true", help="start again, even where a stopped run could go on")
    parser.add_argument("--changed", action="store_true", help="go on even from a state of other settings; recorded")
    parser.add_argument("--plain", action="store_true", help="do not compile the image tower (no compiler here)")
    options = parser.parse_args(arguments)
    try:
        settings = replace(default.scaled(options.pictures), seed=options.seed)
        training = Training(settings, Mixture(settings.batch, options.photos), options.out, say=_say)
        if not options.fresh:
            training.resume(options.changed)
        if not options.plain:
            training.compile()
        training.run()
    except PaletteError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        training.keep()
        print("Stopped; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
