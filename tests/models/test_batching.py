"""Running out of memory, as torch says it on a GPU: raised here by the real class where a real one would be."""

from __future__ import annotations

import pytest
import torch

from core.models import batching
from core.models.batching import BatchSize, OutOfMemoryError, parts_of, ran_out
from core.models.predict import features
from core.training import finetune as training
from core.training.finetune import TrainingSet
from core.training.settings import Settings
from tests.conftest import tiny_tasks


def small(encoder, most: int) -> list[int]:
    """Give an encoder's device memory for ``most`` pictures; returns the batch sizes that it gets asked for."""
    asked, whole = [], encoder._run

    def forward(pixels: torch.Tensor) -> torch.Tensor:
        asked.append(len(pixels))
        if len(pixels) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return whole(pixels)

    encoder._run = forward
    return asked


def test_what_does_not_fit_goes_through_in_smaller_batches(tiny_lab):
    images = tiny_lab.pictures("noisy", "train").images
    encoder = tiny_lab.encoder()
    whole = features(encoder, images)
    asked = small(encoder, 20)
    found = features(encoder, images)
    assert asked[:5] == [96, 96, 64, 32, 16]
    assert torch.allclose(found.float(), whole.float(), atol=2e-3) and len(found) == len(images)
    before = len(asked)
    features(encoder, images)
    assert max(asked[before:]) <= 20, "what was learnt is remembered"


def test_not_even_one_picture_is_one_sentence(tiny_lab):
    encoder = tiny_lab.encoder()
    small(encoder, 0)
    with pytest.raises(OutOfMemoryError, match="One picture alone does not fit"):
        features(encoder, tiny_lab.pictures("noisy", "val").images)


def test_other_errors_are_not_taken_for_it(tiny_lab):
    encoder = tiny_lab.encoder()
    encoder._run = lambda _: (_ for _ in ()).throw(RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        features(encoder, tiny_lab.pictures("noisy", "val").images)
    assert ran_out(torch.OutOfMemoryError("CUDA out of memory"))
    assert ran_out(RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"))


def trained(lab, most: int | None = None, augment: str = "none") -> dict[str, torch.Tensor]:
    encoder, sets = lab.encoder(), []
    for name in ("noisy", "plain"):
        pictures = lab.pictures(name, "train")
        images, labels = torch.from_numpy(pictures.images), torch.from_numpy(pictures.labels)
        sets.append(TrainingSet(images, labels, lab.head(name), name))
    if most is not None:
        small(encoder, most)
    return training.finetune(encoder, sets, Settings(steps=3, batch_size=24, lr=1e-3, warmup=1, augment=augment))


@pytest.mark.parametrize("augment", ["none", "strong"])
def test_training_backs_off_with_the_same_gradient(tiny_lab, augment):
    whole, parts = trained(tiny_lab, None, augment), trained(tiny_lab, 5, augment)
    moved = [
        n for n, t in whole.items() if t.is_floating_point() and not torch.equal(t, tiny_lab.zoo.weights("base")[n])
    ]
    assert moved
    for name in moved:
        assert torch.allclose(whole[name], parts[name], atol=1e-4), name


def test_training_that_cannot_fit_is_one_sentence(tiny_lab):
    with pytest.raises(OutOfMemoryError, match="Training on one picture alone"):
        trained(tiny_lab, 0)


def test_a_cpu_keeps_its_batch_and_a_gpu_tries_larger_ones(monkeypatch):
    cpu = BatchSize(torch.device("cpu"), 64)
    assert cpu.run(lambda rows: rows.stop - rows.start, 0, 600) == [256, 256, 88] and cpu.block() == 256
    assert BatchSize(torch.device("cpu"), 224).now == 32

    clock = iter(range(10**6))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: None)  # the clock below stands for a GPU's
    monkeypatch.setattr(batching.time, "perf_counter", lambda: next(clock) * 1.0)  # each batch takes one second
    gpu = BatchSize(torch.device("cuda"), 64)
    sizes = gpu.run(lambda rows: rows.stop - rows.start, 0, 10_000)
    assert sizes[:5] == [256, 256, 512, 1024, 2048] and sum(sizes) == 10_000  # larger pays, so it grows to the limit
    assert gpu.block() == 2048


def test_parts_are_whole():
    for count, parts in ((10, 3), (2, 5), (7, 7)):
        rows = [i for cut in parts_of(count, parts) for i in range(count)[cut]]
        assert rows == list(range(count))
    assert tiny_tasks()["noisy"].size("train") == 96
