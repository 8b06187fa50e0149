"""Host, Origin and size checks, before any route is reached."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sd35graph.server.errors import ApiError
from sd35graph.server.security import Guard, is_loopback


async def echo(request: Request) -> Response:
    try:
        return PlainTextResponse(str(len(await request.body())))
    except ApiError as error:
        return error.response()


def client(bound_host: str = "127.0.0.1", url: str = "http://127.0.0.1:8188") -> httpx.AsyncClient:
    app = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST"])])
    guard = Guard(app, bound_host=bound_host, max_body_bytes=100, max_upload_bytes=1000, upload_prefixes=("/upload/",))
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


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8188", "192.168.1.2", "[::1", ""])
async def test_foreign_host_names_are_refused_on_loopback(host: str) -> None:
    async with client() as http:
        answer = await http.get("/a", headers={"host": host})
    assert answer.status_code == 403
    assert answer.json()["error"]["type"] == "host_not_allowed"
    assert "--host" in answer.json()["error"]["message"]


async def test_every_host_name_is_served_when_bound_elsewhere() -> None:
    async with client(bound_host="0.0.0.0") as http:
        assert (await http.get("/a", headers={"host": "studio.lan:8188"})).status_code == 200


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8188", "http://localhost:5173", "http://[::1]:3000"])
async def test_pages_of_this_machine_may_post(origin: str) -> None:
    async with client() as http:
        assert (await http.post("/a", headers={"origin": origin})).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "http://127.0.0.1.evil.example"])
async def test_pages_from_elsewhere_may_not_post_but_may_read(origin: str) -> None:
    async with client() as http:
        refused = await http.post("/a", headers={"origin": origin})
        assert refused.status_code == 403
        assert refused.json()["error"]["type"] == "origin_not_allowed"
        assert (await http.get("/a", headers={"origin": origin})).status_code == 200


async def test_own_pages_may_post_when_bound_elsewhere() -> None:
    async with client(bound_host="0.0.0.0", url="http://studio.lan:8188") as http:
        assert (await http.post("/a", headers={"origin": "http://studio.lan:8188"})).status_code == 200
        assert (await http.post("/a", headers={"origin": "http://studio.lan:9999"})).status_code == 403


async def test_cross_site_requests_without_origin_may_not_change_anything() -> None:
    async with client() as http:
        assert (await http.post("/a", headers={"sec-fetch-site": "cross-site"})).status_code == 403
        assert (await http.post("/a", headers={"sec-fetch-site": "same-origin"})).status_code == 200


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


async def test_answers_carry_safe_headers_refusals_too() -> None:
    async with client() as http:
        for answer in (await http.get("/a"), await http.get("/a", headers={"host": "evil.example"})):
            assert answer.headers["x-content-type-options"] == "nosniff"
