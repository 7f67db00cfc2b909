"""Below the live part: a whole task attacked, where and how large that hurts, what transfers, what it costs."""

from __future__ import annotations

import streamlit as st

from core.attacks import AttackOutcome
from core.attacks import study as attack
from core.jobs import Jobs
from core.metrics import paired
from core.patching import curves
from core.progress import Progress
from core.recipes import GRID
from core.workspace import Lab
from pages.shared.app.frame import one_sentence
from pages.shared.typographic import charts as attack_charts
from pages.shared.typographic import photographs, studies
from pages.shared.typographic import view as attack_view
from pages.shared.typographic.view import View
from pages.shared.widgets import chart_options, metric_row
from pages.shared.widgets.formatting import alpha_text, listed
from pages.shared.widgets.metric_row import Figure
from pages.shared.widgets.pickers import role_mark

ALPHAS, FEWER_ALPHAS = GRID[::2], GRID[::5]
FEWER = 150


def draw(lab: Lab, jobs: Jobs, view: View, alpha: float) -> None:
    """Questions about the whole task of the view, each answered when asked for."""
    titles = ["A whole task", "How large, and where", "Does it transfer?", "What does it cost?", "Real photographs"]
    whole, where, transfer, cost, photos = st.tabs(titles)
    with whole, one_sentence():  # each by itself: what one cannot answer, another may
        _whole(lab, jobs, view, alpha)
    with where, one_sentence():
        _where(lab, jobs, view, alpha)
    with transfer, one_sentence():
        _transfer(lab, jobs, view, alpha)
    with cost, one_sentence():
        _cost(lab, jobs, view, alpha)
    with photos:
        photographs.draw(lab, jobs, view, alpha)


def _three(lab: Lab, view: View, alpha: float) -> tuple[list, list[str]]:
    names = ["base", f"α = {alpha_text(alpha)}", "fine-tuned"]
    return [attack_view.mix(lab, view, a) for a in (0.0, alpha, 1.0)], names


def _whole(lab: Lab, jobs: Jobs, view: View, alpha: float) -> None:
    task = lab.task(view.task)
    st.markdown(
        f"The names of other classes on {studies.COUNT} pictures of **{task.title}**, in the look and place set above "
        "(PAINT Figure 6: one dot an α)."
    )
    recipes = [attack_view.mix(lab, view, a) for a in ALPHAS]
    study = attack.over_alpha(recipes, task, attack_view.split_of(lab, view.task), view.look, studies.COUNT)
    table = studies.answered(lab, jobs, study, f"Attacking {task.title}", studies.command(lab, view, alpha))
    if table is None:
        return
    outcomes = [row[0] for row in table]
    lines = [
        ("fooled: answers the word", "fooled", [o.fooled for o in outcomes]),
        ("right, attacked", "accuracy", [o.accuracy for o in outcomes]),
        ("right, nothing written", "clean", [o.clean for o in outcomes if o.clean]),
    ]
    st.plotly_chart(
        attack_charts.over_alpha(ALPHAS, lines, alpha, "whole"),
        key="attack.whole",
        config=chart_options.options(f"attack-{view.task}"),
        alt="Fooled rate and accuracy over α",
    )
    nearest = min(range(len(ALPHAS)), key=lambda i: abs(ALPHAS[i] - alpha))
    st.caption(f"At α = {alpha_text(ALPHAS[nearest])}, on {attack_view.split_of(lab, view.task)} pictures:")
    metric_row.row(_against_base(outcomes[0], outcomes[nearest]))
    studies.download(view, "over-alpha", ALPHAS, "alpha", [[o] for o in outcomes])


def _against_base(base: AttackOutcome, now: AttackOutcome) -> list[Figure]:
    right = paired(base.right, now.right)
    row = [
        metric_row.fooled(":red[✕] Fooled", now.fooled, paired(base.follows, now.follows)),
        Figure(":green[●] Right, attacked", now.accuracy.value, now.accuracy, right.difference, right),
    ]
    if base.unharmed is not None and now.unharmed is not None and now.clean is not None:
        kept = paired(base.unharmed, now.unharmed)
        row.append(Figure(":blue[■] Right, nothing written", now.clean.value, now.clean, kept.difference, kept))
    return row


def _where(lab: Lab, jobs: Jobs, view: View, alpha: float) -> None:
    task, split = lab.task(view.task), attack_view.split_of(lab, view.task)
    recipes, names = _three(lab, view, alpha)
    st.markdown(f"The same look on {FEWER} pictures of **{task.title}**, larger and smaller, and all over the picture.")
    sizes = attack.by_size(recipes, task, split, view.look, FEWER)
    places = attack.by_place(recipes, task, split, view.look, FEWER)
    by_size = studies.answered(lab, jobs, sizes, f"Sizes of words on {task.title}")
    if by_size is not None:
        chart = attack_charts.by_size(names, by_size, view.look.size)
        st.plotly_chart(
            chart, key="attack.sizes", config=chart_options.options("attack-sizes"), alt="Fooled rate by size"
        )
        studies.download(view, "sizes", attack.SIZES, "size", list(zip(*by_size, strict=True)), names)
    by_place = studies.answered(lab, jobs, places, f"Places of words on {task.title}")
    if by_place is None:
        return
    st.markdown(
        "**Where a word hurts most**: the share of pictures (%) where the answer is the word, when it stands there; "
        f"drawn over picture {view.number}."
    )
    picture = lab.pictures(view.task, split).images[view.number - 1]
    for i, (column, name) in enumerate(zip(st.columns(3), names, strict=True)):
        chart = attack_charts.by_place(name, by_place[i], picture)
        alt = f"Fooled rate of {name} by the place of the word"
        column.plotly_chart(
            chart, key=f"attack.places.{i}", config=chart_options.options(f"attack-places-{i}"), alt=alt
        )
    cells = [f"x={x:g} y={y:g}" for y in attack.PLACES for x in attack.PLACES]
    studies.download(view, "places", cells, "place", list(zip(*by_place, strict=True)), names)


