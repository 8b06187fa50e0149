"""Renaming, moving, deleting and bringing back saved workflows, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from live_server import Server
from pydantic import TypeAdapter
from studio import ANNA, BOB, VERA, studio

from sd35graph.server import resources


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with studio(tmp_path_factory.mktemp("moved")) as running:
        yield running


async def put(http: httpx.AsyncClient, name: str, content: dict[str, Any]) -> httpx.Response:
    return await http.put(f"/v1/workflows/{name}", json=content, headers={"if-none-match": "*"})


async def own(http: httpx.AsyncClient) -> set[str]:
    return {each["name"] for each in (await http.get("/v1/workflows")).json() if not each["is_example"]}


async def deleted(http: httpx.AsyncClient) -> list[resources.DeletedWorkflow]:
    answer = await http.get("/v1/deleted_workflows")
    return TypeAdapter(list[resources.DeletedWorkflow]).validate_json(answer.content)


async def test_a_folder_is_moved_and_an_open_document_can_still_be_saved(users: Server) -> None:
    async with users.http(ANNA) as http:
        for name in ("moving/a", "moving/in/b"):
            etag = (await put(http, name, {"name": name})).headers["etag"]
        answer = await http.post("/v1/workflow_moves", json={"name": "moving/", "new_name": "moved/here/"})
        assert answer.status_code == 200
        moved = TypeAdapter(list[resources.MovedWorkflow]).validate_json(answer.content)
        assert [(each.name, each.new_name) for each in moved] == [
            ("moving/a", "moved/here/a"),
            ("moving/in/b", "moved/here/in/b"),
        ]
        assert {"moved/here/a", "moved/here/in/b"} <= await own(http)
        assert not [name for name in await own(http) if name.startswith("moving/")]
        kept = await http.put("/v1/workflows/moved/here/in/b", json={"n": 1}, headers={"if-match": etag})
        assert kept.status_code == 200


async def test_a_move_that_cannot_be_says_why_and_moves_nothing(users: Server) -> None:
    async with users.http(ANNA) as http:
        await put(http, "from/a", {})
        await put(http, "to/a", {})
        for wish, status, code in (
            ({"name": "from/", "new_name": "to/"}, 409, "name_taken"),
            ({"name": "from/a", "new_name": "to/a"}, 409, "name_taken"),
            ({"name": "never", "new_name": "b"}, 404, "not_found"),
            ({"name": "from/", "new_name": "from/in/"}, 400, "bad_file_name"),
            ({"name": "from/", "new_name": "../out/"}, 400, "bad_file_name"),
            ({"name": "from/"}, 400, "bad_request"),
            ({"name": "from/", "new_name": "x/", "wish": 1}, 400, "bad_request"),
        ):
            answer = await http.post("/v1/workflow_moves", json=wish)
            assert (answer.status_code, answer.json()["code"]) == (status, code), wish
        assert {"from/a", "to/a"} <= await own(http)


async def test_a_deleted_workflow_is_brought_back_with_its_versions(users: Server) -> None:
    async with users.http(ANNA) as http:
        etag = (await put(http, "lost/one", {"n": 0})).headers["etag"]
        saved = await http.put("/v1/workflows/lost/one", json={"n": 1}, headers={"if-match": etag})
        await http.delete("/v1/workflows/lost/one", headers={"if-match": "*"})
        [gone] = [each for each in await deleted(http) if each.name == "lost/one"]
        content = (await http.get(f"/v1/workflow_versions/{gone.saved_ms}/lost/one")).content
        back = await http.put("/v1/workflows/lost/one", content=content, headers={"if-none-match": "*"})
        assert (back.status_code, back.headers["etag"]) == (201, saved.headers["etag"])
        assert "lost/one" not in {each.name for each in await deleted(http)}
        listed = (await http.get("/v1/workflow_versions", params={"name": "lost/one"})).json()
        contents = [(await http.get(f"/v1/workflow_versions/{v['saved_ms']}/lost/one")).json()["n"] for v in listed]
        assert contents == [1, 0]
        assert (await http.delete("/v1/deleted_workflows/lost/one")).status_code == 409
        await http.delete("/v1/workflows/lost/one", headers={"if-match": "*"})
        assert (await http.delete("/v1/deleted_workflows/lost/one")).status_code == 204
        assert (await http.delete("/v1/deleted_workflows/lost/one")).status_code == 404
        assert (await http.get("/v1/workflow_versions", params={"name": "lost/one"})).json() == []


async def test_saving_the_same_again_leaves_no_version(users: Server) -> None:
    async with users.http(ANNA) as http:
        etag = (await put(http, "same", {"n": 0})).headers["etag"]
        again = await http.put("/v1/workflows/same", json={"n": 0}, headers={"if-match": etag})
        assert (again.status_code, again.headers["etag"]) == (200, etag)
        assert (await http.get("/v1/workflow_versions", params={"name": "same"})).json() == []


async def test_everybody_moves_and_sees_their_own_and_viewers_change_nothing(users: Server) -> None:
    async with users.http(ANNA) as anna, users.http(BOB) as bob, users.http(VERA) as vera:
        await put(anna, "mine/a", {})
        move = {"name": "mine/", "new_name": "yours/"}
        assert (await bob.post("/v1/workflow_moves", json=move)).status_code == 404
        assert (await vera.post("/v1/workflow_moves", json=move)).status_code == 403
        await anna.delete("/v1/workflows/mine/a", headers={"if-match": "*"})
        assert [each.name for each in await deleted(anna)] == ["mine/a"]
        assert await deleted(bob) == []
        assert (await bob.delete("/v1/deleted_workflows/mine/a")).status_code == 404
        assert (await vera.delete("/v1/deleted_workflows/mine/a")).status_code == 403
