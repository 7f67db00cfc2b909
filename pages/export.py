"""How do I take this model home? Any mix as files that other programs load."""

from __future__ import annotations

from functools import partial

from pages.shared import address, export_view, frame, taken, taking, workspace
from pages.shared.export_view import View

frame.within_app()

lab, jobs = workspace.lab(), workspace.jobs()
frame.title(
    "How do I take this model home?",
    f"A mix is one set of weights, as cheap to run as the base ([PAINT]({frame.PAINT}), §2): here it becomes files "
    "that other programs load, with its recipe, its parents and its figures inside.",
)
view, complaints, anew = address.load("export", partial(export_view.read, lab))
frame.complain(complaints)
controls, main = frame.controls_and_main()
with controls:
    order = taking.pick(lab, view, anew)
address.save("export", View(order.mix.word, order.fmt, order.dtype), export_view.write)
with main:
    taking.offer(lab, jobs, order)
    taken.details(lab, order.mix, order.fmt, order.dtype, order.tasks, order.target, order.overwrite)
