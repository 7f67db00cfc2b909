"""Can a written word fool it? Text on any picture, live, against a base, a patch and the fine-tuned model."""

from __future__ import annotations

from functools import partial

from pages.shared.alpha import build_offer
from pages.shared.app import frame, url_state, workspace
from pages.shared.app.welcome import welcome
from pages.shared.typographic import controls, live, panels
from pages.shared.typographic import view as attack_view

frame.within_app()

lab, jobs = workspace.lab(), workspace.jobs()
frame.title(
    "Can a written word fool it?",
    "A model that reads may follow a word on a picture instead of the picture; a patch against such attacks teaches it "
    f"not to ([PAINT]({frame.PAINT}), §7 and Figure 6).",
)
welcome(
    "attack",
    "Write anything on a picture and see whom it fools: the base, the patched model at this α, the fine-tuned model. "
    "Type, drag the word about, drag α. Below, the same attack on a whole task, and what the protection costs.",
)
view, anew = url_state.load("attack", partial(attack_view.read, lab))
if view.patch:
    controls.seed(lab, view, anew)
    live.draw(lab, view)
    panels.draw(lab, jobs, view, live.alpha_of(lab, view))
    live.take_away(lab, view)
else:
    build_offer.offer_curve(lab, jobs, next(iter(attack_view.buildable(lab)), ""), lab.default_supported())
