"""What the typographic lab shows, as a value: read from the address, written to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from core import PaletteError
from core.attacks import LIMITS, LONGEST, Face, Look
from core.classify import class_names
from core.recipes import Recipe, check_alpha, lerp
from core.tasks import TaskError
from core.workspace import History, Lab
from pages.shared.app.url_state import Parameters, written
from pages.shared.widgets import pickers

KEPT = "@"  # before the key of a kept recipe, where else the name of a checkpoint stands
COLOURS = ("colour", "outline_colour", "plate")
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


def read(lab: Lab, parameters: Parameters) -> View:
    """The view that an address asks for. Raises TaskError if the workspace has no task that can be attacked."""
    known = attackable(lab)
    first = next((name for name in [*lab.default_supported(), *known] if name in known), None)
    if first is None:
        raise TaskError(f"No task of {lab.name} has one list of classes for all its pictures; add one that does.")
    own_classes = parameters.text("task") in lab.tasks
    why = "whose pictures have classes of their own each" if own_classes else "which is not there"
    task = parameters.one_of("task", known, first, why)
    number = parameters.whole("number", 1, lab.task(task).size(split_of(lab, task)), 1)
    text = parameters.given.get("text")
    if text is not None and len(text) > LONGEST:
        parameters.complaints.append(
            f"This link writes {len(text):,} characters; {LONGEST} are the most, so the rest was left out."
        )
        text = text[:LONGEST]
    view = View(task, number, text, look=_look(parameters), classes=parameters.parsed("classes", _classes, ()))
    kept = "recipe" in parameters.given
    patch = _patch(lab, view, parameters, next(iter(patches(lab)), ""))
    alpha = parameters.share("alpha", None, "the usual one")
    return replace(view, patch=patch, alpha=1.0 if alpha is None and kept and patch.startswith(KEPT) else alpha)


def _patch(lab: Lab, view: View, parameters: Parameters, usual: str) -> str:
    """The patch that an address asks for: a checkpoint, or a kept recipe."""

    def known(asked: str) -> str:
        if asked != usual:
            mix(lab, replace(view, patch=asked), 1.0)
        return asked

    if "recipe" in parameters.given:
        return parameters.parsed("recipe", lambda key: known(KEPT + key), usual)
    return parameters.parsed("patch", known, usual)


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


def _classes(text: str) -> tuple[str, ...]:
    names, complaint = class_list(text if "\n" in text else text.replace("|", "\n"))
    if complaint:
        raise PaletteError(f"This link's classes cannot be used, so it shows the task's. {complaint}")
    return names


def _look(parameters: Parameters) -> Look:
    given, usual = parameters.given, Look()
    try:
        numbers = {name: float(given[name]) for name in LIMITS if name in given}
        colours = {n: "" if (n, given[n]) == ("plate", "none") else "#" + given[n] for n in COLOURS if n in given}
        face = Face(
            parameters.text("font", usual.face.family),
            parameters.text("weight", usual.face.weight),
            parameters.flag("italic"),
        )
        return Look(face, **numbers, **colours)  # type: ignore[arg-type]
    except ValueError as error:
        sentence = str(error) if isinstance(error, PaletteError) else "A number of the look cannot be read."
        parameters.complaints.append(f"{sentence} The link's look was left out.")
        return usual


def _look_parameters(look: Look) -> dict[str, object]:
    colours = {name: getattr(look, name).removeprefix("#") or "none" for name in COLOURS}
    face = {"font": look.face.family, "weight": look.face.weight, "italic": look.face.italic}
    return {name: getattr(look, name) for name in LIMITS} | colours | face


def write(view: View) -> dict[str, str]:
    """The address of a view; what is as usual is left out."""
    classes = ("\n" if any("|" in name for name in view.classes) else "|").join(view.classes)
    kept = view.patch.startswith(KEPT)
    values = {
        "task": view.task,
        "number": view.number,
        "recipe" if kept else "patch": view.patch.removeprefix(KEPT),
        "text": view.text,
        "alpha": None if view.alpha is None else f"{view.alpha:.2f}",
        "classes": classes if len(classes) <= LONGEST_CLASSES else None,
    }
    return written(values | _look_parameters(view.look), {"classes": ""} | _look_parameters(Look()))
