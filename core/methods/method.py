"""What a merge method says of itself: title, source, what it needs, and its parameters with their ranges."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.methods.task_vectors import MethodError

NONE, FISHER, GRAM = "none", "fisher", "gram"  # what a method needs besides the task vectors


@dataclass(frozen=True)
class Parameter:
    """A number that a person may set: default, range (ends included), and what it is, in a few words."""

    default: float
    low: float
    high: float
    about: str
    whole: bool = False

    def check(self, name: str, value: float) -> float:
        """The value, an int where whole numbers are asked for. Raises MethodError outside the range."""
        number = isinstance(value, int | float) and math.isfinite(value)
        if not number or not self.low <= value <= self.high or (self.whole and value != int(value)):
            kind = "a whole number" if self.whole else "a number"
            raise MethodError(f"{name} must be {kind} from {self.low:g} to {self.high:g}, not {value}.")
        return int(value) if self.whole else float(value)


@dataclass(frozen=True)
class Method:
    """A merge method: ``function(task_vectors, **parameters)`` gives a direction.

    A post-step's ``function`` takes a direction first. One that ``needs`` pictures takes ``statistics``, too: what
    ``core.methods.statistics`` measures of each parent.
    """

    title: str
    source: str
    function: Callable[..., Any]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    statistics: str = NONE

    @property
    def needs(self) -> str:
        """``pictures`` (a few hundred, unlabelled, from val) or ``none``."""
        return "none" if self.statistics == NONE else "pictures"

    def complete(self, given: Mapping[str, float]) -> dict[str, float]:
        """All parameters, those not given at their defaults. Raises MethodError for an unknown one or a wrong value."""
        if unknown := [name for name in given if name not in self.parameters]:
            known = ", ".join(self.parameters) or "no parameter"
            raise MethodError(f"{self.title} has no parameter {unknown[0]!r}; it has {known}.")
        return {n: p.check(n, given.get(n, p.default)) for n, p in self.parameters.items()}
