"""What the typographic lab shows, as a value: read from the address, written to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from core import PaletteError
from core.attacks import LIMITS, LONGEST, Face, Look
from core.classify import class_names
from core.recipes import Recipe, check_alpha, lerp
from core.tasks import TaskError
from core.workspace import History, Lab
from pages.shared.app.url_state import whole_number
from pages.shared.widgets import pickers

KEPT = "@"  # before the key of a kept recipe, where else the name of a checkpoint stands
MOST_CLASSES = 1000
LONGEST_CLASSES = 1500  # characters of class names that an address can hold


@dataclass(frozen=True)
class View:
    """Everything that a copied link brings back. ``text`` None: another class of the task; ``classes`` empty: the
    task's own; ``alpha`` None: half way. An uploaded picture is not in a link."""

    task: str
    number: int = 1
    text: str | None = None
    patch: str = ""
    alpha: float | None = None
    look: Look = field(default_factory=Look)
    classes: tuple[str, ...] = ()


def patches(lab: Lab) -> list[str]:
    """Checkpoints that can be tried against the base, those for attacks first."""
    return [name for name in buildable(lab) if name in lab.zoo]


def buildable(lab: Lab) -> list[str]:
    """Checkpoints that this workspace is meant to have, those against attacks first."""
    attacks = set(lab.by_role("attack"))
    return sorted(lab.patches(), key=lambda name: not attacks & set(lab.trained_on(name)))


def mix(lab: Lab, view: View, alpha: float) -> Recipe:
    """(1 - α) · base + α · the view's patch. Raises PaletteError if there is none."""
    if view.patch.startswith(KEPT):
        return lerp(lab.base, History(lab.folder)[view.patch[1:]].recipe, check_alpha(alpha))
    return lerp(lab.base, lab.tuned(view.patch), check_alpha(alpha))


def is_checkpoint(lab: Lab, view: View) -> bool:
    """Whether the view's patch is a checkpoint of the workspace, not a kept mix."""
    return not view.patch.startswith(KEPT) and view.patch in lab.zoo


def attackable(lab: Lab) -> list[str]:
    """Tasks whose pictures can be attacked: those with one list of classes for all of them."""
    return [name for name in pickers.by_role(lab) if not lab.task(name).per_picture]


def split_of(lab: Lab, task: str) -> str:
    """The split whose pictures are shown: test, or the last that the task has."""
    sizes = lab.task(task).source.sizes()
    return "test" if "test" in sizes else list(sizes)[-1]


def read(lab: Lab, parameters: Mapping[str, str]) -> tuple[View, list[str]]:
    """The view that an address asks for, and a sentence for each part of it that makes no sense and was left out."""
    wrong: list[str] = []
    known = attackable(lab)
    first = next((name for name in [*lab.default_supported(), *known] if name in known), None)
    if first is None:
        raise TaskError(f"No task of {lab.name} has one list of classes for all its pictures; add one that does.")
    task = parameters.get("task", first)
    if task not in known:
        why = "whose pictures have classes of their own each" if task in lab.tasks else "which is not there"
        wrong.append(f"This link asks for the task {task!r}, {why}; showing {first}.")
        task = first
    view = View(task, _number(lab, task, parameters.get("number", "1"), wrong), patch=next(iter(patches(lab)), ""))
    text = parameters.get("text")
    if text is not None and len(text) > LONGEST:
        wrong.append(f"This link writes {len(text):,} characters; {LONGEST} are the most, so the rest was left out.")
    view = replace(view, text=None if text is None else text[:LONGEST], look=_look(parameters, wrong))
    view = replace(view, classes=_classes(parameters.get("classes", ""), wrong))
    return _patch(lab, view, parameters, wrong), wrong


def _patch(lab: Lab, view: View, parameters: Mapping[str, str], wrong: list[str]) -> View:
    asked = parameters.get("patch", view.patch)
    if "recipe" in parameters:
        asked = KEPT + parameters["recipe"]
    try:
        if asked != view.patch:
            mix(lab, replace(view, patch=asked), 1.0)
        alpha = check_alpha(float(parameters["alpha"])) if "alpha" in parameters else None
    except PaletteError as error:
        wrong.append(str(error))
        return view
    except ValueError:
        wrong.append(f"This link asks for α = {parameters['alpha']!r}, which is no number; showing half way.")
        return replace(view, patch=asked)
    kept = "recipe" in parameters and alpha is None
    return replace(view, patch=asked, alpha=1.0 if kept else None if alpha is None else round(alpha, 2))


def _number(lab: Lab, task: str, text: str, wrong: list[str]) -> int:
    most = lab.task(task).size(split_of(lab, task))
    if (found := whole_number(text, 1, most)) is not None:
        return found
    wrong.append(f"This link asks for picture {text!r}, but they are numbered from 1 to {most}; showing 1.")
    return 1


def class_list(text: str) -> tuple[tuple[str, ...], str]:
    """Classes as somebody typed them, and one sentence where they cannot be used; nothing typed is no classes."""
    if not text.strip():
        return (), ""
    try:
        names = class_names.read_class_names(text).names
    except PaletteError as error:
        return (), str(error)
    if not 2 <= len(names) <= MOST_CLASSES:
        return (), f"{len(names):,} {'class' if len(names) == 1 else 'classes'}: give 2 to {MOST_CLASSES:,}."
    return names, ""


def _classes(text: str, wrong: list[str]) -> tuple[str, ...]:
    found, complaint = class_list(text if "\n" in text else text.replace("|", "\n"))
    if complaint:
        wrong.append(f"This link's classes cannot be used, so it shows the task's. {complaint}")
    return found


def _look(parameters: Mapping[str, str], wrong: list[str]) -> Look:
    usual = Look()
    try:
        numbers = {name: float(parameters[name]) for name in LIMITS if name in parameters}
        given = {n: parameters[n] for n in ("colour", "outline_colour", "plate") if n in parameters}
        colours = {n: "" if (n, value) == ("plate", "none") else "#" + value for n, value in given.items()}
        face = Face(
            parameters.get("font", usual.face.family),
            parameters.get("weight", usual.face.weight),
            parameters.get("italic") == "yes",
        )
        return Look(face, **numbers, **colours)  # type: ignore[arg-type]
    except ValueError as error:
        said = str(error) if isinstance(error, PaletteError) else "A number of the look cannot be read."
        wrong.append(f"{said} The link's look was left out.")
        return usual


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out."""
    found = {"task": view.task, "number": str(view.number), "patch": view.patch}
    if view.patch.startswith(KEPT):
        found = {"task": view.task, "number": str(view.number), "recipe": view.patch[1:]}
    if view.text is not None:
        found["text"] = view.text
    if view.alpha is not None:
        found["alpha"] = f"{view.alpha:.2f}"
    usual, look = Look(), view.look
    found |= {n: f"{getattr(look, n):g}" for n in LIMITS if getattr(look, n) != getattr(usual, n)}
    for name in ("colour", "outline_colour", "plate"):
        if getattr(look, name) != getattr(usual, name):
            found[name] = getattr(look, name).removeprefix("#") or "none"
    if look.face.family != usual.face.family:
        found["font"] = look.face.family
    if look.face.weight != usual.face.weight:
        found["weight"] = look.face.weight
    if look.face.italic:
        found["italic"] = "yes"
    if view.classes:
        text = ("\n" if any("|" in name for name in view.classes) else "|").join(view.classes)
        found |= {"classes": text} if len(text) <= LONGEST_CLASSES else {}
    return found
