"""The desk: one workspace (zoo, tasks, store) behind the few questions that pages and commands ask."""

from __future__ import annotations

import copy
import json
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache, partial
from pathlib import Path

import numpy as np
import torch

from core import PaletteError
from core.models import (
    BIAS,
    WEIGHT,
    Encoder,
    Parents,
    candidate_texts,
    check_precision,
    choice_logits,
    class_rows,
    clip,
    device_of_choice,
    features,
    head,
    head_digest,
    largest,
    logits,
    merge,
    mixed_head,
)
from core.progress import SILENT, Progress
from core.recipes import Recipe, check_alpha, lerp, single
from core.storage import Store, digest_of, files
from core.tasks import SPLITS, Answers, FileSource, Pictures, Task, TaskError, group_named
from core.workspace.checkpoints import BASE, Zoo
from core.workspace.heads import trained_head
from core.workspace.tasks import tasks_of

CACHE = Path(os.environ.get("PALETTE_CACHE") or Path(__file__).resolve().parents[2] / "cache")
ANSWERS_IN_MEMORY = 4096
CHOOSING = 256  # pictures whose own candidates are read and held together; a soup's judge asks for as many at once


@lru_cache(maxsize=4096)
def _weights_key(recipe: Recipe, digests: tuple[str, ...]) -> str:
    rows: dict[str, list[float]] = {}
    for digest, row in zip(digests, recipe.coefficients, strict=True):
        rows[digest] = [a + b for a, b in zip(rows.get(digest, [0.0] * len(row)), row, strict=True)]
    return Recipe(tuple(rows), recipe.components, tuple(map(tuple, rows.values()))).digest()


def workspaces(cache: Path = CACHE) -> list[str]:
    """Names of the workspaces in the cache, the built-in one first."""
    found = sorted(p.parent.name for p in cache.glob("*/workspace.json"))
    return sorted(found, key=lambda name: name != "mini")


