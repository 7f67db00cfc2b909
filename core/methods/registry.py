"""Every merge method and post-step by name."""

from __future__ import annotations

from core.methods.elementwise.breadcrumbs import breadcrumbs
from core.methods.elementwise.consensus import consensus
from core.methods.elementwise.dare import dare
from core.methods.elementwise.fisher import fisher
from core.methods.elementwise.magmax import magmax
from core.methods.elementwise.ties import ties
from core.methods.lines import lines
from core.methods.method import FISHER, GRAM, Method, Parameter
from core.methods.spectral.iso import iso_c, iso_cts
from core.methods.spectral.regmean import regmean
from core.methods.spectral.svc import svc
from core.methods.spectral.tsv_m import tsv_m
from core.methods.spectral.wudi import wudi
from core.methods.task_vectors import MethodError, task_arithmetic

METHODS: dict[str, Method] = {
    "sum": Method("Task arithmetic", "arXiv 2212.04089", task_arithmetic),
    "ties": Method(
        "TIES-Merging",
        "arXiv 2306.01708",
        ties,
        {"keep": Parameter(0.2, 0.001, 1.0, "share of the largest numbers that is kept")},
    ),
    "dare": Method(
        "DARE",
        "arXiv 2311.03099",
        dare,
        {
            "drop": Parameter(0.9, 0.0, 0.999, "share of numbers that is dropped"),
            "seed": Parameter(0, 0, 2**31 - 1, "of the draw", whole=True),
        },
    ),
    "breadcrumbs": Method(
        "Model Breadcrumbs",
        "arXiv 2312.06795",
        breadcrumbs,
        {
            "low": Parameter(0.85, 0.0, 0.999, "share of a layer's numbers that is too small"),
            "high": Parameter(0.993, 0.001, 1.0, "share of a layer's numbers that is not too large"),
        },
    ),
    "magmax": Method("MagMax", "arXiv 2407.06322", magmax),
    "consensus": Method(
        "Consensus task arithmetic",
        "arXiv 2405.07813",
        consensus,
        {
            "claim": Parameter(0.4, 0.0, 10.0, "λ: how much of the others' sum a claim must exceed"),
            "tasks": Parameter(2, 1, 1000, "how many tasks must claim a place", whole=True),
        },
    ),
    "tsv-m": Method("TSV-Merge", "arXiv 2412.00081", tsv_m),
    "iso-c": Method("Iso-C", "arXiv 2502.04959", iso_c),
    "iso-cts": Method(
        "Iso-CTS",
        "arXiv 2502.04959",
        iso_cts,
        {"common": Parameter(0.8, 0.0, 1.0, "share of the directions that is common")},
    ),
    "wudi": Method(
        "WUDI-Merging, closed form",
        "arXiv 2503.08099",
        wudi,
        {"ridge": Parameter(1e-8, 0.0, 1.0, "of the equations, relative to their diagonal")},
    ),
    "fisher": Method(
        "Fisher merging",
        "arXiv 2111.09832",
        fisher,
        {"floor": Parameter(1e-3, 0.0, 1e3, "added to each Fisher information, relative to the mean")},
        FISHER,
    ),
    "regmean": Method(
        "RegMean",
        "arXiv 2212.09849",
        regmean,
        {
            "shrink": Parameter(0.9, 0.0, 1.0, "factor on what is not on the diagonal"),
            "ridge": Parameter(1e-6, 0.0, 1.0, "of the equations, relative to their diagonal"),
        },
        GRAM,
    ),
}

POST_STEPS: dict[str, Method] = {
    "lines": Method(
        "LiNeS",
        "arXiv 2410.17146",
        lines,
        {
            "first": Parameter(0.0, 0.0, 10.0, "factor on the first block (0: by the norms)"),
            "rise": Parameter(1.0, 0.0, 10.0, "what the last block's factor is more"),
        },
    ),
    "svc": Method(
        "Singular Value Calibration",
        "arXiv 2602.05536",
        svc,
        {"least": Parameter(0.0, 0.0, 1.0, "α: the least a task counts (0: 1/T)")},
    ),
}


def method_named(name: str, among: dict[str, Method]) -> Method:
    """The method or post-step of that name. Raises MethodError naming those that there are."""
    if name not in among:
        raise MethodError(f"There is no merge method {name!r}; choose one of {', '.join(among)}.")
    return among[name]
