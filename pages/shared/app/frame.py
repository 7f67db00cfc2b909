"""What every page has: a question as its title, a sentence of context, and trouble told in one sentence."""

from __future__ import annotations

import logging
import runpy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import streamlit as st
from PIL import Image, ImageDraw
from streamlit.delta_generator import DeltaGenerator

from core import PaletteError
from pages.shared.widgets import colours
from pages.shared.widgets.escape import plain

LOG = logging.getLogger("palette")
PAINT = "https://arxiv.org/abs/2208.05592"
MANIFOLD = "https://github.com/hfassold/manifold_mixing_model_soups"
_STACKED = """<style>@media (max-width: 1000px) {
[data-testid="stColumn"]:has(.st-key-controls), [data-testid="stColumn"]:has(.st-key-main) { min-width: 100%; }
.st-key-controls { display: grid; grid-template-columns: 1fr 1fr; gap: 0.4rem 1.5rem; align-items: end; }
}</style>"""

_APP = Path(__file__).resolve().parents[3] / "app.py"
_script = threading.local()  # a run of the script is one thread


def begin() -> None:
    """Begin a run of the app: its title, its icon, its width."""
    _script.is_app = True
    st.set_page_config("Palette", icon(), layout="wide", initial_sidebar_state=230)


def within_app() -> None:
    """The first line of a page: where it was opened without the app around it, run the app, which opens the page.

    Until st.navigation has run once, Streamlit finds pages by their files in ``pages/`` and runs them alone; so does a
    fresh server whose first visitor follows a link.
    """
    if not getattr(_script, "is_app", False):
        _script.is_alone = True
        runpy.run_path(str(_APP), run_name="__main__")
        st.stop()


def pages_are_known() -> None:
    """After st.navigation: a visit that began with a page alone begins again, or clicks in its first run are lost."""
    alone, _script.is_alone = getattr(_script, "is_alone", False), False
    begun = st.session_state.get("frame.begun", False)
    st.session_state["frame.begun"] = True
    if alone and not begun:
        st.rerun()


@contextmanager
def one_sentence() -> Iterator[None]:
    """Show whatever goes wrong inside as one sentence; the log has the rest. Never a traceback on screen."""
    try:
        yield
    except PaletteError as error:
        LOG.warning("%s", error)
        st.error(plain(str(error)), icon=":material/error:")
    except Exception as error:
        LOG.exception("unexpected")
        st.error(
            f"Something unexpected went wrong ({type(error).__name__}); the terminal that runs Palette tells more. "
            "Reloading the page is safe: nothing is lost.",
            icon=":material/error:",
        )


@lru_cache(maxsize=1)
def icon() -> Image.Image:
    """The tab's icon: base, patch and fine-tuned as discs. Drawn here, because a named one would be downloaded."""
    image = Image.new("RGBA", (64, 64))
    for x, y, colour in ((18, 44, colours.BASE), (46, 44, colours.TUNED), (32, 20, colours.PATCH)):
        ImageDraw.Draw(image).ellipse((x - 16, y - 16, x + 16, y + 16), fill=colour)
    return image


def title(question: str, context: str) -> None:
    """The head of a page: a question, and one sentence of Markdown with a link to the paper's section."""
    st.title(question, anchor=False)
    st.markdown(context)


def controls_and_main() -> tuple[DeltaGenerator, DeltaGenerator]:
    """A narrow column of controls and a wide one; below 1000 pixels the controls go above."""
    st.html(_STACKED)
    controls, main = st.columns([1, 3.1], gap="medium")
    return controls.container(key="controls"), main.container(key="main")