def _transfer(lab: Lab, jobs: Jobs, view: View, alpha: float) -> None:
    task, split = lab.task(view.task), attack_view.split_of(lab, view.task)
    trained = attack.trained_classes(lab, view.patch if attack_view.is_checkpoint(lab, view) else "", task)
    groups = ("seen classes,<br>seen style", "seen classes,<br>other style", "new classes,<br>seen style")
    groups += ("new classes,<br>other style",)
    about = f"the first {trained} classes of {task.title} and the rest"
    st.markdown(
        f"**Broad transfer** (PAINT §6): {about}, in plain letters straight on the picture, and in other letters on a "
        "note. A patch that learnt not to read should hold on the right, too."
    )
    recipes, names = _three(lab, view, alpha)
    table, rest = None, len(task.class_names) - trained
    if min(trained, rest) < 2:  # the name of another class of the same half is written
        st.info(f"Broad transfer takes two classes on either side, and here they are {trained} and {rest}.")
    else:
        study = attack.transfer(recipes, task, split, trained, FEWER)
        table = studies.answered(lab, jobs, study, f"Transfer on {task.title}")
    if table is not None:
        chart = attack_charts.transfer(names, table, groups)
        st.plotly_chart(
            chart, key="attack.transfer", config=chart_options.options("attack-transfer"), alt="Fooled rates"
        )
        rows = [group.replace("<br>", " ") for group in groups]
        studies.download(view, "transfer", rows, "pictures", list(zip(*table, strict=True)), names)
    _own_attacks(lab, view, alpha)


def _own_attacks(lab: Lab, view: View, alpha: float) -> None:
    """The workspace's own attack task over α, as far as it was evaluated: val is like its training, test is not."""
    trained = lab.trained_on(view.patch) if attack_view.is_checkpoint(lab, view) else []
    own = [t for t in lab.by_role("attack") if t in trained]
    for name in own:
        lines, alphas = [], curves.known_alphas(lab, view.patch, [])
        for split, words in (("val", "seen"), ("test", "unseen")):
            with st.spinner("Getting the attacked pictures (only the first time takes a moment) …"):
                written = attack.written_on(lab, lab.task(name), split)
            answers = [lab.evaluate(attack_view.mix(lab, view, a), name, split) for a in alphas]
            outcomes = [attack.outcome(a, written) for a in answers]
            mark = " seen" if words == "seen" else ""
            lines += [(f"fooled, {words} ({split})", f"fooled{mark}", [o.fooled for o in outcomes])]
            lines += [(f"right, {words} ({split})", f"accuracy{mark}", [o.accuracy for o in outcomes])]
        if alphas:
            st.markdown(
                f"**{lab.task(name).title}**, the task that this patch was trained for; val has its "
                "classes and style, test has neither:"
            )
            chart = attack_charts.over_alpha(alphas, lines, alpha, f"own {name}")
            st.plotly_chart(
                chart, key=f"attack.own.{name}", config=chart_options.options(f"attack-{name}"), alt="Over α"
            )


def _cost(lab: Lab, jobs: Jobs, view: View, alpha: float) -> None:
    st.markdown(
        "**The cost**: what the patched model does worse elsewhere. Where the question *is* the written word, a model "
        "that learnt to ignore words should lose most."
    )
    names = [t for t in lab.by_role("supported") if "test" in lab.task(t).source.sizes()]
    alphas = sorted({*FEWER_ALPHAS, alpha})
    recipes = [attack_view.mix(lab, view, a) for a in alphas]
    todo = [(r, t) for r in recipes for t in names if not lab.is_cached(r, t, "test")]
    if todo:

        def work(progress: Progress) -> None:
            for recipe, task in progress(todo, what="Evaluating the supported tasks"):
                lab.evaluate(recipe, task, "test", progress)

        key = f"{lab.name}:cost of {view.patch}@{alpha_text(alpha)} on {'+'.join(names)}"
        studies.offer(lab, jobs, key, "The cost of the patch", sum(lab.task(t).size("test") for _, t in todo), work)
        return
    answers = {t: [lab.evaluate(r, t, "test") for r in recipes] for t in names}
    here = alphas.index(alpha)
    marks = []
    for name in names:
        before, now = answers[name][0], answers[name][here]
        flips = paired(before.right, now.right)
        marks.append(Figure(role_mark(lab, name), now.accuracy.value, now.accuracy, flips.difference, flips))
    lines = [(lab.task(t).title, "clean", [a.accuracy for a in answers[t]]) for t in names]
    st.caption(f"Test accuracy at α = {alpha_text(alpha)}:")
    metric_row.row(marks, places=4)
    chart = attack_charts.costs(alphas, lines, alpha)
    alt = f"Accuracy on {listed([lab.task(t).title for t in names])} over α"
    st.plotly_chart(chart, key="attack.cost", config=chart_options.options("attack-cost"), alt=alt)
