"""What is chosen on machines that the tests do not run on, as torch would describe them."""

from __future__ import annotations

from unittest import mock

import pytest
import torch

from core.models.device import (
    DeviceError,
    Memory,
    arithmetic,
    device_memory,
    device_of_choice,
    devices,
    precision_of_choice,
)

CUDA = torch.device("cuda")


@pytest.fixture
def gpus(monkeypatch):
    """Two GPUs, as far as torch says."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_a_gpu_comes_first_and_any_can_be_named(gpus):
    assert devices() == ["cuda:0", "cuda:1", "cpu"] and device_of_choice() == CUDA
    assert device_of_choice("cuda:1").index == 1 and device_of_choice("cpu").type == "cpu"
    for absent in ("cuda:2", "mps"):
        with pytest.raises(DeviceError, match="cuda:0, cuda:1, cpu"):
            device_of_choice(absent)


def test_an_apple_gpu_comes_before_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices() == ["mps", "cpu"] and device_of_choice().type == "mps"
    assert precision_of_choice(torch.device("mps")) == "float16"


@pytest.mark.parametrize(("capability", "precision"), [((7, 5), "float16"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")])
def test_the_precision_is_what_the_gpu_multiplies_fast(monkeypatch, capability, precision):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert precision_of_choice(CUDA) == precision and precision_of_choice(torch.device("cpu")) == "float32"


@pytest.mark.parametrize(("precision", "fast"), [("tf32", True), ("float32", False)])
def test_tensor_cores_multiply_float32_only_where_that_was_chosen(precision, fast):
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    with arithmetic(CUDA, precision):
        assert torch.get_float32_matmul_precision() == ("high" if fast else "highest")
        assert torch.backends.cudnn.allow_tf32 is fast
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == before


def test_memory_is_the_devices_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (30, 80))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 20)
    assert device_memory(CUDA) == Memory(80, 30, 20)
    here = device_memory(torch.device("cpu"))
    assert 0 < here.ours <= here.total
    with mock.patch("pathlib.Path.read_text", side_effect=OSError):
        assert device_memory(torch.device("cpu")).free is None  # no Linux
    assert Memory(80, 30, 20).spare == 7 and Memory(80, None, 20).spare == 10
