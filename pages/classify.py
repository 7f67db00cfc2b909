"""What do the models see in your images? Any pictures, any class names, one or two recipes side by side."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pages.shared import (
    address,
    classify_models,
    classify_result,
    classify_view,
    classify_words,
    classify_work,
    frame,
    sources,
    workspace,
)

frame.within_app()

lab, jobs = workspace.lab(), workspace.jobs()
frame.title(
    "What do they see in your images?",
    "The text side is open: any class names will do, and a patched model answers as the base does, with a matrix "
    f"product ([PAINT]({frame.PAINT}), §2). Pictures stay on this machine.",
)
view, complaints, anew = address.load("classify", partial(classify_view.read, lab))
frame.complain(complaints)
controls, main = frame.controls_and_main()
with controls, frame.one_sentence():
    sent = sources.pick(lab, view, anew)
    models = classify_models.pick(lab, view, anew)
    words = classify_words.pick(lab, view, anew)
    view = replace(view, sample=sent.sample, first=models.first, second=models.second, **words.view)
    address.save("classify", view, classify_view.write)
    with main:
        album = sources.album(lab, jobs, sent)
        asked = classify_work.Asked(album, models.recipes, words.names, words.templates, words.top)
        result = classify_work.result(lab, jobs, asked)
        if result is not None:
            classify_result.draw(lab, asked, result, models.colours, sent, anew)
