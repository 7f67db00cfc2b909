"""python -m core attack write and attack test: words on pictures, and which models they fool."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from core.attacks import AttackOutcome, Study, clean_twin, judge_photographs, over_alpha, photo_files, write
from core.classify import IntakeError, decode_picture, gather
from core.cli.terminal import add_look, add_recipe, add_split, add_verb, followed, look_of
from core.metrics import Accuracy, Paired, accuracy_of, paired
from core.progress import Progress
from core.recipes import Recipe
from core.tasks import TaskError
from core.workspace import Lab, parse_recipe

Report = tuple[dict[str, str], Sequence[AttackOutcome], list[str]]
"""What was attacked, the outcome of the base and of the recipe, and what was left out, a sentence each."""


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``attack``: its two verbs."""
    verbs = parser.add_subparsers(title="what to do", required=True, metavar="write|test")
    summary = "draw an attack on image files"
    write_arguments(add_verb(verbs, "write", write_run, f"{summary.capitalize()}.", summary))
    test_arguments(add_verb(verbs, "test", test_run, "Fooled rate and accuracy of a recipe against the base."))


def write_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``attack write``."""
    parser.add_argument("text", help="what to write")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="pictures, folders and zips to write on")
    parser.add_argument("--to", required=True, type=Path, metavar="PLACE", help="a new folder, or a .zip file")
    parser.add_argument("--label", help="what the pictures show (default: each file's name)")
    add_look(parser)


def write_run(_lab: Lab, options: Namespace) -> int:
    """Write words on pictures; status 1 if one cannot be read."""
    look, photos, failed = look_of(options), [], 0
    for file in gather(options.images):
        try:
            image = decode_picture(file.read(), file.name)
            label = options.label or Path(file.name).stem
            photos.append(photo_files.Photo(write(image, options.text, look), label, options.text, ""))
        except IntakeError as error:
            failed += 1
            print(f"palette: left out: {error}", file=sys.stderr)
    for name in photo_files.save(photos, options.to) if photos else []:
        print(options.to / name)
    return 1 if failed else 0


def test_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``attack test``."""
    add_recipe(parser)
    parser.add_argument("--task", default="", help="an attack task; or any task, whose pictures are then written on")
    add_split(parser, "test", "(default: test)")
    parser.add_argument("--count", type=int, default=300, metavar="N", help="pictures to write on (default: 300)")
    parser.add_argument("--photos", type=Path, metavar="PLACE", help="a folder or zip of label=dog_text=cat.png files")
    parser.add_argument("--classes", default="", metavar="A,B", help="with --photos (default: all labels and texts)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    add_look(parser)


def test_run(lab: Lab, options: Namespace) -> int:
    """Print how often the base and a recipe are fooled, and how often they are right."""
    recipe, attack = parse_recipe(lab, options.recipe), _photographs if options.photos else _task
    with followed() as progress:
        question, (base, mixed), left_out = attack(lab, recipe, options, progress)
    for sentence in left_out:
        print(f"palette: left out: {sentence}", file=sys.stderr)
    pairs = {"fooled": (base.follows, mixed.follows), "accuracy": (base.right, mixed.right)}
    if base.unharmed is not None and mixed.unharmed is not None:
        pairs["nothing written"] = (base.unharmed, mixed.unharmed)
    figures = {
        what: (accuracy_of(first), accuracy_of(second), paired(first, second))
        for what, (first, second) in pairs.items()
    }
    if options.json:
        print(json.dumps({"recipe": options.recipe, **question, **{w: _json_of(*each) for w, each in figures.items()}}))
        return 0
    print(
        f"{options.recipe} on {', '.join(question.values())}, n = {len(base.right)}; "
        "95 % intervals, McNemar's exact test"
    )
    for what, (before, after, flips) in figures.items():
        one, two = (f"{100 * a.value:5.1f} % [{100 * a.low:.1f}, {100 * a.high:.1f}]" for a in (before, after))
        print(f"  {what:16} base {one}   now {two}   {100 * flips.difference:+.1f} points, p = {flips.p:.2g}")
    return 0


def _task(lab: Lab, recipe: Recipe, options: Namespace, progress: Progress) -> Report:
    if not options.task:
        raise TaskError(f"Name a task (--task) or photographs (--photos); the tasks are {', '.join(lab.tasks)}.")
    if options.count < 1:
        raise TaskError(f"--count must be at least 1, not {options.count}.")
    task, recipes = lab.task(options.task), (lab.base, recipe)
    task.size(options.split)
    look = look_of(options)
    is_attacked = task.role == "attack" and "written" in lab.pictures(task.name, options.split).notes
    if is_attacked:
        twin = clean_twin(task)
        study = Study(recipes, (task,), options.split, (twin,) if twin else ())
    else:
        study = over_alpha(recipes, task, options.split, look, options.count)
    title = task.title if is_attacked else f"{task.title} with words written on it"
    return {"task": title, "split": options.split}, [row[0] for row in study.table(lab, progress)], []


def _photographs(lab: Lab, recipe: Recipe, options: Namespace, _progress: Progress) -> Report:
    classes = [c.strip() for c in options.classes.split(",") if c.strip()]
    results = judge_photographs(lab, (lab.base, recipe), photo_files.read(options.photos), classes)
    question = {
        "photos": f"the photographs in {options.photos.name}",
        "classes": f"{len(results.classes)} classes",
    }
    return question, [results.outcome(0), results.outcome(1)], [trouble.why for trouble in results.troubles]


def _json_of(before: Accuracy, after: Accuracy, flips: Paired) -> dict:
    shares = {name: {"value": a.value, "low": a.low, "high": a.high} for name, a in (("base", before), ("now", after))}
    return {**shares, "n": before.n, "difference": flips.difference, "p": flips.p}
