"""The layers of CONTRIBUTING.md, kept by a test: an import in core/ may only point up the list."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
THINGS = """disk verified tensorfile tasks torchvision_cpu device batching room vision world catalog zoo splits
fonts typography attacks intake attack_files data transform jobs download
incoming album wordlist recent""".split()
DOING = """answers merge fused parents heads predict metrics store finetune similarity ranking
augment headed holding learned""".split()
THE_DESK = """console lab curves history mixes distance build card __main__
plan checkpoints compare contrasts outcomes remaining sketch many_tasks
export mixfile manifest manifest_schema model_card huggingface huggingface_config onnx_file hub parcel exchange
importing foreign naming preflight
live attack attack_photos attack_command
datasets dataset_commands experiments
classify classify_command snippet
soup_plan soup_trace soup_judge soup_making soup_measure soup_outcome soup_run soup_hand soup_command
ingredients ensembles
architecture closed graph new origin precision searches spread workers workspace""".split()
LAYERS = [
    ("words", ["__init__", "recipe", "components", "algebra"]),
    ("choosing", ["paint", "search", "strategies", "soups", "manifold", "published"]),
    ("things", THINGS),
    ("doing", DOING),
    ("the desk", THE_DESK),
]
RANK = {name: rank for rank, (_, names) in enumerate(LAYERS) for name in names}
FILES = sorted((ROOT / "core").rglob("*.py"))


def part(path: Path) -> str:
    return path.relative_to(ROOT / "core").with_suffix("").parts[0]


def imports(path: Path, everywhere: bool = True) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree) if everywhere else tree.body
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_up(path):
    mine = RANK[part(path)]
    for name in imports(path):
        words = name.split(".")
        if words[0] == "core" and len(words) > 1 and words[1] in RANK:
            assert RANK[words[1]] <= mine, f"{path.name} imports {name}, which lies below it"


def test_only_the_right_files_know_a_library():
    knows = {
        "open_clip": {"vision", "transform"},
        "streamlit": set(),
        "qtawesome": {"world"},
        "filelock": {"disk"},
        "huggingface_hub": {"hub", "download"},
        "timm": {"vision", "transform"},
        "distributed": {"workers"},
        "safetensors": {"disk", "tensorfile"},
        "nevergrad": {"search"},
        "pyarrow": {"data", "world"},
        "pickle": set(),
    }
    for library, allowed in knows.items():
        users = {part(p) for p in FILES if any(n.split(".")[0] == library for n in imports(p))}
        assert users <= allowed, f"{library} is imported in {users - allowed}"


@pytest.mark.parametrize("name", ["recipe", "components", "algebra", "paint", "search", "strategies"])
def test_words_and_choosing_need_no_torch(name):
    assert not {n.split(".")[0] for n in imports(ROOT / "core" / f"{name}.py")} & {"torch", "numpy"}


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
