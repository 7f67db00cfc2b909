"""Files as strangers write them: 8-bit floats, odd metadata, shards; and what only pretends to be a file of weights."""

from __future__ import annotations

import json
import struct

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save, save_file

from core.exchange.importing.formats.foreign import ForeignError
from core.exchange.importing.formats.safetensors_file import read_safetensors
from core.exchange.importing.preflight import preflight
from core.exchange.importing.reader import read
from core.exchange.importing.register import import_checkpoint
from tests.exchange.importing.test_register import tower


def with_header(content: bytes, change) -> bytes:
    """A safetensors file with its header changed."""
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    text = json.dumps(change(header)).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_eight_bit_floats_are_read_value_for_value(tiny_lab, tmp_path, dtype, suffix):
    every = torch.arange(256, dtype=torch.uint8).view(dtype)
    assert torch.equal(every.half().float().nan_to_num(7), every.float().nan_to_num(7))
    weights = {n: t.to(dtype) if t.is_floating_point() else t for n, t in tower(tiny_lab).items()}
    path = tmp_path / f"x{suffix}"
    save_file(weights, path) if suffix == ".safetensors" else torch.save(weights, path)
    report = preflight(tiny_lab, path)
    assert report.fits and any("8-bit floats" in line for line in report.lines())
    assert all(torch.equal(t.float(), weights[n].float()) for n, t in report.tower.items())


@pytest.mark.parametrize("metadata", [{"step": 1200}, {"a": {"b": [1]}, "format": "pt"}, 3, [1]])
def test_metadata_that_is_no_words_is_left_out_and_named(tiny_lab, tmp_path, metadata):
    content = save({n: t.contiguous() for n, t in tower(tiny_lab).items()})
    (tmp_path / "x.safetensors").write_bytes(with_header(content, lambda h: {**h, "__metadata__": metadata}))
    report = preflight(tiny_lab, tmp_path / "x.safetensors")
    assert report.fits and "is whole, but its metadata is not words alone" in "\n".join(report.lines())
    assert import_checkpoint(tiny_lab, tmp_path / "x.safetensors", "x").digest == tiny_lab.zoo["noisy"].digest


def test_shards(tiny_lab, tmp_path):
    weights, names = tower(tiny_lab), sorted(tower(tiny_lab))
    for i, part in enumerate((names[:20], names[20:40], names[40:]), 1):
        save_file({n: weights[n] for n in part}, tmp_path / f"model-0000{i}-of-00003.safetensors")
    for path in (tmp_path / "model-00002-of-00003.safetensors", tmp_path):
        assert import_checkpoint(tiny_lab, path, "x", overwrite=True).digest == tiny_lab.zoo["noisy"].digest
        assert "one of 3 shards; all of them were read" in "\n".join(preflight(tiny_lab, path).lines())
    for gone in ("model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors"):
        (tmp_path / gone).unlink()
        for path in (tmp_path / "model-00002-of-00003.safetensors", tmp_path):
            with pytest.raises(ForeignError, match=f"is one of 3 shards of a checkpoint, and .*{gone}"):
                read(path)
    (tmp_path / "a-1-of-999999.pt").write_bytes(b"")
    with pytest.raises(ForeignError, match="which is no checkpoint of a CLIP"):
        read(tmp_path / "a-1-of-999999.pt")


def test_the_choice_between_several_files_is_said(tiny_lab, tmp_path):
    save_file(tower(tiny_lab), tmp_path / "open_clip_model.safetensors")
    torch.save(tower(tiny_lab, "base"), tmp_path / "pytorch_model.bin")
    assert "also holds pytorch_model.bin: open_clip_model.safetensors was read." in read(tmp_path).notes[0]


def test_classes_that_are_no_weights_are_named(tmp_path):
    torch.save({"state_dict": {"x": torch.ones(1)}, "model": torch.nn.Linear(1, 1)}, tmp_path / "x.pt")
    with pytest.raises(ForeignError, match=r"holds more than weights \(torch\.nn\.modules\.linear\.Linear\)"):
        read(tmp_path / "x.pt")


def test_tables_that_hold_themselves_end(tmp_path):
    table: dict = {"w": torch.ones(2)}
    table |= {f"again{i}": table for i in range(20)}
    torch.save(table, tmp_path / "x.pt")
    assert list(read(tmp_path / "x.pt").tensors) == ["w"]


# whatever is in a header: tensors or one sentence

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["F32", "F8_E4M3", "F4", "BOOL", "x"]) | JSON,
        "shape": st.lists(st.integers(-1, 4), max_size=3) | JSON,
        "data_offsets": st.lists(st.integers(-1, 70), min_size=2, max_size=2) | JSON,
    },
)
HEADER = st.dictionaries(
    st.sampled_from(["visual.a", "b", "__metadata__"]) | st.text(max_size=3), ENTRY | JSON, max_size=4
)


def tensors_or_a_sentence(path) -> None:
    try:
        tensors, _, _ = read_safetensors(path)
    except ForeignError as error:
        assert "\n" not in str(error) and len(str(error)) < 1000
        return
    for name in tensors:
        assert tensors[name].numel() * tensors[name].element_size() <= path.stat().st_size


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=HEADER | JSON, body=st.binary(max_size=70))
def test_any_header_gives_tensors_or_one_sentence(tmp_path, header, body):
    text = json.dumps(header).encode()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)
    tensors_or_a_sentence(tmp_path / "x.safetensors")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 400), byte=st.integers(0, 255), cut=st.integers(0, 400), number=st.booleans())
def test_any_byte_may_be_wrong(tmp_path, at, byte, cut, number):
    content = save({"visual.a": torch.ones(3, 4), "b": torch.ones(2, dtype=torch.float16)}, {"k": "v"})
    content = bytearray(with_header(content, lambda h: {**h, "__metadata__": {"k": 1}}) if number else content)
    content[at % len(content)] = byte
    (tmp_path / "x.safetensors").write_bytes(bytes(content[: len(content) - cut % len(content)]))
    tensors_or_a_sentence(tmp_path / "x.safetensors")


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
def test_any_bytes_are_one_sentence(tmp_path, suffix, content):
    (tmp_path / f"x{suffix}").write_bytes(content)
    with pytest.raises(ForeignError) as told:
        read(tmp_path / f"x{suffix}")
    assert "\n" not in str(told.value)


ENDLESS = b'{"x": {"dtype": "F32", "shape": [1e400], "data_offsets": [0, 4]}}'


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 50_000, ENDLESS, b'{"a":1,"a":2}'])
def test_hostile_headers(tmp_path, text):
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(ForeignError, match="no whole safetensors file"):
        read(tmp_path / "x.safetensors")
