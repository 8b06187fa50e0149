"""The table of attacks: each row is tried against a running server, which goes on as if nothing had happened."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest
from live_server import Server, code_of, fresh, serving, show
from PIL import Image
from studio import ANNA, BOB, PAST, ROOT, VERA, WRONG, run_as, save, studio
from test_limits import deaf_socket
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from sd35graph.server.guards.roles import NEEDED_ROLES

CANARY = "canary-7d1f2a"
TIMEOUT_S = 1.0
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with short time-outs and small limits; the canary lies just outside its folders."""
    around = tmp_path_factory.mktemp("around")
    for folder in (around, around / "base"):
        folder.mkdir(exist_ok=True)
        (folder / "secret.txt").write_text(CANARY)
        (folder / "secret.json").write_text(f'"{CANARY}"')
    limits: dict[str, Any] = {
        "request_timeout_s": TIMEOUT_S,
        "max_upload_bytes": 2**20,
        "max_pixels": 1_000_000,
        "max_graph_nodes": 50,
        "max_sockets": 20,
    }
    with serving(around / "base", **limits) as running:
        for folder in ("input", "output", "temp"):
            (running.base / folder / "link.txt").symlink_to(around / "secret.txt")
            (running.base / folder / "linked").symlink_to(around)
        yield running


def files_around(server: Server) -> set[Path]:
    """Everything beside the folders that files may be written to."""
    around = server.base.parent
    beside = {path for path in around.rglob("*") if not path.is_relative_to(server.base)}
    return beside | {
        path for path in server.base.glob("*") if not path.name.startswith(("sd35graph.sqlite", ".sd35graph"))
    }


async def is_well(server: Server) -> bool:
    """Whether a job still runs to its end."""
    _, messages = await server.run(show(fresh()))
    return "execution_success" in [message["type"] for message in messages]


# --- traversal, in every parameter that names a file ---

ESCAPES = {
    "up": "../secret.txt",
    "up and up": "../../secret.txt",
    "up in the middle": "a/../../secret.txt",
    "encoded": "%2e%2e%2fsecret.txt",
    "half encoded": "..%2fsecret.txt",
    "encoded twice": "%252e%252e%252fsecret.txt",
    "encoded three times": "%25252e%25252e%25252fsecret.txt",
    "overlong UTF-8": "%c0%ae%c0%ae/secret.txt",
    "absolute": "/etc/passwd",
    "absolute, doubled": "//etc/passwd",
    "file address": "file:///etc/passwd",
    "symbolic link": "link.txt",
    "through a linked folder": "linked/secret.txt",
    "NUL": "secret.txt\0.png",
    "NUL encoded": "../secret.txt%00.png",
    "long": "a" * 5000,
    "long path": "a/" * 3000 + "secret.txt",
    "backslashes": "..\\secret.txt",
    "drive": "C:\\Windows\\win.ini",
    "drive, relative": "C:secret.txt",
    "UNC": "\\\\server\\share\\secret.txt",
    "device path": "\\\\?\\C:\\secret.txt",
    "device": "CON",
    "device with suffix": "aux.png",
    "device in a folder": "a/NUL.png",
    "trailing dot": "secret.txt.",
    "trailing space": "secret.txt ",
    "dots only": "...",
    "stream": "secret.png::$DATA",
    "named stream": "secret.png:hidden.exe",
    "line break": "a\r\nset-cookie: a=b",
    "lone surrogate": "\ud800.png",
}


async def attack_view(http: httpx.AsyncClient, name: str) -> list[httpx.Response]:
    answers = []
    for folder in ("input", "output", "temp"):
        answers.append(await http.get(f"/view?type={folder}&filename={percent(name)}"))
        answers.append(await http.get(f"/view?type={folder}&filename=secret.txt&subfolder={percent(name)}"))
    answers.append(await http.get(f"/view?filename={percent(name + ' [input]')}"))
    answers.append(await http.get(f"/view?filename=secret.txt&type={percent(name)}"))
    return answers


