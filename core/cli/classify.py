"""python -m core classify RECIPE IMAGES... --classes "cat,dog": anybody's pictures, with any class names."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from core import PaletteError
from core.classify import Result, class_names, classify, file_text, shown, usual_templates
from core.cli.terminal import add_recipe, followed
from core.workspace import Lab, parse_recipe


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``classify``."""
    add, task = parser.add_argument, "use this task's class names and templates (default: icons)"
    add_recipe(parser)
    add("images", nargs="+", metavar="IMAGES", help="pictures, zips and folders")
    add("--against", nargs="+", default=[], metavar="RECIPE", help="other recipes, on the same pictures")
    add("--classes", metavar="NAMES", help='"cat,dog", or a text or CSV file with one name a line')
    add("--task", metavar="TASK", help=task)
    add("--templates", nargs="+", metavar="TEMPLATE", help='such as "a photo of a {}."; several average')
    add("--top", type=_count, default=3, metavar="K", help="how many classes of each picture (default: 3)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")


def run(lab: Lab, options: Namespace) -> int:
    """Classify pictures and print the answers; status 1 if one is refused."""
    if options.classes is None:
        task = lab.task(options.task or lab.default_supported()[0])
        names, templates = task.class_names, task.templates
    else:
        words = class_names.read_class_names(_text(options.classes))
        names, templates = words.names, lab.task(options.task).templates if options.task else usual_templates(lab)
        for note in words.notes:
            print(f"palette: {note}.", file=sys.stderr)
    recipes = {text: parse_recipe(lab, text) for text in (options.recipe, *options.against)}
    with followed() as progress:
        result = classify(lab, recipes, options.images, names, options.templates or templates, options.top, progress)
    print(result.to_json() if options.json else result.to_csv().rstrip() if options.csv else _table(result))
    if result.remark:
        print(f"palette: {result.remark}", file=sys.stderr)
    for sentence in result.album.refused:
        print(f"palette: {sentence}", file=sys.stderr)
    return 1 if result.album.refused else 0


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is not a number of classes; write 1, 2, 3, ...")


def _text(classes: str) -> str:
    path = Path(classes)
    try:
        if path.is_file():
            return file_text(path)
    except (OSError, ValueError):  # too long to be a path
        return classes
    if path.suffix.lower() in (".txt", ".csv", ".tsv", ".json", ".yaml", ".yml") and not set(",;\n") & set(classes):
        raise PaletteError(f"There is no file {classes}; give one that is there, or the class names themselves.")
    return classes


def _table(result: Result) -> str:
    lines = []
    for row in result.rows():
        for title, answers in row["answers"].items():
            ranking = ", ".join(f"{a['class']} {100 * a['probability']:.1f} %" for a in answers)
            which = f"{title}: " if len(row["answers"]) > 1 else ""
            lines.append(f"{shown(row['picture'])}  {which}{ranking}")
    for title in result.rankings:
        if accuracy := result.accuracy(title):
            lines.append(
                f"{title}: {100 * accuracy.value:.1f} % of the {accuracy.n} pictures whose folder names a class "
                f"[{100 * accuracy.low:.1f}, {100 * accuracy.high:.1f}]"
            )
    return "\n".join(lines)
