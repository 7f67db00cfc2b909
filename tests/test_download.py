"""Downloads by the real huggingface_hub from a server here that speaks as the hub does, and sometimes breaks off."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core.download import DownloadError, fetch
from core.jobs import CancelledError, Progress

WHOLE = bytes(range(256)) * 4096 * 4  # 4 MB
REPOSITORY, FILE = "somebody/clip", "open_clip_model.safetensors"


class Hub(ThreadingHTTPServer):
    """One model with one file; ``breaks_at`` is where the next answer ends too soon."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.breaks_at: int | None = None
        self.ranges: list[str | None] = []
        self.status = 200
        self.bytes = WHOLE


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        known = self.path == f"/{REPOSITORY}/resolve/main/{FILE}"
        if not known or self.server.status != 200:
            status = self.server.status if self.server.status != 200 else 404
            self.send_response(status)
            self.send_header("X-Error-Code", {401: "RepoNotFound", 403: "GatedRepo", 404: "EntryNotFound"}[status])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        asked = self.headers.get("Range")
        start = int(re.fullmatch(r"bytes=(\d+)-.*", asked)[1]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("ETag", f'"{hashlib.sha256(WHOLE).hexdigest()}"')
        self.send_header("X-Repo-Commit", "a" * 40)
        self.send_header("Content-Length", str(len(WHOLE) - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(WHOLE) - 1}/{len(WHOLE)}")
        self.end_headers()
        if body:
            self.server.ranges.append(asked)
            end, self.server.breaks_at = self.server.breaks_at or len(WHOLE), None
            self.wfile.write(self.server.bytes[start:end])
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
