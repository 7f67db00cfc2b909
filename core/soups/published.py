"""Table 1 of the ManifoldMixMS paper, as published but for two columns put right; for showing beside our own."""

from __future__ import annotations

PUBLISHED_COLUMNS = ("ImageNet", "IN-V2", "IN-R", "IN-Sketch", "ObjectNet", "IN-A", "Avg OOD")
PUBLISHED_NOTE = (
    "Published by Fassold (2023), Table 1: CLIP ViT-B/32 fine-tuned on ImageNet, top-1 accuracy in %. The paper prints "
    "the columns IN-R and IN-Sketch the other way round, as the result files of the model soups that it compares with "
    "show; here they stand in their right places. Avg OOD is unaffected."
)

# In the paper's order of columns, that is with IN-Sketch's numbers under IN-R and the other way round.
_AS_PRINTED: tuple[tuple[str, tuple[float | None, ...]], ...] = (
    ("Best finetuned model", (80.38, 68.44, 44.51, 60.63, 42.62, 23.64, 47.97)),
    ("Second-best finetuned model", (79.89, 67.91, 41.49, 54.58, 37.98, 18.01, 44.01)),
    ("Uniform soup", (79.97, 68.51, 47.71, 66.54, 45.95, 29.17, 51.57)),
    ("Greedy soup", (81.03, 69.55, 47.77, 64.20, 44.90, 27.89, 50.86)),
    ("ManifoldMixMS-C8", (80.95, 69.67, 48.15, 64.81, 45.66, 29.06, 51.47)),
    ("ManifoldMixMS-C15", (80.80, 69.61, 47.89, 64.76, 44.45, 28.39, 51.02)),
    ("ManifoldMixMS-C26", (80.85, 69.58, 48.04, 64.79, 45.75, 28.88, 51.41)),
    ("Ensemble", (81.19, None, None, None, None, None, 50.77)),
    ("Greedy ensemble", (81.90, None, None, None, None, None, 49.44)),
)


def published() -> list[tuple[str, tuple[float | None, ...]]]:
    """The rows: a method, and its accuracies in per cent under PUBLISHED_COLUMNS (None: not published)."""
    return [(name, (row[0], row[1], row[3], row[2], *row[4:])) for name, row in _AS_PRINTED]
