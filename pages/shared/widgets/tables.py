"""Tables as people read them and as files that they take away (CSV, UTF-8)."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

from core.metrics import per_class
from core.patching import Curve
from core.recipes import Recipe
from core.tasks import Answers
from core.workspace import Lab


@lru_cache(maxsize=16)
def curve_csv(curve: Curve) -> str:
    """The curve on val and test: one row per split, α and task, with n and the 95 % interval, shares in [0, 1]."""
    rows = []
    for split, points in (("val", curve.val), ("test", curve.test)):
        for p in points:
            for name, a in p.accuracies.items():
                role = curve.lab.task(name).role
                rows.append((split, p.alpha, name, role, a.value, a.low, a.high, a.n, p.combined))
    columns = ["split", "alpha", "task", "role", "accuracy", "low_95", "high_95", "n", "combined_accuracy"]
    return pd.DataFrame(rows, columns=columns).to_csv(index=False)


def flips(lab: Lab, task: str, before: Answers, after: Answers) -> pd.DataFrame:
    """Every test picture whose rightness changed: its index, classes and probabilities before and after."""
    names = lab.task(task).class_names
    change = before.right != after.right
    rows = change.nonzero()[0]
    table = pd.DataFrame({"picture": rows, "label": [names[i] for i in before.labels[rows]]})
    table["flip"] = ["fixed" if right else "broken" for right in after.right[rows]]
    for when, answers in (("before", before), ("after", after)):
        table[when] = [names[i] for i in answers.predictions[rows]]
        table[f"{when}_probability"] = answers.confidence[rows].astype(float)
        table[f"{when}_probability_of_label"] = answers.of_label[rows].astype(float)
    return table


def classes(lab: Lab, task: str, before: Answers, after: Answers) -> pd.DataFrame:
    """Accuracy of each class before and after in per cent, their difference in points, and n."""
    names = lab.task(task).class_names
    first, second = (per_class(r.right, r.labels, len(names)) for r in (before, after))
    rows = [
        (name, 100 * a.value, 100 * b.value, 100 * (b.value - a.value), 100 * b.low, 100 * b.high, a.n)
        for name, a, b in zip(names, first, second, strict=True)
        if a and b
    ]
    return pd.DataFrame(rows, columns=["class", "base", "patch", "difference", "low", "high", "n"])


@lru_cache(maxsize=8)
def flips_at(lab: Lab, weights: str, recipe: Recipe, task: str) -> pd.DataFrame:
    """``flips`` of a recipe, whose weights have this digest, against the base on test; kept for the last few."""
    return flips(lab, task, lab.evaluate(lab.base, task, "test"), lab.evaluate(recipe, task, "test"))