async def attack_upload(http: httpx.AsyncClient, name: str) -> list[httpx.Response]:
    def form(filename: str, **fields: str) -> dict[str, Any]:
        parts = [("image", filename, b"evil"), *((key, None, value.encode()) for key, value in fields.items())]
        return multipart(parts)

    return [
        await http.post("/upload/image", **form(name, overwrite="true")),
        await http.post("/upload/image", **form("evil.png", subfolder=name.encode(errors="replace").decode())),
        await http.post("/upload/image", **form("evil.png", type=name.encode(errors="replace").decode())),
    ]


async def attack_mask(http: httpx.AsyncClient, name: str) -> list[httpx.Response]:
    answers = []
    for reference in (
        {"filename": name},
        {"filename": "secret.txt", "subfolder": name},
        {"filename": "a", "type": name},
    ):
        fields = [("image", "mask.png", b"evil"), ("original_ref", None, json.dumps(reference).encode())]
        answers.append(await http.post("/upload/mask", **multipart(fields)))
    return answers


async def attack_paths(http: httpx.AsyncClient, name: str) -> list[httpx.Response]:
    roots = ("/models/", "/v1/workflows/", "/history/", "/object_info/", "/", "/assets/", "/api/")
    return [await http.get(root + percent(name).replace("/", "%2F")) for root in roots]


async def attack_graph(http: httpx.AsyncClient, name: str) -> list[httpx.Response]:
    graph = {"f": {"class_type": "ToyFile", "inputs": {"name": name}}, **show(["f", 0])}
    return [await http.post("/prompt", content=json.dumps({"prompt": graph}))]


def percent(text: str) -> str:
    """A name as it stands in an address; what is encoded already stays so."""
    return quote(text, safe="%/", errors="surrogatepass")


def multipart(parts: list[tuple[str, str | None, bytes]]) -> dict[str, Any]:
    """A form whose file names are sent just as they are, which no client library does."""
    body = b""
    for field, filename, content in parts:
        name = "" if filename is None else f'; filename="{filename}"'
        disposition = f'content-disposition: form-data; name="{field}"{name}'.encode(errors="replace")
        body += b"--edge\r\n" + disposition + b"\r\n\r\n" + content + b"\r\n"
    return {"content": body + b"--edge--\r\n", "headers": {"content-type": "multipart/form-data; boundary=edge"}}


@pytest.mark.parametrize("attack", [attack_view, attack_upload, attack_mask, attack_paths, attack_graph])
@pytest.mark.parametrize("name", ESCAPES.values(), ids=ESCAPES.keys())
async def test_no_name_leads_out_of_its_folder(target: Server, attack: Any, name: str) -> None:
    before = files_around(target)
    async with target.http() as http:
        answers = await attack(http, name)
    for answer in answers:
        assert answer.status_code < 500, answer.text
        assert CANARY not in answer.text
        assert "root:" not in answer.text
        assert "set-cookie" not in answer.headers
    assert files_around(target) == before


@pytest.mark.parametrize(
    "prefix", ["../evil", "/tmp/evil", "linked/evil", "a\\..\\evil", "C:\\evil", "a:b", "con/x", "a\0b"]
)
async def test_no_node_writes_out_of_its_folder(target: Server, prefix: str) -> None:
    before = files_around(target)
    _, messages = await target.run(save(prefix))
    [error] = [message["data"] for message in messages if message["type"] == "execution_error"]
    assert error["exception_type"].endswith("UnsafePath")
    assert files_around(target) == before


# --- foreign pages and names, wherever something changes ---

CHANGING = sorted(route for route in NEEDED_ROLES if not route.startswith(("GET", "WS")))


@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize("route", CHANGING)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example"},
    ],
    ids=str,
)
async def test_no_foreign_page_or_name_changes_anything(
    target: Server, route: str, prefix: str, headers: dict[str, str]
) -> None:
    method, path = route.split(" ")
    async with target.http() as http:
        answer = await http.request(method, prefix + path, json={"clear": True}, headers=headers)
    assert answer.status_code == 403
    assert code_of(answer) in ("origin_not_allowed", "host_not_allowed")


