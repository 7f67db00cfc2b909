"""The CIFAR-10 and MNIST experiment, end to end on tiny files in the same formats."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from benchmarks import cifar_mnist
from core import PaletteError
from core.patching import curves
from core.workspace.lab import Lab
from tests.conftest import make_workspace
from tests.tasks.datasets import layouts


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Sixty photographs and sixty digits, and a small base where the mini one would be."""
    monkeypatch.setenv("PALETTE_CACHE", str(tmp_path / "cache"))
    shutil.move(make_workspace(tmp_path / "cache"), tmp_path / "cache" / "mini")
    labels = [i % 10 for i in range(60)]
    layouts.write_parquet(tmp_path / "data" / "cifar10-test.parquet", [("test", n) for n in labels], None, image="img")
    pixels = np.random.default_rng(0).integers(0, 256, (60, 28, 28), dtype=np.uint8)
    layouts.write_idx(tmp_path / "data" / "mnist", "t10k", pixels, labels, packed=True)
    monkeypatch.setattr(cifar_mnist, "CIFAR_CUTS", [["val", "test", 20], ["test", "test", None]])
    monkeypatch.setattr(cifar_mnist, "MNIST_CUTS", [["test", "test", 20], ["val", "test", 10], ["train", "test", None]])
    monkeypatch.setattr(cifar_mnist, "SETTINGS", {"steps": 2, "batch_size": 4, "lr": 1e-4, "warmup": 1})
    return tmp_path / "data"


def run(data, *words):
    cache = data.parent / "cache"
    return cifar_mnist.main(["--data", str(data), "--cache", str(cache), "--device", "cpu", *words])


def test_it_runs_from_files_to_figures(data, capsys):
    document = data.parent / "README.md"
    document.write_text("before\n{}\nold figures\n{}\nafter\n".format(*cifar_mnist.MARKERS))
    assert run(data, "--write", str(document)) == 0
    said = capsys.readouterr().out
    lab = Lab("cifar_mnist", data.parent / "cache", "cpu")
    assert lab.task("mnist").source.sizes() == {"train": 30, "val": 10, "test": 20}
    assert lab.task("cifar10").source.sizes() == {"val": 20, "test": 40}
    chosen = curves.chosen_alpha(lab, "mnist", ["cifar10"])
    tested = lab.evaluate(lab.patch("mnist", chosen), "mnist", "test").accuracy
    assert f"| {chosen:g} ★ |" in said and f"{100 * tested.value:.1f} % [{100 * tested.low:.1f}" in said
    text = document.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old figures" not in text and "| 0.5" in text


def test_its_splits_share_no_picture(data, capsys):
    for facts in cifar_mnist.tasks(data):
        from core.workspace.tasks import task_of

        source = task_of(json.loads(json.dumps(facts))).source
        rows = np.concatenate([source.split(split)[1] for split in source.sizes()])
        assert sorted(rows) == list(range(60))


def test_missing_photographs_are_one_sentence(data, capsys):
    (data / "cifar10-test.parquet").unlink()
    assert run(data) == 1
    err = capsys.readouterr().err
    assert "holds no cifar10-test.parquet" in err and err.count("\n") == 1


def test_a_document_without_a_place_is_one_sentence(tmp_path):
    (tmp_path / "x.md").write_text("nothing")
    with pytest.raises(PaletteError, match="has no place for the figures"):
        cifar_mnist.put_into(tmp_path / "x.md", "figures")


def test_its_photographs_are_cut_into_groups_of_classes(data, capsys):
    """SplitCIFAR over files on disk: groups share no class, and together they are the task."""
    assert run(data) == 0
    lab = Lab("cifar_mnist", data.parent / "cache", "cpu")
    groups = [lab.task(f"cifar10.{i}of5") for i in range(1, 6)]
    names = [name for group in groups for name in group.class_names]
    assert tuple(names) == lab.task("cifar10").class_names and {len(g.class_names) for g in groups} == {2}
    found = [lab.evaluate(lab.base, group.name, "test").accuracy.n for group in groups]
    labels = lab.pictures("cifar10", "test").labels
    assert found == [int(np.isin(labels, (2 * i, 2 * i + 1)).sum()) for i in range(5)] and sum(found) == len(labels)
    third = lab.pictures("cifar10.3of5", "test")
    assert np.array_equal(third.labels, labels[np.isin(labels, (4, 5))] - 4)
