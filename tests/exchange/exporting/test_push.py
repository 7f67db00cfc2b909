"""Pushing by the real huggingface_hub to a server here that takes repositories, files and commits as the hub does."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.exchange.exporting.export import export
from core.exchange.exporting.push import HubError, push
from core.exchange.manifest import read_recipe

TOKEN, REPOSITORY = "hf_a_token_of_the_test", "me/patched"


class Hub(ThreadingHTTPServer):
    """What has been pushed: ``files`` by name once they are committed, ``private`` as it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.files: dict[str, bytes] = {}
        self.uploaded: dict[str, bytes] = {}
        self.private: bool | None = None
        self.complaint: str | None = None  # about the model card
        self.broken = False  # hangs up while weights are sent
        self.tokens: set[str | None] = set()


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        hub, body = self.server, self.rfile.read(int(self.headers.get("Content-Length", 0)))
        hub.tokens.add(self.headers.get("Authorization"))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._say({"error": "Invalid username or password."}, 401)
        if self.path == "/api/repos/create":
            hub.private = json.loads(body)["visibility" if b"visibility" in body else "private"] in (True, "private")
            return self._say({"url": f"{hub.address}/{REPOSITORY}", "name": REPOSITORY, "id": "1"})
        if self.path == "/api/validate-yaml":
            errors = [{"message": hub.complaint}] if hub.complaint else []
            return self._say({"errors": errors, "warnings": []}, 400 if errors else 200)
        if self.path.startswith(f"/api/models/{REPOSITORY}/preupload/main"):
            names = [file["path"] for file in json.loads(body)["files"]]
            modes = {True: "lfs", False: "regular"}
            said = [{"path": n, "uploadMode": modes[n.endswith(".safetensors")], "shouldIgnore": False} for n in names]
            return self._say({"files": said})
        if self.path == f"/{REPOSITORY}.git/info/lfs/objects/batch":
            objects = json.loads(body)["objects"]
            said = [o | {"actions": {"upload": {"href": f"{hub.address}/put/{o['oid']}"}}} for o in objects]
            return self._say({"transfer": "basic", "objects": said})
        if self.path.startswith(f"/api/models/{REPOSITORY}/commit/main"):
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    hub.files[value["path"]] = base64.b64decode(value["content"])
                if line["key"] == "lfsFile":
                    hub.files[value["path"]] = hub.uploaded[value["oid"]]
            at = f"{hub.address}/{REPOSITORY}/commit/{'a' * 40}"
            return self._say({"success": True, "commitOid": "a" * 40, "commitUrl": at, "hookOutput": ""})
        self._say({"error": f"no {self.path}"}, 404)

    def do_PUT(self) -> None:
        if self.server.broken:
            self.close_connection = True
            self.connection.close()
            return
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.uploaded[hashlib.sha256(content).hexdigest()] = content
        self._say({})

    def do_GET(self) -> None:
        if self.path == f"/api/models/{REPOSITORY}" or self.path.startswith(f"/api/models/{REPOSITORY}/revision/"):
            return self._say({"id": REPOSITORY, "sha": "b" * 40, "siblings": []})
        self._say({"error": "nothing there"}, 404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _say(self, answer: dict, status: int = 200) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch) -> Iterator[Hub]:
    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # its storage speaks another protocol
    yield server
    server.shutdown()


@pytest.fixture
def exported(tiny_lab, tmp_path) -> tuple[Path, ...]:
    """The files of an export, in a folder that holds a private one, too."""
    done = export(tiny_lab, tiny_lab.base, tmp_path / "out")
    (tmp_path / "out" / "diary.txt").write_text("not for the hub")
    return done.files


@pytest.mark.parametrize("private", [True, False])
def test_the_whole_export_arrives_byte_for_byte_and_nothing_else(hub, exported, tiny_lab, tmp_path, private):
    said = push(exported, REPOSITORY, private, TOKEN)
    assert said == f"{hub.address}/{REPOSITORY}"
    assert hub.files == {p.name: p.read_bytes() for p in exported}
    assert hub.private is private
    arrived = tmp_path / "open_clip_model.safetensors"
    arrived.write_bytes(hub.files[arrived.name])
    assert read_recipe(arrived) == tiny_lab.base.canonical()


def test_a_wrong_token_is_refused_and_not_shown(hub, exported):
    with pytest.raises(HubError, match="does not know this token: make one") as error:
        push(exported, REPOSITORY, token="hf_another_one")
    assert "hf_another_one" not in str(error.value) and not hub.files


def test_a_single_file_is_not_pushed(hub, tiny_lab, tmp_path):
    with pytest.raises(HubError, match="export as one"):
        push(export(tiny_lab, tiny_lab.base, tmp_path / "one.pt", "state_dict").files, REPOSITORY, token=TOKEN)
    assert not hub.tokens


def test_a_repository_needs_its_owner(hub, exported):
    for name in ("", "patched"):
        with pytest.raises(HubError, match="write OWNER/NAME"):
            push(exported, name, token=TOKEN)
    assert not hub.tokens


def test_a_card_that_the_hub_does_not_take(hub, exported):
    hub.complaint = "license is unknown"
    with pytest.raises(HubError, match="license is unknown"):
        push(exported, REPOSITORY, token=TOKEN)
    assert not hub.files


def test_a_hub_that_hangs_up_keeps_the_folder(hub, exported, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)  # the library tries again and again
    hub.broken = True
    with pytest.raises(HubError, match=r"cannot be reached .*out is kept"):
        push(exported, REPOSITORY, token=TOKEN)
    assert not hub.files and all(path.is_file() for path in exported)
