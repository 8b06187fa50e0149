"""Settings and files that users of an editor keep on the server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from live_server import Server, serving
from studio import ANNA, BOB, ROOT, VERA, studio

from sd35graph.engine import user_files
from sd35graph.engine.user_files import MAX_SETTINGS_BYTES, UserFileError, UserFiles
from sd35graph.server import wire

SAVED = "/api/userdata/workflows%2FNAME.json"


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with studio(tmp_path_factory.mktemp("studio")) as running:
        yield running


async def test_settings_are_kept_one_by_one_and_together(server: Server) -> None:
    async with server.http() as http:
        assert (await http.get("/users")).json() == {"storage": "server", "migrated": True}
        assert (await http.get("/settings/Comfy.Absent")).json() is None
        assert (await http.post("/api/settings/Comfy.A", json="dark")).status_code == 200
        assert (await http.post("/settings", json={"Comfy.B": {"x": [1, None]}})).status_code == 200
        assert (await http.get("/api/settings")).json() == {"Comfy.A": "dark", "Comfy.B": {"x": [1, None]}}
        assert (await http.get("/settings/Comfy.A")).json() == "dark"
        refused = await http.post("/settings", json=["Comfy.A"])
    assert refused.status_code == 400
    assert "must be an object of settings" in refused.json()["error"]["message"]


async def test_many_settings_at_once_are_all_kept(server: Server) -> None:
    async with server.http() as http:
        await asyncio.gather(*(http.post(f"/settings/many.{number}", json=number) for number in range(40)))
        kept = (await http.get("/settings")).json()
    assert [kept[f"many.{number}"] for number in range(40)] == list(range(40))


async def test_settings_and_files_survive_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        async with first.http() as http:
            await http.post("/settings/Comfy.A", json=5)
            await http.post(SAVED, content=b"{}")
    with serving(tmp_path) as second:
        async with second.http() as http:
            assert (await http.get("/settings/Comfy.A")).json() == 5
            assert (await http.get(SAVED)).content == b"{}"


def test_damaged_or_endless_settings_are_refused_and_left_as_they_are(tmp_path: Path) -> None:
    files = UserFiles(tmp_path)
    files.change_settings(None, {"a": 1})
    with pytest.raises(UserFileError, match="the server keeps 4 MiB"):
        files.change_settings(None, {"b": "x" * MAX_SETTINGS_BYTES})
    assert files.settings(None) == {"a": 1}
    path = tmp_path / "user" / "default" / "settings.json"
    path.write_text("{")
    with pytest.raises(UserFileError, match=r"is damaged: .*; mend or remove"):
        files.change_settings(None, {"a": 2})
    assert path.read_text() == "{"


async def test_a_workflow_is_saved_listed_renamed_and_deleted(server: Server) -> None:
    moved = "/api/userdata/workflows%2Fsub%2Fnew.json"
    async with server.http() as http:
        saved = await http.post(f"{SAVED}?overwrite=false&full_info=true", content=b'{"nodes": []}')
        assert saved.status_code == 200, saved.text
        info = wire.UserFile.model_validate(saved.json())
        assert (info.path, info.size) == ("workflows/NAME.json", 13)
        assert (await http.post(f"{SAVED}?overwrite=false", content=b"other")).status_code == 409
        got = await http.get(SAVED)
        assert (got.content, got.headers["content-type"]) == (b'{"nodes": []}', "application/json")
        assert (await http.post(f"{SAVED}?overwrite=true", content=b"[1]")).json() == "workflows/NAME.json"
        assert (await http.post("/userdata/workflows/plain.json", content=b"[]")).json() == "workflows/plain.json"
        listed = await http.get("/userdata", params={"dir": "workflows", "recurse": True, "full_info": True})
        assert [(file["path"], file["size"]) for file in listed.json()] == [("NAME.json", 3), ("plain.json", 2)]
        renamed = await http.post(f"{SAVED}/move/workflows%2Fsub%2Fnew.json?overwrite=false")
        assert (renamed.status_code, renamed.json()) == (200, "workflows/sub/new.json")
        assert (await http.get(SAVED)).status_code == 404
        assert (await http.get(moved)).content == b"[1]"
        taken = await http.post(f"{moved}/move/workflows%2Fplain.json?overwrite=false")
        assert taken.status_code == 409
        split = await http.get("/userdata", params={"dir": "workflows", "recurse": True, "split": True})
        assert split.json() == [["plain.json", "plain.json"], ["sub/new.json", "sub", "new.json"]]
        shallow = await http.get("/userdata", params={"dir": "workflows"})
        assert shallow.json() == ["plain.json"]
        entries = [wire.UserEntry.model_validate(entry) for entry in (await http.get("/v2/userdata")).json()]
        paths = {entry.path: entry.type for entry in entries}
        assert paths["workflows"] == paths["workflows/sub"] == "directory"
        assert paths["workflows/sub/new.json"] == "file"
        assert (await http.delete(moved)).status_code == 204
        assert (await http.delete(moved)).status_code == 404
        assert (await http.get("/userdata", params={"dir": "nothing"})).status_code == 404
        assert (await http.get("/userdata")).status_code == 400


async def test_move_is_a_command_only_as_a_segment_of_its_own(server: Server) -> None:
    async with server.http() as http:
        kept = await http.post("/userdata/moves%2Fmove%2Fb.json", content=b"b")
        assert (kept.status_code, kept.json()) == (200, "moves/move/b.json")
        moved = await http.post("/userdata/moves%2Fmove%2Fb.json/move/moves%2Fc%C3%A9.json")
        assert (moved.status_code, moved.json()) == (200, "moves/cé.json")
        assert (await http.post("/userdata/nothing.json/move/b.json")).status_code == 404
        assert (await http.post("/userdata/%FF/move/b.json")).status_code == 400


@pytest.mark.parametrize(
    "name",
    [
        "..%2F..%2Fsettings.json",
        "..%2Fsettings.json",
        "workflows%2F..%2F..%2Fx.json",
        "%2Fetc%2Fpasswd",
        "a%5C..%5Cb",
        "C%3A%5Cx",
        "x%00.json",
        "con.json",
        "a" * 300,
        ".sd35graph-1-0123456789abcdef0123456789abcdef.part",
    ],
)
async def test_names_cannot_leave_the_users_folder(server: Server, name: str) -> None:
    async with server.http() as http:
        answers = [
            await http.post(f"/userdata/{name}", content=b"x"),
            await http.post(f"/userdata/{name}/move/x.json"),
            await http.get(f"/api/userdata/{name}"),
            await http.delete(f"/userdata/{name}"),
        ]
    assert [answer.status_code for answer in answers] == [400] * 4
    assert {answer.json()["error"]["type"] for answer in answers} == {"bad_file_name"}


async def test_links_are_neither_followed_nor_listed(tmp_path: Path, server: Server) -> None:
    (tmp_path / "secret.json").write_text("1")
    folder = server.base / "user" / "default" / "files" / "links"
    folder.mkdir(parents=True)
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    async with server.http() as http:
        assert (await http.get("/userdata/links%2Flink.json")).status_code == 400
        assert (await http.get("/userdata", params={"dir": "links"})).json() == []


@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.js", "a.xml", "a"])
async def test_scripts_in_users_files_are_downloads(server: Server, name: str) -> None:
    async with server.http() as http:
        await http.post(f"/userdata/{name}", content=b"<script>alert(1)</script>")
        answer = await http.get(f"/userdata/{name}")
    assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{name}"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_folder_is_not_replaced_by_a_file(server: Server) -> None:
    async with server.http() as http:
        await http.post("/userdata/folder%2Fa.json", content=b"a")
        assert (await http.post("/userdata/folder", content=b"x")).status_code == 409
        assert (await http.post("/userdata/folder%2Fa.json%2Fb", content=b"x")).status_code == 400
        assert (await http.get("/userdata/folder")).status_code == 404


async def test_each_user_has_settings_and_files_of_their_own(users: Server) -> None:
    async def of(secret: str) -> tuple[httpx.Response, httpx.Response]:
        async with users.http(secret) as http:
            return await http.get("/settings"), await http.get(SAVED)

    async with users.http(ANNA) as http:
        assert (await http.post("/settings/Comfy.A", json="anna's")).status_code == 200
        assert (await http.post(SAVED, content=b"anna's")).status_code == 200
    settings, file = await of(ANNA)
    assert (settings.json(), file.content) == ({"Comfy.A": "anna's"}, b"anna's")
    for other in (BOB, VERA, ROOT):
        settings, file = await of(other)
        assert (settings.json(), file.status_code) == ({}, 404)


def test_files_that_go_while_they_are_listed_or_read_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = UserFiles(tmp_path)
    for name in ("a", "b"):
        files.write(None, name, b"x", overwrite=True)
    gone = files.path(None, "a")
    listed = list(os.scandir(gone.parent))
    gone.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(user_files.os, "scandir", lambda _: listed)
        assert [entry.path for entry in files.entries(None, "", recurse=True)] == ["b"]
    monkeypatch.setattr(files, "path", lambda _user, _name: gone)
    with pytest.raises(FileNotFoundError, match='there is no file "a"'):
        files.read(None, "a")
