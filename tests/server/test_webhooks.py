"""Webhooks: what is sent, to whom, how often, and to whom never."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import httpx
import pytest
from live_server import TIMEOUT_S, Message, Server, fresh, serving, show
from studio import slow

from sd35graph.engine.jobs import Delivery
from sd35graph.server import outgoing, webhooks
from sd35graph.server.outgoing import Forbidden, NotSent, check_url, post
from sd35graph.server.webhooks import signed

KEY = bytes(range(24))
SECRET = f"whsec_{b64encode(KEY).decode()}"


@dataclass
class Receiver:
    """Somebody who is told. answers: the statuses of the next answers; 200 after them."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    received: Queue[tuple[dict[str, str], bytes]] = field(default_factory=Queue)


@contextmanager
def receiving(port: int = 0, *answers: int) -> Iterator[Receiver]:
    receiver = Receiver(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = receiver.answers.pop(0) if receiver.answers else 200
            self.send_response(status)
            self.send_header("location", receiver.url + "/elsewhere")
            self.end_headers()
            receiver.received.put(({**{k.lower(): v for k, v in self.headers.items()}, "path": self.path}, body))

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that sends to this machine too, and does not wait long between attempts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhooks, "DELAYS_S", (0, 0, 0))
        patch.setattr(webhooks, "_POLL_S", 0.2)
        with serving(tmp_path_factory.mktemp("webhooks"), webhooks_to_private=True) as running:
            yield running


async def submit(http: httpx.AsyncClient, url: str, graph: Message | None = None, **fields: Any) -> httpx.Response:
    body = {"workflow": graph or show(fresh()), "webhook": {"url": url, "secret": SECRET, **fields}}
    return await http.post("/v1/jobs", json=body)


async def webhook_when(http: httpx.AsyncClient, job: Message, is_wanted: Callable[[Message], bool]) -> Message:
    """The job's webhook, once it is as wanted."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            webhook: Message = (await http.get(job["url"])).json()["webhook"]
            if is_wanted(webhook):
                return webhook
            await asyncio.sleep(0.02)  # nothing tells of it


async def settled(http: httpx.AsyncClient, job: Message) -> Message:
    """The job's webhook, once it waits no more."""
    return await webhook_when(http, job, lambda webhook: webhook["state"] != "waiting")


async def next_of(receiver: Receiver) -> tuple[dict[str, str], bytes]:
    return await asyncio.to_thread(receiver.received.get, timeout=TIMEOUT_S)


async def test_the_end_of_a_job_is_told_and_signed(trusting: Server) -> None:
    with receiving() as receiver:
        async with trusting.http() as http:
            job = (await submit(http, f"{receiver.url}/done?a=%20b")).json()
            assert job["webhook"] == {
                "url": f"{receiver.url}/done?a=%20b",
                "state": "waiting",
                "attempts": 0,
                "error": None,
            }
            headers, body = await next_of(receiver)
            assert headers["path"] == "/done?a=%20b"
            told = json.loads(body)
            assert told["type"] == "job.succeeded"
            assert (told["job"]["id"], told["job"]["state"]) == (job["id"], "succeeded")
            assert headers["webhook-id"] == job["id"]
            content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            expected = b64encode(hmac.new(KEY, content, hashlib.sha256).digest()).decode()
            assert headers["webhook-signature"] == f"v1,{expected}"
            assert (await settled(http, job))["attempts"] == 1
            for path in (job["url"], "/v1/jobs", f"/history/{job['id']}"):
                assert SECRET not in (await http.get(path)).text


def test_the_signature_is_that_of_the_specification() -> None:
    # The example in the documentation of Standard Webhooks' reference libraries.
    delivery = Delivery(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", "", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "waiting", 0, None
    )
    headers = signed(delivery, b'{"test": 2432232314}', 1614265330)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_it_is_tried_again_and_given_up_at_last(trusting: Server) -> None:
    with receiving(0, 500, 302) as receiver:
        async with trusting.http() as http:
            job = (await submit(http, receiver.url)).json()
            assert [(await next_of(receiver))[0]["path"] for _ in range(3)] == ["/", "/", "/"]  # nowhere else
            webhook = await settled(http, job)
            assert (webhook["state"], webhook["attempts"], webhook["error"]) == ("delivered", 3, None)
    with receiving(0, 500, 500, 500, 500) as receiver:
        async with trusting.http() as http:
            webhook = await settled(http, (await submit(http, receiver.url)).json())
            assert (webhook["state"], webhook["attempts"]) == ("given_up", 4)
            assert webhook["error"] == "the answer was 500"
    with receiving(0, 410) as receiver:
        async with trusting.http() as http:
            webhook = await settled(http, (await submit(http, receiver.url)).json())
            assert (webhook["state"], webhook["attempts"]) == ("given_up", 1)


async def test_a_cancelled_job_is_told_of_too(trusting: Server) -> None:
    with receiving() as receiver:
        async with trusting.http() as http:
            job = (await submit(http, receiver.url, slow())).json()
            await http.post(f"{job['url']}/cancel")
            assert json.loads((await next_of(receiver))[1])["type"] == "job.cancelled"


