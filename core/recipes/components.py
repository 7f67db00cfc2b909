"""Components: which part of a network gets one mixing factor. A component is a prefix of weight names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core import PaletteError


class PrefixError(PaletteError):
    """A prefix or partition that cannot own weights."""


def check_prefix(prefix: str) -> None:
    """Raise PrefixError unless ``prefix`` is ``""`` or dotted words without a dot at either end."""
    if not isinstance(prefix, str) or prefix != prefix.strip(".") or ".." in prefix:
        raise PrefixError(f"A component is a prefix of weight names such as 'visual.layer1', not {prefix!r}.")


def is_under(name: str, prefix: str) -> bool:
    """Whether ``prefix`` owns ``name``, matched at dots: 'visual.layer1' does not own 'visual.layer10'."""
    return prefix == "" or name == prefix or name.startswith(prefix + ".")


@lru_cache(maxsize=65536)
def _owner(name: str, prefixes: tuple[str, ...]) -> str | None:
    return max((p for p in prefixes if is_under(name, p)), key=len, default=None)


def owner(name: str, prefixes: Sequence[str]) -> str:
    """The longest of ``prefixes`` that owns ``name``. Raises PrefixError if none does."""
    prefix = _owner(name, tuple(prefixes))
    if prefix is None:
        raise PrefixError(f"No component owns the weight {name!r}.")
    return prefix


def blocks(names: Iterable[str]) -> tuple[str, ...]:
    """One prefix per block of an image tower, ``""`` last: it owns the stem and whatever else is no block.

    Knows open_clip's VisionTransformer (``visual.transformer.resblocks.N``), ModifiedResNet (``visual.layerN.M``,
    ``visual.attnpool``) and timm trunks (``visual.trunk.blocks.N``, ``visual.trunk.stages.N``).
    """
    prefixes: dict[str, None] = {}
    for name in names:
        words = name.split(".")
        for i, word in enumerate(words[:-1]):
            if word in ("resblocks", "blocks", "stages") and words[i + 1].isdigit():
                prefixes[".".join(words[: i + 2])] = None
                break
            if word.startswith("layer") and word[5:].isdigit() and words[i + 1].isdigit():
                prefixes[".".join(words[: i + 2])] = None
                break
            if word in ("attnpool", "attn_pool", "head"):
                prefixes[".".join(words[: i + 1])] = None
                break
        else:
            if words[-1] == "proj" or words[:1] == ["head"]:
                prefixes[name] = None
    return (*prefixes, "")


PARTITIONS = ("whole", "blocks", "C8", "C15", "C26")
"""Partitions by name; besides, a number m stands for a cut into m parts with about equally many weights."""

# What is left of the text tower in the paper's checkpoints: names that an image classifier holds and never uses.
TEXT_AT_DEPTH = {
    1: ("positional_embedding", "text_projection", "logit_scale", "token_embedding", "ln_final"),
    2: (
        "positional_embedding",
        "text_projection",
        "logit_scale",
        "token_embedding.weight",
        "ln_final.weight",
        "ln_final.bias",
    ),
}


@dataclass(frozen=True)
class ComponentGroup:
    """One mixing factor's share of the network: a title, and the prefixes that it owns (none: it changes nothing)."""

    title: str
    prefixes: tuple[str, ...]


@dataclass(frozen=True)
class Partition:
    """A network cut into groups, each with one mixing factor; exactly one of them owns ``""``, what is left."""

    name: str
    groups: tuple[ComponentGroup, ...]

    def __post_init__(self) -> None:
        owned = [p for group in self.groups for p in group.prefixes]
        if owned.count("") != 1 or len(set(owned)) != len(owned):
            raise PrefixError(f'The partition {self.name!r} must name each prefix once, and "" among them.')

    def __len__(self) -> int:
        return len(self.groups)

    def per_prefix(self, factors: Sequence[float]) -> dict[str, float]:
        """The factors of the groups as one number per prefix, as recipes take them. Raises PrefixError."""
        if len(factors) != len(self.groups):
            raise PrefixError(f"{self.name} has {len(self.groups)} components, but {len(factors)} factors are given.")
        return {p: float(f) for group, f in zip(self.groups, factors, strict=True) for p in group.prefixes}


def partition(name: str, sizes: Mapping[str, int]) -> Partition:
    """Cut a network, whose weights have these names and numbers of values, as ``name`` says (PARTITIONS, or a number).

    C8, C15 and C26 are the paper's, as its authors' code cuts CLIP ViT-B/32: the checkpoint's names grouped at depth
    1, at depth 2, and at depth 2 with each block apart; some groups belong to the unused text tower and own nothing
    here. Other towers are cut by the same rule into as many groups as that gives. Raises PrefixError.
    """
    if name == "whole":
        return Partition(name, (ComponentGroup("the whole network", ("",)),))
    if name == "blocks":
        return _grouped(name, {p: (p,) for p in sorted(blocks(sizes), key=bool)})  # the stem comes first
    if name in ("C8", "C15", "C26"):
        depth = 1 if name == "C8" else 2
        own = {p for p in blocks(sizes) if p not in ("", "head")} if name == "C26" else set()
        groups: dict[str, tuple[str, ...]] = {}
        for weight in sizes:
            cut = next((p for p in own if is_under(weight, p)), None) or _at_depth(weight, depth)
            groups[cut] = (cut,)
        text = {f"text tower: {p}": () for p in TEXT_AT_DEPTH[depth]}
        return _grouped(name, groups | text)
    if name.isdigit():
        return _grouped(name, _balanced(sizes, int(name)))
    raise PrefixError(f"There is no partition {name!r}; choose one of {', '.join(PARTITIONS)}, or a number of parts.")


def _at_depth(weight: str, depth: int) -> str:
    """The head's weight and bias stay apart at any depth, as they do at the top of the paper's state dicts."""
    return weight if weight.startswith("head.") else ".".join(weight.split(".")[:depth])


def _grouped(name: str, prefixes_of: Mapping[str, tuple[str, ...]]) -> Partition:
    """Groups by title; the first that owns something owns what is left, too, unless another one does."""
    groups = [ComponentGroup(title or "stem", prefixes) for title, prefixes in prefixes_of.items()]
    if not any("" in g.prefixes for g in groups):
        first = next(i for i, g in enumerate(groups) if g.prefixes)
        groups[first] = ComponentGroup(groups[first].title, ("", *groups[first].prefixes[1:]))
    return Partition(name, tuple(groups))


def _balanced(sizes: Mapping[str, int], parts: int) -> dict[str, tuple[str, ...]]:
    """Modules in order, cut where the running share of all values passes 1/m, 2/m, ...; none is left empty."""
    modules: dict[str, int] = {}
    for weight, size in sizes.items():
        module, _, _ = weight.rpartition(".")
        unit = module if "." in module or module == "head" else weight
        modules[unit] = modules.get(unit, 0) + size
    if not 1 <= parts <= len(modules):
        raise PrefixError(f"This network has {len(modules)} modules: it can be cut into 1 to {len(modules)} parts.")
    total, seen, found, names = sum(modules.values()), 0, [list[str]()], list(modules)
    for i, module in enumerate(names):
        must, may = len(names) - i == parts - len(found), found[-1] and len(found) < parts
        if found[-1] and (must or (may and seen + modules[module] / 2 > total * len(found) / parts)):
            found.append([])
        found[-1].append(module)
        seen += modules[module]
    return {f"{ms[0]} to {ms[-1]}" if len(ms) > 1 else ms[0]: tuple(ms) for ms in found}
