"""The pre-flight report: whether a foreign checkpoint fits this workspace, and what is odd about it, before anything
is kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.exchange.importing.reader import Foreign, read
from core.exchange.importing.weight_names import Named, name_weights
from core.exchange.manifest import activation
from core.models import clip
from core.progress import SILENT, Progress
from core.recipes import Recipe, blocks
from core.workspace import BASE, Lab, weight_cosine

DESCENDS = 0.5  # cosine of weight matrices: fine-tuned models keep above 0.9, independently trained ones are near 0


@dataclass(frozen=True)
class Preflight:
    """What was found. ``problems`` keep the checkpoint out; ``warnings`` are for a person to weigh; both are sentences.

    ``missing``, ``extra``, ``misshapen`` and ``not_finite`` name weights of the image tower; ``dtypes`` counts its
    tensors; ``cosine`` is that of its weight matrices to the base's, in [-1, 1], None if they cannot be compared, and
    ``cosines`` the same per block.
    """

    path: Path
    files: tuple[Path, ...]
    kind: str
    tower: Mapping[str, torch.Tensor]
    left_out: int
    dtypes: Mapping[str, int]
    activation: str | None
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    misshapen: tuple[str, ...]
    not_finite: tuple[str, ...]
    cosine: float | None
    cosines: Mapping[str, float]
    recipe: Recipe | None
    merged: str
    problems: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether it can be imported."""
        return not self.problems

    def lines(self) -> list[str]:
        """The report, one line a fact."""
        kinds = ", ".join(f"{n} {dtype}" for dtype, n in self.dtypes.items())
        said = [
            f"{self.path.name}: {self.kind}, {len(self.tower)} tensors of an image tower ({kinds or 'none'})",
            f"activation: {self.activation or 'not said'}",
        ]
        if self.left_out:
            said.append(f"left out: {self.left_out} tensors that are not the image tower (the base's are kept)")
        if self.cosine is not None:
            said.append(f"cosine of the weight matrices to the base's: {self.cosine:.3f}")
        if self.merged:
            said.append(f"merged by mergekit: {self.merged}")
        if self.recipe is not None:
            said.append(f"it carries its recipe: a mix of {', '.join(self.recipe.models)}")
        said += [*(f"warning: {w}" for w in self.warnings), *(f"problem: {p}" for p in self.problems)]
        return [*said, "it fits" if self.fits else "it does not fit"]

    @property
    def descends(self) -> bool:
        """Whether it seems to have been trained from the base."""
        return self.cosine is not None and self.cosine >= DESCENDS


def preflight(lab: Lab, path: Path, progress: Progress = SILENT) -> Preflight:
    """Look a checkpoint over against the base of the workspace; nothing is kept. Raises ForeignError if unreadable."""
    foreign = read(path)
    base = lab.zoo.weights(BASE)
    named = name_weights(foreign.tensors, base)
    # A counter of BatchNorm's batches changes nothing that is computed: some programs leave it out.
    missing = tuple(n for n, t in base.items() if n not in named.tower and t.is_floating_point())
    extra = tuple(n for n in named.tower if n not in base)
    both = [n for n in base if n in named.tower]
    misshapen = tuple(
        f"{n} is {tuple(named.tower[n].shape)} instead of {tuple(base[n].shape)}"
        for n in both
        if named.tower[n].shape != base[n].shape
    )
    fitting = [n for n in both if named.tower[n].shape == base[n].shape]
    bad = tuple(
        n for n in progress(fitting, "Looking for what is not a number") if _not_finite(named.tower[n], base[n])
    )
    matrices = [n for n in fitting if base[n].dim() > 1 and n not in bad]
    like = {n: base[n] for n in matrices}
    cosine = weight_cosine(like, named.tower, ("",)).get("") if matrices else None
    said, recipe = _activation(foreign, named), _recipe(foreign)
    return Preflight(
        path=Path(path),
        files=foreign.files,
        kind=named.kind,
        tower=named.tower,
        left_out=len(named.text),
        dtypes=Counter(str(t.dtype).removeprefix("torch.") for t in named.tower.values()),
        activation=said,
        missing=missing,
        extra=extra,
        misshapen=misshapen,
        not_finite=bad,
        cosine=cosine,
        cosines=weight_cosine(like, named.tower, blocks(base)),
        recipe=recipe,
        merged=foreign.merged,
        problems=tuple(_problems(lab, named, missing, extra, misshapen, bad, said)),
        warnings=tuple(_warnings(lab, named, cosine)),
    )


