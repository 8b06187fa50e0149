"""Clients that are slow or foreign, stores that refuse, addresses that are taken."""

from __future__ import annotations

import asyncio
import base64
import errno
import os
import re
import socket
from pathlib import Path
from tempfile import SpooledTemporaryFile

import httpx
import pytest
from live_server import TOY_PACK, Server, fresh, serving, show
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from sd35graph.engine.folders import Folders
from sd35graph.engine.workers.protocol import WorkerConfig
from sd35graph.engine.workers.schema_cache import SchemaCache
from sd35graph.server.events import hub
from sd35graph.serving import ServeError, address_of, listen, new_server, owned
from sd35graph.settings import Settings


def deaf_socket(server: Server, client_id: str) -> socket.socket:
    """A WebSocket client that never reads after its handshake."""
    host, port = server.url.removeprefix("http://").split(":")
    raw = socket.create_connection((host, int(port)))
    key = base64.b64encode(os.urandom(16)).decode()
    raw.sendall(
        f"GET /ws?clientId={client_id} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert b" 101 " in raw.recv(4096)
    return raw


async def test_a_client_too_slow_for_state_is_disconnected_and_nobody_else_notices(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "HARD_LIMIT_BYTES", 2 * 2**20)
    with deaf_socket(server, "deaf") as deaf:
        async with server.http() as http:
            for _ in range(30):  # more than the buffers between the two processes hold
                body = {"prompt": show("x" * 2**20 + str(fresh())), "client_id": "deaf"}
                assert (await http.post("/prompt", json=body)).status_code == 200
        _, messages = await server.run(show(fresh()))
        assert "execution_success" in [message["type"] for message in messages]
        deaf.settimeout(30)
        received = await asyncio.to_thread(read_to_the_end, deaf)
    assert received < 28 * 2**20


def read_to_the_end(raw: socket.socket) -> int:
    size = 0
    try:
        while piece := raw.recv(2**20):
            size += len(piece)
    except ConnectionResetError:
        pass
    return size


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_foreign_pages_cannot_open_the_socket(server: Server, origin: str) -> None:
    address = server.url.replace("http", "ws") + "/ws"
    with pytest.raises(InvalidStatus) as refused:
        await connect(address, additional_headers={"Origin": origin})
    assert refused.value.response.status_code == 403


async def test_foreign_pages_and_names_cannot_queue_anything(server: Server) -> None:
    async with server.http() as http:
        for headers in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
            assert (await http.post("/prompt", json={"prompt": show(1)}, headers=headers)).status_code == 403


async def test_a_store_that_cannot_be_opened_is_an_answer_not_a_crash(tmp_path: Path) -> None:
    with serving(tmp_path, database_url="nonsense://nowhere") as running:
        async with running.http() as http:
            assert (await http.get("/object_info")).status_code == 200
            answer = await http.post("/prompt", json={"prompt": show(1)})
            assert answer.status_code == 503
            assert answer.json()["error"]["type"] == "store_unavailable"
            assert "database_url" in answer.json()["error"]["message"]
            assert (await http.get("/prompt")).json() == {"exec_info": {"queue_remaining": 0}}


async def test_packs_that_cannot_be_loaded_are_named_and_the_rest_works(tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "broken.py").write_text("import no_such_module\n")
    with serving(tmp_path / "base", packs=(tmp_path / "packs", TOY_PACK)) as running:
        async with running.http() as http:
            assert "ToyInt" in (await http.get("/object_info")).json()
            [failure] = (await http.get("/system_stats")).json()["pack_failures"]
    assert "broken" in failure["pack"]
    assert "no_such_module" in failure["message"]


async def test_a_worker_that_cannot_start_is_an_answer_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sd35graph.engine.workers.supervisor.worker_command", lambda _config: ["/nonexistent/python"])
    with serving(tmp_path) as running:
        async with running.http() as http:
            answer = await http.get("/object_info")
            assert (await http.get("/prompt")).status_code == 200
    assert answer.status_code == 503
    assert answer.json()["error"]["type"] == "worker_not_ready"
    assert "/nonexistent/python" in answer.json()["error"]["message"]


async def test_uploads_have_a_limit_of_their_own(tmp_path: Path) -> None:
    with serving(tmp_path, max_upload_bytes=10_000, max_body_bytes=5_000) as running:
        async with running.http() as http:
            small = await http.post("/upload/image", files={"image": ("a.png", b"x" * 8_000)})
            large = await http.post("/upload/image", files={"image": ("b.png", b"x" * 20_000)})
            body = await http.post("/prompt", content=b" " * 6_000)
            assert (await http.get("/features")).json()["max_upload_size"] == 10_000
    assert [answer.status_code for answer in (small, large, body)] == [200, 413, 413]


async def test_an_upload_there_is_no_room_for_is_refused_with_the_reason(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(SpooledTemporaryFile[bytes]):
        def write(self, content: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile", Full)
    async with server.http() as http:
        answer = await http.post("/upload/image", files={"image": ("a.png", b"x")})
    assert answer.status_code == 507
    assert re.search(r"No space left on device; make room in /", answer.json()["error"]["message"])


def test_node_types_that_cannot_be_kept_leave_no_part_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sd35graph.engine.artifacts.os.fsync", full)
    SchemaCache(WorkerConfig(folders=Folders.under(tmp_path))).save({})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert "cannot be kept" in caplog.text


def test_a_port_in_use_is_named_with_the_way_out() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(ServeError, match=r"in use already.*--port"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_a_base_folder_has_one_server_at_a_time(tmp_path: Path) -> None:
    base = tmp_path / "base"
    refused = pytest.raises(ServeError, match=rf"another server, process {os.getpid()}, uses the folder .*--base")
    with owned(base), owned(tmp_path), refused, owned(base):
        pass
    with owned(base):
        pass
    (tmp_path / "file").touch()
    with owned(tmp_path / "file"):  # said by who needs the folder
        pass


def test_all_networks_are_told_as_an_address_others_can_use() -> None:
    with listen("0.0.0.0", 0) as listener:
        assert re.fullmatch(rf"http://(?!0\.)[\d.]+:{listener.getsockname()[1]}", address_of(listener))


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(ServeError, match=r"no address of this machine.*--host"):
        listen("203.0.113.7", 0)


def test_a_base_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServeError, match="file"):
        new_server(Settings(base=tmp_path / "file"), print)


async def test_a_body_that_ends_early_harms_nobody_and_is_no_mistake_of_ours(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(b"POST /prompt HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{")
        raw.shutdown(socket.SHUT_WR)
        assert await asyncio.to_thread(raw.recv, 1) == b""
    async with httpx.AsyncClient(base_url=server.url) as http:
        assert (await http.get("/prompt")).status_code == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
