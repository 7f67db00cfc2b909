"""The command that writes on pictures and says whom that fools: python -m core attack."""

from __future__ import annotations

import json
import shlex
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

from core.cli.terminal import followed
from core.progress import Progress
from core.recipes import Recipe
from core.workspace import parse_recipe


def commands(command: Callable[..., ArgumentParser]) -> None:
    """Add it to a command line: ``command(name, run, help)`` makes one."""

    def test_(lab, options) -> int:
        from core import metrics

        recipe, run = parse_recipe(lab, options.recipe), _photographs if options.photos else _task
        with followed() as progress:
            about, (base, mixed), troubles = run(lab, recipe, options, progress)
        for trouble in troubles:
            print(f"palette: left out: {trouble}", file=sys.stderr)
        pairs = {"fooled": (base.follows, mixed.follows), "accuracy": (base.right, mixed.right)}
        if base.unharmed is not None:
            pairs["nothing written"] = (base.unharmed, mixed.unharmed)
        lines = {
            what: (metrics.accuracy_of(first), metrics.accuracy_of(second), metrics.paired(first, second))
            for what, (first, second) in pairs.items()
        }
        if options.json:
            print(json.dumps({"recipe": options.recipe, **about, **{w: _facts(*line) for w, line in lines.items()}}))
            return 0
        said = ", ".join(str(value) for value in about.values())
        print(f"{options.recipe} on {said}, n = {len(base.right)}; 95 % intervals, McNemar's exact test")
        for what, (before, after, flips) in lines.items():
            one, two = (f"{100 * a.value:5.1f} % [{100 * a.low:.1f}, {100 * a.high:.1f}]" for a in (before, after))
            print(f"  {what:16} base {one}   now {two}   {100 * flips.difference:+.1f} points, p = {flips.p:.2g}")
        return 0

    def write_(lab, options) -> int:
        from core.attacks import photo_files, write
        from core.classify import IntakeError, decode_picture, gather

        look, photos, failed = _look(options), [], 0
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

    one = command("attack", None, "Write words on pictures, and see which models they fool.")
    which = one.add_subparsers(title="what to do", required=True, metavar="write|test")
    sub = which.add_parser("write", help="draw an attack on image files", description="Draw an attack on image files.")
    sub.set_defaults(run=write_)
    sub.add_argument("text", help="what to write")
    sub.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="pictures, folders and zips to write on")
    sub.add_argument("--to", required=True, type=Path, metavar="PLACE", help="a new folder, or a .zip file")
    sub.add_argument("--label", help="what the pictures show (default: each file's name)")
    _looks(sub)
    about = "Fooled rate and accuracy of a recipe against the base."
    sub = which.add_parser("test", help=about, description=about)
    sub.set_defaults(run=test_)
    sub.add_argument("recipe", metavar="RECIPE", help="NAME, NAME@ALPHA or FILE.json")
    sub.add_argument("--task", default="", help="an attack task; or any task, whose pictures are then written on")
    sub.add_argument("--split", default="test", choices=["train", "val", "test"], help="(default: test)")
    sub.add_argument("--count", type=int, default=300, metavar="N", help="pictures to write on (default: 300)")
    sub.add_argument("--photos", type=Path, metavar="PLACE", help="a folder or zip of label=dog_text=cat.png files")
    sub.add_argument("--classes", default="", metavar="A,B", help="with --photos (default: all labels and texts)")
    sub.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    _looks(sub)


def _task(lab, recipe: Recipe, options, progress: Progress) -> tuple[dict, list, list]:
    from core.attacks import Study, clean_twin, over_alpha
    from core.tasks import TaskError

    if not options.task:
        raise TaskError(f"Name a task (--task) or photographs (--photos); the tasks are {', '.join(lab.tasks)}.")
    if options.count < 1:
        raise TaskError(f"--count must be at least 1, not {options.count}.")
    task, recipes = lab.task(options.task), (lab.base, recipe)
    task.size(options.split)
    look = _look(options)
    own = task.role == "attack" and "written" in lab.pictures(task.name, options.split).notes
    twin = clean_twin(task) if own else None
    study = Study(recipes, (task,), options.split, (twin,) if twin else ()) if own else None
    table = (study or over_alpha(recipes, task, options.split, look, options.count)).table(lab, progress)
    about = {"task": task.title if own else f"{task.title} with words written on it", "split": options.split}
    return about, [row[0] for row in table], []


