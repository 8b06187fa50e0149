"""Files, node types, models, examples, the machine, the description and the editor, over real HTTP."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_server import Server, fresh, serving, show
from PIL import Image

from sd35graph.server import resources, wire
from sd35graph.server.api import new_api
from sd35graph.server.openapi import TAGS, describe
from sd35graph.server.routes import queue
from sd35graph.serving import ServeError, new_server
from sd35graph.settings import Settings

ROOT = Path(__file__).parents[2]


def png(colour: tuple[int, ...] = (10, 20, 30)) -> bytes:
    content = io.BytesIO()
    Image.new("RGBA" if len(colour) == 4 else "RGB", (8, 6), colour).save(content, "PNG")
    return content.getvalue()


async def upload(http: httpx.AsyncClient, name: str, content: bytes, **fields: str) -> httpx.Response:
    return await http.post("/upload/image", files={"image": (name, content, "image/png")}, data=fields)


async def test_uploads_are_named_as_recorded(server: Server) -> None:
    async with server.http() as http:
        first = await upload(http, "up.png", png())
        assert first.json() == {"name": "up.png", "subfolder": "", "type": "input"}
        wire.UploadedFile.model_validate(first.json())
        assert (await upload(http, "up.png", png())).json()["name"] == "up.png"
        assert (await upload(http, "up.png", png((1, 2, 3)))).json()["name"] == "up (1).png"
        assert (await upload(http, "up.png", png((4, 5, 6)), overwrite="true")).json()["name"] == "up.png"
        placed = await upload(http, "up.png", png(), subfolder="a", type="temp")
        assert placed.json() == {"name": "up.png", "subfolder": "a", "type": "temp"}
        got = await http.get("/view", params={"filename": "up.png", "subfolder": "a", "type": "temp"})
        assert got.content == png()
    assert (server.base / "input" / "up.png").read_bytes() == png((4, 5, 6))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("up.png", {"subfolder": "../.."}),
        ("up.png", {"subfolder": "/etc"}),
        ("../../up.png", {}),
        ("..", {}),
        ("a\\..\\b.png", {}),
        ("up.png", {"type": "models"}),
        ("con.png", {}),
    ],
)
async def test_uploads_cannot_leave_their_folder(server: Server, name: str, fields: dict[str, str]) -> None:
    async with server.http() as http:
        answer = await upload(http, name, png(), **fields)
    assert answer.status_code == 400, answer.text
    wire.ErrorReply.model_validate_json(answer.content)
    assert not list(server.base.parent.rglob("up.png.part"))


async def test_uploads_without_a_file_or_malformed_are_refused(server: Server) -> None:
    async with server.http() as http:
        answers = [
            await http.post("/upload/image", data={"image": "text"}),
            await http.post("/upload/image", content=b"x", headers={"content-type": "multipart/form-data"}),
            await http.post("/upload/image", content=b"x", headers={"content-type": "multipart/form-data; boundary=b"}),
            await http.post("/upload/image", content=b"x"),
        ]
    assert [answer.status_code for answer in answers] == [400] * 4


async def test_a_mask_becomes_the_alpha_of_its_original(server: Server) -> None:
    async with server.http() as http:
        await upload(http, "original.png", png((200, 100, 50)), overwrite="true")
        answer = await http.post(
            "/upload/mask",
            files={"image": ("masked.png", png((0, 0, 0, 77)), "image/png")},
            data={"original_ref": json.dumps({"filename": "original.png", "type": "input"})},
        )
        assert answer.status_code == 200, answer.text
        got = await http.get("/view", params={"filename": answer.json()["name"], "type": "input"})
    assert Image.open(io.BytesIO(got.content)).getpixel((0, 0)) == (200, 100, 50, 77)


async def test_view_gives_results_other_formats_and_single_channels(server: Server) -> None:
    async with server.http() as http:
        await upload(http, "alpha.png", png((10, 20, 30, 40)), overwrite="true")

        async def view(**query: str) -> httpx.Response:
            answer = await http.get("/view", params={"filename": "alpha.png", "type": "input", **query})
            assert answer.status_code == 200, answer.text
            return answer

        plain = await view()
        assert (plain.headers["content-type"], plain.content) == ("image/png", png((10, 20, 30, 40)))
        assert plain.headers["x-content-type-options"] == "nosniff"
        assert (await view(preview="webp;80")).headers["content-type"] == "image/webp"
        jpeg = await view(preview="jpeg")
        assert Image.open(io.BytesIO(jpeg.content)).format == "JPEG"
        assert Image.open(io.BytesIO((await view(channel="rgb")).content)).getpixel((0, 0)) == (10, 20, 30)
        alpha = Image.open(io.BytesIO((await view(channel="a")).content))
        assert alpha.convert("RGBA").getpixel((0, 0))[3] == 40  # type: ignore[index]
        annotated = await http.get("/api/view", params={"filename": "alpha.png [input]"})
        assert annotated.content == plain.content


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"type": "input"}, 404),
        ({"filename": "nope.png", "type": "output"}, 404),
        ({"filename": "../x.png", "type": "output"}, 400),
        ({"filename": "/etc/passwd", "type": "output"}, 400),
        ({"filename": "..\\x.png"}, 400),
        ({"filename": "x.png", "subfolder": "../input"}, 400),
        ({"filename": "x.png", "subfolder": "/etc"}, 400),
        ({"filename": "x.png", "type": "models"}, 400),
        ({"filename": "x\0.png"}, 400),
        ({"filename": ".", "type": "output"}, 404),
        ({"filename": "seen.png", "type": "input", "preview": "exe;80"}, 400),
        ({"filename": "seen.png", "type": "input", "channel": "q"}, 400),
        ({"filename": "no_picture.png", "type": "input", "preview": "webp"}, 400),
    ],
)
async def test_view_refuses_what_is_not_there_or_not_allowed(
    server: Server, query: dict[str, str], status: int
) -> None:
    (server.base / "input" / "seen.png").write_bytes(png())
    (server.base / "input" / "no_picture.png").write_bytes(b"text")
    async with server.http() as http:
        answer = await http.get("/view", params=query)
    assert answer.status_code == status, answer.text


async def test_head_gives_what_get_gives_without_the_body(server: Server) -> None:
    (server.base / "output" / "seen.png").write_bytes(png())
    async with server.http() as http:
        for path in ("/view?filename=seen.png", "/queue", "/"):
            head, get = await http.head(path), await http.get(path)
            assert head.status_code == get.status_code == 200
            assert head.headers["content-type"] == get.headers["content-type"]
            assert head.headers["content-length"] == get.headers["content-length"]
            assert head.content == b""


async def test_an_upload_the_disk_refuses_says_why(server: Server) -> None:
    (server.base / "input" / "file").touch()
    async with server.http() as http:
        answer = await upload(http, "a.png", png(), subfolder="file")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("'file' is a file, so nothing can be put into it")


@pytest.mark.parametrize("reference", ["", "{", "[]", '{"filename": 5}'])
async def test_a_mask_without_its_picture_names_the_field(server: Server, reference: str) -> None:
    async with server.http() as http:
        files = {"image": ("mask.png", png((0, 0, 0, 0)), "image/png")}
        answer = await http.post("/upload/mask", files=files, data={"original_ref": reference})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith('the form field "original_ref" must name the picture')


async def test_links_out_of_the_folder_are_not_followed(server: Server, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(png())
    link = server.base / "output" / "link.png"
    link.symlink_to(tmp_path / "secret.png")
    async with server.http() as http:
        assert (await http.get("/view", params={"filename": "link.png"})).status_code == 400


@pytest.mark.parametrize("name", ["a.html", "a.SVG", "a.xhtml", "a.xml", "a.rdf", "a.xsl", "a.js", "a.mht", "a"])
async def test_active_content_is_a_download(server: Server, name: str) -> None:
    (server.base / "output" / name).write_text("<script>alert(1)</script>")
    async with server.http() as http:
        answer = await http.get("/view", params={"filename": name})
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["a.png", "a.txt", "a.json", "a.mp4", "a.wav", "a.webp"])
async def test_what_runs_no_scripts_is_shown(server: Server, name: str) -> None:
    (server.base / "output" / name).write_text("content")
    async with server.http() as http:
        answer = await http.get("/view", params={"filename": name})
    assert answer.headers["content-disposition"] == f'inline; filename="{name}"'


async def test_what_a_job_wrote_can_be_viewed_and_its_prefix_stays_inside(server: Server) -> None:
    value = fresh()
    prefix = "sub/execution[case[one]]"
    prompt_id, _ = await server.run({"s": {"class_type": "ToySave", "inputs": {"value": value, "prefix": prefix}}})
    [reference] = (await server.history(prompt_id))["outputs"]["s"]["files"]
    assert reference == {"filename": "execution[case[one]]_00001_.txt", "subfolder": "sub", "type": "output"}
    async with server.http() as http:
        assert (await http.get("/view", params=reference)).text == str(value)
    _, messages = await server.run({"s": {"class_type": "ToySave", "inputs": {"value": value, "prefix": "../../evil"}}})
    assert "execution_error" in [message["type"] for message in messages]
    assert not list(server.base.parent.rglob("evil*"))


async def test_object_info_describes_node_types_with_choices_as_lists(server: Server) -> None:
    checkpoint = server.base / "models" / "checkpoints" / "tiny.safetensors"
    checkpoint.write_bytes(b"")
    both = ["sd35_tiny.safetensors", "tiny.safetensors"]  # the embedded model's and that one
    try:
        async with server.http() as http:
            everything = (await http.get("/object_info")).json()
            for info in everything.values():
                wire.NodeInfo.model_validate(info)
            assert everything["ToyFile"]["input"]["required"]["name"][0] == both
            one = await http.get("/api/object_info/ToyShow (any) [text]")
            assert one.json() == {"ToyShow (any) [text]": everything["ToyShow (any) [text]"]}
            assert (await http.get("/object_info/NoSuchNode")).json() == {}
            assert (await http.get("/models/checkpoints")).json() == both
    finally:
        checkpoint.unlink()


async def test_models_are_listed_by_folder(server: Server) -> None:
    async with server.http() as http:
        folders = (await http.get("/models")).json()
        assert {"checkpoints", "text_encoders", "vae", "loras"} <= set(folders)
        encoders = [f"sd35_tiny_{part}.safetensors" for part in ("clip_g", "clip_l", "t5xxl")]
        assert (await http.get("/models/clip")).json() == (await http.get("/models/text_encoders")).json() == encoders
        assert (await http.get("/models/nonexistent")).status_code == 404
        assert (await http.get("/models/..%2f..%2fetc")).status_code in (400, 404)
        assert (await http.get("/embeddings")).json() == []
        assert (await http.get("/extensions")).json() == []


async def test_system_stats_and_free(server: Server) -> None:
    await server.run({"s": {"class_type": "ToyShow (any) [text]", "inputs": {"value": 1}}})
    async with server.http() as http:
        stats = (await http.get("/system_stats")).json()
        wire.SystemStats.model_validate(stats)
        assert stats["devices"]
        answer = await http.post("/free", json={"unload_models": True, "free_memory": True})
        assert (answer.status_code, answer.json()) == (200, {})


async def test_free_memory_empties_the_cache(server: Server) -> None:
    graph = {"n": {"class_type": "ToyInt", "inputs": {"value": fresh()}}}
    graph |= {"s": {"class_type": "ToyShow (any) [text]", "inputs": {"value": ["n", 0]}}}
    await server.run(graph)
    async with server.http() as http:
        await http.post("/free", json={"free_memory": True})
    _, messages = await server.run(graph)
    [cached] = [message["data"]["nodes"] for message in messages if message["type"] == "execution_cached"]
    assert cached == []


async def test_model_files_are_described_with_what_their_maker_wrote(server: Server) -> None:
    head = json.dumps({"__metadata__": {"modelspec.title": "Tiny"}}).encode()
    folder = server.base / "models" / "loras"
    (folder / "described.safetensors").write_bytes(len(head).to_bytes(8, "little") + head)
    (folder / "broken.safetensors").write_bytes(b"\xff" * 64)
    async with server.http() as http:

        async def metadata(name: str, kind: str = "loras") -> httpx.Response:
            return await http.get(f"/api/view_metadata/{kind}", params={"filename": name})

        assert (await metadata("described.safetensors")).json() == {"modelspec.title": "Tiny"}
        broken = await metadata("broken.safetensors")
        assert (broken.status_code, "is no safetensors file" in broken.text) == (400, True)
        for name in ("nope.safetensors", "../loras/described.safetensors", "/etc/passwd", ""):
            assert (await metadata(name)).status_code == 404
        assert (await metadata("described.safetensors", "nothing")).status_code == 404
        files = (await http.get("/experiment/models/loras")).json()
        sizes = {file["name"]: wire.ModelFile.model_validate(file).size for file in files}
        assert sizes["described.safetensors"] == len(head) + 8
        kinds = [wire.ModelFolder.model_validate(kind).name for kind in (await http.get("/experiment/models")).json()]
        assert kinds == (await http.get("/models")).json()


async def test_examples_are_listed_and_given_as_they_are(server: Server) -> None:
    async with server.http() as http:
        listed: list[Any] = (await http.get("/v1/workflows")).json()
        for example in listed:
            resources.SavedWorkflow.model_validate(example)
            document = (await http.get(f"/v1/workflows/{example['name']}")).json()
            assert document == json.loads((ROOT / "workflows" / f"{example['name']}.json").read_text())
        assert (await http.get("/v1/workflows/nope")).status_code == 404
        assert (await http.get("/v1/workflows/..%2fpyproject")).status_code in (400, 404)


async def test_examples_are_templates_too(server: Server) -> None:
    async with server.http() as http:
        templates = (await http.get("/api/workflow_templates")).json()
        [name, *_] = templates["sd35graph"]
        example = (await http.get(f"/api/workflow_templates/sd35graph/{name}.json")).json()
        assert example == json.loads((ROOT / "workflows" / f"{name}.json").read_text())
        for wrong in (f"other/{name}.json", "sd35graph/nope.json", f"sd35graph/{name}.jpg", "sd35graph/README.md"):
            assert (await http.get(f"/api/workflow_templates/{wrong}")).status_code == 404
        assert (await http.get("/api/workflow_templates/sd35graph/..%2f..%2fpyproject.json")).status_code in (400, 404)
        assert (await http.get("/api/i18n")).json() == {}


async def test_folders_and_their_newest_files_are_listed(server: Server) -> None:
    for age, name in ((20, "older.png"), (10, "newer.png")):
        path = server.base / "temp" / name
        path.write_bytes(png())
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    async with server.http() as http:
        files = (await http.get("/internal/files/temp")).json()
        assert [name for name in files if name in ("older.png", "newer.png")] == ["newer.png", "older.png"]
        assert (await http.get("/internal/files/models")).status_code == 400
        paths = (await http.get("/internal/folder_paths")).json()
    assert str(server.base / "models" / "loras") in paths["loras"]


async def test_log_lines_are_kept_and_sent_to_those_who_ask(server: Server) -> None:
    log = logging.getLogger("sd35graph.test")
    async with server.listening() as listener, server.http() as http:
        log.warning("before", extra={"count": 1})
        raw = (await http.get("/internal/logs/raw")).json()
        wire.LogLines.model_validate(raw)
        assert raw["entries"][-1]["m"] == "WARNING sd35graph.test: before (count=1)\n"
        assert "before (count=1)" in (await http.get("/internal/logs")).json()
        asked = {"clientId": listener.client_id, "enabled": True}
        assert (await http.patch("/internal/logs/subscribe", json=asked)).status_code == 200
        log.warning("after")
        sent = (await listener.until(lambda message: message["type"] == "logs"))[-1]["data"]
        wire.LogLines.model_validate(sent)
        assert sent["entries"][-1]["m"] == "WARNING sd35graph.test: after\n"
        await http.patch("/internal/logs/subscribe", json={**asked, "enabled": False})
        log.warning("never")
        await http.post("/prompt", json={"prompt": show(fresh()), "client_id": listener.client_id})
        told = await listener.until(lambda message: message["type"] == "execution_success")
        assert "logs" not in [message["type"] for message in told]
        assert (await http.patch("/internal/logs/subscribe", json={})).status_code == 400


async def test_the_description_is_served_and_the_committed_one_is_current(server: Server) -> None:
    async with server.http() as http:
        served = (await http.get("/openapi.json")).json()
        docs = await http.get("/docs")
    assert served == json.loads(json.dumps(describe(new_api())))
    committed = json.loads((ROOT / "web" / "openapi.json").read_text(encoding="utf-8"))
    assert served == committed, "run python -m sd35graph.server.export_openapi"
    assert docs.headers["content-type"].startswith("text/html")
    assert "http://" not in docs.text
    assert "https://" not in docs.text


def test_every_route_says_what_it_does_who_may_ask_and_what_its_parameters_mean() -> None:
    description = describe(new_api())
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            sentence, _, needed = operation["description"].rpartition("\n\n")
            assert sentence, (method, path)
            assert needed.startswith(("Needs the role `", "Needs no token")), (method, path)
            assert all(parameter.get("description") for parameter in operation.get("parameters", ())), (method, path)
            assert operation["tags"][0] in TAGS, (method, path)


async def test_every_route_is_there_under_api_too(server: Server) -> None:
    async with server.http() as http:
        description = (await http.get("/openapi.json")).json()
        for path, operations in description["paths"].items():
            if "get" in operations:
                concrete = path.replace("{", "").replace("}", "")
                old, new = await http.get(concrete), await http.get(f"/api{concrete}")
                assert (old.status_code, old.headers["content-type"]) == (new.status_code, new.headers["content-type"])


async def test_without_a_built_editor_a_page_says_how_to_build_it(tmp_path: Path) -> None:
    with serving(tmp_path / "base", static_dir=tmp_path / "static") as running:
        async with running.http() as http:
            page = await http.get("/")
            assert page.status_code == 200
            assert "make run" in page.text
            assert (await http.get("/assets/x.js")).status_code == 404
            (tmp_path / "static" / "assets").mkdir(parents=True)
            (tmp_path / "static" / "index.html").write_text("<title>editor</title>")
            (tmp_path / "static" / "assets" / "main-1a2b.js").write_text("1")
            page, script = await http.get("/"), await http.get("/assets/main-1a2b.js")
            assert (page.text, page.headers["cache-control"]) == ("<title>editor</title>", "no-cache")
            assert "immutable" in script.headers["cache-control"]
            assert (await http.get("/..%2fsecret")).status_code == 404


async def test_another_front_end_is_served_with_a_policy_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "pages" / "static").mkdir(parents=True)
    (tmp_path / "pages" / "static" / "index.html").write_text("<title>other</title>")
    with serving(tmp_path / "base", front_end=tmp_path / "pages") as running:
        async with running.http() as http:
            page = await http.get("/")
            assert page.text == "<title>other</title>"
            assert "'unsafe-eval'" in page.headers["content-security-policy"]
            assert "'unsafe-eval'" not in (await http.get("/docs")).headers["content-security-policy"]
            assert "'unsafe-eval'" not in (await http.get("/queue")).headers["content-security-policy"]
            assert (await http.get("/user.css")).status_code == 404


async def test_another_front_end_finds_every_loader_it_looks_up(tmp_path: Path) -> None:
    """Version 1.27.10 makes none of the loaders it knows while one of them is not listed."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.html").touch()
    with serving(tmp_path / "other", front_end=tmp_path / "pages") as other, serving(tmp_path / "ours") as ours:
        async with other.http() as http, ours.http() as plain:
            listed, known = (await http.get("/object_info")).json(), (await plain.get("/object_info")).json()
            assert known == {name: listed.pop(name) for name in known}
            assert set(listed) == {
                *(
                    "CheckpointLoaderSimple",
                    "ControlNetLoader",
                    "GLIGENLoader",
                    "ImageOnlyCheckpointLoader",
                    "LoraLoader",
                ),
                *("LoraLoaderModelOnly", "StyleModelLoader", "UNETLoader", "UpscaleModelLoader", "VAELoader"),
            }
            assert all(info["deprecated"] for info in listed.values())
            refused = await http.post("/prompt", json={"prompt": {"1": {"class_type": "GLIGENLoader", "inputs": {}}}})
            assert refused.status_code == 400


def test_a_front_end_without_a_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match=r"holds no index\.html; --front-end takes the folder of a built front end"):
        new_server(Settings(base=tmp_path / "base", front_end=tmp_path), lambda _line: None)


def test_the_api_process_imports_neither_torch_nor_what_only_some_requests_need() -> None:
    program = (
        "import sys, sd35graph.app; "
        "print(*sorted(m for m in ('torch', 'numpy', 'PIL', 'alembic', 'rich', 'transformers') if m in sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.split() == []


async def test_a_long_history_comes_whole_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_AT_ONCE", 2)
    with serving(tmp_path) as running:
        async with running.http() as http:
            assert (await http.get("/history")).json() == {}
            ended = [(await running.run(show(fresh())))[0] for _ in range(5)]
            assert [*(await http.get("/history")).json()] == ended
            assert [*(await http.get("/history?max_items=3")).json()] == ended[2:]
            assert [*(await http.get("/history?max_items=3&offset=1")).json()] == ended[1:4]