class Lab:
    """A workspace in ``cache/<name>/``. Thread-safe: one evaluation runs at a time, on one resident scratch model.

    Raises PaletteError (one sentence for people) for whatever is missing, unknown or damaged.
    """

    def __init__(
        self,
        name: str = "mini",
        cache: Path = CACHE,
        device: torch.device | str | None = None,
        tasks: Mapping[str, Task] | None = None,
    ) -> None:
        self.name, self.folder = name, Path(cache) / files.safe_name(name)
        try:
            self.facts = json.loads((self.folder / "workspace.json").read_text())
        except FileNotFoundError:
            known = ", ".join(workspaces(Path(cache))) or "none"
            raise PaletteError(f"There is no workspace {name!r} in {cache}; there is: {known}.") from None
        except ValueError as error:
            raise PaletteError(f"{self.folder / 'workspace.json'} cannot be read ({error}); restore it.") from None
        self.device = device_of_choice(device)
        self.precision = check_precision(self.facts.get("precision", "float32"))
        self.notices: deque[str] = deque(maxlen=20)
        """What went wrong and was put right on the way (a damaged file, a write refused), for people to read."""
        self.zoo, self.store = Zoo(self.folder), Store(self.folder, self.notices.append)
        self.tasks = dict(tasks) if tasks is not None else tasks_of(self.facts["tasks"])
        self._groups: dict[str, Task] = {}
        self.base = single(BASE)
        self.keeps: set[str] = set(self.facts.get("keep", ["logits", "features"]))  # besides answers, which always are
        self._answers: OrderedDict[str, Answers] = OrderedDict()
        self._heads: dict[str, torch.Tensor] = {}
        self._contents: dict[tuple[str, str], dict[str, str]] = {}
        self._merged: str | None = None
        self._parents = Parents(self.device)
        self._busy, self._memory = threading.RLock(), threading.Lock()

    # what there is

    @property
    def knows(self) -> str:
        """What the base has seen and what not, in a sentence or two for people; empty if nobody said."""
        return str(self.facts.get("knows", ""))

    def task(self, name: str) -> Task:
        """The task of that name; ``digits.2of5`` is the second of five groups of the classes of ``digits``.

        Raises TaskError naming the tasks that there are.
        """
        if (
            name not in self.tasks
            and name not in self._groups
            and (group := group_named(name, self.task, self.pictures))
        ):
            self._groups[name] = group
        if found := self.tasks.get(name) or self._groups.get(name):
            return found
        raise TaskError(f"There is no task {name!r} in {self.name}; its tasks are {', '.join(self.tasks)}.")

    def by_role(self, role: str) -> list[str]:
        """Names of the tasks with a role, in the catalogue's order."""
        return [name for name, task in self.tasks.items() if task.role == role]

    def default_supported(self) -> list[str]:
        """The supported tasks that α is chosen with unless a person picks others."""
        return list(self.facts.get("supported") or self.by_role("supported")[:1])

    def patches(self) -> list[str]:
        """Names of the checkpoints that this workspace is meant to have: one per patching task, and its joint ones."""
        return [*self.by_role("patching"), *self.facts.get("zoo", {})]

    def trained_on(self, name: str) -> list[str]:
        """The tasks behind a checkpoint: those that its header names, or, while there is none, that it is meant for.

        Raises TaskError if there is neither.
        """
        if name not in self.zoo:
            return list(self.facts.get("zoo", {}).get(name) or [self.task(name).name])
        if found := [task for task in self.zoo[name].tasks or (name,) if task in self.tasks]:
            return found
        raise TaskError(
            f"The checkpoint {name!r} does not say which of the tasks of {self.name} it was trained on; "
            "bring it in again and name them."
        )

    def tuned(self, name: str) -> Recipe:
        """A checkpoint (the base fine-tuned on a task, jointly on several, or one brought in), as a recipe.

        Raises CheckpointError if it is not trained yet, TaskError if nothing is called so.
        """
        if name not in self.zoo:
            self.trained_on(name)
        return single(self.zoo[name].name)

    def patch(self, name: str, alpha: float) -> Recipe:
        """PAINT: (1 - α)·base + α·tuned, for any checkpoint. Raises PaletteError for α outside [0, 1]."""
        if name not in self.zoo:
            self.trained_on(name)
        return lerp(self.base, single(name), check_alpha(alpha))

    # pictures, heads, models

    def pictures(self, task: str, split: str, progress: Progress = SILENT) -> Pictures:
        """Pictures of a split, memory-mapped; drawn or decoded once, then read from disk."""
        source = self.task(task).source
        self.task(task).size(split)
        if isinstance(source, FileSource):
            shape = clip.read_config(self.folder / "base")["preprocess_cfg"]
            self.remember([task], progress, [split])
            follow = progress.titled(f"Decoding the {split} pictures of {self.task(task).title}")
            return source.pictures(split, shape, self.folder / "images", follow, self._notice)
        key = source.digest(split)
        path = self.folder / "images" / f"{key[:32]}.safetensors"
        try:
            found = files.read_tensors(path, verify=False)
        except (FileNotFoundError, files.DamagedError):
            with self._busy:
                drawn = source.load(split)
            found = {"images": torch.as_tensor(drawn.images), "labels": torch.as_tensor(drawn.labels)}
            found |= {f"notes.{n}": torch.as_tensor(column) for n, column in drawn.notes.items()}
            with suppress(files.DiskError):  # a read-only cache only costs drawing them again
                files.write_tensors(path, found, {"task": task, "split": split})
        notes = {n.removeprefix("notes."): t.numpy() for n, t in found.items() if n.startswith("notes.")}
        return Pictures(found["images"].numpy(), found["labels"].numpy(), notes)

    def remember(self, tasks: Iterable[str], progress: Progress = SILENT, splits: Sequence[str] = SPLITS) -> None:
        """Read the files of real data once, so that keys of its content are at hand; quick if no file has changed."""
        for task in dict.fromkeys(tasks):
            source = self.task(task).source
            if isinstance(source, FileSource):
                follow = progress.titled(f"Reading the files of {self.task(task).title} for the first time")
                for split in (s for s in splits if s in source.sizes()):
                    source.remember(split, follow)

    def _notice(self, sentence: str) -> None:
        if sentence not in self.notices:
            self.notices.append(sentence)

    @cached_property
    def _text_digest(self) -> str:
        return clip.text_digest(self.folder / "base")

    @cached_property
    def _clip(self) -> clip.CLIP:
        model = clip.load(self.folder / "base")
        model.visual = torch.nn.Identity()  # the texts' side is all that heads need; the scratch model has the other
        return model

    def encoder(self, precision: str = "float32", compiler: str = "") -> Encoder:
        """A fresh encoder with the base's weights, for training; it shares nothing with the one that evaluates."""
        model = clip.load(self.folder / "base")
        preprocess = clip.read_config(self.folder / "base")["preprocess_cfg"]
        return Encoder(model, preprocess, self.device, precision, compiler)

    @cached_property
    def _reader(self) -> clip.CLIP:
        """The texts' side on the device that computes: 1,000 classes in 80 templates are many texts."""
        return self._clip if self.device.type == "cpu" else copy.deepcopy(self._clip).to(self.device)

    @cached_property
    def _scratch(self) -> Encoder:
        return self.encoder(self.precision, self.facts.get("compile", ""))

    def head(self, task: str, progress: Progress = SILENT) -> torch.Tensor:
        """The zero-shot head of a task, float32 (classes, embed_dim), kept on disk.

        Raises TaskError for multiple choice, where each picture has candidates of its own.
        """
        self.task(task).check_one_head()
        if self.closed:
            return trained_head(self.folder, self.task(task).name)
        prompts = self.task(task).prompts()
        key = self.store.key(kind="head", head=head_digest(self._text_digest, prompts))
        if key not in self._heads:
            with self._busy:
                made = self.store.get_or_make(
                    key, lambda: {"head": head(self._reader, prompts, progress)}, {"task": task}
                )
            self._heads[key] = made["head"]
        return self._heads[key]

    def class_features(self, prompts: Sequence[Sequence[str]]) -> torch.Tensor:
        """The zero-shot head of any prompts, one list per class, float32 (classes, embed_dim); nothing is kept."""
        return head(self._reader, prompts)

    @cached_property
    def config(self) -> dict:
        """The base's ``open_clip_config.json``: keys ``model_cfg`` and ``preprocess_cfg``."""
        return clip.read_config(self.folder / "base")

    def prompts_cut(self, prompts: Sequence[str]) -> int:
        """How many of these prompts have more tokens than the text tower reads, so that their ends are cut."""
        return sum(clip.too_long(prompts, self._clip.context_length))

    @cached_property
    def closed(self) -> bool:
        """Whether the base has a closed vocabulary: no texts, and heads that are trained."""
        return "text_cfg" not in clip.read_config(self.folder / "base")["model_cfg"]

    def load(self, recipe: Recipe, into: Encoder) -> None:
        """Merge a recipe into an encoder. Raises CheckpointError or MergeError."""
        recipe = recipe.canonical()
        merge(self._parents.of({name: self.zoo.weights(name) for name in recipe.models}), recipe, into.weights)

    # results

    def weights_key(self, recipe: Recipe) -> str:
        """Digest of the weights that a recipe describes: by content, so that two routes to one model meet."""
        return _weights_key(recipe, tuple(self.zoo[name].digest for name in recipe.models))

    def _content(self, task: str, split: str, progress: Progress = SILENT) -> dict[str, str]:
        """Digests of a split's data and of the task's head; tasks never change, so they are worked out once."""
        if (task, split) not in self._contents:
            known = self.task(task)
            known.size(split)
            self.remember([task], progress, [split])
            if known.per_picture and self.closed:
                raise TaskError(f"{self.name} has a closed vocabulary and cannot read the answers of {known.title}.")
            if self.closed:
                return {"data": known.source.digest(split), "head": files.digest_tensors({"head": self.head(task)})}
            head = head_digest(self._text_digest, known.prompts())
            if known.per_picture:
                head = digest_of(text=self._text_digest, candidates="own")  # which they are is part of the data
            self._contents[task, split] = {"data": known.source.digest(split), "head": head}
        return self._contents[task, split]

    def _key(self, kind: str, recipe: Recipe, task: str, split: str, progress: Progress = SILENT) -> str:
        content = self._content(task, split, progress)
        more: dict[str, object] = {} if kind == "features" else {"head": content["head"]}
        if kind != "features" and (masks := self._masks(recipe, task)):
            more["masks"] = masks
            if others := self.task(task).stands_for:
                more["groups"] = [len(group) for group in others]  # of the rows that the masks name
        if self.precision != "float32":  # other arithmetic, other numbers
            more["precision"] = self.precision
        return self.store.key(kind=kind, weights=self.weights_key(recipe), data=content["data"], **more)

    def is_cached(self, recipe: Recipe, task: str, split: str) -> bool:
        """Whether the answers are there without computing anything."""
        key = self._key("answers", recipe, task, split)
        return key in self._answers or key in self.store

    def features(self, recipe: Recipe, task: str, split: str, progress: Progress = SILENT) -> torch.Tensor:
        """Unit-length image features float16 (n, embed_dim), kept if the workspace keeps features."""
        return self._kept(
            "features", recipe, task, split, lambda: self._forward(recipe, task, split, progress), progress
        )

    def logits(self, recipe: Recipe, task: str, split: str, progress: Progress = SILENT) -> torch.Tensor:
        """Logits float16 (n, classes), from features and the task's head; kept if the workspace keeps logits."""

        def make() -> torch.Tensor:
            found = self.features(recipe, task, split, progress)
            return self.classified(recipe, task, split, found, progress=progress)

        return self._kept("logits", recipe, task, split, make, progress)

    def classified(
        self,
        recipe: Recipe,
        task: str,
        split: str,
        found: torch.Tensor,
        rows: np.ndarray | None = None,
        progress: Progress = SILENT,
    ) -> torch.Tensor:
        """Logits float16 (n, classes) of the features of a split's first n pictures, or of those in ``rows``.

        By the mix of the models' own heads where those know this task's classes (the text tower's stands in for a model
        without), else by the text tower's; by the candidates of each picture where it has its own. Where the classes
        stand for others, own heads are asked for all of those and each class has the largest of its logits; the text
        tower's row for a class stands in for each that it stands for (``scatter_weights`` in the code of model soups).
        """
        if self.task(task).per_picture:
            return self._chosen(task, split, found, rows, progress)
        own = {model: mine for model in recipe.models if (mine := self.own_head(model, task))}
        scale = self._scratch.logit_scale
        if not own:
            return logits(found, self.head(task, progress), scale)
        text, sizes = self.head(task, progress), [len(group) for group in self.task(task).stands_for]
        mixed = mixed_head(recipe, own, text.repeat_interleave(torch.tensor(sizes), dim=0) if sizes else text)
        answered = logits(found, mixed[WEIGHT], scale, mixed[BIAS])
        return largest(answered, sizes) if sizes else answered

    def _chosen(
        self, task: str, split: str, found: torch.Tensor, rows: np.ndarray | None, progress: Progress
    ) -> torch.Tensor:
        """Logits of each picture's own candidates, a block at a time; its texts are read once and kept on disk."""
        source, parts = self.task(task).source, []
        assert isinstance(source, FileSource)
        asked = self.pictures(task, split).notes["row"][slice(len(found)) if rows is None else rows]
        for first in progress(range(0, len(found), CHOOSING)):
            block = slice(first, first + CHOOSING)
            prompts = source.prompts(split, asked[block])
            key = self.store.key(kind="candidates", head=head_digest(self._text_digest, prompts))
            with self._busy:
                made = self.store.get_or_make(key, partial(candidate_texts, self._reader, prompts), {"task": task})
            parts.append(choice_logits(found[block], made["texts"], made["which"], self._scratch.logit_scale))
        return torch.cat(parts)

    def own_head(self, model: str, task: str) -> dict[str, torch.Tensor]:
        """The rows of a model's trained head for a task's classes (or all that they stand for), in the task's order:
        ``head.weight`` (rows, embed_dim) and ``head.bias`` (rows,). Empty if it has none that knows them all."""
        rows = class_rows(self.zoo[model].classes, self.task(task).head_names)
        return {n: t[list(rows)] for n, t in self.zoo.head(model).items()} if rows else {}

    def _masks(self, recipe: Recipe, task: str) -> list[tuple[str, tuple[int, ...]]]:
        """Which rows of which trained heads answer a task, where they are not just all of them, each for a class."""
        names, grouped = self.task(task).head_names, bool(self.task(task).stands_for)
        parents = [self.zoo[model] for model in recipe.models]
        found = ((p.digest, class_rows(p.classes, names)) for p in parents if grouped or p.classes != names)
        return sorted((digest, rows) for digest, rows in found if rows)

    def _kept(
        self,
        kind: str,
        recipe: Recipe,
        task: str,
        split: str,
        make: Callable[[], torch.Tensor],
        progress: Progress,
    ) -> torch.Tensor:
        key = self._key(kind, recipe, task, split, progress)
        if kind in self.keeps:
            return self.store.get_or_make(key, lambda: {kind: make()}, self._label(recipe, task, split))[kind]
        found = self.store.get(key)
        return found[kind] if found else make()

    def evaluate(self, recipe: Recipe, task: str, split: str, progress: Progress = SILENT) -> Answers:
        """What some weights answer on a split: remembered, stored, from stored logits or features, or computed now."""
        key = self._key("answers", recipe, task, split, progress)
        if (found := self._remembered(key)) is not None:
            return found

        def make() -> dict[str, torch.Tensor]:
            found = self.logits(recipe, task, split, progress).numpy()
            return Answers.from_logits(found, self.pictures(task, split).labels).tensors()

        answers = Answers.from_tensors(self.store.get_or_make(key, make, self._label(recipe, task, split)))
        with self._memory:
            self._answers[key] = answers
            while len(self._answers) > ANSWERS_IN_MEMORY:
                self._answers.popitem(last=False)
        return answers

    @staticmethod
    def _label(recipe: Recipe, task: str, split: str) -> dict[str, str]:
        """What a stored file says of itself, for people."""
        return {"recipe": recipe.to_json(), "task": task, "split": split}

    def _remembered(self, key: str) -> Answers | None:
        with self._memory:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        return None

    def _forward(self, recipe: Recipe, task: str, split: str, progress: Progress) -> torch.Tensor:
        images = self.pictures(task, split, progress).images
        with self.merged(recipe) as encoder:
            return features(encoder, images, progress=progress)

    @contextmanager
    def merged(self, recipe: Recipe) -> Iterator[Encoder]:
        """The resident encoder with a recipe's weights in it, to look and not to change; nobody else evaluates then."""
        key = self.weights_key(recipe)
        with self._busy:
            if self._merged != key:
                self._merged = None  # if the merge fails half-way, the scratch model is nobody's
                self.load(recipe, self._scratch)
                self._merged = key
            yield self._scratch
