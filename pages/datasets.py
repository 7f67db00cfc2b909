"""Which data are here? The papers' data sets, where each stands, and data of one's own: added, they become tasks."""

from __future__ import annotations

from pages.shared import adding, address, datasets_view, frame, heads, workspace

frame.within_app()

lab, jobs = workspace.lab(), workspace.jobs()
frame.title(
    "Which data are here?",
    f"Every data set of the two papers ([PAINT]({frame.PAINT}), §3 and appendix), and your own: what you add becomes a "
    "task of this workspace.",
)
view, complaints, anew = address.load("data", datasets_view.read)
frame.complain(complaints)
controls, main = frame.controls_and_main()
with controls:
    view = adding.pick(view, anew)
with main:
    adding.outcome(lab)
    if view.asked:
        adding.offer(lab, jobs, view)
    heads.draw(lab, jobs)
    datasets_view.table(view, bool(view.asked))
address.save("data", view, datasets_view.write)
