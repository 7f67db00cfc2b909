"""Where a base model comes from: open_clip's pretrained weights, the hub, a local file, or a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch

from core.exchange.importing.reader import WEIGHTS, Foreign, read
from core.exchange.importing.weight_names import Named, name_weights
from core.models import ModelError, clip, configs
from core.progress import SILENT, Progress
from core.storage import DownloadError, fetch

BESIDE = ("open_clip_config.json", "config.json")


@dataclass(frozen=True)
class Origin:
    """What a person asks for; one of ``pretrained``, ``hub``, ``checkpoint`` and ``seed`` says where the weights are.

    ``model`` is open_clip's name of an architecture (timm's, if ``closed``); ``pretrained`` a tag; ``hub``
    OWNER/NAME; ``checkpoint`` a file or folder.
    """

    model: str = ""
    pretrained: str = ""
    hub: str = ""
    checkpoint: Path | None = None
    seed: int | None = None
    closed: bool = False

    def __post_init__(self) -> None:
        tagged = self.closed and "." in self.model and self.checkpoint is None and self.seed is None
        given = [bool(self.pretrained) or tagged, bool(self.hub), self.checkpoint is not None, self.seed is not None]
        if sum(given) != 1:
            raise ModelError("Say where the weights come from: a pretrained tag, a Hugging Face id, a file, or a seed.")
        if not self.model and (self.pretrained or self.seed is not None):
            raise ModelError("Say which model, such as ViT-B-32-quickgelu.")

    @property
    def title(self) -> str:
        """It in a few words, for people."""
        where = (
            self.pretrained or self.hub or (f"random {self.seed}" if self.checkpoint is None else self.checkpoint.name)
        )
        return f"{self.model}, {where}" if self.model and self.model != where else where


@dataclass(frozen=True)
class BaseModel:
    """A model's configuration and weights by open_clip's names (memory-mapped where they are files), not checked yet.

    ``classifier`` holds the weight and bias of a closed vocabulary's own classes, by ``weight`` and ``bias``.
    """

    name: str
    config: Mapping[str, Any]
    tensors: Mapping[str, torch.Tensor]
    classifier: Mapping[str, torch.Tensor]


def find(origin: Origin, progress: Progress = SILENT) -> BaseModel:
    """The model that is asked for, downloaded if need be. Raises ModelError, DownloadError or ForeignError."""
    asked = _asked(origin)
    if origin.seed is not None:
        return _random(origin.seed, asked or {}, progress)
    foreign = _files(origin, asked, progress)
    beside = None if origin.closed else configs.of_folder(foreign.configs)
    found = beside if asked is None or (beside and not origin.pretrained) else asked
    if found is None:
        raise ModelError(
            f"{foreign.files[0].name} does not say which architecture it is: name it with --model (such as ViT-B-32), "
            "or put its open_clip_config.json or config.json beside it and give the folder."
        )
    if origin.closed:
        tensors, classifier = _timm(foreign.tensors, found)
        return BaseModel(found["name"], _config(found), tensors, classifier)
    expected = clip.outline(found["model_cfg"])
    named = name_weights(foreign.tensors, expected)
    if named.openai and asked is found and not found["model_cfg"].get("quick_gelu"):
        found = configs.named(origin.model, quick_gelu=True)
    return BaseModel(found["name"] or origin.hub or foreign.files[0].stem, _config(found), _flat(named, expected), {})


def hub_place(origin: Origin) -> tuple[str, str]:
    """Repository and file of open_clip's pretrained weights on the hub. Raises ModelError."""
    repository, _, file = configs.named(origin.model, origin.pretrained)["hub"].rpartition("/")
    return repository, _names(file)[0]


def size_of(model: str, width: int) -> int:
    """Bytes of a model of open_clip whose numbers take ``width`` bytes each. Raises ModelError."""
    return sum(prod(shape) * width for _, shape in clip.outline(configs.named(model)["model_cfg"]).values())


def _config(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: found[key] for key in ("model_cfg", "preprocess_cfg")}


def _asked(origin: Origin) -> dict[str, Any] | None:
    if origin.closed:
        tagged = origin.pretrained and "." not in origin.model  # timm's own way to name weights is MODEL.TAG
        return configs.timm_config(f"{origin.model}.{origin.pretrained}" if tagged else origin.model)
    return configs.named(origin.model, origin.pretrained) if origin.model else None


def _random(seed: int, found: Mapping[str, Any], progress: Progress) -> BaseModel:
    progress.at(0.0, "Drawing random weights")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BaseModel(found["name"], _config(found), clip.create(found["model_cfg"]).state_dict(), {})


def _files(origin: Origin, asked: Mapping[str, Any] | None, progress: Progress) -> Foreign:
    if origin.checkpoint is not None:
        return read(origin.checkpoint)
    if origin.hub:
        for names in (BESIDE, ("preprocessor_config.json",)):
            with suppress(DownloadError):  # not every model has them; and without a network the weights complain better
                fetch(origin.hub, names, progress)
        return read(fetch(origin.hub, WEIGHTS, progress))
    assert asked is not None
    repository, _, file = asked["hub"].rpartition("/")
    return read(fetch(repository, _names(file), progress))


def _names(file: str) -> Sequence[str]:
    """Names under which weights may lie, the ones that cannot hold code first."""
    stem, dot, _ = file.rpartition(".")
    return (f"{stem}.safetensors", file) if dot else WEIGHTS


def _flat(named: Named, expected: Mapping[str, object]) -> dict[str, torch.Tensor]:
    """The weights under the names that the model gives them: texts' may lie under ``text.`` or not."""
    every = {**named.text, **named.tower}
    found = {name: every[bare] for name in expected if (bare := name.removeprefix("text.")) in every}
    return {**found, **{n: t for n, t in named.tower.items() if n not in found}}


def _timm(
    tensors: Mapping[str, torch.Tensor], found: Mapping[str, Any]
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """timm's weights as an image tower of open_clip, and the classifier that stood on it."""
    last = str(found["classifier"])
    own = {n.removeprefix(f"{last}."): t for n, t in tensors.items() if n in (f"{last}.weight", f"{last}.bias")}
    rest = {n: t for n, t in tensors.items() if not n.startswith(f"{last}.")}
    scale = {"logit_scale": torch.zeros(())}
    return {clip.IMAGE_TOWER + "trunk." + n: t for n, t in rest.items()} | scale, own
