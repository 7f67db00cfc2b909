"""How the α page's numbers were computed, and the rarer ones: calibration, distance to optimal, similarity."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd
import streamlit as st

from core.jobs import Jobs
from core.patching import Curve
from core.recipes import Recipe
from core.training import describe_training
from core.workspace import Lab, similarity
from pages.shared.alpha.view import View
from pages.shared.app import job_status
from pages.shared.widgets.formatting import alpha_text, listed, percent


def draw(lab: Lab, jobs: Jobs, view: View, curve: Curve, recipe: Recipe) -> None:
    """One expander with the definitions and the numbers that answer them."""
    with st.expander("How this was computed, calibration, and how far the models are apart"):
        checkpoint = lab.zoo[view.task]
        tasks = listed([lab.task(name).title for name in curve.patching])
        imported = checkpoint.settings.get("imported")
        made = (
            f"was brought in from {imported['file']}, made for {tasks}"
            if imported
            else (f"was trained on {tasks} ({describe_training(checkpoint.settings)}), with the text tower frozen")
        )
        st.markdown(
            f"- **The patch**: (1 − α) · base + α · fine-tuned, weight by weight. The fine-tuned model {made} "
            f"(checkpoint `{checkpoint.digest[:12]}`).\n"
            f"- **Choosing α**: highest combined accuracy on *val* among the {len(curve.alphas)} evaluated α, the "
            f"smallest of equals; here α = {alpha_text(curve.chosen)}. Everything shown is on *test*.\n"
            f"- **Combined accuracy**: mean of the patching accuracy and the mean over the supported tasks.\n"
            f"- **Accuracy distance to optimal** ([PAINT](https://arxiv.org/abs/2208.05592) eq. 1): how much is lost "
            f"by one α for all instead of the best α for each, **{100 * curve.distance_to_optimal:.1f} points**.\n"
            f"- **Intervals**: 95 % Wilson; differences from the base: McNemar's exact test on the same pictures."
        )
        st.dataframe(_calibration(lab, view, recipe), hide_index=True, width="content")
        _similarity(lab, jobs, view, recipe)


def _calibration(lab: Lab, view: View, recipe: Recipe) -> pd.DataFrame:
    rows = []
    for name in dict.fromkeys([*lab.trained_on(view.task), *view.supported]):
        errors = [lab.evaluate(r, name, "test").calibration_error for r in (lab.base, recipe)]
        rows.append((lab.task(name).title, *map(percent, errors)))
    return pd.DataFrame(rows, columns=["Expected calibration error (15 bins)", "base", f"α = {view.alpha:g}"])


def _similarity(lab: Lab, jobs: Jobs, view: View, recipe: Recipe) -> None:
    name = f"{view.task}@{alpha_text(view.alpha or 0)}"
    job_status.offer(
        jobs,
        f"{lab.name}:similarity {name}",
        f"Similarity of {listed(['base', name])}",
        lambda _: similarity(lab, lab.base, recipe, _first(lab, view)),
        "Compare weights and activations",
        done=partial(_similarities, lab, view),
        icon=":material/compare_arrows:",
        type="secondary",
    )


def _similarities(lab: Lab, view: View, measured: Mapping[str, Mapping[str, float]]) -> None:
    cosine, cka = measured["cosine"], measured["cka"]
    rows = [(p or "whole", cosine.get(p), cka.get(p)) for p in dict.fromkeys([*cosine, *cka])]
    titles = ["Part of the image tower", "Cosine of weights", "Linear CKA of activations"]
    form = {t: st.column_config.NumberColumn(t, format="%.4f") for t in titles[1:]}
    st.dataframe(pd.DataFrame(rows, columns=titles), hide_index=True, width="content", column_config=form)
    st.caption(
        f"Base against this patch; activations on {lab.task(_first(lab, view)).title} val pictures (PAINT §4.1)."
    )


def _first(lab: Lab, view: View) -> str:
    """The patching task whose pictures stand for all, where one is enough."""
    return lab.trained_on(view.task)[0]
