"""Host, Origin and size checks, before any route is reached."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sd35graph.server.errors import ApiError
from sd35graph.server.guards.guard import Guard
from sd35graph.server.guards.hosts import Hosts, is_loopback
from sd35graph.server.guards.limits import Limits
from sd35graph.server.pages import page


async def echo(request: Request) -> Response:
    try:
        return PlainTextResponse(str(len(await request.body())))
    except ApiError as error:
        return error.response("/prompt")


LIMITS = Limits(
    max_body_bytes=100,
    max_upload_bytes=1000,
    max_pixels=1000,
    max_graph_nodes=10,
    max_waiting_jobs=10,
    max_sockets=10,
    request_timeout_s=5.0,
    submits_per_minute=10,
)


def client(
    bound_host: str = "127.0.0.1", url: str = "http://127.0.0.1:8188", limits: Limits = LIMITS, **hosts: tuple[str, ...]
) -> httpx.AsyncClient:
    app = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST"])])
    guard = Guard(app, hosts=Hosts(bound_host, **hosts), limits=limits)
    return httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url=url)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("app.localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("LOCALHOST.", True),
        ("0.0.0.0", False),
        ("192.168.1.2", False),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_only_names_that_always_mean_this_machine_are_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize("host", ["127.0.0.1:8188", "localhost:8188", "localhost", "[::1]:8188"])
async def test_loopback_names_are_served(host: str) -> None:
    async with client() as http:
        assert (await http.get("/a", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8188", "192.168.1.2", "[::1", "", "a@127.0.0.1", "127.0.0.1:x", "127.0.0.1/x"],
)
async def test_foreign_host_names_are_refused_on_loopback(host: str) -> None:
    async with client() as http:
        answer = await http.get("/a", headers={"host": host})
    assert answer.status_code == 403
    assert answer.json()["error"]["type"] == "host_not_allowed"
    assert "--allowed-host" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("192.168.1.2:8188", 200),
        ("[fd00::1]:8188", 200),
        ("localhost", 200),
        ("Studio.LAN:8188", 200),
        ("studio.lan.", 200),
        ("evil.example", 403),
        ("studio.lan.evil.example", 403),
        ("", 403),
    ],
)
async def test_bound_elsewhere_addresses_and_known_names_are_served(host: str, status: int) -> None:
    async with client(bound_host="0.0.0.0", allowed=("studio.lan",)) as http:
        assert (await http.get("/a", headers={"host": host})).status_code == status


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://[",
        "http://127.0.0.1.evil.example",
        "http://localhost:8188",
        "http://127.0.0.1:5173",
        "file://127.0.0.1:8188",
        "127.0.0.1:8188",
        "",
    ],
)
async def test_pages_from_elsewhere_are_refused(origin: str, method: str) -> None:
    async with client() as http:
        answer = await http.request(method, "/a", headers={"origin": origin})
    assert answer.status_code == 403
    assert answer.json()["error"]["type"] == "origin_not_allowed"
    assert "--cors-origin" in answer.json()["error"]["message"]
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("url", ["http://127.0.0.1:8188", "http://localhost:8188", "http://[::1]:8188"])
async def test_own_pages_may_post(url: str) -> None:
    async with client(url=url) as http:
        assert (await http.post("/a", headers={"origin": url})).status_code == 200


async def test_own_pages_may_post_behind_a_proxy_that_takes_off_tls() -> None:
    async with client(url="http://studio.example", allowed=("studio.example",)) as http:
        assert (await http.post("/a", headers={"origin": "https://studio.example"})).status_code == 200
        assert (await http.post("/a", headers={"origin": "https://studio.example:9999"})).status_code == 403


async def test_pages_of_sites_that_were_named_may_read_and_post() -> None:
    friend = "https://friend.example"
    async with client(origins=(friend,)) as http:
        asked = await http.options("/a", headers={"origin": friend, "access-control-request-method": "POST"})
        done = await http.post("/a", headers={"origin": friend})
        other = await http.get("/a")
    assert asked.status_code == 204
    assert "authorization" in asked.headers["access-control-allow-headers"]
    assert (done.status_code, done.headers["access-control-allow-origin"]) == (200, friend)
    assert "access-control-allow-credentials" not in done.headers
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, 200),
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, 200),
        ({"sec-fetch-site": "none"}, 200),
    ],
)
async def test_of_other_sites_only_links_lead_here(headers: dict[str, str], status: int) -> None:
    async with client() as http:
        assert (await http.get("/a", headers=headers)).status_code == status


async def stream(size: int) -> AsyncIterator[bytes]:
    for _ in range(size):
        yield b"x"


async def test_bodies_over_the_limit_are_refused_declared_or_not() -> None:
    async with client() as http:
        assert (await http.post("/a", content=b"x" * 100)).text == "100"
        declared = await http.post("/a", content=b"x" * 101)
        streamed = await http.post("/a", content=stream(101))
        assert (await http.post("/upload/image", content=b"x" * 1000)).text == "1000"
        assert (await http.post("/upload/image", content=b"x" * 1001)).status_code == 413
    for answer in (declared, streamed):
        assert answer.status_code == 413
        assert answer.json()["error"]["type"] == "body_too_large"


async def crawl() -> AsyncIterator[bytes]:
    yield b"x"
    await asyncio.Event().wait()


async def test_a_body_that_does_not_come_is_given_up() -> None:
    async with client(limits=replace(LIMITS, request_timeout_s=0.05)) as http:
        answer = await http.post("/a", content=crawl())
    assert answer.status_code == 408
    assert answer.json()["error"]["message"].startswith("only 1 bytes of the request body came")


async def test_answers_carry_safe_headers_refusals_too() -> None:
    async with client() as http:
        for answer in (await http.get("/a"), await http.get("/a", headers={"host": "evil.example"})):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
            assert answer.headers["referrer-policy"] == "same-origin"
            policy = answer.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy


def test_a_policy_allows_a_pages_own_script_by_its_hash_only() -> None:
    policy = page("<style>p {}</style><script>go()</script>").headers["content-security-policy"]
    expected = base64.b64encode(hashlib.sha256(b"go()").digest()).decode()
    assert f"script-src 'self' 'sha256-{expected}';" in policy
    assert "unsafe" not in policy