async def test_a_restart_loses_no_webhook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "DELAYS_S", (0,) * 100_000)
    with receiving() as taken:
        port = int(taken.url.rpartition(":")[2])
    with serving(tmp_path, webhooks_to_private=True) as running:
        async with running.http() as http:
            job = (await submit(http, f"http://127.0.0.1:{port}/x")).json()
            webhook = await webhook_when(http, job, lambda webhook: webhook["attempts"] > 0)
            assert (webhook["state"], "connection failed" in webhook["error"]) == ("waiting", True)
    with receiving(port) as receiver, serving(tmp_path, webhooks_to_private=True) as running:
        assert (await next_of(receiver))[0]["webhook-id"] == job["id"]
        async with running.http() as http:
            assert (await settled(http, job))["state"] == "delivered"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:8188/interrupt", "private network"),
        ("http://localhost/", "this machine"),
        ("http://a.localhost./", "this machine"),
        ("http://[::1]/", "private network"),
        ("http://[::ffff:10.0.0.1]/", "private network"),
        ("http://[64:ff9b::7f00:1]/", "private network"),
        ("http://169.254.169.254/latest/meta-data", "private network"),
        ("http://0.0.0.0/", "private network"),
        ("http://224.0.0.1/", "private network"),
        ("file:///etc/passwd", "http or https"),
        ("gopher://example.com/", "http or https"),
        ("http://user:secret@example.com/", "no user"),
        ("http://example.com/\r\nx: y", "percent-encoded"),
        ("http://example.com:99999/", "no URL"),
        ("http://exämple.com/", "percent-encoded"),
        ("http:///x", "http or https"),
    ],
)
async def test_nothing_is_sent_where_users_cannot_get_themselves(server: Server, url: str, why: str) -> None:
    async with server.http() as http:
        answer = await submit(http, url)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_webhook")
        assert why in answer.json()["detail"]


@pytest.mark.parametrize("secret", ["short", "whsec_" + "A" * 31, "whsec_" + "A" * 33, "whsec_" + "-" * 32])
async def test_a_secret_must_be_one(server: Server, secret: str) -> None:
    async with server.http() as http:
        answer = await submit(http, "https://example.com/", secret=secret)
        assert answer.status_code == 400
        assert "secret" in answer.json()["detail"]


async def send(url: str, *, allow_private: bool, timeout_s: float = 5) -> int:
    with ThreadPoolExecutor(1) as names:
        return await post(url, {}, b"", allow_private=allow_private, timeout_s=timeout_s, names=names)


async def test_names_that_nobody_resolves_hold_nothing_else_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, is_over = threading.Semaphore(0), threading.Event()
    resolve = socket.getaddrinfo

    def never(host: object, *args: Any, **kwargs: Any) -> Any:
        if not str(host).endswith(".silent.example"):
            return resolve(host, *args, **kwargs)
        asked.release()
        is_over.wait(60)
        raise socket.gaierror("no answer")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    monkeypatch.setattr(webhooks, "_TIMEOUT_S", 0.2)
    with serving(tmp_path) as server:
        async with server.http() as http:
            for number in range(40):
                job = await submit(http, f"http://h{number}.silent.example/")
                assert job.status_code == 201
            for _ in range(16):  # so many are resolved at once
                assert await asyncio.to_thread(asked.acquire, timeout=30)
            async with asyncio.timeout(5):
                assert (await http.get("/history?max_items=1")).status_code == 200
        is_over.set()


async def test_a_name_that_leads_inside_is_found_out_when_it_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.1")]

    monkeypatch.setattr(outgoing.socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(Forbidden, match="private network"):
        await send("http://inside.example/", allow_private=False)


async def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    async def connect(host: str, port: int, ssl: ssl.SSLContext | None, server_hostname: str | None) -> object:
        asked.append((host, port, ssl is not None, server_hostname))
        raise ConnectionRefusedError("refused")

    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]
    monkeypatch.setattr(outgoing.socket, "getaddrinfo", lambda *_, **__: answers)
    monkeypatch.setattr(outgoing.asyncio, "open_connection", connect)
    with pytest.raises(NotSent, match="refused"):
        await send("https://fine.example/", allow_private=False)
    assert asked == [("93.184.216.34", 443, True, "fine.example")]


@pytest.mark.parametrize(
    ("answer", "why"), [(b"", "not HTTP"), (b"SSH-2.0\r\n", "not HTTP"), (b"x" * 200_000, "failed"), (None, "within")]
)
async def test_receivers_that_make_no_sense_or_never_answer_are_given_up(answer: bytes | None, why: str) -> None:
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is None:
            await done.wait()
        else:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(NotSent, match=why):
        await send(f"http://127.0.0.1:{port}/", allow_private=True, timeout_s=0.3 if answer is None else 10)
    done.set()
    server.close()
    await server.wait_closed()


def test_what_is_allowed_to_private_networks_is_still_http_only() -> None:
    assert check_url("http://10.0.0.1:8080/x", allow_private=True).port == 8080
    with pytest.raises(Forbidden, match="http or https"):
        check_url("ftp://10.0.0.1/", allow_private=True)
