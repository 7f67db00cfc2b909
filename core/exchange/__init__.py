"""Models out and in."""

from core.exchange.exporting import push
from core.exchange.exporting.archive import pack_archive
from core.exchange.exporting.base_card import write_base_card
from core.exchange.exporting.export import Exported, apply, export
from core.exchange.exporting.formats import DTYPES, FORMATS, SINGLE, expected_bytes, trouble
from core.exchange.exporting.model_card import model_card
from core.exchange.importing.activation import ACTIVATIONS
from core.exchange.importing.base_model import Origin, hub_place, size_of
from core.exchange.importing.new_workspace import KEPT, Workspace, inventory, make_workspace, reading_notes
from core.exchange.importing.preflight import preflight
from core.exchange.importing.reader import SAFE, TORCH
from core.exchange.importing.register import check_checkpoint, import_checkpoint
from core.exchange.importing.report import DESCENDS, Preflight
from core.exchange.manifest import describe_recipe, known_figures

__all__ = [
    "ACTIVATIONS",
    "DESCENDS",
    "DTYPES",
    "FORMATS",
    "KEPT",
    "SAFE",
    "SINGLE",
    "TORCH",
    "Exported",
    "Origin",
    "Preflight",
    "Workspace",
    "apply",
    "check_checkpoint",
    "describe_recipe",
    "expected_bytes",
    "export",
    "hub_place",
    "import_checkpoint",
    "inventory",
    "known_figures",
    "make_workspace",
    "model_card",
    "pack_archive",
    "preflight",
    "push",
    "reading_notes",
    "size_of",
    "trouble",
    "write_base_card",
]
