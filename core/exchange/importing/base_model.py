"""Where a base model comes from: open_clip's pretrained weights, the hub, a local file, or a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch

from core.exchange.importing.activation import said_activation
from core.exchange.importing.lora import is_adapter
from core.exchange.importing.reader import WEIGHTS, Foreign, ForeignError, read
from core.exchange.importing.report import choice, grouped
from core.exchange.importing.weight_names import Named, name_weights
from core.exchange.manifest import activation
from core.models import ModelError, clip, configs
from core.progress import SILENT, Progress
from core.storage import DownloadError, fetch

BESIDE = ("open_clip_config.json", "config.json")


@dataclass(frozen=True)
class Origin:
    """What a person asks for; one of ``pretrained``, ``hub``, ``checkpoint`` and ``seed`` says where the weights are.

    ``model`` is open_clip's name of an architecture (timm's, if ``closed``); ``pretrained`` a tag; ``hub``
    OWNER/NAME; ``checkpoint`` a file or folder. ``activation`` is quick_gelu or gelu if a file does not say it,
    ``subtree`` the part of a file to take if several fit.
    """

    model: str = ""
    pretrained: str = ""
    hub: str = ""
    checkpoint: Path | None = None
    seed: int | None = None
    closed: bool = False
    activation: str = ""
    subtree: str = ""

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

    ``classifier`` holds the weight and bias of a closed vocabulary's own classes, by ``weight`` and ``bias``. ``notes``
    are lines on how the file was read; ``question``, if not "", is what has to be answered before it can be used.
    """

    name: str
    config: Mapping[str, Any]
    tensors: Mapping[str, torch.Tensor]
    classifier: Mapping[str, torch.Tensor]
    notes: tuple[str, ...] = ()
    question: str = ""


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
    if is_adapter(foreign):
        raise ForeignError(
            f"{foreign.files[0].name} is an adapter, which changes a model and is none: make a workspace of the model "
            "that it was trained on, and import the adapter there."
        )
    if origin.closed:
        tensors, classifier = _timm(foreign.tensors, found)
        return BaseModel(found["name"], _config(found), tensors, classifier)
    return _plain_clip(origin, foreign, found, named_by_person=asked is found)


def _plain_clip(origin: Origin, foreign: Foreign, found: dict[str, Any], named_by_person: bool) -> BaseModel:
    """A CLIP from a file, with what is known of its activation."""
    expected = clip.outline(found["model_cfg"])
    named = name_weights(foreign.tensors, {n: shape for n, (_, shape) in expected.items()}, origin.subtree)
    act, source, question = activation_of(origin, foreign, named, found, named_by_person)
    if act and (act == "quick_gelu") != bool(found["model_cfg"].get("quick_gelu")):
        quick = act == "quick_gelu"
        again = configs.named(origin.model, quick_gelu=quick) if named_by_person else found
        found = {**again, "model_cfg": {**again["model_cfg"], "quick_gelu": quick}}
    title = found["name"] or origin.hub or foreign.files[0].stem
    averages = [o.name for o in named.others if o.average]
    notes = [*choice(named.where, [o.name for o in named.others], averages), *foreign.notes]
    notes += [f"activation: {act} ({source})"] if act else []
    aside = (*named.aside, *foreign.beside)
    notes += [f"left out: {grouped(aside)}"] if aside else []
    return BaseModel(title, _config(found), _flat(named, expected), {}, tuple(notes), question)


def activation_of(
    origin: Origin, foreign: Foreign, named: Named, found: Mapping[str, Any], named_by_person: bool
) -> tuple[str, str, str]:
    """The activation, where that is known from, and the question to ask if it is not.

    An architecture's name says it where all weights of that name have it; ViT-B-32 is the name of OpenAI's, which want
    quick_gelu, as well as of others, and no number in the weights tells them apart.
    """
    if origin.activation:
        return origin.activation, "as you say", ""
    if origin.pretrained or not named_by_person:
        return activation(found["model_cfg"]), "its tag" if origin.pretrained else "its configuration", ""
    said, source = said_activation(foreign, named)
    if said is not None:
        return said, source, ""
    if origin.model.endswith("-quickgelu") or configs.model_config(f"{origin.model}-quickgelu") is None:
        return activation(found["model_cfg"]), f"the name {origin.model}", ""
    question = (
        f"{foreign.files[0].name} does not say whether it was trained with quick_gelu (as OpenAI's weights and what "
        "was tuned from them) or with gelu (as LAION's), and the wrong one gives wrong answers without an error: say "
        "which with --activation quick_gelu or --activation gelu."
    )
    return "", "", question


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
    """All weights under the names that the model gives them, known there or not: texts' may lie under ``text.``."""
    own = {name.removeprefix("text."): name for name in expected}
    return {**{own.get(n, n): t for n, t in named.text.items()}, **named.tower}


def _timm(
    tensors: Mapping[str, torch.Tensor], found: Mapping[str, Any]
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """timm's weights as an image tower of open_clip, and the classifier that stood on it."""
    last = str(found["classifier"])
    own = {n.removeprefix(f"{last}."): t for n, t in tensors.items() if n in (f"{last}.weight", f"{last}.bias")}
    rest = {n: t for n, t in tensors.items() if not n.startswith(f"{last}.")}
    scale = {"logit_scale": torch.zeros(())}
    return {clip.IMAGE_TOWER + "trunk." + n: t for n, t in rest.items()} | scale, own
