"""Files that are either whole or not there: every write to disk goes through here.

Longer than other files, since the safe write, its lock, its clean-up and the digest that is checked on reading are one
subject, and everybody looks for them in one place.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, load_file, save_file

from core import PaletteError

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class DiskError(PaletteError):
    """The disk refused a write; the message says which folder and what to do."""


class DamagedError(PaletteError):
    """A file whose content is not what its digest says, or is no safetensors file at all."""


def safe_name(name: str) -> str:
    """``name`` if it can be a file name in any folder; raises ValueError for paths and odd characters."""
    if not _SAFE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a name: use letters, digits, '.', '_' and '-', starting with a letter.")
    return name


def digest_tensors(tensors: Mapping[str, torch.Tensor]) -> str:
    """Hex SHA-256 of names, dtypes, shapes and bytes, in order of name."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        sha.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()


def digest_file(path: Path, check: Callable[[], None] = lambda: None) -> str:
    """Hex SHA-256 of a file's bytes; ``check`` is called now and then, and may raise to stop."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**22):
            check()
            sha.update(block)
    return sha.hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its place when the block ends well, and vanishes when not."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        os.close(handle)
        yield Path(temporary)
        os.chmod(temporary, 0o644)  # mkstemp makes files private; a shared cache must stay readable
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
        temporary = None
    except (OSError, SafetensorError) as error:
        if isinstance(error, SafetensorError) and "os error" not in str(error).lower():
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise DiskError(
            f"Could not write {path.name} into {path.parent}: {reason}. Free some space or make the folder writable; "
            "nothing that was there is lost."
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


@contextmanager
def staging(folder: Path, overwrite: bool = False) -> Iterator[Path]:
    """A hidden folder whose files move into ``folder`` when the block ends well, and vanish when not.

    Folders that had to be made vanish too. Raises DiskError, also if ``folder`` holds a file of one of those names and
    ``overwrite`` was not asked for.
    """
    made = [p for p in (folder, *folder.parents) if not p.exists()]
    stage, lock = folder / f".staging.{os.urandom(6).hex()}.tmp", None
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            sweep_staging(folder)
            lock = FileLock(stage.with_suffix(".lock"))
            lock.acquire(timeout=0)  # before the folder is there, so that nobody ever takes it for a dead one's
            stage.mkdir()
            yield stage
            whole = sorted(stage.iterdir())
            if there := [p.name for p in whole if (folder / p.name).exists() and not overwrite]:
                raise DiskError(
                    f"{folder} already holds {', '.join(there)}; choose another folder or ask to overwrite."
                )
            for path in whole:
                os.replace(path, folder / path.name)
            made = []
        except OSError as error:
            raise DiskError(
                f"Could not write into {folder}: {error.strerror or error}. "
                "Free some space or make the folder writable."
            ) from error
        except DiskError as error:
            raise DiskError(str(error).replace(str(stage), str(folder))) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if lock is not None:
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)
        for path in made:
            with suppress(OSError):  # somebody else has put something there
                path.rmdir()


def sweep_staging(folder: Path) -> int:
    """Remove the hidden folders that killed writers left in ``folder`` and beside it; returns how many.

    A living writer holds the lock of its own, which the operating system frees when it dies, however it dies.
    """
    swept = 0
    for path in [*folder.glob(".staging.*.lock"), *folder.parent.glob("*/.staging.*.lock")]:
        lock = FileLock(path)
        with suppress(Timeout, OSError):  # held by the living, or not ours to remove
            lock.acquire(timeout=0)
            swept += path.with_suffix(".tmp").is_dir()
            shutil.rmtree(path.with_suffix(".tmp"), ignore_errors=True)
            lock.release()
            path.unlink(missing_ok=True)
    return swept


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically. Raises DiskError."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, facts: object) -> None:
    """Write facts as indented JSON, atomically. Raises DiskError."""
    write_text(path, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def append_line(path: Path, facts: object) -> None:
    """Add a line of JSON to a log, on disk when this returns; one that a kill cut off stays apart. Raises DiskError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as log:
            cut_off = log.seek(0, os.SEEK_END) > 0 and log.seek(-1, os.SEEK_END) >= 0 and log.read(1) != b"\n"
            log.write(b"\n" * cut_off + json.dumps(facts, ensure_ascii=False).encode() + b"\n")
            log.flush()
            os.fsync(log.fileno())
    except OSError as error:
        raise DiskError(
            f"Could not write {path.name} into {path.parent}: {error.strerror or error}. Free some space or make the "
            "folder writable; nothing that was there is lost."
        ) from error


def read_lines(path: Path) -> list:
    """What ``append_line`` wrote, in order; no file is no lines, and a line that a kill cut off is left out."""
    found = []
    with suppress(FileNotFoundError):
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            with suppress(ValueError):
                found.append(json.loads(line))
    return found


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, object] | None = None) -> str:
    """Write a safetensors file atomically, with ``facts`` and the tensors' digest in its header; returns the digest."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    digest = digest_tensors(whole)
    header = {"palette": json.dumps({**(facts or {}), "digest": digest}, sort_keys=True)}
    with replacing(path) as temporary:
        save_file(whole, temporary, metadata=header)
    return digest


def read_facts(path: Path) -> dict:
    """The facts in a safetensors header, without reading tensors. Raises DamagedError or FileNotFoundError."""
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {}).get("palette", "{}"))
    except FileNotFoundError:
        raise
    except (SafetensorError, ValueError, OSError, RecursionError) as error:
        raise DamagedError(f"{path.name} is damaged ({error}).") from error
    return facts if isinstance(facts, dict) else {}


def read_tensors(path: Path, verify: bool = True) -> dict[str, torch.Tensor]:
    """All tensors of a safetensors file, memory-mapped; with ``verify`` checked against the digest in its header.

    Raises DamagedError if the file cannot be read or holds other bytes than were written.
    """
    facts = read_facts(path)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise DamagedError(f"{path.name} is damaged ({error}).") from error
    if verify and "digest" in facts and digest_tensors(tensors) != facts["digest"]:
        raise DamagedError(f"{path.name} is damaged: its content does not match its digest.")
    return tensors


def parse_tensors(data: bytes) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file that is in memory. Raises DamagedError."""
    try:
        return load(data)
    except (SafetensorError, ValueError) as error:
        raise DamagedError(f"These bytes are no safetensors file ({error}).") from error


def set_aside(path: Path, into: Path) -> Path | None:
    """Move a damaged file into a folder for damaged files; returns where it went, None if it could not be moved."""
    target = into / f"{path.name}.{hashlib.sha256(os.urandom(8)).hexdigest()[:8]}"
    try:
        into.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
    except OSError:
        return None
    return target


def sweep(folder: Path, older_than: float) -> int:
    """Remove temporary files of killed writers below ``folder`` older than so many seconds; returns how many."""
    left = [p for p in folder.rglob(".*.tmp") if p.is_file() and time.time() - p.stat().st_mtime > older_than]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


@contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None, poll: float = 0.5) -> Iterator[None]:
    """Hold the lock file ``path``; while another process holds it, call ``waiting`` every ``poll`` seconds.

    The operating system frees the lock when its holder dies, so a killed process never blocks the next one.
    ``waiting`` may raise to give up. Raises DiskError if the lock file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        while True:
            try:
                lock.acquire(timeout=poll)
                break
            except Timeout:
                waiting()
    except OSError as error:
        raise DiskError(
            f"Could not write into {path.parent}: {error.strerror or error}. Make the folder writable."
        ) from error
    try:
        yield
    finally:
        lock.release()
