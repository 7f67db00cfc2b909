"""The command that classifies pictures: python -m core classify RECIPE IMAGES... --classes "cat,dog"."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

from core import PaletteError
from core.classify import shown
from core.cli.terminal import followed
from core.workspace import parse_recipe


def commands(command: Callable[..., ArgumentParser]) -> None:
    """Add it to a command line: ``command(name, run, help)`` makes one."""

    def classify_(lab, options) -> int:
        from core.classify import class_names, classify, usual_templates

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
            result = classify(
                lab, recipes, options.images, names, options.templates or templates, options.top, progress
            )
        print(result.to_json() if options.json else result.to_csv().rstrip() if options.csv else _table(result))
        if result.remark:
            print(f"palette: {result.remark}", file=sys.stderr)
        for sentence in result.album.refused:
            print(f"palette: {sentence}", file=sys.stderr)
        return 1 if result.album.refused else 0

    one = command("classify", classify_, "Classify pictures of yours, with any class names.")
    one.add_argument("recipe", metavar="RECIPE", help="NAME, NAME@ALPHA or FILE.json")
    one.add_argument("images", nargs="+", metavar="IMAGES", help="pictures, zips and folders")
    one.add_argument("--against", nargs="+", default=[], metavar="RECIPE", help="other recipes, on the same pictures")
    one.add_argument("--classes", metavar="NAMES", help='"cat,dog", or a text or CSV file with one name a line')
    one.add_argument("--task", metavar="TASK", help="use this task's class names and templates (default: icons)")
    one.add_argument("--templates", nargs="+", metavar="TEMPLATE", help='such as "a photo of a {}."; several average')
    one.add_argument("--top", type=_count, default=3, metavar="K", help="how many classes of each picture (default: 3)")
    form = one.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is not a number of classes; write 1, 2, 3, ...")


def _text(classes: str) -> str:
    path = Path(classes)
    try:
        if path.is_file():
            return path.read_text(encoding="utf-8-sig", errors="replace")
    except (OSError, ValueError):  # too long to be a path
        return classes
    if path.suffix.lower() in (".txt", ".csv", ".tsv") and not set(",;\n") & set(classes):
        raise PaletteError(f"There is no file {classes}; give one that is there, or the class names themselves.")
    return classes


def _table(result) -> str:
    lines = []
    for row in result.rows():
        for title, answers in row["answers"].items():
            said = ", ".join(f"{a['class']} {100 * a['probability']:.1f} %" for a in answers)
            which = f"{title}: " if len(row["answers"]) > 1 else ""
            lines.append(f"{shown(row['picture'])}  {which}{said}")
    for title in result.rankings:
        if found := result.accuracy(title):
            lines.append(
                f"{title}: {100 * found.value:.1f} % of the {found.n} pictures whose folder names a class "
                f"[{100 * found.low:.1f}, {100 * found.high:.1f}]"
            )
    return "\n".join(lines)
