"""How do I take this model home? Any mix as files that other programs load."""

from __future__ import annotations

from functools import partial

from pages.shared.app import frame, url_state, workspace
from pages.shared.exchange import controls as taking
from pages.shared.exchange import result
from pages.shared.exchange import view as export_view
from pages.shared.exchange.view import View

frame.within_app()

lab, jobs = workspace.lab(), workspace.jobs()
frame.title(
    "How do I take this model home?",
    f"A mix is one set of weights, as cheap to run as the base ([PAINT]({frame.PAINT}), §2): here it becomes files "
    "that other programs load, with its recipe, its parents and its figures inside.",
)
view, anew = url_state.load("export", partial(export_view.read, lab))
controls, main = frame.controls_and_main()
with controls:
    order = taking.pick(lab, view, anew)
url_state.save("export", View(order.mix.word, order.fmt, order.dtype), export_view.write)
with main:
    taking.offer(lab, jobs, order)
    result.details(lab, order.mix, order.fmt, order.dtype, order.tasks, order.target, order.overwrite)
