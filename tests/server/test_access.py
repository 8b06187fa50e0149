"""Tokens, the login, roles, and whose jobs, events and files one sees."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from live_server import Server, code_of, fresh, serving, show
from starlette.routing import Mount
from studio import ANNA, ANNAS_GUEST, BOB, PAST, ROOT, TOKENS, VERA, WRONG, run_as, save, slow, studio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sd35graph.app import App
from sd35graph.server.api import new_api
from sd35graph.server.events import ws
from sd35graph.server.guards.access import WRONG_TOKENS_PER_MINUTE, Access, TooManyAttempts
from sd35graph.server.guards.authentication import COOKIE
from sd35graph.server.guards.rates import RateLimit
from sd35graph.server.guards.roles import NEEDED_ROLES, User
from sd35graph.server.routes.system import without_secrets
from sd35graph.serving import first_token
from sd35graph.settings import Settings
from sd35graph.tokens import ROLES, TokenFile

PAGE = {"accept": "text/html,*/*"}


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with studio(tmp_path_factory.mktemp("studio")) as running:
        yield running


# --- roles ---


def all_routes() -> set[str]:
    """Each route of the application as the table names it."""

    def walk(routes: Any) -> Iterator[str]:
        for route in routes:
            inner = getattr(route, "original_router", None)
            if inner is not None:
                yield from walk(inner.routes)
            elif not isinstance(route, Mount):
                for method in getattr(route, "methods", None) or {"WS"}:
                    yield f"{method} {route.path.removeprefix('/api')}"

    return set(walk(new_api().routes))


def test_the_table_of_roles_names_every_route_and_no_other() -> None:
    assert all_routes() == set(NEEDED_ROLES)


def example(route: str) -> tuple[str, str]:
    method, path = route.split(" ")
    return method, re.sub(r"\{.*?\}", "x", path)


@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize("route", sorted(route for route in NEEDED_ROLES if not route.startswith("WS")))
async def test_each_route_lets_in_the_roles_of_the_table(users: Server, route: str, prefix: str) -> None:
    method, path = example(route)
    needed = NEEDED_ROLES[route]
    if needed is None or path == "/docs":
        prefix = ""
    for secret, role in ((VERA, "viewer"), (BOB, "artist"), (ROOT, "admin")):
        async with users.http(secret) as http:
            answer = await http.request(method, prefix + path, content=b"[]" if method == "POST" else None)
        is_enough = needed is None or ROLES.index(role) >= ROLES.index(needed)
        assert (answer.status_code == 403) is not is_enough, answer.text
        if not is_enough:
            assert code_of(answer) == "role_too_low"
            assert f'the role "{needed}"' in answer.text.replace('\\"', '"')


@pytest.mark.parametrize("secret", [None, WRONG, PAST])
@pytest.mark.parametrize(
    "path", ["/prompt", "/api/queue", "/nothing/here", "/index.html", "/icon.svg", "/openapi.json"]
)
async def test_strangers_learn_nothing(tmp_path: Path, users: Server, path: str, secret: str | None) -> None:
    access = Access(TOKENS, TokenFile(tmp_path), is_exposed=False)
    assert secret is None or access.user_of(secret, "a") is None
    async with users.http() as http:
        answer = await http.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "/login" in answer.json()["error"]["message"]


# --- how a token is shown ---


async def test_a_token_in_the_address_of_the_first_page_becomes_a_cookie(users: Server) -> None:
    async with users.http() as http:
        answer = await http.get(f"/?a=1&token={ANNA}&b=%26", headers=PAGE)
        assert (answer.status_code, answer.headers["location"]) == (303, "/?a=1&b=%26")
        cookie = answer.headers["set-cookie"]
        assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/"))
        assert "Secure" not in cookie
        assert (await http.get("/prompt")).status_code == 200  # the client keeps cookies
        assert (await http.get("/", headers=PAGE)).status_code == 200


async def test_elsewhere_a_token_in_the_address_counts_nothing(users: Server) -> None:
    async with users.http() as http:
        assert (await http.get(f"/queue?token={ANNA}")).status_code == 401


async def test_the_login_works_without_scripts_and_leads_on(users: Server) -> None:
    async with users.http() as http:
        sent = await http.get("/docs?x=1", headers=PAGE)
        assert sent.status_code == 303
        page = await http.get(sent.headers["location"])
        assert page.text.count("<script") == 1  # it keeps what stands behind `#`; the form needs none
        assert 'value="/docs?x=1"' in page.text
        wrong = await http.post("/login", data={"token": WRONG, "next": "/docs?x=1"})
        assert wrong.status_code == 401
        assert "wrong" in wrong.text
        right = await http.post("/login", data={"token": BOB, "next": "/docs?x=1"})
        assert (right.status_code, right.headers["location"]) == (303, "/docs?x=1")
        inside = await http.get("/login")
        assert "<strong>bob</strong>" in inside.text
        assert "“artist”" in inside.text
        out = await http.post("/logout")
        assert out.headers["location"] == "/login"
        assert COOKIE not in http.cookies
        assert (await http.get("/prompt")).status_code == 401


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/\nx", ""])
async def test_the_login_leads_nowhere_else(users: Server, wanted: str) -> None:
    async with users.http() as http:
        answer = await http.post("/login", data={"token": ANNA, "next": wanted})
    assert answer.headers["location"] == "/"


async def test_the_login_page_shows_no_markup_of_others(users: Server) -> None:
    async with users.http() as http:
        page = await http.get("/login", params={"next": '/"><script>alert(1)</script>'})
    assert "<script>alert" not in page.text
    assert page.text.count("<script") == 1


async def test_behind_tls_the_cookie_is_for_tls_only(tmp_path: Path) -> None:
    with studio(tmp_path, trusted_proxies=("127.0.0.1",), allowed_hosts=("studio.example",)) as running:
        async with running.http() as http:
            headers = {"host": "studio.example", "x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9"}
            first = await http.get(f"/?token={ANNA}", headers=headers)
            login = await http.post(
                "/login", data={"token": ANNA}, headers={**headers, "origin": "https://studio.example"}
            )
    assert "Secure" in first.headers["set-cookie"]
    assert "Secure" in login.headers["set-cookie"]


async def test_a_cookie_that_does_not_count_any_more_is_taken_back(users: Server) -> None:
    async with users.http() as http:
        answer = await http.get("/prompt", headers={"cookie": f"other=1; {COOKIE}={PAST}"})
    assert answer.status_code == 401
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]
    assert "expired" in answer.json()["error"]["message"]


@pytest.mark.parametrize("secret", [None, WRONG, PAST])
async def test_the_socket_needs_a_token_too(users: Server, secret: str | None) -> None:
    address = users.url.replace("http", "ws") + "/ws" + ("" if secret is None else f"?token={secret}")
    with pytest.raises(InvalidStatus) as refused:
        await connect(address)
    assert refused.value.response.status_code == 403


async def test_the_socket_takes_the_token_from_each_place(users: Server) -> None:
    address = users.url.replace("http", "ws") + "/ws"
    for headers in ({"Authorization": f"Bearer {VERA}"}, {"Cookie": f"{COOKIE}={VERA}"}):
        async with connect(address, additional_headers=headers, open_timeout=60) as socket:
            assert "status" in str(await socket.recv())
    async with users.listening(token=VERA):
        pass


# --- the tokens themselves ---


def test_guessing_is_stopped_but_who_was_in_stays_in(tmp_path: Path) -> None:
    now = [0.0]
    access = Access(TOKENS, TokenFile(tmp_path), is_exposed=False, clock=lambda: now[0])
    assert access.user_of(ANNA, "198.51.100.7") == User("anna", "artist")
    for _ in range(WRONG_TOKENS_PER_MINUTE):
        assert access.user_of(WRONG, "198.51.100.7") is None
    for secret in (WRONG, BOB):
        with pytest.raises(TooManyAttempts, match=r"try again in \d+ s"):
            access.user_of(secret, "198.51.100.7")
    assert access.user_of(ANNA, "198.51.100.7") == User("anna", "artist")
    assert access.user_of(BOB, "198.51.100.8") == User("bob", "artist")
    now[0] = 60.0
    assert access.user_of(BOB, "198.51.100.7") == User("bob", "artist")


async def test_guessing_is_answered_with_429(tmp_path: Path) -> None:
    with studio(tmp_path) as running:
        async with running.http() as http:
            statuses = [(await http.post("/login", data={"token": WRONG})).status_code for _ in range(25)]
            bearer = await http.get("/prompt", headers={"authorization": f"Bearer {WRONG}"})
    assert statuses == [401] * WRONG_TOKENS_PER_MINUTE + [429] * (25 - WRONG_TOKENS_PER_MINUTE)
    assert bearer.status_code == 429
    assert int(bearer.headers["retry-after"]) > 0


def test_a_rate_limit_forgets_the_longest_unused_keys() -> None:
    limit = RateLimit(1, clock=lambda: 0.0)
    for number in range(20_000):
        assert limit.take(str(number)) == 0
    assert limit.take("19999") > 0
    assert limit.take("0") == 0


def test_tokens_are_kept_as_digests_in_a_file_for_its_owner_only(tmp_path: Path) -> None:
    file = TokenFile(tmp_path)
    until = datetime.now(UTC) + timedelta(days=1)
    secrets = [file.add("anna", "artist"), file.add("anna", "viewer", until), file.add("bob", "admin")]
    assert file.path.stat().st_mode & 0o777 == 0o600
    content = file.path.read_text()
    assert not any(secret in content for secret in secrets)
    first, second, third = file.read()
    assert (first.name, first.role, second.role, second.expires, third.name) == (
        "anna",
        "artist",
        "viewer",
        until,
        "bob",
    )
    assert file.revoke(second.id) == 1
    assert file.revoke("anna") == 1
    assert file.revoke("anna") == 0
    assert [token.name for token in file.read()] == ["bob"]


async def test_tokens_made_and_revoked_while_the_server_runs_count_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sd35graph.server.guards.access._POLL_S", 0.0)
    monkeypatch.setattr(ws, "TOKEN_POLL_S", 0.05)
    file = TokenFile(tmp_path)
    with serving(tmp_path) as running:
        async with running.http() as http:
            assert (await http.get("/prompt")).status_code == 200  # open: there is no token yet
        secret = file.add("anna", "artist")
        async with running.http() as http:
            assert (await http.get("/prompt")).status_code == 401
        async with running.http(secret) as http, running.listening(token=secret) as listener:
            assert (await http.get("/prompt")).status_code == 200
            file.revoke("anna")
            assert (await http.get("/prompt")).status_code == 401  # and not open again
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(listener.socket.recv(), 30)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "the token was revoked")


def token_told(settings: Settings) -> str | None:
    """The token a server with these settings would tell with its address."""
    return first_token(App.from_settings(settings).parts.access, settings)


@pytest.mark.parametrize("settings", [{"host": "0.0.0.0"}, {"allowed_hosts": ("studio.example",)}])
def test_whoever_can_be_reached_has_a_token_told_once_with_the_address(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    first = token_told(Settings(base=tmp_path, **settings))
    assert first is not None
    [kept] = TokenFile(tmp_path).read()
    assert (kept.name, kept.role) == ("admin", "admin")
    assert first not in TokenFile(tmp_path).path.read_text()
    assert token_told(Settings(base=tmp_path, **settings)) is None


def test_for_its_own_machine_a_server_needs_none(tmp_path: Path) -> None:
    assert token_told(Settings(base=tmp_path)) is None
    assert TokenFile(tmp_path).read() == ()


def test_a_token_in_the_settings_serves_as_the_only_one(tmp_path: Path) -> None:
    settings = Settings.load({"base": tmp_path, "host": "0.0.0.0"}, {"SD35GRAPH_TOKEN": ROOT})
    assert token_told(settings) is None
    assert ROOT not in repr(settings)


def test_a_command_line_is_shown_without_its_token() -> None:
    given = ["sd35graph", "serve", "--token", ROOT, f"--token={ROOT}", "--port", "1"]
    assert without_secrets(given) == ["sd35graph", "serve", "--token", "***", "--token=***", "--port", "1"]


# --- whose it is ---


async def test_each_has_their_own_history_and_administrators_see_all(users: Server) -> None:
    annas, _ = await run_as(users, ANNA, show(fresh()))
    bobs, _ = await run_as(users, BOB, show(fresh()))
    seen = {}
    for secret in (ANNA, ANNAS_GUEST, BOB, VERA, ROOT):
        async with users.http(secret) as http:
            whole = (await http.get("/history")).json()
            one = (await http.get(f"/history/{annas}")).json()
            newest = (await http.get("/history?max_items=1")).json()
        assert set(one) == {annas} & set(whole)
        assert set(newest) <= set(whole)
        seen[secret] = {annas, bobs} & set(whole)
    assert seen == {ANNA: {annas}, ANNAS_GUEST: {annas}, BOB: {bobs}, VERA: set(), ROOT: {annas, bobs}}


async def test_nobody_deletes_the_history_of_others(users: Server) -> None:
    annas, _ = await run_as(users, ANNA, show(fresh()))
    bobs, _ = await run_as(users, BOB, show(fresh()))
    async with users.http(BOB) as bob, users.http(ROOT) as root:
        assert (await bob.post("/history", json={"delete": [annas]})).status_code == 200
        assert (await bob.post("/history", json={"clear": True})).status_code == 200
        left = (await root.get("/history")).json()
        assert (annas in left, bobs in left) == (True, False)
        await root.post("/history", json={"delete": [annas]})
        assert annas not in (await root.get("/history")).json()


async def test_others_see_of_a_job_only_that_it_is_there(users: Server) -> None:
    async with users.listening(token=ANNA) as listener, users.http(ANNA) as anna, users.http(BOB) as bob:
        queued = [
            (await anna.post("/prompt", json={"prompt": slow(), "client_id": listener.client_id})).json()["prompt_id"]
            for _ in range(2)
        ]
        await listener.until(lambda message: message["type"] == "progress")
        queue = (await bob.get("/queue")).json()
        [running], [pending] = queue["queue_running"], queue["queue_pending"]
        for entry, name in zip((running, pending), queued, strict=True):
            assert entry[2:] == [{}, {}, []]
            assert entry[1].startswith("hidden-")
            assert name not in str(queue)
        assert (await bob.get("/prompt")).json() == {"exec_info": {"queue_remaining": 2}}
        assert [worker["job_id"] for worker in (await bob.get("/system_stats")).json()["workers"]] == [None]

        await bob.post("/interrupt")
        await bob.post("/interrupt", json={"prompt_id": queued[0]})
        await bob.post("/queue", json={"delete": queued})
        await bob.post("/queue", json={"clear": True})
        queue = (await anna.get("/queue")).json()
        assert [queue["queue_running"][0][1], queue["queue_pending"][0][1]] == queued

        await anna.post("/queue", json={"clear": True})
        await anna.post("/interrupt")
        ends = await listener.until_end(queued[0])
        assert "execution_interrupted" in [message["type"] for message in ends]


async def test_events_reach_only_the_owner_whoever_claims_the_clients_id(users: Server) -> None:
    async with (
        users.listening("shared-id", token=ANNA) as anna,
        users.listening("shared-id", token=BOB) as bob,
        users.listening("shared-id", token=ROOT) as root,
        users.http(ANNA) as http,
    ):
        answer = await http.post("/prompt", json={"prompt": show(fresh()), "client_id": "shared-id"})
        prompt_id = answer.json()["prompt_id"]
        for listener in (anna, root):
            assert "executed" in [message["type"] for message in await listener.until_end(prompt_id)]
        told = await bob.until(
            lambda message: (
                message["type"] == "status" and not message["data"]["status"]["exec_info"]["queue_remaining"]
            )
        )
        assert {message["type"] for message in told} == {"status"}
    async with users.listening("shared-id", token=BOB, after=0) as bob, users.http(BOB) as http:
        other = (await http.post("/prompt", json={"prompt": show(fresh()), "client_id": "shared-id"})).json()[
            "prompt_id"
        ]
        assert prompt_id not in str(await bob.until_end(other))


async def test_results_are_served_to_those_whose_jobs_showed_them(users: Server) -> None:
    value = fresh()
    annas, messages = await run_as(users, ANNA, save("a b/portrait", value))
    [file] = next(message["data"]["output"]["files"] for message in messages if message["type"] == "executed")

    async def statuses() -> dict[str, int]:
        found = {}
        for secret in (ANNA, ANNAS_GUEST, BOB, VERA, ROOT):
            async with users.http(secret) as http:
                found[secret] = (await http.get("/view", params=file)).status_code
        return found

    assert file["subfolder"] == "a b"
    assert await statuses() == {ANNA: 200, ANNAS_GUEST: 200, BOB: 404, VERA: 404, ROOT: 200}
    async with users.http(BOB) as bob:
        for params in (
            {**file, "subfolder": "a b/."},
            {**file, "subfolder": "", "filename": f"a b/{file['filename']}"},
            {**file, "preview": "png"},
            {**file, "channel": "a"},
            {"filename": f"a b/{file['filename']} [output]"},
        ):
            assert (await bob.get("/view", params=params)).status_code == 404
        mask = {"original_ref": f'{{"filename": "{file["filename"]}", "subfolder": "a b", "type": "output"}}'}
        copied = await bob.post("/upload/mask", files={"image": ("m.png", b"x")}, data=mask)
        assert copied.status_code == 404
        missing = await bob.get("/view", params={**file, "filename": "none"})
        hidden = await bob.get("/view", params=file)
        assert hidden.json()["error"]["message"].replace(file["filename"], "none") == missing.json()["error"]["message"]
    await run_as(users, BOB, save("a b/portrait", value))  # the same work gives the same file, from the cache
    assert (await statuses())[BOB] == 200
    async with users.http(ANNA) as anna:
        await anna.post("/history", json={"delete": [annas]})
    assert (await statuses())[ANNA] == 404


async def test_artists_upload_into_the_input_folder_and_over_nobody(users: Server) -> None:
    async with users.http(ANNA) as anna, users.http(BOB) as bob, users.http(ROOT) as root:
        form = {"overwrite": "true"}
        await anna.post("/upload/image", files={"image": ("mine.bin", b"anna")}, data=form)
        second = await bob.post("/upload/image", files={"image": ("mine.bin", b"bob")}, data=form)
        refused = await bob.post("/upload/image", files={"image": ("x.bin", b"bob")}, data={"type": "output"})
        assert second.json()["name"] == "mine (1).bin"
        assert (users.base / "input" / "mine.bin").read_bytes() == b"anna"
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "role_too_low")
        assert (await bob.get("/view?filename=mine.bin&type=input")).content == b"anna"  # that folder is everybody's
        await root.post("/upload/image", files={"image": ("mine.bin", b"root")}, data=form)
        assert (users.base / "input" / "mine.bin").read_bytes() == b"root"


async def test_jobs_keep_their_owner_over_a_restart(tmp_path: Path) -> None:
    with studio(tmp_path) as running:
        annas, _ = await run_as(running, ANNA, show(fresh()))
    with studio(tmp_path) as running:
        async with running.http(ANNA) as anna, running.http(BOB) as bob:
            assert annas in (await anna.get("/history")).json()
            assert annas not in (await bob.get("/history")).json()
