"""The device: what computes, at which precision, and how full its memory is, looked at again every few seconds."""

from __future__ import annotations

import streamlit as st

from core.models import describe_device, device_memory, device_of_choice, precision_of_choice
from pages.shared.app.frame import one_sentence

EVERY = 3.0  # seconds


def draw(precision: str) -> None:
    """The device with the open workspace's precision, and the gauge of its memory."""
    device = device_of_choice()
    left, right = st.columns([1, 2], vertical_alignment="center")
    left.metric(
        "Computing on",
        device.type.upper(),
        help=f"{describe_device(device)}. The best device is taken by itself: CUDA, else Apple's MPS, else the CPU. "
        "`python -m core --device cpu` chooses another for a command.",
    )
    left.caption(f"{describe_device(device)}, in {precision}")
    with right:
        st.fragment(_gauge, run_every=EVERY)()
    if precision != precision_of_choice(device):
        left.caption(f"New workspaces would use {precision_of_choice(device)} here.")


def _gauge() -> None:
    with one_sentence():
        memory = device_memory(device_of_choice())
        gb = 1e9
        if memory.free is None:
            st.progress(
                0.0, f"This machine has {memory.total / gb:.1f} GB of memory; it does not say how much is free."
            )
            return
        used = memory.total - memory.free
        st.progress(
            min(1.0, used / memory.total),
            f"**Memory** {used / gb:.1f} of {memory.total / gb:.1f} GB in use, {memory.ours / gb:.2f} GB of it by "
            f"Palette; {memory.free / gb:.1f} GB free",
        )
