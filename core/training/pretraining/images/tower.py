"""Trains the base's image tower: the drawn world against fixed directions, held to what it knew of photographs.

The tower begins as EfficientNet-Lite0 with its ImageNet weights; BatchNorm statistics stay frozen. In every step it
sees freshly drawn pictures, told apart against the directions of all names of each vocabulary that applies, and new
views of photographs, whose thousand-way answers are held to the untouched network's (KL divergence) at the same size.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.models import clip, fold, imagenet_class_names
from core.storage import files
from core.training.pretraining.config import IMAGE, MODEL_CONFIG, SIZE
from core.training.pretraining.images import photographs
from core.training.pretraining.images.drawing import NAMES_THE_WORD, Drawing
from core.training.pretraining.images.photographs import Album
from core.training.pretraining.images.teacher import class_rows
from core.training.pretraining.texts.phrases import phrases
from core.training.pretraining.texts.targets import Phrase, Targets
from core.world import THINGS, colours

WEIGHTS = {"thing": 1.0, "word": 2.5, "colour": 0.8, "ground": 0.4, "style": 0.1}
OF_NEIGHBOURS = 0.7


@dataclass(frozen=True)
class Settings:
    """What determines a tower, besides the photographs: the budget is in pictures, so that it can be repeated."""

    pictures: int = 240_000
    icons: int = 12
    attacked: int = 5
    words: int = 17
    neighbours: int = 3
    photographs: int = 17
    written_on: int = 2  # of the photographs
    rate: float = 6.5e-4
    decay: float = 0.01
    warm_up: int = 60
    hold: float = 8.0  # weight of the KL divergence
    named: float = 0.35  # weight of the labelled photographs' own names
    follow: float = 1.0  # weight of the words on photographs
    frozen: tuple[str, ...] = ("trunk.conv_stem", "trunk.bn1", "trunk.blocks.0", "trunk.blocks.1")
    seed: int = 7

    @property
    def step(self) -> int:
        """Pictures in a step."""
        return self.icons + self.attacked + self.words + self.neighbours + self.photographs

    @property
    def counts(self) -> dict[str, int]:
        """Drawn pictures of each kind in a step."""
        return {k: getattr(self, k) for k in ("icons", "attacked", "words", "neighbours")}


@dataclass(frozen=True)
class Shelf:
    """An album with its share of a step's photographs, and whether its names are asked for (``names`` as said)."""

    album: Album
    share: float
    names: tuple[str, ...] = ()


@dataclass
class StepData:
    """A step's pictures: drawn ones with targets, photographs clean and as seen, labels by shelf, words written."""

    drawn: Tensor
    targets: dict[str, Tensor]
    clean: Tensor
    seen: Tensor
    named: list[tuple[int, Tensor, Tensor]]
    word: Tensor
    follows: Tensor


def pixels(images: Tensor) -> Tensor:
    """uint8 (n, h, w, 3) to float32 (n, 3, h, w) in [-1, 1], channels last."""
    return images.permute(0, 3, 1, 2).float().sub_(127.5).div_(127.5)


class Directions:
    """All vocabularies' directions, fixed, by name; of vocabularies with several prompts a name, one set a prompt."""

    def __init__(self, targets: Targets, drawing: Drawing, shelves: Sequence[Shelf]) -> None:
        kinds = {"thing": "thing", "word": "word", "colour": "color", "ground": "ground"}
        names = {"thing": THINGS, "word": drawing.written, "colour": colours.NAMES, "ground": colours.NAMES}
        self.fixed = {v: targets([Phrase(kinds[v], n) for n in names[v]]) for v in kinds}
        self.written_things = targets([Phrase("thing", word) for word in drawing.written])
        self.imagenet = targets([Phrase("thing", name) for name in imagenet_class_names()])
        self.shelves = [targets([Phrase("thing", name) for name in s.names]) if s.names else None for s in shelves]
        self.prompted = {
            name: [targets(phrases(label)) for label in labels]
            for name, labels in drawing.vocabularies.items()
            if name not in kinds
        }

    def of(self, vocabulary: str, chance: np.random.Generator) -> Tensor:
        """Directions float32 (names, WIDTH) of a vocabulary, one prompt a name."""
        if vocabulary in self.fixed:
            return self.fixed[vocabulary]
        return torch.stack([rows[chance.integers(len(rows))] for rows in self.prompted[vocabulary]])


@dataclass
class Source:
    """Draws the steps; the same seed and step give the same pictures."""

    settings: Settings
    drawing: Drawing
    shelves: Sequence[Shelf]

    def __call__(self, step: int) -> StepData:
        """The pictures of a step."""
        s = self.settings
        batch = self.drawing.drawn(s.seed, step, SIZE)
        chance = np.random.default_rng([s.seed, step])
        ends = np.cumsum([shelf.share for shelf in self.shelves])
        ends = np.floor(ends / ends[-1] * s.photographs + (step * 0.618034) % 1).astype(int).clip(0, s.photographs)
        ends[-1] = s.photographs
        parts, named, at = [], [], 0
        for number, (shelf, end) in enumerate(zip(self.shelves, ends.tolist(), strict=True)):
            if end > at:
                images, labels = photographs.views(shelf.album, end - at, SIZE, chance)
                parts.append(images)
                if shelf.names:
                    named.append((number, torch.arange(at, end), labels))
                at = end
        clean = np.concatenate(parts)
        seen, written = clean.copy(), chance.permutation(s.photographs)[: s.written_on]
        word = torch.full((s.photographs,), -1)
        seen[written], word[written] = self.drawing.on_photographs(clean[written])
        follows = torch.from_numpy(chance.random(s.photographs) < NAMES_THE_WORD) & (word >= 0)
        return StepData(
            batch.images, batch.targets, torch.from_numpy(clean), torch.from_numpy(seen), named, word, follows
        )


