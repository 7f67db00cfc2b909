"""Components: which part of a network gets one mixing factor. A component is a prefix of weight names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    found = _owner(name, tuple(prefixes))
    if found is None:
        raise PrefixError(f"No component owns the weight {name!r}.")
    return found


def blocks(names: Iterable[str]) -> tuple[str, ...]:
    """One prefix per block of an image tower, ``""`` last: it owns the stem and whatever else is no block.

    Knows open_clip's VisionTransformer (``visual.transformer.resblocks.N``), ModifiedResNet (``visual.layerN.M``,
    ``visual.attnpool``) and timm trunks (``visual.trunk.blocks.N``, ``visual.trunk.stages.N``).
    """
    found: dict[str, None] = {}
    for name in names:
        words = name.split(".")
        for i, word in enumerate(words[:-1]):
            if word in ("resblocks", "blocks", "stages") and words[i + 1].isdigit():
                found[".".join(words[: i + 2])] = None
                break
            if word.startswith("layer") and word[5:].isdigit() and words[i + 1].isdigit():
                found[".".join(words[: i + 2])] = None
                break
            if word in ("attnpool", "attn_pool", "head"):
                found[".".join(words[: i + 1])] = None
                break
        else:
            if words[-1] == "proj" or words[:1] == ["head"]:
                found[name] = None
    return (*found, "")
