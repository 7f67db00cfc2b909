"""Fine-tuning as PAINT does it: the image tower, end to end, against a frozen head from the text tower."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from core import PaletteError
from core.models import IMAGE_TOWER, Encoder, backward, parts_of
from core.progress import SILENT, Progress
from core.recipes import is_under
from core.storage import digest_of, files
from core.training.augment import STRENGTHS, augment
from core.training.settings import Settings

SAVE_EVERY_SECONDS = 5.0
NOTHING: Mapping[str, torch.nn.Parameter] = {}


@dataclass(frozen=True)
class TrainingSet:
    """Pictures uint8 (n, size, size, 3), labels int64 (n,), and the frozen head float32 (classes, embed_dim)."""

    images: torch.Tensor
    labels: torch.Tensor
    head: torch.Tensor
    digest: str


class DivergedError(PaletteError):
    """A fine-tune whose loss or weights stopped being numbers; what was there before it stays."""

    def __init__(self, step: int, settings: Settings) -> None:
        super().__init__(
            f"Training diverged: the loss is not a number any more at step {step + 1:,} of {settings.steps:,}. Nothing "
            f"was saved, and what was there before is kept. Try a lower learning rate than {settings.lr:g}, such as "
            f"{settings.lr / 10:g}, or more warm-up than {settings.warmup:,} steps, in workspace.json."
        )


Loss = Callable[[Encoder, TrainingSet, torch.Tensor, torch.Tensor, int], torch.Tensor]
"""The loss of some rows int64 (n,) of a set, whose pictures come prepared, at a step; a float32 scalar."""


def frozen_head(
    encoder: Encoder, known: TrainingSet, rows: torch.Tensor, pixels: torch.Tensor, step: int
) -> torch.Tensor:
    """Cross-entropy against the frozen head from the text tower (PAINT §2, step 1)."""
    return against_head(encoder, known, rows, encoder.features(pixels))


def against_head(encoder: Encoder, known: TrainingSet, rows: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """The same, of features (n, embed_dim) that are there already."""
    with torch.autocast(encoder.device.type, enabled=False):
        head = (known.head.to(encoder.device) * encoder.logit_scale).T
        return cross_entropy(features.float() @ head, known.labels[rows].to(encoder.device))


def batch_indices(n: int, size: int, step: int, seed: int) -> torch.Tensor:
    """Which of ``n`` pictures step ``step`` sees: epochs of seeded permutations, cut into batches without a gap.

    A function of its arguments alone, so that a resumed run sees what an uninterrupted one would have seen.
    """
    first = step * size
    parts = []
    while size > 0:
        epoch, offset = divmod(first, n)
        order = torch.randperm(n, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        taken = order[offset : offset + size]
        parts.append(taken)
        first, size = first + len(taken), size - len(taken)
    return torch.cat(parts)


def _share(batch_size: int, sets: int, index: int) -> int:
    return batch_size // sets + (1 if index < batch_size % sets else 0)


class _State:
    """What a killed run needs to go on: step, weights and AdamW's moments, in one atomic file."""

    def __init__(self, path: Path | None, identity: str) -> None:
        self.path, self.identity, self.saved_at = path, identity, time.monotonic()

    def load(self, named: Mapping[str, torch.Tensor], optimizer: torch.optim.AdamW) -> int:
        if self.path is None or not self.path.exists():
            return 0
        try:
            facts, tensors = files.read_facts(self.path), files.read_tensors(self.path)
        except files.DamagedError:
            return 0  # only time is lost: the run starts again
        if facts.get("identity") != self.identity:
            return 0
        with torch.no_grad():
            for name, parameter in named.items():
                parameter.copy_(tensors[f"weight.{name}"])
                optimizer.state[parameter] = {
                    "step": torch.tensor(float(facts["step"])),
                    "exp_avg": tensors[f"exp_avg.{name}"].to(parameter).clone(memory_format=torch.preserve_format),
                    "exp_avg_sq": tensors[f"exp_avg_sq.{name}"].to(parameter).clone(),
                }
        return int(facts["step"])

    def save(self, step: int, named: Mapping[str, torch.Tensor], optimizer: torch.optim.AdamW) -> None:
        if self.path is None or time.monotonic() - self.saved_at < SAVE_EVERY_SECONDS:
            return
        tensors = {f"weight.{n}": p for n, p in named.items()}
        for n, p in named.items():
            tensors |= {f"{k}.{n}": optimizer.state[p][k] for k in ("exp_avg", "exp_avg_sq")}
        files.write_tensors(self.path, tensors, {"identity": self.identity, "step": step})
        self.saved_at = time.monotonic()


