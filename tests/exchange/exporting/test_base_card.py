from __future__ import annotations

from core import metrics
from core.exchange.exporting import base_card
from core.patching import curves
from core.patching.build import build_steps
from core.progress import Progress
from core.training.steps import build


def test_the_card_holds_what_the_evaluation_says(tiny_lab):
    build(build_steps(tiny_lab), Progress())
    text, missed = base_card.write_base_card(tiny_lab)
    assert text == (tiny_lab.folder / "base" / "README.md").read_text() and not missed
    found = tiny_lab.evaluate(tiny_lab.base, "noisy", "test").accuracy
    assert (
        f"| `noisy` (3 classes) | {100 * found.value:.1f} % | {100 * found.low:.1f} to {100 * found.high:.1f} | 36 |"
        in text
    )
    alpha = curves.chosen_alpha(tiny_lab, "noisy", ["plain"])
    patched = tiny_lab.evaluate(tiny_lab.patch("noisy", alpha), "noisy", "test").accuracy.value
    assert f"| {alpha:g} | {100 * patched:.1f} % | {100 * (patched - found.value):+.1f} |" in text
    cost = base_card.patched(tiny_lab, "noisy", "plain").cost.difference
    assert (
        f"`plain` changes by {100 * cost:+.1f} points at the median" in text
        and "* `noisy`: 40 steps, the whole image tower\n" in text
    )


def test_a_goal_that_is_not_reached_is_named(tiny_lab, monkeypatch):
    monkeypatch.setattr(base_card, "GOALS", {"plain": 1.1})
    text, missed = base_card.write_base_card(tiny_lab)
    assert missed == ["plain"] and "≥ 110 % ✗" in text and "What patching does" not in text


def test_photographs_are_a_task_like_any_other(tiny_lab):
    pictures = tiny_lab.pictures("plain", "test")
    held = base_card.Held(pictures)
    assert held.sizes() == {"test": 36} and len(held.digest("test")) == 64 and held.load("test") is pictures
    assert metrics.accuracy_of(pictures.labels >= 0).n == 36