def _photographs(lab, recipe: Recipe, options, progress: Progress) -> tuple[dict, list, list]:
    from core.attacks import judge_photographs, photo_files

    classes = [c.strip() for c in options.classes.split(",") if c.strip()]
    found = judge_photographs(lab, (lab.base, recipe), photo_files.read(options.photos), classes)
    about = {"photos": f"the photographs in {options.photos.name}", "classes": f"{len(found.classes)} classes"}
    return about, [found.outcome(0), found.outcome(1)], [trouble.why for trouble in found.troubles]


def _facts(before, after, flips) -> dict:
    shares = {name: {"value": a.value, "low": a.low, "high": a.high} for name, a in (("base", before), ("now", after))}
    return {**shares, "n": before.n, "difference": flips.difference, "p": flips.p}


def _looks(one: ArgumentParser) -> None:
    one.add_argument("--font", default="Aileron", help="family of letters (default: Aileron)")
    one.add_argument("--weight", default="regular", help="light, regular, bold or black, where the font has them")
    one.add_argument("--italic", action="store_true", help="slanted, where the font can")
    one.add_argument("--size", type=float, default=0.24, metavar="SHARE", help="of the picture's side (default: 0.24)")
    one.add_argument("--color", default="#202020", metavar="#RRGGBB", help="of the letters (default: #202020)")
    one.add_argument("--plate", default="#ffffff", metavar="#RRGGBB", help="under them; none for no plate")
    one.add_argument("--outline", type=float, default=0.0, metavar="SHARE", help="of the letters' size (default: 0)")
    one.add_argument("--at", type=float, nargs=2, default=(0.5, 0.8), metavar=("X", "Y"), help="(default: 0.5 0.8)")
    one.add_argument("--turn", type=float, default=0.0, metavar="DEGREES", help="against the clock (default: 0)")
    one.add_argument("--outline-color", default="#ffffff", metavar="#RRGGBB", help="(default: #ffffff)")
    one.add_argument("--opacity", type=float, default=1.0, metavar="SHARE", help="(default: 1)")


def _look(options):
    from core.attacks import Face, Look

    plate = "" if options.plate == "none" else options.plate
    made = {
        "outline": options.outline,
        "outline_colour": options.outline_color,
        "plate": plate,
        "x": options.at[0],
        "y": options.at[1],
    }
    face = Face(options.font, options.weight, options.italic)
    return Look(face, options.size, options.color, **made, rotation=options.turn, opacity=options.opacity)


def words_of(look) -> str:
    """A look as the command line writes it; what is as usual is left out."""
    from core.attacks import Look

    usual, face = Look(), look.face
    given = {
        "font": (shlex.quote(face.family), shlex.quote(usual.face.family)),
        "weight": (face.weight, usual.face.weight),
        "size": (f"{look.size:g}", f"{usual.size:g}"),
        "color": (f"'{look.colour}'", f"'{usual.colour}'"),
        "plate": (f"'{look.plate}'" if look.plate else "none", f"'{usual.plate}'"),
        "outline": (f"{look.outline:g}", f"{usual.outline:g}"),
        "outline-color": (f"'{look.outline_colour}'", f"'{usual.outline_colour}'"),
        "at": (f"{look.x:g} {look.y:g}", f"{usual.x:g} {usual.y:g}"),
        "turn": (f"{look.rotation:g}", f"{usual.rotation:g}"),
        "opacity": (f"{look.opacity:g}", f"{usual.opacity:g}"),
    }
    slanted = " --italic" if face.italic else ""
    return "".join(f" --{name} {now}" for name, (now, before) in given.items() if now != before) + slanted
