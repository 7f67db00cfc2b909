"""A direction as a checkpoint: what is kept, what is said of it, and what is refused."""

from __future__ import annotations

import json

import pytest
import torch

from core import PaletteError
from core.methods import METHODS, POST_STEPS, merge_checkpoints
from core.methods.method import FISHER, GRAM
from core.methods.statistics import measure
from core.methods.task_vectors import MethodError, TaskVector
from core.recipes import lerp, single
from core.storage import files
from core.training import describe_training
from core.workspace.checkpoints import BASE
from tests.conftest import full_disk


@pytest.fixture
def lab(tiny_lab):
    """The tiny workspace with three checkpoints: ``noisy``, and two made from it with other weights."""
    weights = tiny_lab.zoo.weights("noisy")
    generator = torch.Generator().manual_seed(0)
    for name, task in (("second", "noisy"), ("third", "plain")):
        moved = {
            n: t + 0.02 * torch.randn(t.shape, generator=generator)
            if t.is_floating_point() and "running" not in n
            else t
            for n, t in ((n, t.clone()) for n, t in weights.items())
        }
        moved = {n: t.to(weights[n].dtype) for n, t in moved.items()}
        tiny_lab.zoo.add(name, moved, tasks=(task,), start=tiny_lab.base)
    return tiny_lab


PARENTS = ["noisy", "second", "third"]


@pytest.mark.parametrize("method", METHODS)
def test_a_direction_is_a_checkpoint_like_any_other(lab, method):
    made = merge_checkpoints(lab, method, PARENTS, "merged", {"pictures": 6} if METHODS[method].needs != "none" else {})
    facts = json.loads(json.dumps(made.settings))["merged"]
    assert facts["method"] == method and facts["parents"] == {p: lab.zoo[p].digest for p in PARENTS}
    assert facts["base"] == lab.zoo[BASE].digest and set(facts["parameters"][method]) == set(METHODS[method].parameters)
    assert made.tasks == ("noisy", "plain") and made.start == lab.base and lab.zoo.verify("merged") is None
    base, found = lab.zoo.weights(BASE), lab.zoo.weights("merged")
    assert {n: (t.shape, t.dtype) for n, t in base.items()} == {n: (t.shape, t.dtype) for n, t in found.items()}
    assert any(not torch.equal(base[n], found[n]) for n in base)
    assert lab.evaluate(lab.patch("merged", 0.5), "plain", "val").accuracy.n
    assert "merged from noisy, second, third" in describe_training(made.settings)


def test_the_sum_is_task_arithmetic_and_scale_is_its_coefficient(lab):
    made = merge_checkpoints(lab, "sum", ["noisy", "second"], "merged", {"scale": 0.5})
    base = lab.zoo.weights(BASE)
    vectors = [TaskVector(base, lab.zoo.weights(one)) for one in ("noisy", "second")]
    for name, tensor in lab.zoo.weights("merged").items():
        if tensor.is_floating_point():
            factor = (
                0.5 * (vectors[0][name] + vectors[1][name])
                if "running" not in name
                else 0.25 * sum(v[name] for v in vectors)
            )
            torch.testing.assert_close(tensor.float(), base[name].float() + factor, atol=2e-3, rtol=2e-3)
        else:
            assert torch.equal(tensor, base[name])
    assert made.settings["merged"]["parameters"]["shared"]["scale"] == 0.5


def test_asking_again_finds_it_and_another_is_not_overwritten(lab):
    first = merge_checkpoints(lab, "ties", PARENTS, "merged")
    before = first.path.stat().st_mtime_ns
    assert merge_checkpoints(lab, "ties", PARENTS, "merged").path.stat().st_mtime_ns == before
    with pytest.raises(MethodError, match="another checkpoint 'merged' already"):
        merge_checkpoints(lab, "ties", PARENTS, "merged", {"keep": 0.5})
    with pytest.raises(MethodError, match="already"):
        merge_checkpoints(lab, "magmax", ["noisy", "second"], "third")
    other = merge_checkpoints(lab, "ties", PARENTS, "merged", {"keep": 0.5}, overwrite=True)
    assert other.digest != first.digest


def test_post_steps_follow_in_order_and_say_so(lab):
    made = merge_checkpoints(lab, "sum", PARENTS, "merged", {"rise": 0.5}, then=["svc", "lines"])
    facts = made.settings["merged"]
    assert facts["then"] == ["svc", "lines"] and facts["parameters"]["lines"]["rise"] == 0.5
    plain = merge_checkpoints(lab, "sum", PARENTS, "plain-sum")
    assert plain.digest != made.digest
    for step in POST_STEPS:
        assert merge_checkpoints(lab, "tsv-m", PARENTS, f"after-{step}", then=[step]).digest


