"""The rooms of CONTRIBUTING.md, kept by a test: imports point one way, and through a room's door."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# From below: an import points only to what stands before it.
ORDER = """__init__ metrics progress recipes storage jobs models tasks world workspace methods training
classify patching soups attacks exchange cli __main__""".split()
RANK = {room: rank for rank, room in enumerate(ORDER)}
FILES = sorted((ROOT / "core").rglob("*.py"))
OUTSIDE = [*sorted((ROOT / "pages").rglob("*.py")), *sorted((ROOT / "benchmarks").glob("*.py")), ROOT / "app.py"]


def room(path: Path) -> str:
    return path.relative_to(ROOT / "core").with_suffix("").parts[0] if path.is_relative_to(ROOT / "core") else ""


def exported(name: str) -> list[str] | None:
    """What a room's door lists in ``__all__``; None for a single module."""
    door = ROOT / "core" / name / "__init__.py"
    if not door.exists():
        return None
    lists = [n.value for n in ast.parse(door.read_text()).body if isinstance(n, ast.Assign)]
    return ast.literal_eval(lists[-1])


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_room_has_its_place():
    assert {room(path) for path in FILES} == set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    for name in imports(path):
        words = name.split(".")
        if words[0] == "core" and words[1] in RANK:
            assert RANK[words[1]] <= RANK[room(path)], f"{path.name} imports {name}, which stands above it"


@pytest.mark.parametrize("path", [*FILES, *OUTSIDE], ids=lambda p: str(p.relative_to(ROOT)))
def test_other_rooms_come_in_through_the_door(path):
    for name in imports(path):
        words = name.split(".")
        if words[0] == "core" and words[1] != room(path) and (door := exported(words[1])) is not None:
            assert len(words) == 3 and words[2] in door, f"{path.name} imports {name}, past the door of {words[1]}"


@pytest.mark.parametrize("name", [name for name in ORDER if exported(name) is not None])
def test_a_door_lists_what_others_use_and_no_more(name):
    """Tests may look into a room; what only they use needs no place at the door."""
    users = [p for p in [*FILES, *OUTSIDE] if room(p) != name]
    used = {n.split(".")[2] for p in users for n in imports(p) if n.startswith(f"core.{name}.")}
    shown = {"Lab", "Recipe", "classify"}  # in the script that the classify page prints
    assert set(exported(name)) - used <= shown


def test_only_the_right_files_know_a_library():
    knows = {
        "open_clip": {"models"},
        "streamlit": set(),
        "qtawesome": {"world"},
        "filelock": {"storage"},
        "huggingface_hub": {"exchange", "storage"},
        "timm": {"models"},
        "distributed": {"training"},
        "safetensors": {"storage"},
        "nevergrad": {"recipes"},
        "pyarrow": {"tasks", "training"},
        "pickle": set(),
    }
    for library, allowed in knows.items():
        users = {room(p) for p in FILES if any(n.split(".")[0] == library for n in imports(p))}
        assert users <= allowed, f"{library} is imported in {users - allowed}"


@pytest.mark.parametrize("path", sorted((ROOT / "core" / "recipes").glob("*.py")), ids=lambda p: p.stem)
def test_recipes_need_no_torch(path):
    assert not {n.split(".")[0] for n in imports(path)} & {"torch", "numpy"}


@pytest.mark.parametrize("folder", sorted({p.parent for p in [*FILES, *(ROOT / "pages").rglob("*.py")]}), ids=str)
def test_no_folder_is_crowded(folder):
    assert len(list(folder.glob("*.py"))) <= 13


@pytest.mark.parametrize("path", sorted((ROOT / "pages").rglob("*.py")), ids=lambda p: p.name)
def test_pages_do_not_touch_tensors(path):
    assert not {n.split(".")[0] for n in imports(path)} & {"torch", "open_clip", "safetensors"}


def test_every_module_says_what_it_is():
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"


def test_the_torchvision_trap_is_handled():
    from core.models import torchvision_shim

    torchvision_shim.prepare()
    torchvision_shim.prepare()  # a second call does nothing
    assert importlib.util.find_spec("torchvision")
    import torchvision

    assert torchvision.transforms


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("[a-z]*.py")), ids=lambda p: p.name)
def test_a_page_runs_within_the_app_wherever_a_visit_begins(path):
    """A fresh server opens a page's file by its name, alone, until the app has run; so the page asks for the app."""
    first = next(
        node for node in ast.parse(path.read_text()).body[1:] if not isinstance(node, ast.ImportFrom | ast.Import)
    )
    assert ast.unparse(first) == "frame.within_app()"
    assert f'_page("{path.stem}"' in (ROOT / "app.py").read_text()
