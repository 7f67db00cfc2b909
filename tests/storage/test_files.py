from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from core.storage import files
from tests.conftest import full_disk

ROOT = Path(__file__).resolve().parents[2]


def test_tensors_survive_with_their_facts(tmp_path):
    path = tmp_path / "deep" / "x.safetensors"
    turned = torch.arange(6.0).view(2, 3).T  # not contiguous
    digest = files.write_tensors(path, {"x": turned, "n": torch.tensor(3)}, {"seed": 1})
    assert files.read_facts(path) == {"seed": 1, "digest": digest}
    assert torch.equal(files.read_tensors(path)["x"], turned)


def test_the_digest_is_of_content_not_of_order_or_layout():
    x, y = torch.randn(2, 3), torch.randn(4)
    assert files.digest_tensors({"x": x, "y": y}) == files.digest_tensors({"y": y, "x": x.T.contiguous().T})
    assert files.digest_tensors({"x": x}) != files.digest_tensors({"x": x.view(3, 2)})


@pytest.mark.parametrize("harm", ["truncate", "flip", "text", "empty"])
def test_damage_is_noticed(tmp_path, harm):
    path = tmp_path / "x.safetensors"
    files.write_tensors(path, {"x": torch.randn(100)})
    whole = path.read_bytes()
    path.write_bytes(
        {
            "truncate": whole[:-50],
            "flip": whole[:-1] + bytes([whole[-1] ^ 1]),
            "text": b"<html>not found</html>",
            "empty": b"",
        }[harm]
    )
    with pytest.raises(files.DamagedError, match=r"x\.safetensors is damaged"):
        files.read_tensors(path)


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "x.json"
    files.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        files.write_json(path, {"a": object()})
    with pytest.raises(ZeroDivisionError), files.replacing(path) as temporary:
        temporary.write_text("half")
        1 / 0  # noqa: B018
    assert path.read_text() == '{\n "a": 1\n}\n' and os.listdir(tmp_path) == ["x.json"]


def test_a_full_disk_is_one_sentence(tmp_path):
    with full_disk(), pytest.raises(files.DiskError, match=r"No space left on device\. Free some space"):
        files.write_tensors(tmp_path / "x.safetensors", {"x": torch.zeros(3)})
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(files.DiskError, match="Could not write"):
        files.write_json(tmp_path / "file" / "x.json", 1)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a\\b", "x" * 200, "nul\0"])
def test_a_name_is_never_a_path(name):
    with pytest.raises(ValueError, match="cannot be a name"):
        files.safe_name(name)


def test_a_lock_waits_for_another_holder_and_can_give_up(tmp_path):
    lock, waited = tmp_path / "x.lock", threading.Event()
    code = "import time; from core.storage import files\nfrom pathlib import Path\n"
    code += f"with files.locked(Path({str(lock)!r})):\n print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"

    def give_up():
        waited.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), files.locked(lock, give_up, poll=0.05):
        pass
    assert waited.is_set()
    holder.kill()  # the operating system frees the lock of a killed process
    holder.wait()
    with files.locked(lock, poll=0.05):
        pass


def test_litter_of_killed_writers_is_swept(tmp_path):
    litter = tmp_path / "deep" / ".x.safetensors.abc.tmp"
    litter.parent.mkdir()
    litter.write_text("half")
    assert files.sweep(tmp_path, older_than=3600) == 0
    assert files.sweep(tmp_path, older_than=-1) == 1 and not litter.exists()


def test_a_log_survives_a_kill_in_the_middle_of_a_line(tmp_path):
    path = tmp_path / "new" / "log.jsonl"
    assert files.read_lines(path) == []
    files.append_line(path, {"x": [0.1, 0.25]})
    with path.open("ab") as log:
        log.write(b'{"x": [0.')
    files.append_line(path, {"x": "α"})
    assert files.read_lines(path) == [{"x": [0.1, 0.25]}, {"x": "α"}]
    with full_disk(), pytest.raises(files.DiskError, match=r"Could not write log\.jsonl"):
        files.append_line(path, 1)


KILLED = """
import os, signal, sys
from pathlib import Path
from core.storage import files
with files.staging(Path(sys.argv[1])) as stage:
    (stage / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("next_one", ["out", "other"])
def test_what_a_killed_export_left_is_swept_by_the_next_beside_it(tmp_path, next_one):
    with files.staging(tmp_path / "living") as alive:
        (alive / "mine").write_text("mine")
        ran = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "out")], cwd=ROOT, check=False)
        assert ran.returncode == -signal.SIGKILL
        assert [p.name for p in (tmp_path / "out").glob(".staging.*.tmp/*")] == ["half"]
        with files.staging(tmp_path / next_one) as stage:
            (stage / "whole").write_text("whole")
        assert (alive / "mine").exists(), "a living writer's is left alone"
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert left == {"living/mine", f"{next_one}/whole"}