@pytest.mark.parametrize("path", ["/ws", "/api/ws"])
@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}], ids=str
)
async def test_no_foreign_page_or_name_opens_the_socket(target: Server, path: str, headers: dict[str, str]) -> None:
    host, port = target.url.removeprefix("http://").split(":")
    lines = {"Host": f"{host}:{port}", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    lines |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    assert (await raw(target, f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())).startswith(b"HTTP/1.1 403 ")


async def raw(server: Server, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Send bytes as they are, with pauses; gives what came until the server closed the connection."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    received: list[bytes] = []

    async def receive() -> None:
        while piece := await reader.read(2**16):
            received.append(piece)

    receiving = asyncio.create_task(receive())
    for piece in pieces:
        with suppress(ConnectionError):
            writer.write(piece)
            await writer.drain()
        await asyncio.wait([receiving], timeout=pause_s)
    with suppress(ConnectionError):
        await asyncio.wait_for(receiving, PATIENCE_S)
    writer.close()
    return b"".join(received)


# --- tokens ---


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with studio(tmp_path_factory.mktemp("studio")) as running:
        yield running


@pytest.mark.parametrize("route", CHANGING)
@pytest.mark.parametrize(
    ("headers", "statuses"),
    [
        ({}, {401}),
        ({"authorization": f"Bearer {WRONG}"}, {401, 429}),
        ({"authorization": f"Bearer {PAST}"}, {401, 429}),
        ({"authorization": f"Basic {ROOT}"}, {401}),
        ({"authorization": "Bearer"}, {401}),
        ({"authorization": f"Bearer {ROOT}x"}, {401, 429}),
        ({"cookie": f"sd35graph_token={WRONG}"}, {401, 429}),
        ({"authorization": f"Bearer {VERA}"}, {403, 429}),
    ],
    ids=["none", "wrong", "expired", "other kind", "empty", "longer", "wrong cookie", "role too low"],
)
async def test_without_the_right_token_nothing_changes(
    users: Server, route: str, headers: dict[str, str], statuses: set[int]
) -> None:
    method, path = route.split(" ")
    if NEEDED_ROLES[route] is None or (403 in statuses and NEEDED_ROLES[route] == "viewer"):
        return  # open to whoever asks so
    async with users.http() as http:
        for prefix in ("", "/api"):
            answer = await http.request(method, prefix + path, json={"clear": True}, headers=headers)
            assert answer.status_code in statuses, answer.text


@pytest.mark.parametrize(
    "path", ["//prompt", "/api//prompt", "/prompt/", "/PROMPT", "/%70rompt", "/login/../prompt", "/login%2f..%2fprompt"]
)
async def test_no_other_spelling_of_a_path_goes_round_the_gate(users: Server, path: str) -> None:
    async with users.http() as http:
        answer = await http.get(path, headers={"accept": "application/json"})
    assert answer.status_code == 401


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def test_a_token_is_written_nowhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SD35GRAPH_TOKEN", ROOT)
    empty = {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 8, "batch_size": 1, "color": 0}}
    picture = {"class_type": "SaveImage", "inputs": {"images": ["empty", 0], "filename_prefix": "picture"}}
    with studio(tmp_path, builtin_nodes=True) as running:
        extra = {"api_key_comfy_org": "key-of-another-service", "extra_pnginfo": {"mine": "kept with the picture"}}
        await run_as(running, ANNA, {**save("a"), "empty": empty, "picture": picture}, extra_data=extra)
        async with running.http() as http:
            await http.get(f"/?token={ANNA}")
            await http.get(f"/?token={WRONG}")
            await http.post("/login", data={"token": BOB})
            await http.post("/login", data={"token": WRONG})
            await http.get(f"/queue?token={ROOT}")
        async with running.http(ROOT) as http:
            told = [(await http.get(path)).text for path in ("/system_stats", "/history", "/queue")]
            [worker] = (await http.get("/system_stats")).json()["workers"]
            told.append(str(psutil.Process(worker["pid"]).environ()))
    said = capfd.readouterr()
    kept = contents(tmp_path)
    assert sum(content.startswith(b"\x89PNG") and b"kept with the picture" in content for content in kept) == 1
    for secret in (ANNA, BOB, ROOT, WRONG, "key-of-another-service"):
        assert not any(secret in text for text in (*told, said.out, said.err))
        assert not any(secret.encode() in content for content in kept)


# --- bombs ---


def png_of(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and has nothing of it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def frames_of(count: int, size_px: int, kind: str) -> bytes:
    """A picture of many frames, which all differ."""
    frames = [
        Image.new("RGB", (size_px, size_px), (number * 53 % 256, 128 * (number % 2), number)) for number in range(count)
    ]
    content = io.BytesIO()
    extra = {"compression": "tiff_deflate"} if kind == "TIFF" else {}
    frames[0].save(content, kind, save_all=True, append_images=frames[1:], **extra)
    return content.getvalue()


BOMBS = {
    "wide and high": png_of(60_000, 60_000),
    "just too large": png_of(1001, 1000),
    "largest there is": png_of(2**31 - 1, 2**31 - 1),
    "many frames, GIF": frames_of(120, 100, "GIF"),
    "many frames, TIFF": frames_of(120, 100, "TIFF"),
    "many frames, WebP": frames_of(120, 100, "WEBP"),
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS.keys())
async def test_pictures_that_unfold_too_far_are_refused(target: Server, content: bytes) -> None:
    async with target.http() as http:
        kept = await http.post("/upload/image", files={"image": ("bomb.png", content)})
        (target.base / "output" / "bomb.png").write_bytes(
            content if content.startswith(b"\x89PNG") else png_of(9999, 9999)
        )
        shown = await http.get("/view?filename=bomb.png&preview=webp;50")
        channel = await http.get("/view?filename=bomb.png&channel=a")
        mask = {"original_ref": '{"filename": "bomb.png", "type": "output"}'}
        masked = await http.post("/upload/mask", files={"image": ("m.png", content)}, data=mask)
    for answer in (kept, shown, channel, masked):
        assert answer.status_code == 413, answer.text
        assert answer.json()["error"]["type"] == "picture_too_large"
        assert "max_pixels" in answer.json()["error"]["message"]
    assert not (target.base / "input" / "bomb.png").exists()


@pytest.mark.parametrize(
    "query", ["/view?type=input&filename=ps.png&preview=webp", "/v1/artifacts/input/ps.png?thumbnail=64"]
)
async def test_no_program_is_started_on_an_uploaded_picture(
    target: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    started = tmp_path / "started"
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch '{started}'\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)  # it has not looked for the program yet
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n%%EOF\n"
    async with target.http() as http:
        assert (await http.post("/upload/image", files={"image": ("ps.png", script)})).status_code == 200
        answer = await http.get(query)
    assert answer.status_code == 400
    assert "cannot be read as a picture" in answer.text
    assert not started.exists()


async def test_pictures_within_the_limit_are_taken(target: Server) -> None:
    async with target.http() as http:
        for name, content in (
            ("a.png", png_of(1000, 1000)),
            ("b.gif", frames_of(100, 100, "GIF")),
            ("c", b"no picture"),
        ):
            assert (await http.post("/upload/image", files={"image": (name, content)})).status_code == 200


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("/prompt", b"[" * 1_000_000, 400),
        ("/prompt", b'{"prompt":' * 100_000, 400),
        ("/prompt", b'{"a":1e' + b"9" * 100_000 + b"}", 400),
        ("/upload/image", b"x" * (2**20 + 1), 413),
        ("/api/upload/image", b"x" * (2**20 + 1), 413),
        ("/login", b"token=" + b"x" * 100_000, 413),
    ],
)
async def test_bodies_that_are_too_much_are_refused(target: Server, path: str, content: bytes, status: int) -> None:
    async with target.http() as http:
        answer = await http.post(path, content=content)
    assert answer.status_code == status
    assert await is_well(target)


