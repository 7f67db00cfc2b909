from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core import PaletteError
from core.exchange.exporting.export import export
from core.exchange.importing.preflight import preflight
from core.exchange.importing.reader import ForeignError
from core.exchange.importing.register import ImportRefused, import_checkpoint
from core.models import clip
from core.recipes.recipe import lerp, single
from core.storage import files
from core.workspace.checkpoints import CheckpointError
from tests.conftest import disk_with_room_for, full_disk
from tests.exchange.exporting.test_export import vit_lab  # noqa: F401 - a fixture


def tower(lab, name: str = "noisy") -> dict[str, torch.Tensor]:
    return {n: t.clone() for n, t in lab.zoo.weights(name).items()}


def renamed(weights, before: str, after: str) -> dict[str, torch.Tensor]:
    return {after + n.removeprefix(before): t for n, t in weights.items()}


# round trips and names


@pytest.mark.parametrize("fmt", ["open_clip", "state_dict", "image_tower"])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_what_was_exported_comes_back_as_it_was(tiny_lab, tmp_path, fmt, dtype):
    export(tiny_lab, single("noisy"), tmp_path / "out", fmt, dtype)
    found = import_checkpoint(tiny_lab, tmp_path / "out", "back", tasks=["noisy"])
    assert found.digest == tiny_lab.zoo["noisy"].digest
    assert found.start == tiny_lab.base and found.tasks == ("noisy",)
    origin = found.settings["imported"]
    assert origin["file"] == "out" and len(origin["sha256"][0]) == 64 and "noisy" in origin["recipe"]
    tiny_lab.load(lerp(tiny_lab.base, single("back"), 0.5), tiny_lab.encoder())


def test_a_mix_comes_back_as_the_weights_that_it_was(tiny_lab, tmp_path):
    mix = lerp(tiny_lab.base, single("noisy"), 0.37)
    done = export(tiny_lab, mix, tmp_path / "mix.pt", "state_dict", "float16")
    report = preflight(tiny_lab, tmp_path / "mix.pt")
    assert report.fits and report.recipe == mix and report.activation == "gelu" and not report.warnings
    assert import_checkpoint(tiny_lab, tmp_path / "mix.pt", "mix").digest == done.digests["image_digest"]


def test_hugging_face_names_come_back(vit_lab, tmp_path):  # noqa: F811
    export(vit_lab, single("near"), tmp_path / "hf", "huggingface", "float16")
    report = preflight(vit_lab, tmp_path / "hf")
    assert report.kind == "Hugging Face CLIP" and report.activation == "quick_gelu" and report.fits
    assert import_checkpoint(vit_lab, tmp_path / "hf", "back").digest == vit_lab.zoo["near"].digest


VARIANTS = {
    "module.": lambda w: {"epoch": 3, "state_dict": renamed(w, "", "module.")},
    "a bare tower": lambda w: renamed(w, "visual.", ""),
    "an image encoder with a classification head": lambda w: {
        **renamed(w, "", "module.model."),
        "module.classification_head.weight": torch.zeros(3, 16),
    },
    "an encoder": lambda w: {"state_dict": renamed(w, "visual.", "encoder.")},
    "compiled": lambda w: {"model": renamed(w, "", "_orig_mod.")},
    "with an optimizer": lambda w: {"model_state_dict": w, "optimizer": {"state": {0: torch.ones(2)}, "lr": 0.1}},
    "without counters": lambda w: {n: t for n, t in w.items() if "num_batches" not in n},
}


@pytest.mark.parametrize("which", VARIANTS)
def test_names_that_training_loops_give(tiny_lab, tmp_path, which):
    base, noisy = tower(tiny_lab, "base"), tower(tiny_lab)
    noisy |= {n: base[n] for n in noisy if "num_batches" in n}
    torch.save(VARIANTS[which](noisy), tmp_path / "theirs.pt")
    found = import_checkpoint(tiny_lab, tmp_path / "theirs.pt", "back")
    assert found.digest == files.digest_tensors(noisy)


