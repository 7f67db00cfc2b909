"""How much patch is right? One task, one α: PAINT, live."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from core.patching import known_curve
from pages.shared.alpha import build_offer, changes, details, live
from pages.shared.alpha import controls as steering
from pages.shared.alpha import view as alpha_view
from pages.shared.app import frame, handover, url_state, workspace
from pages.shared.app.welcome import welcome

frame.within_app()

lab, jobs = workspace.lab(), workspace.jobs()
frame.title(
    "How much patch is right?",
    "Mix a model with its fine-tuned self, (1 − α) · base + α · fine-tuned, so that a new task is gained and the "
    f"others are kept ([PAINT]({frame.PAINT}), §2 and §4).",
)
welcome(
    "alpha",
    "A model is poor at one task. Fine-tuning teaches it that task, and makes it forget others. Every dot on the curve "
    "mixes the two models: further up is better on the new task, further right is better on the others. Drag α and "
    "look for the corner. The star is the α that validation pictures choose; the numbers are of test pictures.",
)
view, anew = url_state.load("alpha", partial(alpha_view.read, lab))
controls, main = frame.controls_and_main()
with controls:
    view = steering.pick(lab, view, anew)
curve = known_curve(lab, view.task, view.supported) if view.task else None
if curve is not None:
    view = build_offer.with_alpha(lab, jobs, view, curve)
url_state.save("alpha", view, alpha_view.write)

if curve is None:
    with main:
        build_offer.offer_curve(lab, jobs, view.task, view.supported)
else:
    with controls:
        steering.choose(lab, jobs, view, curve)
        steering.take_away(lab, view, curve)
    with main:
        live.draw(lab, curve)
        build_offer.offer_rest(lab, jobs, view, curve)
    shown = replace(view, supported=curve.supported, alpha=curve.nearest(view.alpha))
    recipe = lab.patch(view.task, shown.alpha)
    with main:
        handover.go_on(lab, recipe, alpha_view.title(lab, shown), "alpha", alpha_view.write(shown), "alpha")
    changes.draw(lab, shown, recipe, anew)
    details.draw(lab, jobs, shown, curve, recipe)
