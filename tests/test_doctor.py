"""The doctor finds what would keep a server from running well, and says what to do."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from sd35graph.doctor import Finding, examine
from sd35graph.engine.jobs import NewJob
from sd35graph.engine.storage.store import JobStore
from sd35graph.settings import Settings


def findings(base: Path, **flags: object) -> dict[str, Finding]:
    settings = Settings.load({"base": base, "port": 0, "builtin_nodes": False, **flags}, {})
    return {finding.name: finding for finding in examine(settings)}


def test_a_new_installation_is_well_and_nothing_is_left_behind(tmp_path: Path) -> None:
    found = findings(tmp_path / "base")
    assert {name for name, finding in found.items() if finding.state == "fail"} == set()
    assert found["models"].remedy.startswith("`sd35graph models pull sd3.5-medium` fetches one")
    assert all(finding.remedy for finding in found.values() if finding.state != "ok")
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_counted_and_its_damage_told(tmp_path: Path) -> None:
    path = tmp_path / "sd35graph.sqlite"
    with closing(JobStore.open(f"sqlite:///{path}")) as store:
        for number in range(200):
            store.submit(NewJob(job_id=str(number), prompt={"1": {"inputs": {"text": "x" * 500}}}, targets=()))
    assert "200 pending" in findings(tmp_path)["store"].message
    with path.open("r+b") as file:
        file.seek(8 * 4096)
        file.write(b"\xff" * 8 * 4096)
    found = findings(tmp_path)["store"]
    assert found.state == "fail"
    assert "damaged" in found.message or "malformed" in found.message


def test_a_store_of_a_newer_program_is_told(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "sd35graph.sqlite")) as store, store:
        store.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        store.execute("INSERT INTO alembic_version VALUES ('9999')")
    found = findings(tmp_path)["store"]
    assert (found.state, "newer sd35graph" in found.message) == ("fail", True)


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = findings(tmp_path, port=taken.getsockname()[1])["port"]
    assert (found.state, "in use already" in found.message) == ("fail", True)


def test_a_folder_below_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = findings(tmp_path, output=tmp_path / "file" / "out")["folder output"]
    assert (found.state, "cannot be written" in found.message) == ("fail", True)
    assert "another folder with --output" in found.remedy


def test_damaged_models_and_packs_that_do_not_load_are_named(tmp_path: Path) -> None:
    (tmp_path / "models" / "vae").mkdir(parents=True)
    (tmp_path / "models" / "vae" / "half.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{")
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "broken.py").write_text("import nothing_of_this_name\n")
    found = findings(tmp_path, packs=(tmp_path / "packs",), device="cuda:77")
    assert "half.safetensors" in found["model"].message
    assert "nothing_of_this_name" in found["pack"].message
    assert found["device"].message == "cuda:77 is asked for, and is not here"
    assert {found[name].state for name in ("model", "pack", "device")} == {"fail"}


def test_the_command_prints_lines_or_json_and_its_exit_code_tells(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sd35graph", "doctor", "--base", str(tmp_path), "--no-builtin-nodes"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bad = subprocess.run(
            [*command, "--port", str(taken.getsockname()[1])], capture_output=True, text=True, check=False
        )
    assert bad.returncode == 1
    assert any(line.startswith("fail  port") for line in bad.stdout.splitlines())
    good = subprocess.run([*command, "--port", "0", "--json"], capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stdout
    assert json.loads(good.stdout)["ok"] is True