def _not_finite(tensor: torch.Tensor, like: torch.Tensor) -> bool:
    """Whether it holds what is not a number, or will when kept in the base's dtype."""
    return tensor.is_floating_point() and not bool(torch.isfinite(tensor.to(like.dtype)).all())


def _activation(foreign: Foreign, named: Named) -> str | None:
    ours, theirs = foreign.configs.get("open_clip_config.json", {}), foreign.configs.get("config.json", {})
    model_cfg: Any = ours.get("model_cfg") or foreign.facts.get("model_cfg")
    if isinstance(model_cfg, Mapping):
        return activation(model_cfg)
    vision_config = theirs.get("vision_config", theirs)
    if isinstance(vision_config, Mapping) and isinstance(vision_config.get("hidden_act"), str):
        return vision_config["hidden_act"][:40]
    return "quick_gelu" if named.openai else None


def _recipe(foreign: Foreign) -> Recipe | None:
    try:
        return Recipe.from_json(json.dumps(foreign.facts["recipe"])) if "recipe" in foreign.facts else None
    except (ValueError, TypeError):
        return None  # a note that makes no sense is no reason to refuse good weights


def _problems(lab: Lab, named: Named, missing, extra, misshapen, bad, said: str | None) -> list[str]:
    if not named.tower:
        return ["It holds no image tower: no weight is called visual... or as one of the base's."]
    found = [
        f"{len(names)} {what}: {'; '.join(names[:10])}{f' and {len(names) - 10} more' if len(names) > 10 else ''}."
        for names, what in (
            (missing, "weights of the base are missing"),
            (extra, "weights are not in the base"),
            (misshapen, "weights have another shape"),
            (bad, "weights are not finite in the base's dtype"),
        )
        if names
    ]
    ours = activation(clip.read_config(lab.folder / "base")["model_cfg"])
    if said and said != ours:
        found.append(
            f"It was trained with {said}, but the base of {lab.name} computes with {ours}; "
            f"import it into a workspace of the {said} variant."
        )
    return found


def _warnings(lab: Lab, named: Named, cosine: float | None) -> list[str]:
    found, base = [], lab.zoo.weights(BASE)
    kinds = {t.dtype for t in named.tower.values() if t.is_floating_point()}
    ours = {t.dtype for t in base.values() if t.is_floating_point()}
    if kinds - ours:
        names = ", ".join(sorted(str(k).removeprefix("torch.") for k in kinds))
        kept = ", ".join(sorted(str(k).removeprefix("torch.") for k in ours))
        found.append(f"Its {names} weights are rounded to {kept}, as the base's are.")
    whole = [
        n for n, t in named.tower.items() if not t.is_floating_point() and n in base and base[n].is_floating_point()
    ]
    if whole:
        found.append(
            f"{len(whole)} of its weights are whole numbers ({named.tower[whole[0]].dtype}), so it seems to be "
            "quantised: they are taken as they stand, without the scales that belong to them."
        )
    if named.twice:
        found.append(f"{len(named.twice)} weights are there more than once ({named.twice[0]} …); the last was taken.")
    if cosine is not None and cosine < DESCENDS:
        found.append(
            f"It does not seem to descend from this base (cosine {cosine:.2f}; fine-tuned models keep above 0.9): "
            "mixing it with the base's descendants will hardly give a working model."
        )
    return found
