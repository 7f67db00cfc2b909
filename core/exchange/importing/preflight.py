"""The pre-flight report: whether a foreign checkpoint fits this workspace, and what is odd about it, before anything
is kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from core.exchange.importing.activation import said_activation
from core.exchange.importing.lora import is_adapter, merge_adapter
from core.exchange.importing.reader import Foreign, read
from core.exchange.importing.report import DESCENDS, Preflight
from core.exchange.importing.weight_names import Named, name_weights
from core.exchange.manifest import activation as model_activation
from core.models import clip
from core.progress import SILENT, Progress
from core.recipes import Recipe, blocks
from core.workspace import BASE, Lab, weight_cosine

PROJECTION = "visual.proj"


def preflight(lab: Lab, path: Path, progress: Progress = SILENT, subtree: str = "", activation: str = "") -> Preflight:
    """Look a checkpoint over against the base of the workspace; nothing is kept.

    ``subtree`` names the part of the file to take (by default the one that fits best), ``activation`` is what its owner
    says that it was trained with. Raises ForeignError if unreadable.
    """
    foreign = read(path)
    base = lab.zoo.weights(BASE)
    named = merge_adapter(foreign, base) if is_adapter(foreign) else name_weights(foreign.tensors, base, subtree)
    named, projection = _with_projection(named, base)
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
    said, source = (activation, "as you say") if activation else said_activation(foreign, named)
    ours = model_activation(clip.read_config(lab.folder / "base")["model_cfg"])
    guessed = said is None and cosine is not None and cosine >= DESCENDS
    if guessed:
        said, source = ours, "it does not say; the base's, from which it descends"
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
        recipe=_recipe(foreign),
        merged=foreign.merged,
        problems=tuple(_problems(lab, named, missing, extra, misshapen, bad, said, ours)),
        warnings=(*projection, *_warnings(lab, named, cosine), *_unsaid(lab, said, ours)),
        activation_from=source,
        where=named.where,
        others=tuple(o.name for o in named.others),
        averages=tuple(o.name for o in named.others if o.average),
        aside=(*named.aside, *foreign.beside),
        notes=foreign.notes,
    )


def _with_projection(named: Named, base: Mapping[str, torch.Tensor]) -> tuple[Named, list[str]]:
    """A vision model without a projection gets the base's, and a sentence on it; a whole CLIP has to have its own."""
    if not named.tower or named.text or PROJECTION in named.tower or PROJECTION not in base:
        return named, []
    tower = {**named.tower, PROJECTION: base[PROJECTION]}
    return replace(named, tower=tower), ["It has no projection into the space of the texts: the base's is taken."]


def _unsaid(lab: Lab, said: str | None, ours: str) -> list[str]:
    if said is not None:
        return []
    return [
        f"It does not say which activation it was trained with, and {lab.name} computes with {ours}: if that is wrong, "
        "its answers are, too; say which with --activation."
    ]


def _not_finite(tensor: torch.Tensor, like: torch.Tensor) -> bool:
    """Whether it holds what is not a number, or will when kept in the base's dtype."""
    return tensor.is_floating_point() and not bool(torch.isfinite(tensor.to(like.dtype)).all())


def _recipe(foreign: Foreign) -> Recipe | None:
    try:
        return Recipe.from_json(json.dumps(foreign.facts["recipe"])) if "recipe" in foreign.facts else None
    except (ValueError, TypeError):
        return None  # a note that makes no sense is no reason to refuse good weights


def _problems(lab: Lab, named: Named, missing, extra, misshapen, bad, said: str | None, ours: str) -> list[str]:
    if not named.tower and any(n in named.text for n in ("token_embedding.weight", "positional_embedding")):
        return ["It holds a text tower alone, and no image tower: Palette mixes image towers."]
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
    if misshapen and all(m.startswith("visual.positional_embedding ") for m in misshapen):
        found.append(
            f"Its tower reads pictures of another size or in other patches ({misshapen[0]}): make a workspace of the "
            "model of that size, and import it there."
        )
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
    finer = {k for k in kinds if any(torch.promote_types(k, kept) != kept for kept in ours)}
    if finer:
        names = ", ".join(sorted(str(k).removeprefix("torch.") for k in finer))
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