def _trained(tower: torch.nn.Module, only: Sequence[str]) -> dict[str, torch.nn.Parameter]:
    """The tower's parameters that are trained, by their names in it; the others need no gradients from here on."""
    names = [n for n, _ in tower.named_parameters()]
    if empty := [prefix for prefix in only if not any(is_under(IMAGE_TOWER + n, prefix) for n in names)]:
        raise PaletteError(f"No weight is under {', '.join(empty)}; there is nothing to train.")
    for name, parameter in tower.named_parameters():
        if only and not any(is_under(IMAGE_TOWER + name, prefix) for prefix in only):
            parameter.requires_grad_(False)
    return {n: p for n, p in tower.named_parameters() if p.requires_grad}


def finetune(
    encoder: Encoder,
    sets: Sequence[TrainingSet],
    settings: Settings,
    state: Path | None = None,
    progress: Progress = SILENT,
    loss_of: Loss = frozen_head,
    extra: Mapping[str, torch.nn.Parameter] = NOTHING,
) -> dict[str, torch.Tensor]:
    """Train the encoder's tower in place and return its weights, by open_clip name, in fp32 on the CPU.

    With several sets (joint patching) every batch holds an equal share of each, so that tasks weigh equally. The
    logit scale is frozen, and so is the head, unless ``loss_of`` reads one from ``extra``: parameters that are trained
    along and returned by name. With ``state``, progress is kept there every five seconds and a run that was
    killed goes on exactly where it stopped, provided the data, the start and the settings are the same.
    A batch that does not fit the device's memory goes through in parts, with the same gradient. ``progress`` wraps the
    steps and may raise to cancel. Raises DivergedError if the loss or a weight stops being a number, PaletteError if
    the settings train ``only`` what is not there.
    """
    tower, device = encoder.tower, encoder.device
    start = files.digest_tensors({**encoder.weights, **extra})
    identity = digest_of(start=start, settings=settings.facts, data=[s.digest for s in sets])
    named = _trained(tower, settings.only) | dict(extra)
    optimizer = torch.optim.AdamW(named.values(), lr=settings.lr, weight_decay=settings.weight_decay)
    kept = _State(state, identity)
    first = kept.load(named, optimizer)
    half, parts = settings.precision == "bfloat16", 1
    tower.eval()  # frozen BatchNorm statistics; CLIP's towers have no dropout
    for step in progress(range(first, settings.steps)):
        for group in optimizer.param_groups:
            group["lr"] = settings.lr_at(step)

        def losses(parts: int, step: int = step) -> Iterator[torch.Tensor]:
            for i, s in enumerate(sets):
                rows = batch_indices(len(s.labels), _share(settings.batch_size, len(sets), i), step, settings.seed + i)
                draw = torch.Generator().manual_seed((settings.seed + i) * 1_000_003 + step)
                # the batch as one, since what is drawn for a picture must not depend on how many parts there are
                pixels = augment(encoder.prepare(s.images[rows]), STRENGTHS[settings.augment], draw)
                for cut in parts_of(len(rows), parts):
                    with torch.autocast(device.type, torch.bfloat16) if half else nullcontext():
                        loss = loss_of(encoder, s, rows[cut], pixels[cut], step)
                    yield loss * (len(rows[cut]) / len(rows)) / len(sets)

        loss, parts = backward(losses, optimizer, parts, settings.batch_size)
        if not math.isfinite(loss):
            raise DivergedError(step, settings)
        torch.nn.utils.clip_grad_norm_(named.values(), settings.clip_norm)
        try:
            optimizer.step()
        except RuntimeError as error:  # a rate that is no float32 any more, such as a mistyped exponent
            if "overflow" not in str(error):
                raise
            raise DivergedError(step, settings) from None
        kept.save(step + 1, named, optimizer)
    if not all(bool(torch.isfinite(p).all()) for p in named.values()):
        raise DivergedError(settings.steps - 1, settings)
    return {
        n: t.detach().float().cpu().clone() if t.is_floating_point() else t.cpu().clone()
        for n, t in {**encoder.weights, **extra}.items()
    }
