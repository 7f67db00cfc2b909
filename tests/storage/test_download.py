"""Downloads by the real huggingface_hub from a server here that speaks as the hub does, and sometimes breaks off."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import namedtuple
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core.progress import CancelledError, Progress
from core.storage import files as disk
from core.storage.download import DownloadError, fetch, fetch_data

WHOLE = bytes(range(256)) * 4096 * 4  # 4 MB
REPOSITORY, FILE = "somebody/clip", "open_clip_model.safetensors"
COPY, COMMIT = "tanganke/eurosat", "a" * 40
SHARDS = {
    "data/test-00000-of-00001.parquet": WHOLE[: 2**20],
    "data/train-00000-of-00001.parquet": WHOLE,
    "data/contrast-00000-of-00001.parquet": b"a variant",
    "README.md": b"# EuroSAT",
}


class Hub(ThreadingHTTPServer):
    """One model with one file, and one data set; ``breaks_at`` is where the next answer ends too soon."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.breaks_at: int | None = None
        self.ranges: list[str | None] = []
        self.status = 200
        self.bytes = WHOLE
        self.asked: list[str] = []

    def holds(self, path: str) -> bytes | None:
        """What there is at an address."""
        if path == f"/{REPOSITORY}/resolve/main/{FILE}":
            return self.bytes
        if path.partition("?")[0] == f"/api/datasets/{COPY}":
            files = [
                {"rfilename": name, "size": len(b), "blobId": "b" * 40, "lfs": {"size": len(b), "sha256": sha(b)}}
                for name, b in SHARDS.items()
            ]
            for file in files:
                file["lfs"]["pointerSize"] = 130
            return json.dumps({"id": COPY, "sha": COMMIT, "siblings": files}).encode()
        return SHARDS.get(path.removeprefix(f"/datasets/{COPY}/resolve/{COMMIT}/"))


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        content = self.server.holds(self.path)
        if content is None or self.server.status != 200:
            status = self.server.status if self.server.status != 200 else 404
            self.send_response(status)
            self.send_header("X-Error-Code", {401: "RepoNotFound", 403: "GatedRepo", 404: "EntryNotFound"}[status])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        asked = self.headers.get("Range")
        start = int(re.fullmatch(r"bytes=(\d+)-.*", asked)[1]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("ETag", f'"{sha(WHOLE)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(content) - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if body:
            self.server.ranges.append(asked)
            self.server.asked.append(self.path)
            end = len(content)
            if self.path.startswith("/api/"):
                self.wfile.write(content)
                return
            end, self.server.breaks_at = self.server.breaks_at or end, None
            self.wfile.write(content[start:end])
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[Hub]:
    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 2**18)
    yield server
    server.shutdown()


def test_a_download_is_followed_and_found_again_without_a_network(hub, monkeypatch):
    said = []
    path = fetch(REPOSITORY, ["absent.bin", FILE], Progress(lambda p: said.append((p.fraction, p.what))))
    assert path.read_bytes() == WHOLE and len(said) >= 10
    assert [f for f, _ in said] == sorted(f for f, _ in said) and said[-1][0] == 1
    assert said[-1][1] == f"Downloading {FILE}: 4 of 4 MB"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    hub.shutdown()
    assert fetch(REPOSITORY, [FILE]) == path


def test_what_breaks_off_goes_on_where_it_stopped(hub):
    hub.breaks_at = 3 * 2**20
    assert fetch(REPOSITORY, [FILE]).read_bytes() == WHOLE
    assert hub.ranges[0] is None and hub.ranges[1].startswith("bytes=") and hub.ranges[1] != "bytes=0-"


def test_a_cancel_keeps_what_is_there(hub):
    def stop(progress: Progress) -> None:
        if progress.fraction > 0.5:
            progress.cancel()

    with pytest.raises(CancelledError):
        fetch(REPOSITORY, [FILE], Progress(stop))
    assert fetch(REPOSITORY, [FILE]).read_bytes() == WHOLE
    assert int(hub.ranges[-1].removeprefix("bytes=").split("-")[0]) >= 2**20


def test_other_bytes_than_promised_are_thrown_away(hub):
    hub.bytes = b"x" * len(WHOLE)
    with pytest.raises(DownloadError, match="arrived damaged"):
        fetch(REPOSITORY, [FILE])
    hub.bytes = WHOLE
    assert fetch(REPOSITORY, [FILE]).read_bytes() == WHOLE


@pytest.mark.parametrize(("status", "complaint"), [(401, "no model"), (403, "on request only")])
def test_what_the_hub_refuses_is_one_sentence(hub, status, complaint):
    hub.status = status
    with pytest.raises(DownloadError, match=complaint):
        fetch(REPOSITORY, [FILE])


def test_a_repository_without_weights(hub):
    with pytest.raises(DownloadError, match=r"holds none of weights\.bin"):
        fetch(REPOSITORY, ["weights.bin"])


def parquet_files(names):
    return sorted(name for name in names if name.startswith("data/t") and name.endswith(".parquet"))


def test_a_data_set_is_followed_as_a_whole_with_its_size_beforehand(hub, tmp_path):
    said = []
    fetch_data(COPY, parquet_files, tmp_path / "copy", Progress(lambda p: said.append((p.fraction, p.what))))
    assert said[0] == (0, f"Downloading {COPY}: 0 of 5 MB") and said[-1] == (1, f"Downloading {COPY}: 5 of 5 MB")
    assert [f for f, _ in said] == sorted(f for f, _ in said) and len(said) >= 10
    for name in parquet_files(SHARDS):
        assert (tmp_path / "copy" / name).read_bytes() == SHARDS[name]
    assert len(list((tmp_path / "copy").rglob("*.parquet"))) == 2, "no variants"
    hub.asked.clear()
    fetch_data(COPY, parquet_files, tmp_path / "copy")
    assert [path.partition("?")[0] for path in hub.asked] == [f"/api/datasets/{COPY}"], "nothing is fetched twice"


def test_a_data_set_goes_on_where_it_stopped(hub, tmp_path):
    def stop(progress: Progress) -> None:
        if progress.fraction > 0.5:
            progress.cancel()

    with pytest.raises(CancelledError):
        fetch_data(COPY, parquet_files, tmp_path, Progress(stop))
    said = []
    fetch_data(COPY, parquet_files, tmp_path, Progress(lambda p: said.append(p.fraction)))
    assert said[0] > 0.4 and (tmp_path / parquet_files(SHARDS)[1]).read_bytes() == WHOLE


def test_a_data_set_that_does_not_fit_is_said_beforehand(hub, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10**9, 10**9, 10**6))
    with pytest.raises(disk.DiskError, match=r"This needs 5\.2 MB in .*, where 1\.0 MB are free.*PALETTE_DATA"):
        fetch_data(COPY, parquet_files, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(("status", "complaint"), [(401, "no data set"), (403, "accept its terms at .*/datasets/")])
def test_a_data_set_that_the_hub_refuses_is_one_sentence(hub, tmp_path, status, complaint):
    hub.status = status
    with pytest.raises(DownloadError, match=complaint):
        fetch_data(COPY, parquet_files, tmp_path)


def test_a_copy_of_the_catalogue_is_fetched_without_its_variants(hub, tmp_path, monkeypatch):
    from core.tasks.datasets import DataError, catalogue, fetch

    monkeypatch.setenv("PALETTE_DATA", str(tmp_path / "data"))
    known = catalogue.entry("eurosat")
    monkeypatch.setattr(fetch, "_by_torchvision", lambda _: 1 / 0)
    with pytest.raises(DataError, match=r"was downloaded, but is not whole: .* no whole parquet file"):
        fetch.fetch(known)
    copy = tmp_path / "data" / "huggingface" / "tanganke--eurosat"
    assert sorted(p.relative_to(copy).as_posix() for p in copy.rglob("*.parquet")) == parquet_files(SHARDS)
    with pytest.raises(CancelledError):
        (copy / parquet_files(SHARDS)[0]).unlink()
        fetch.fetch(known, Progress(lambda p: p.cancel()))