class Training:
    """One run: steps, measuring, keeping, resuming."""

    def __init__(
        self,
        settings: Settings,
        source: Source,
        directions: Directions,
        teacher: torch.nn.Module,
        out: Path,
        measure: Callable[[torch.nn.Module], dict[str, float]],
        say: Callable[[str], None] = print,
    ) -> None:
        self.settings, self.source, self.directions, self.out = settings, source, directions, out
        self.measure, self.say = measure, say
        self.kept = out.parent / "partial" / f"{out.name}.tower.safetensors"
        self.teacher = fold(teacher).requires_grad_(False)
        torch.manual_seed(settings.seed)
        self.tower = begin(teacher)
        for name, parameter in self.tower.named_parameters():
            # Edges and spots are ImageNet's already; not to train them costs nothing and halves a step's time.
            parameter.requires_grad_(not name.startswith(settings.frozen))
        self.scale = torch.nn.Parameter(torch.tensor(3.4))
        plain = [p for p in self.tower.parameters() if p.ndim < 2]
        matrices = [p for p in self.tower.parameters() if p.ndim >= 2]
        groups: list[dict] = [{"params": matrices, "weight_decay": settings.decay}, {"params": [*plain, self.scale]}]
        self.optimiser = torch.optim.AdamW(groups, lr=settings.rate, weight_decay=0.0)
        self.parameters = [*matrices, *plain, self.scale]
        self.steps = -(-settings.pictures // settings.step)
        self.step, self.seconds = 0, 0.0
        self.curve: list[dict] = []
        self.earlier: list[dict] = []  # settings that a resumed run was begun with, and until which step

    def rate(self) -> float:
        """The learning rate of this step: warm-up, then a cosine to zero."""
        s = self.settings
        return s.rate * min(1.0, (self.step + 1) / s.warm_up) * 0.5 * (1 + np.cos(np.pi * self.step / self.steps))

    def losses(self, data: StepData) -> dict[str, Tensor]:
        """The parts of a step's loss."""
        s, n = self.settings, len(data.drawn)
        chance = np.random.default_rng([s.seed, self.step, 1])
        with torch.no_grad():
            wanted = functional.log_softmax(self.teacher(pixels(data.clean)), dim=1)
        features = functional.normalize(self.tower(pixels(torch.cat([data.drawn, data.seen]))), dim=1)
        features = features * self.scale.exp().clamp(max=100)
        drawn, seen = features[:n], features[n:]
        found: dict[str, Tensor] = {}
        total = features.new_zeros(())
        for name, target in data.targets.items():
            if bool((target >= 0).any()):
                logits = drawn @ self.directions.of(name, chance).T
                loss = functional.cross_entropy(logits, target, ignore_index=-1, reduction="sum") / n
                total = total + WEIGHTS.get(name, OF_NEIGHBOURS) * loss
        found["drawn"] = total
        answers = functional.log_softmax(seen @ self.directions.imagenet.T, dim=1)
        held = ~data.follows
        divergence = functional.kl_div(answers, wanted, log_target=True, reduction="none").sum(1)
        found["hold"] = s.hold * (divergence * held).sum() / len(seen)
        named = features.new_zeros(())
        for number, rows, labels in data.named:
            there = held[rows]
            rows_of = self.directions.shelves[number]
            assert rows_of is not None
            if bool(there.any()):
                loss = functional.cross_entropy(seen[rows[there]] @ rows_of.T, labels[there], reduction="sum")
                named = named + loss / len(seen)
        found["named"] = s.named * named
        if s.written_on:
            on, words = data.word >= 0, self.directions.fixed["word"]
            loss = functional.cross_entropy(seen[on] @ words.T, data.word[on])
            follows = data.follows
            if bool(follows.any()):
                as_things = torch.cat([self.directions.written_things, self.directions.imagenet])
                loss = loss + functional.cross_entropy(seen[follows] @ as_things.T, data.word[follows])
            found["written"] = s.follow * loss * s.written_on / n
        return found

    def advance(self, data: StepData) -> dict[str, float]:
        """One step; gives the parts of its loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = float(self.rate())
        found = self.losses(data)
        self.optimiser.zero_grad(set_to_none=True)
        sum(found.values(), torch.zeros(())).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self.step += 1
        return {name: float(value.detach()) for name, value in found.items()}

    def run(self, every: float = 300, keep_every: float = 120) -> None:
        """Train to the end: measure and keep every so many seconds."""
        sums: dict[str, float] = {}
        began, since = time.monotonic() - self.seconds, 0
        measured = kept = time.monotonic()
        drawing = ThreadPoolExecutor(1)
        coming = drawing.submit(self.source, self.step)
        while self.step < self.steps:
            data, coming = coming.result(), drawing.submit(self.source, self.step + 1)
            for name, value in self.advance(data).items():
                sums[name] = sums.get(name, 0.0) + value
            since += 1
            now = time.monotonic()
            self.seconds = now - began
            if self.step in (10, 50) or now - measured > every or self.step == self.steps:
                self._say({name: value / since for name, value in sums.items()}, self.step > 50)
                sums, since, measured = {}, 0, time.monotonic() if self.step > 50 else measured
            if now - kept > keep_every:
                self.keep()
                kept = time.monotonic()
        drawing.shutdown()
        self.keep()

    def _say(self, losses: dict[str, float], measuring: bool) -> None:
        found = self.measure(self.tower) if measuring else {}
        done = self.step * self.settings.step
        row = {"pictures": done, "seconds": round(self.seconds), "scale": round(float(self.scale.detach().exp()), 1)}
        row |= {f"loss_{name}": round(value, 4) for name, value in losses.items()}
        self.curve.append(row | found)
        left = self.seconds / max(1, self.step) * (self.steps - self.step) / 60
        figures = " ".join(f"{name} {100 * value:.1f}" for name, value in found.items())
        parts = " ".join(f"{name} {value:.3f}" for name, value in losses.items())
        speed = done / max(1, self.seconds)
        self.say(
            f"{time.strftime('%H:%M:%S')} {done:,} pictures, {speed:.0f}/s, {parts}, scale {row['scale']}, {figures}, "
            f"{left:.0f} min left"
        )

    def facts(self) -> dict:
        """How the tower was made, so far."""
        return {
            "settings": _plain(self.settings),
            "earlier_settings": self.earlier,
            "model": MODEL_CONFIG,
            "step": self.step,
            "seconds": round(self.seconds),
            "complete": self.step == self.steps,
            "curve": self.curve,
        }

    def keep(self) -> None:
        """Write everything that resuming needs; the tower's weights are in it by name."""
        tensors = {f"visual.{n}": t.contiguous() for n, t in self.tower.state_dict().items()}
        tensors["scale"] = self.scale.detach()
        for number, state in self.optimiser.state_dict()["state"].items():
            tensors.update({f"optimiser.{number}.{name}": t.contiguous() for name, t in state.items()})
        files.write_tensors(self.kept, tensors, self.facts())

    def resume(self, changed: bool = False) -> bool:
        """Go on from a kept state of the same settings, if there is one.

        With ``changed`` a state of other settings is gone on from too, and what they were is kept with the base.
        """
        try:
            facts, tensors = files.read_facts(self.kept), files.read_tensors(self.kept)
        except FileNotFoundError:
            return False
        except files.DamagedError as error:
            self.say(f"{error} Starting afresh.")
            return False
        vision_cfg = MODEL_CONFIG["vision_cfg"]
        others = facts["settings"] != _plain(self.settings)
        if (others and not changed) or facts["model"]["vision_cfg"] != vision_cfg:
            self.say("The kept state was made with other settings. Starting afresh.")
            return False
        self.tower.load_state_dict({n[7:]: t for n, t in tensors.items() if n.startswith("visual.")})
        self.scale.data.copy_(tensors["scale"])
        state: dict[int, dict[str, Tensor]] = {}
        ordered = [p for group in self.optimiser.param_groups for p in group["params"]]
        for name, tensor in tensors.items():
            if name.startswith("optimiser."):
                _, number, what = name.split(".")
                like = ordered[int(number)] if tensor.ndim else tensor
                state.setdefault(int(number), {})[what] = torch.empty_like(like).detach().copy_(tensor)
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": state})
        self.step, self.seconds, self.curve = facts["step"], facts["seconds"], facts["curve"]
        self.earlier = facts.get("earlier_settings", [])
        if others:
            self.earlier = [*self.earlier, {"until_step": self.step, "settings": facts["settings"]}]
        self.say(f"Going on after {self.step * self.settings.step:,} pictures.")
        return True


def _plain(settings: Settings) -> dict[str, object]:
    """Settings as they come back from JSON."""
    return {**asdict(settings), "frozen": list(settings.frozen)}


def begin(teacher: torch.nn.Module) -> torch.nn.Module:
    """The base's image tower with the teacher's weights, and the classifier's chief directions as its projection."""
    tower = clip.create(MODEL_CONFIG).visual.to(memory_format=torch.channels_last)
    known = {f"trunk.{n}": t for n, t in teacher.state_dict().items() if not n.startswith("classifier.")}
    tower.load_state_dict({**tower.state_dict(), **known})
    _, chief = class_rows(teacher, IMAGE)
    with torch.no_grad():
        tower.head.proj.weight.mul_(0.1)
        tower.head.proj.weight[:IMAGE] = chief
        tower.head.proj.bias.zero_()
    return fold(tower, half=True)
