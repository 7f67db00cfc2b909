"""Which data are here? The papers' data sets, where each stands, and data of one's own: added, they become tasks."""

from __future__ import annotations

from pages.shared.app import frame, url_state, workspace
from pages.shared.tasks import add_dataset, datasets_view, train_heads

frame.within_app()

lab, jobs = workspace.lab(), workspace.jobs()
frame.title(
    "Which data are here?",
    f"Every data set of the two papers ([PAINT]({frame.PAINT}), §3 and appendix), and your own: what you add becomes a "
    "task of this workspace.",
)
view, anew = url_state.load("data", datasets_view.read)
controls, main = frame.controls_and_main()
with controls:
    view = add_dataset.pick(view, anew)
with main:
    add_dataset.outcome(lab)
    if view.asked:
        add_dataset.offer(lab, jobs, view)
    train_heads.draw(lab, jobs)
    datasets_view.table(view, bool(view.asked))
url_state.save("data", view, datasets_view.write)