def refused(lab, match, *arguments, **more):
    before = sorted(lab.folder.rglob("*.safetensors"))
    with pytest.raises(PaletteError, match=match) as raised:
        merge_checkpoints(lab, *arguments, **more)
    assert "\n" not in str(raised.value) and sorted(lab.folder.rglob("*.safetensors")) == before


def test_what_cannot_be_merged_is_refused_in_a_sentence_and_nothing_is_kept(lab):
    refused(lab, "two checkpoints or more", "ties", ["noisy"], "merged")
    refused(lab, "named twice: noisy", "ties", ["noisy", "noisy"], "merged")
    refused(lab, "The base changes nothing", "ties", ["base", "noisy"], "merged")
    refused(lab, "no checkpoint 'nobody'", "ties", ["noisy", "nobody"], "merged")
    refused(lab, "no merge method 'tie'", "tie", PARENTS, "merged")
    refused(lab, "no merge method 'ties'; choose one of lines, svc", "sum", PARENTS, "merged", then=["ties"])
    refused(lab, "keep must be a number from 0.001 to 1, not 7", "ties", PARENTS, "merged", {"keep": 7})
    refused(lab, "ties has no parameter 'drop'; it has keep", "ties", PARENTS, "merged", {"drop": 0.5})
    refused(lab, "scale must be", "ties", PARENTS, "merged", {"scale": 0})
    refused(lab, "cannot be called base", "ties", PARENTS, "base")
    refused(lab, "cannot be called noisy", "ties", PARENTS, "noisy", overwrite=True)
    refused(lab, "cannot be a name", "ties", PARENTS, "../merged")


def test_parents_of_different_bases_are_refused(lab):
    start = lerp(lab.base, single("second"), 0.5)
    weights = {n: t.clone() for n, t in lab.zoo.weights("third").items()}
    lab.zoo.add("sequential", weights, tasks=("plain",), start=start)
    refused(lab, "'sequential' was fine-tuned from other weights", "ties", ["noisy", "sequential"], "merged")


def test_numbers_that_overflow_and_a_full_disk_leave_nothing(lab):
    weights = {n: t.clone() for n, t in lab.zoo.weights("third").items()}
    name = next(n for n, t in weights.items() if t.dim() == 4)
    weights[name].fill_(torch.inf)
    lab.zoo.add("broken", weights, tasks=("plain",), start=lab.base)
    refused(lab, "not finite", "sum", ["noisy", "broken"], "merged")
    refused(lab, "not finite", "tsv-m", ["noisy", "broken"], "merged")
    with full_disk():
        refused(lab, "Could not write", "sum", PARENTS, "merged")
    assert not list(lab.folder.rglob("*.tmp"))


def test_fisher_information_is_the_square_of_gradients(lab):
    found = measure(lab, FISHER, "noisy", 4)
    parameters = [n for n, t in lab.zoo.weights(BASE).items() if t.is_floating_point() and "running" not in n]
    assert set(found) == set(parameters)
    assert all(found[n].shape == lab.zoo.weights(BASE)[n].shape and (found[n] >= 0).all() for n in found)
    assert any(t.any() for t in found.values())
    again = measure(lab, FISHER, "noisy", 4)
    assert all(torch.equal(found[n], again[n]) for n in found)  # the draw is seeded


def test_grams_are_of_the_layers_own_inputs(lab):
    found = measure(lab, GRAM, "noisy", 5)
    weights = lab.zoo.weights(BASE)
    assert "visual.conv1.weight" in found and "visual.layer1.0.conv2.weight" in found
    for name, gram in found.items():
        columns = weights[name].flatten(1).shape[1]
        assert gram.shape == (columns, columns)
        assert float(torch.linalg.eigvalsh(gram.double()).min()) > -1e-3 * float(gram.diagonal().max())
    encoder = lab.encoder()
    lab.load(single("noisy"), encoder)
    pixels = encoder.prepare(lab.pictures("noisy", "val").images[:5])
    conv = encoder.tower.conv1
    outputs = conv(pixels).flatten(2).transpose(1, 2).flatten(0, 1)
    seen = conv.weight.detach().flatten(1)
    expected = (outputs.T @ outputs).detach() / len(outputs)  # W G Wᵀ is the outputs' own second moment
    torch.testing.assert_close(seen @ found["visual.conv1.weight"] @ seen.T, expected, atol=1e-3, rtol=1e-3)


def test_a_parent_without_a_task_has_no_pictures(lab):
    lab.zoo.add("silent", {n: t.clone() for n, t in lab.zoo.weights("third").items()}, start=lab.base)
    refused(lab, "names no task", "fisher", ["noisy", "silent"], "merged")
    assert files.read_facts(lab.zoo.path("silent"))["tasks"] == []