async def test_forms_of_too_many_parts_are_refused(target: Server) -> None:
    async with target.http() as http:
        fields = multipart([("image", "a.png", b"x"), *((f"f{number}", None, b"x") for number in range(1000))])
        files = multipart([("image", f"{number}.png", b"x") for number in range(100)])
        for form in (fields, files):
            assert (await http.post("/upload/image", **form)).status_code == 400


async def test_workflows_of_too_many_nodes_are_refused(target: Server) -> None:
    graph = {str(number): {"class_type": "ToyInt", "inputs": {"value": 1}} for number in range(50)}
    async with target.http() as http:
        answer = await http.post("/prompt", json={"prompt": {**graph, **show(["0", 0])}})
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "graph_too_large")
    assert "51 nodes" in answer.json()["error"]["message"]


# --- slow clients ---


async def test_a_request_whose_head_does_not_come_is_given_up(target: Server) -> None:
    drip = b"GET /prompt HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    assert await raw(target, drip) == b""
    assert await raw(target) == b""
    assert await raw(target, *(b"X-%d: y\r\n" % n if n else drip for n in range(8)), pause_s=TIMEOUT_S / 4) == b""


async def test_a_body_that_does_not_come_is_given_up(target: Server) -> None:
    head = b"POST /prompt HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n"
    answer = await raw(target, head, b"{", b"}", b" ", pause_s=TIMEOUT_S / 4)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body_too_slow" in answer


