"""A build killed with -9 at random moments: `python -m benchmarks.kill [--kills 20]`. Counts what was lost.

Builds a copy of the mini workspace's `digits` from nothing, once without harm and once killed again and again, and
compares: no finished file may be damaged or vanish, and in the end both must hold the same digests.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from core.storage import files
from core.workspace import CACHE

STEPS = 60  # short, so that twenty kills take minutes; the code that runs is the same


def prepare(folder: Path) -> None:
    """A mini workspace with its base and nothing else."""
    mini = folder / "mini"
    shutil.copytree(CACHE / "mini" / "base", mini / "base")
    facts = json.loads((CACHE / "mini" / "workspace.json").read_text())
    facts["finetune"]["default"]["steps"] = STEPS
    (mini / "workspace.json").write_text(json.dumps(facts))


def start(folder: Path) -> subprocess.Popen:
    """A build in a process of its own."""
    words = [sys.executable, "-m", "core", "--cache", str(folder), "build", "--tasks", "digits"]
    return subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=Path(__file__).parent.parent
    )


def finished(folder: Path) -> dict[str, str]:
    """Every finished file and the digest of its tensors; raises DamagedError if one is not whole."""
    found = {}
    for path in sorted(folder.rglob("*.safetensors")):
        if not {"partial", "images"} & set(path.parts):
            found[str(path.relative_to(folder))] = files.digest_tensors(files.read_tensors(path))
    return found


def main() -> int:
    """Kill, look, repeat; returns 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as unharmed, tempfile.TemporaryDirectory() as harmed:
        prepare(Path(unharmed))
        prepare(Path(harmed))
        started = time.monotonic()
        start(Path(unharmed)).wait()
        whole = time.monotonic() - started
        expected = finished(Path(unharmed))
        print(f"unharmed build: {whole:.0f} s, {len(expected)} files")
        kills = lost = damaged = 0
        before: dict[str, str] = finished(Path(harmed))
        while kills < options.kills:
            process = start(Path(harmed))
            try:
                process.wait(timeout=chance.uniform(0.2, 15))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
            else:  # it got to the end: take the newest part away and go on
                for path in [*Path(harmed).glob("mini/results/*/*"), *Path(harmed).glob("mini/checkpoints/*")]:
                    path.unlink()
                before = finished(Path(harmed))
            try:
                after = finished(Path(harmed))
            except files.DamagedError as error:
                damaged, after = damaged + 1, before
                print(f"  damaged: {error}")
            lost += sum(1 for name, digest in before.items() if after.get(name) != digest)
            before = after
        start(Path(harmed)).wait()
        differing = sum(1 for name, digest in expected.items() if finished(Path(harmed)).get(name) != digest)
    print(f"killed {kills} times: {lost} finished files lost, {damaged} damaged, {differing} of {len(expected)} differ")
    return 1 if lost or damaged or differing else 0


if __name__ == "__main__":
    sys.exit(main())
