"""Numbers as people read them, the same on every page."""

from __future__ import annotations

from core.metrics import Accuracy


def percent(share: float) -> str:
    """A share in [0, 1] as '76.4 %'."""
    return f"{100 * share:.1f} %"


def points(difference: float) -> str:
    """A difference of shares in percentage points with its sign: '+30.2 points'; a true minus, and no '-0.0'."""
    value = round(100 * difference, 1) + 0.0
    return f"{value:+.1f} points".replace("-", "−")


def interval(accuracy: Accuracy) -> str:
    """The 95 % interval as '74.1 to 78.6'."""
    return f"{100 * accuracy.low:.1f} to {100 * accuracy.high:.1f}"


def duration(seconds: float | None) -> str:
    """Seconds as people say them: 'a moment', '40 s', '3 min', '1 h 20 min'."""
    if seconds is None or seconds < 2:
        return "a moment"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def alpha_text(alpha: float) -> str:
    """α in at most two decimals: '0.3', '0.35', '1'."""
    return f"{alpha:.2f}".rstrip("0").rstrip(".") or "0"


def listed(names: list[str] | tuple[str, ...]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