def test_openais_marks_tell_the_activation(tiny_lab, vit_lab, tmp_path):  # noqa: F811
    extras = {n: torch.tensor(32) for n in ("input_resolution", "context_length", "vocab_size")}
    for lab, name in ((vit_lab, "near"), (tiny_lab, "noisy")):
        torch.save({**tower(lab, name), **extras}, tmp_path / f"{lab.name}.pt")
    assert (
        preflight(vit_lab, tmp_path / "vit.pt").fits and preflight(vit_lab, tmp_path / "vit.pt").kind == "OpenAI CLIP"
    )
    with pytest.raises(ImportRefused, match="trained with quick_gelu, but the base of tiny computes with gelu"):
        import_checkpoint(tiny_lab, tmp_path / "tiny.pt", "back")


def test_a_folder_of_shards_as_mergekit_writes_it(tiny_lab, tmp_path):
    noisy = tower(tiny_lab)
    names = sorted(noisy)
    shards = {"model-00001-of-00002.safetensors": names[:40], "model-00002-of-00002.safetensors": names[40:]}
    for file, mine in shards.items():
        save_file({n: noisy[n] for n in mine}, tmp_path / file)
    index = {"weight_map": {n: file for file, mine in shards.items() for n in mine}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert import_checkpoint(tiny_lab, tmp_path, "back").digest == tiny_lab.zoo["noisy"].digest
    said = tmp_path / "mergekit_config.yml"
    for text, merged in (
        ("merge_method: linear\nmodels:\n- model: a\n  parameters: {weight: 0.5}\n- model: b\n", "linear of a, b"),
        ("merge_method: slerp\nslices:\n- sources:\n  - {model: x/y, layer_range: [0, 4]}\n", "slerp of x/y"),
        ("merge_method: [", ""),
        ("!!python/object/apply:os.system ['false']", ""),
        ("- 1", ""),
    ):
        said.write_text(text)
        report = preflight(tiny_lab, tmp_path)
        assert report.merged == merged and report.fits
        assert any(line == f"merged by mergekit: {merged}" for line in report.lines()) is bool(merged)
    os.remove(tmp_path / "model-00002-of-00002.safetensors")
    with pytest.raises(ForeignError, match="lacks the shards"):
        preflight(tiny_lab, tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../../x.safetensors"}}))
    with pytest.raises(ForeignError, match="outside of its folder"):
        preflight(tiny_lab, tmp_path)


# the report


def test_the_report_names_the_first_ten_of_each(tiny_lab, tmp_path):
    weights = tower(tiny_lab)
    floats = [n for n, t in weights.items() if t.is_floating_point()]
    for name in floats[:12]:
        del weights[name]
    weights[floats[12]] = torch.zeros(7, 7)
    weights[floats[13]].view(-1)[0] = float("inf")
    weights |= {f"visual.new{i:02}": torch.zeros(1) for i in range(11)}
    save_file(weights, tmp_path / "odd.safetensors")
    report = preflight(tiny_lab, tmp_path / "odd.safetensors")
    assert report.missing == tuple(floats[:12]) and len(report.extra) == 11 and report.not_finite == (floats[13],)
    text = "\n".join(report.lines())
    assert f"12 weights of the base are missing: {floats[0]}" in text and "and 2 more" in text
    assert "visual.new09 and 1 more" in text and f"{floats[12]} is (7, 7) instead of" in text
    with pytest.raises(ImportRefused, match="does not fit tiny: 12 weights of the base are missing"):
        import_checkpoint(tiny_lab, tmp_path / "odd.safetensors", "odd")
    assert "odd" not in tiny_lab.zoo


def test_another_architecture_is_refused(tiny_lab, vit_lab, tmp_path):  # noqa: F811
    export(vit_lab, vit_lab.base, tmp_path / "vit")
    with pytest.raises(ImportRefused, match="does not fit tiny"):
        import_checkpoint(tiny_lab, tmp_path / "vit", "vit")
    save_file({"layer.weight": torch.zeros(2)}, tmp_path / "none.safetensors")
    with pytest.raises(ImportRefused, match="no image tower"):
        import_checkpoint(tiny_lab, tmp_path / "none.safetensors", "none")


def test_a_stranger_is_imported_with_a_warning(tiny_lab, tmp_path):
    torch.manual_seed(99)
    config = clip.read_config(tiny_lab.folder / "base")
    stranger = clip.create(config["model_cfg"]).state_dict()
    save_file({n: t.half() if t.is_floating_point() else t for n, t in stranger.items()}, tmp_path / "s.safetensors")
    report = preflight(tiny_lab, tmp_path / "s.safetensors")
    assert report.fits and abs(report.cosine) < 0.1 and "does not seem to descend" in report.warnings[0]
    torch.save(tower(tiny_lab), tmp_path / "noisy.pt")
    assert preflight(tiny_lab, tmp_path / "noisy.pt").cosine > 0.9


def test_weights_too_large_for_the_bases_dtype_are_refused(tiny_lab, tmp_path):
    weights = {n: t.float() if t.is_floating_point() else t for n, t in tower(tiny_lab).items()}
    weights["visual.attnpool.c_proj.bias"].fill_(1e6)
    save_file(weights, tmp_path / "large.safetensors")
    with pytest.raises(ImportRefused, match=r"not finite in the base's dtype: visual\.attnpool\.c_proj\.bias"):
        import_checkpoint(tiny_lab, tmp_path / "large.safetensors", "large")


# hostile and broken files


class Payload:
    """Unpickling it makes a folder: what must never happen."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def zipped(path: Path, entries: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def lying(header: dict) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(16)


def huge(path: Path) -> None:
    torch.save({"visual.conv1.weight": torch.zeros(1).expand(10**6, 10**6)}, path)


HOSTILE = {
    "payload.pt": (lambda p: torch.save({"visual.x": Payload(p.parent / "ran")}, p), "holds more than weights"),
    "bare-pickle.pt": (lambda p: p.write_bytes(pickle.dumps(Payload(p.parent / "ran"))), "not what torch.save writes"),
    "bare-pickle.bin": (lambda p: p.write_bytes(pickle.dumps(Payload(p.parent / "ran"))), "not what torch.save writes"),
    "model.pt": (lambda p: torch.save(torch.nn.Linear(2, 2), p), "holds more than weights"),
    "script.pt": (lambda p: zipped(p, {"m/constants.pkl": b"", "m/data.pkl": b""}), "TorchScript archive"),
    "bomb.pt": (lambda p: zipped(p, {"a/data/0": bytes(10**7)}, zipfile.ZIP_DEFLATED), "compressed"),
    "expanded.pt": (huge, "larger than what the file holds"),
    "nothing.pt": (lambda p: torch.save({"lr": 0.1}, p), "holds no tensors"),
    "nested.pt": (lambda p: torch.save([[[1]]], p), "holds no tensors"),
    "empty.pt": (lambda p: p.write_bytes(b""), "cut short"),
    "empty.safetensors": (lambda p: p.write_bytes(b""), "no whole safetensors file"),
    "garbage.safetensors": (lambda p: p.write_bytes(b"\xff" * 100), "no whole safetensors file"),
    "deep.safetensors": (lambda p: p.write_bytes(struct.pack("<Q", 4000) + b"[" * 4000), "no whole safetensors file"),
    "lies.safetensors": (
        lambda p: p.write_bytes(lying({"x": {"dtype": "F32", "shape": [10**9], "data_offsets": [0, 4 * 10**9]}})),
        "no whole safetensors file",
    ),
    "overlaps.safetensors": (
        lambda p: p.write_bytes(lying({n: {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} for n in "xy"})),
        "no whole safetensors file",
    ),
    "f4.safetensors": (
        lambda p: p.write_bytes(lying({"x": {"dtype": "F4", "shape": [32], "data_offsets": [0, 16]}})),
        "of a kind that Palette does not read",
    ),
    "pointer.safetensors": (
        lambda p: p.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 3"),
        "pointer of git-lfs",
    ),
    "page.pt": (lambda p: p.write_text("<!DOCTYPE html><html>"), "page of a website"),
    "table.csv": (lambda p: p.write_text("a,b"), "is no checkpoint"),
    "folder": (lambda p: p.mkdir(), "holds no weights"),
    "absent.pt": (lambda p: None, "There is no"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_and_broken_files_are_one_sentence(tiny_lab, tmp_path, name):
    make, complaint = HOSTILE[name]
    make(tmp_path / name)
    before = sorted(tiny_lab.folder.rglob("*"))
    with pytest.raises(ForeignError, match=complaint) as error:
        import_checkpoint(tiny_lab, tmp_path / name, "theirs")
    assert "\n" not in str(error.value) and not (tmp_path / "ran").exists()
    assert sorted(tiny_lab.folder.rglob("*")) == before


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_truncated_file_is_one_sentence(tiny_lab, tmp_path, suffix):
    path = tmp_path / f"cut{suffix}"
    save_file(tower(tiny_lab), path) if suffix == ".safetensors" else torch.save(tower(tiny_lab), path)
    whole = path.read_bytes()
    for keep in (5, 200, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:keep])
        with pytest.raises(ForeignError):
            preflight(tiny_lab, path)


def test_a_flipped_bit_in_an_exported_file_is_noticed(tiny_lab, tmp_path):
    export(tiny_lab, single("noisy"), tmp_path / "n.safetensors", "image_tower")
    whole = bytearray((tmp_path / "n.safetensors").read_bytes())
    whole[-1] ^= 1
    (tmp_path / "n.safetensors").write_bytes(bytes(whole))
    with pytest.raises(ForeignError, match="does not match the digest"):
        preflight(tiny_lab, tmp_path / "n.safetensors")


def test_what_is_no_file_is_one_sentence(tiny_lab, tmp_path):
    os.mkfifo(tmp_path / "pipe.pt")
    (tmp_path / "loop.pt").symlink_to(tmp_path / "loop.pt")
    for name, said in (
        ("pipe.pt", "is no file"),
        ("loop.pt", "There is no|cannot be read"),
        (f"{'x' * 300}.pt", "too long"),
    ):
        with pytest.raises(ForeignError, match=said):
            preflight(tiny_lab, tmp_path / name)


def test_nothing_starts_from_itself(tiny_lab, tmp_path):
    torch.save(tower(tiny_lab), tmp_path / "x.pt")
    before = tiny_lab.zoo["noisy"].digest
    with pytest.raises(CheckpointError, match="from itself"):
        import_checkpoint(tiny_lab, tmp_path / "x.pt", "noisy", start=single("noisy"), overwrite=True)
    assert tiny_lab.zoo["noisy"].digest == before


@pytest.mark.parametrize("name", ["../theirs", "a/b", "", "base", "noisy", ".hidden", "q.json"])
def test_names_that_cannot_be(tiny_lab, tmp_path, name):
    torch.save(tower(tiny_lab), tmp_path / "x.pt")
    before = {p: p.stat().st_mtime_ns for p in tiny_lab.folder.rglob("*")}
    with pytest.raises(CheckpointError):
        import_checkpoint(tiny_lab, tmp_path / "x.pt", name)
    assert {p: p.stat().st_mtime_ns for p in tiny_lab.folder.rglob("*")} == before


def test_overwriting_must_be_asked_for_and_the_base_never_goes(tiny_lab, tmp_path):
    torch.save(tower(tiny_lab, "base"), tmp_path / "x.pt")
    import_checkpoint(tiny_lab, tmp_path / "x.pt", "noisy", overwrite=True)
    assert tiny_lab.zoo["noisy"].digest == tiny_lab.zoo["base"].digest
    with pytest.raises(CheckpointError):
        import_checkpoint(tiny_lab, tmp_path / "x.pt", "base", overwrite=True)


def test_unknown_parents_and_tasks_are_refused(tiny_lab, tmp_path):
    torch.save(tower(tiny_lab), tmp_path / "x.pt")
    for words in ({"start": single("nobody")}, {"tasks": ["cats"]}):
        with pytest.raises(PaletteError, match=r"nobody|cats"):
            import_checkpoint(tiny_lab, tmp_path / "x.pt", "x", **words)


def test_a_full_disk_keeps_nothing(tiny_lab, tmp_path):
    torch.save(tower(tiny_lab), tmp_path / "x.pt")
    with full_disk(), pytest.raises(files.DiskError, match="No space left"):
        import_checkpoint(tiny_lab, tmp_path / "x.pt", "x")
    with disk_with_room_for(9000), pytest.raises(files.DiskError, match="Free some space"):
        import_checkpoint(tiny_lab, tmp_path / "x.pt", "x")
    assert "x" not in tiny_lab.zoo and not list(tiny_lab.folder.rglob("*.tmp"))


# the command line


@pytest.fixture
def run(tiny_cache, monkeypatch, capsys):
    from core.__main__ import main
    from tests.conftest import tiny_tasks

    monkeypatch.setattr("core.workspace.lab.tasks_of", lambda _: tiny_tasks())

    def call(*words):
        where = ["--cache", str(tiny_cache), "--workspace", "tiny", "--device", "cpu"]
        status = main([*where, *map(str, words)])
        out = capsys.readouterr()
        return status, out.out, out.err

    return call


def test_export_apply_import_on_the_command_line(run, tmp_path):
    status, out, _ = run("export", "noisy@0.5", "--to", tmp_path / "a", "--dtype", "float16")
    assert status == 0 and "open_clip_model.safetensors" in out and "recipe.json" in out
    assert run("apply", tmp_path / "a" / "recipe.json", "--to", tmp_path / "b")[0] == 0
    assert (tmp_path / "a" / "README.md").read_text() == (tmp_path / "b" / "README.md").read_text()
    assert run("eval", tmp_path / "a" / "recipe.json", "--task", "plain")[0] == 0
    status, out, _ = run("import", tmp_path / "a", "--name", "half", "--tasks", "noisy")
    assert status == 0 and "cosine" in out and "imported as half" in out
    status, _, err = run("export", "noisy@0.5", "--to", tmp_path / "a")
    assert status == 1 and "already holds" in err
    assert run("export", "half", "--to", tmp_path / "a", "--overwrite")[0] == 0
    assert run("export", "half", "--to", tmp_path / "half.pt")[0] == 0


def test_a_check_imports_nothing(run, tmp_path, tiny_cache):
    (tmp_path / "x.safetensors").write_bytes(b"no")
    status, _, err = run("import", tmp_path / "x.safetensors", "--check")
    assert status == 1 and err.splitlines()[-1].startswith("palette: x.safetensors is no whole safetensors file")
    save_file({"visual.x": torch.zeros(1)}, tmp_path / "y.safetensors")
    status, out, _ = run("import", tmp_path / "y.safetensors", "--check")
    assert status == 1 and "problem: " in out and not (tiny_cache / "tiny" / "checkpoints" / "y.safetensors").exists()


def test_weights_that_are_there_twice_or_are_whole_numbers_are_said(tiny_lab, tmp_path):
    weights = tiny_lab.zoo.weights("noisy")
    one, *_ = (n for n, t in weights.items() if t.dim() > 1)
    twice = {f"module.{n}": t.contiguous() for n, t in weights.items()} | {one: weights[one].clone()}
    save_file(twice, tmp_path / "twice.safetensors")
    assert any(f"more than once ({one}" in w for w in preflight(tiny_lab, tmp_path / "twice.safetensors").warnings)
    whole = {n: (t * 100).to(torch.int8) if n == one else t.contiguous() for n, t in weights.items()}
    save_file(whole, tmp_path / "whole.safetensors")
    report = preflight(tiny_lab, tmp_path / "whole.safetensors")
    assert any(w.startswith("1 of its weights are whole numbers (torch.int8)") for w in report.warnings)
