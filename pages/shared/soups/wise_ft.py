"""WiSE-FT of an ingredient: its line from the base, offered below the ingredients and drawn into the scatter."""

from __future__ import annotations

import streamlit as st

from core.jobs import Jobs
from core.soups import WISE_ALPHAS, PoolResults, make_pool, wise_ft
from core.workspace import Lab
from pages.shared.app import job_status

WISE = "https://arxiv.org/abs/2109.01903"


def offer(lab: Lab, jobs: Jobs, results: PoolResults) -> None:
    """Choose an ingredient and evaluate (1 − α) · base + α · ingredient on the task and its shifts."""
    names = [row.name for row in results.individuals]
    done = [o.facts["ingredient"] for o in results.outcomes if o.facts["method"] == "wise"]
    here = all(n in lab.zoo and lab.zoo[n].digest == results.facts["digests"][n] for n in names)
    with st.expander("WiSE-FT: from the base to one ingredient"):
        st.caption(
            f"(1 − α) · base + α · ingredient at {len(WISE_ALPHAS)} α, the text tower's head standing in as the base's "
            f"([WiSE-FT]({WISE})); it joins the scatter as a dotted line, and the table with its best α on val."
        )
        if not here:
            st.caption("This needs the ingredients' weights: see *Search*.")
            return
        name = st.selectbox("Ingredient", names, key="soups.wise.name")
        pool = make_pool(lab, names, str(results.facts["task"]), results.facts["shifts"])
        job_status.offer(
            jobs,
            f"{lab.name}:wise {results.folder} {name}",
            f"WiSE-FT of {name}",
            lambda progress: wise_ft(lab, pool, name, progress),
            "Draw its line",
            icon=":material/timeline:",
            type="secondary",
            key="soups.wise",
            disabled=name in done,
        )
