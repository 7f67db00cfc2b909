"""What do the models see in your images? Any pictures, any class names, one or two recipes side by side."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pages.shared.app import frame, url_state, workspace
from pages.shared.classify import answers, class_names, pictures, results
from pages.shared.classify import models as classify_models
from pages.shared.classify import view as classify_view

frame.within_app()

lab, jobs = workspace.lab(), workspace.jobs()
frame.title(
    "What do they see in your images?",
    "The text side is open: any class names will do, and a patched model answers as the base does, with a matrix "
    f"product ([PAINT]({frame.PAINT}), §2). Pictures stay on this machine.",
)
view, anew = url_state.load("classify", partial(classify_view.read, lab))
controls, main = frame.controls_and_main()
with controls, frame.one_sentence():
    sent = pictures.pick(lab, view, anew)
    models = classify_models.pick(lab, view, anew)
    words = class_names.pick(lab, view, anew)
    view = replace(view, sample=sent.sample, first=models.first, second=models.second, **words.view)
    url_state.save("classify", view, classify_view.write)
    with main:
        album = pictures.album(lab, jobs, sent)
        asked = answers.Asked(album, models.recipes, words.names, words.templates, words.top)
        result = answers.result(lab, jobs, asked)
        if result is not None:
            results.draw(lab, asked, result, models.colours, sent, anew)
