"""How long work takes on this machine, said before it begins."""

from __future__ import annotations

from functools import lru_cache

import streamlit as st

from core.training import pictures_per_second
from core.workspace import Lab
from pages.shared.widgets.formatting import duration


@lru_cache(maxsize=8)
def pace(lab: Lab) -> float:
    """Pictures per second of this workspace's encoder on this machine, measured once."""
    with st.spinner("Estimating how long that takes …"):
        return pictures_per_second(lab)


def time_for(lab: Lab, pictures: float) -> str:
    """The time that so many forward passes of one picture take: 'about 3 min'."""
    return f"about {duration(pictures / pace(lab))}"


def machine(lab: Lab) -> str:
    """What computes, in words: 'the GPU' or 'this machine'."""
    return "the GPU" if lab.device.type == "cuda" else "this machine"
