"""Photographs of real attacks: a zip file goes in, and who follows the note comes out."""

from __future__ import annotations

import io

import pandas as pd
import streamlit as st

from core.attack_files import read
from core.attack_photos import Judged, judge
from core.lab import Lab
from core.metrics import paired
from pages.shared import attack_view, figures
from pages.shared.attack_view import View
from pages.shared.figures import Figure
from pages.shared.frame import one_sentence
from pages.shared.wording import alpha_text

SHOWN_TROUBLES = 5


def draw(lab: Lab, view: View, alpha: float) -> None:
    """Take a zip file of photographs named as PAINT's, and show what base, patch and fine-tuned answer to each."""
    st.markdown(
        "Photographs of things with a note on them, as in PAINT's test set of 110: a zip file of pictures that are "
        "named `label=dog_text=cat.png`. The classes are all labels and texts that occur."
    )
    given = st.file_uploader("Zip file", ["zip"], key="attack.photos")
    st.caption(
        "Nothing is unpacked to disk. For larger sets: `python -m core attack test typographic@0.5 --photos FOLDER`."
    )
    if given is None:
        return
    with one_sentence(), st.spinner("Looking at the photographs …"):
        recipes = [attack_view.mix(lab, view, a) for a in (0.0, alpha, 1.0)]
        found = judge(lab, recipes, read(io.BytesIO(given.getvalue()), given.name))
        _show(found, alpha)


def _show(found: Judged, alpha: float) -> None:
    base, now, tuned = (found.outcome(i) for i in range(3))
    fooled, right = paired(base.follows, now.follows), paired(base.right, now.right)
    said = f"Less is better. McNemar's exact test against the base: p = {fooled.p:.2g}."
    figures.row(
        [
            Figure(":red[✕] Fooled", now.fooled.value, now.fooled, fooled.difference, None, said, True),
            Figure(":green[●] Right", now.accuracy.value, now.accuracy, right.difference, right),
            Figure(":orange[◆] Fine-tuned: fooled", tuned.fooled.value, tuned.fooled),
        ]
    )
    names = ["base", f"α = {alpha_text(alpha)}", "fine-tuned"]
    rows = {"file": found.names, "shows": [found.classes[i] for i in found.labels]}
    rows |= {"written": [found.classes[i] for i in found.written]}
    rows |= {name: [found.classes[i] for i in row] for name, row in zip(names, found.answers, strict=True)}
    table = pd.DataFrame(rows)
    st.dataframe(table, hide_index=True, height=280)
    st.download_button("Download (CSV)", lambda: table.to_csv(index=False), "attack-photographs.csv", "text/csv")
    for trouble in found.troubles[:SHOWN_TROUBLES]:
        st.warning(trouble.why, icon=":material/broken_image:")
    if len(found.troubles) > SHOWN_TROUBLES:
        st.caption(f"… and {len(found.troubles) - SHOWN_TROUBLES} more files that could not be used.")