async def test_a_body_that_goes_on_after_its_refusal_is_given_up(target: Server) -> None:
    head = b"POST /prompt HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 100000\r\n\r\n"
    answer = await raw(target, head, *[b"x"] * 12, pause_s=TIMEOUT_S / 4)
    assert answer.startswith(b"HTTP/1.1 403 ")


async def wait_until(is_so: Callable[[], bool]) -> None:
    """Look again and again: nothing tells when a connection of the server's is gone."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if is_so():
                return
            await asyncio.sleep(0.1)


async def test_an_answer_nobody_takes_is_given_up(target: Server) -> None:
    (target.base / "output" / "large.txt").write_bytes(bytes(64 * 2**20))
    host, port = target.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(b"GET /view?filename=large.txt HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        ours = deaf.getsockname()[1]

        def is_gone() -> bool:
            there = [each for each in psutil.Process().net_connections() if each.raddr and each.raddr.port == ours]
            return not any(each.status == "ESTABLISHED" for each in there)

        await wait_until(is_gone)


async def test_a_socket_that_asks_and_never_reads_is_given_up(target: Server) -> None:
    pings = (b"\x89\xfd" + bytes(4) + bytes(125)) * 1000
    with deaf_socket(target, "deaf") as deaf:
        deaf.settimeout(PATIENCE_S)

        def ask_on() -> None:
            while True:
                deaf.sendall(pings)

        with pytest.raises(ConnectionError):
            await asyncio.to_thread(ask_on)


HANDSHAKE = b"Host: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (b"GET /ws HTTP/1.1\r\n" + HANDSHAKE + b"Content-Length: 5\r\n", b"body"),
        (b"GET /ws HTTP/1.1\r\n" + HANDSHAKE + b"Cookie: " + b"a" * 9000 + b"\r\n", b"9010 bytes"),
        (b"GET /ws HTTP/1.1\r\n" + HANDSHAKE + b"X: y\r\n" * 200, b"128 headers"),
    ],
    ids=["body", "long cookie", "many headers"],
)
async def test_a_handshake_that_cannot_be_read_is_answered(target: Server, request_: bytes, why: bytes) -> None:
    answer = await raw(target, request_ + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert why in answer


async def test_heads_that_are_too_long_are_refused(target: Server) -> None:
    head = b"GET /prompt HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 200_000 + b"\r\n\r\n"
    assert (await raw(target, head)).startswith((b"HTTP/1.1 4", b""))
    assert await is_well(target)


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /prompt HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"POST /prompt HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
        b"POST /prompt HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"GET /prompt HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
        b"GET /prompt HTTP/1.1\r\n\r\n",
        b"GET /prompt\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_requests_that_can_be_read_two_ways_are_refused(target: Server, request_: bytes) -> None:
    answer = await raw(target, request_)
    assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 5"))
    assert await is_well(target)


# --- too many, too large ---


async def test_frames_that_are_too_large_close_their_socket_only(target: Server) -> None:
    async with target.listening() as good:
        async with target.listening() as bad:
            await bad.socket.send("x" * (2**20 + 1))
            async with asyncio.timeout(PATIENCE_S):
                await bad.socket.wait_closed()
            assert bad.socket.close_code == 1009
        async with target.http() as http:
            sent = await http.post("/prompt", json={"prompt": show(fresh()), "client_id": good.client_id})
        assert "executed" in [message["type"] for message in await good.until_end(sent.json()["prompt_id"])]


@asynccontextmanager
async def sockets(server: Server, count: int) -> AsyncIterator[list[Any]]:
    address = server.url.replace("http", "ws") + "/ws"
    opened = [await connect(address, open_timeout=PATIENCE_S, max_size=2**26) for _ in range(count)]
    try:
        yield opened
    finally:
        await asyncio.gather(*(each.close() for each in opened))


async def test_more_sockets_than_the_limit_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path, max_sockets=5) as running:
        async with sockets(running, 5):
            with pytest.raises(InvalidStatus) as refused:
                await connect(running.url.replace("http", "ws") + "/ws")
            assert refused.value.response.status_code == 403
        async with sockets(running, 5):
            pass


async def test_more_jobs_than_the_limit_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path, max_waiting_jobs=3, submits_per_minute=6) as running:
        async with running.http() as http:
            body = {
                "prompt": {
                    **show(["s", 0]),
                    "s": {"class_type": "ToySteps", "inputs": {"value": 1, "steps": 10_000, "seconds_per_step": 0.02}},
                }
            }
            answers = [await http.post("/prompt", json=body) for _ in range(5)]
            assert [answer.status_code for answer in answers] == [200, 200, 200, 503, 503]
            assert answers[3].json()["error"]["type"] == "queue_full"
            assert "retry-after" in answers[3].headers
            await http.post("/queue", json={"clear": True})
            await http.post("/interrupt")
            for _ in range(3):
                answers.append(await http.post("/prompt", json={"prompt": {}}))
            last = await http.post("/prompt", json={"prompt": {}})
    assert last.status_code == 429
    assert last.json()["error"]["type"] == "too_many_requests"


async def wait_until_idle(http: httpx.AsyncClient, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if (await http.get("/prompt")).json() == {"exec_info": {"queue_remaining": 0}}:
                return
            await asyncio.sleep(0.2)


@pytest.mark.slow
async def test_ten_thousand_queued_prompts_are_all_done(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        async with running.http() as http:
            for start in range(0, 10_000, 50):
                bodies = [{"prompt": show(number)} for number in range(start, start + 50)]
                answers = await asyncio.gather(*(http.post("/prompt", json=body) for body in bodies))
                assert {answer.status_code for answer in answers} == {200}
            await wait_until_idle(http, 900)
            ended = (await http.get("/history")).json()
    assert len(ended) == 10_000
    assert {entry["status"]["status_str"] for entry in ended.values()} == {"success"}


@pytest.mark.slow
async def test_fifty_deaf_sockets_among_five_hundred_hold_nobody_up(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        deaf = [deaf_socket(running, f"deaf-{number}") for number in range(50)]
        try:
            async with sockets(running, 450) as good, running.http() as http:
                for _ in range(50):
                    assert (await http.post("/prompt", json={"prompt": show(fresh())})).status_code == 200
                assert await is_well(running)
                await wait_until_idle(http, 120)
                for each in good:
                    last = ""
                    while '"queue_remaining":0' not in last or '"sid"' in last:
                        last = str(await asyncio.wait_for(each.recv(), PATIENCE_S))
        finally:
            for each in deaf:
                each.close()
