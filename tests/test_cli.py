"""The command line as users meet it: exit codes, what is printed where, overrides."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

GREEN = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 16, "height": 8, "batch_size": 1, "color": 0x00FF00},
        "_meta": {"title": "Canvas"},
    },
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "green"}},
}
TOY = """
from sd35graph import node

@node("Toy", category="toy")
def toy(a: int) -> int:
    "Give a back."
    return a
"""

SLOW = """
import sys, time

from sd35graph import Context, node

@node("Slow", category="toy", is_output=True)
def slow(ctx: Context, a: int) -> None:
    "Take a minute, unless cancelled."
    print("slow node runs", file=sys.stderr, flush=True)
    for step in range(6000):
        ctx.progress(step, 6000)
        time.sleep(0.01)
"""

WARNING = """
from sd35graph import Context, node

@node("Warning", category="toy", is_output=True)
def warning(ctx: Context, a: int) -> None:
    "Say something and go on."
    ctx.warn(f"{a} keys fit nothing")
"""


def sd35graph(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sd35graph", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=cwd)


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    path = tmp_path / "green.json"
    path.write_text(json.dumps(GREEN))
    return path


def test_run_says_which_folder_it_cannot_make(workflow: Path, tmp_path: Path) -> None:
    done = sd35graph("run", workflow, "-o", workflow / "out", "--base", tmp_path / "base")
    assert done.returncode == 1
    assert done.stderr.strip().startswith("sd35graph: ")
    assert str(workflow / "out") in done.stderr
    assert "Traceback" not in done.stderr


def test_base_that_is_a_file_is_named(workflow: Path) -> None:
    done = sd35graph("check", workflow, "--base", workflow)
    assert done.returncode == 2
    assert f"{workflow} is no folder; give one with --base" in done.stderr


def test_run_writes_pictures_into_the_folder_and_prints_their_names(workflow: Path, tmp_path: Path) -> None:
    done = sd35graph("run", workflow, "-o", tmp_path / "out", "--base", tmp_path / "base")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "out" / "green_00001_.png")]
    with Pillow.open(tmp_path / "out" / "green_00001_.png") as picture:
        assert picture.getpixel((0, 0)) == (0, 255, 0)


def test_set_takes_an_id_or_a_title(workflow: Path, tmp_path: Path) -> None:
    done = sd35graph(
        *("run", workflow, "-o", tmp_path, "--base", tmp_path),
        *("--set", "Canvas.width=32", "--set", "1.color=255", "--set", "2.filename_prefix=blue"),
    )
    assert done.returncode == 0, done.stderr
    with Pillow.open(tmp_path / "blue_00001_.png") as picture:
        assert picture.size == (32, 8)
        assert picture.getpixel((0, 0)) == (0, 0, 255)


def test_run_prints_the_names_of_files_that_are_no_pictures_too(tmp_path: Path) -> None:
    prompt = {
        "1": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "2": {"class_type": "SaveLatent", "inputs": {"samples": ["1", 0], "filename_prefix": "empty"}},
    }
    (tmp_path / "latent.json").write_text(json.dumps(prompt), encoding="utf-8")
    done = sd35graph("run", tmp_path / "latent.json", "-o", tmp_path, "--base", tmp_path)
    assert done.stdout.split() == [str(tmp_path / "empty_00001_.latent")], done.stderr


def test_picture_made_by_run_runs_again(workflow: Path, tmp_path: Path) -> None:
    sd35graph("run", workflow, "-o", tmp_path, "--base", tmp_path)
    done = sd35graph("run", tmp_path / "green_00001_.png", "-o", tmp_path, "--base", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "green_00002_.png").is_file()


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("width=3", "NODE.INPUT=VALUE"),
        ("Nobody.width=3", 'no node with the id or title "Nobody"; there are 1 "Canvas", 2 "SaveImage"'),
        ("1.widht=3", 'has no input "widht"; it has width, height, batch_size, color'),
    ],
)
def test_wrong_override_says_what_is_there(workflow: Path, tmp_path: Path, override: str, words: str) -> None:
    done = sd35graph("run", workflow, "--base", tmp_path, "--set", override)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_check_prints_all_problems_with_stable_codes(tmp_path: Path) -> None:
    bad: dict[str, Any] = json.loads(json.dumps(GREEN))
    bad["1"]["inputs"].update(width=0, height="tall")
    bad["2"]["inputs"]["images"] = ["9", 0]
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(bad))
    done = sd35graph("check", path, "--json", "--base", tmp_path)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    found = {(p["code"], p["node_id"], p["input"]) for p in report["problems"]}
    assert found == {("out_of_range", "1", "width"), ("wrong_type", "1", "height"), ("dangling_link", "2", "images")}
    assert report["ok"] is False


def test_check_of_a_good_file_is_zero(workflow: Path, tmp_path: Path) -> None:
    done = sd35graph("check", workflow, "--base", tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, f"{workflow}: good")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\x80\x02}q\x00.", b'{"a": 1}'])
def test_file_that_is_no_workflow_is_two(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    for command in ("check", "run"):
        done = sd35graph(command, path, "--base", tmp_path)
        assert done.returncode == 2
        assert str(path) in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["sd35_large", "sd35_large.json", "workflows/sd35_large.json"])
def test_example_is_found_by_name_from_anywhere(tmp_path: Path, name: str) -> None:
    done = sd35graph("check", name, "--base", tmp_path, cwd=tmp_path)
    assert done.returncode == 1
    assert 'names "sd3.5_large.safetensors"' in done.stderr


def test_file_of_an_examples_name_is_the_one_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "sd35_large").write_text(json.dumps(GREEN))
    done = sd35graph("check", "sd35_large", "--base", tmp_path, cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, "sd35_large: good")


@pytest.mark.parametrize("name", ["sd35_hugo", "elsewhere/sd35_tiny.json", "sd35_tiny.png", "../workflows/sd35_tiny"])
def test_unknown_file_is_two_and_names_the_examples(tmp_path: Path, name: str) -> None:
    done = sd35graph("run", name, "--base", tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    examples = "sd35_large, sd35_large_controlnet, sd35_large_inpaint, sd35_large_turbo, sd35_medium, sd35_tiny"
    assert f"{name}: there is no such file; the examples that come along are {examples}" in done.stderr


def test_failing_node_is_named_and_gives_one(workflow: Path, tmp_path: Path) -> None:
    pack = tmp_path / "packs" / "bad.py"
    pack.parent.mkdir()
    pack.write_text(
        "from sd35graph import node\n@node('Fail', category='toy', is_output=True)\n"
        "def fail(a: int) -> None:\n    'Fail.'\n    raise RuntimeError('no more paper')\n"
    )
    path = tmp_path / "fail.json"
    path.write_text(json.dumps({"7": {"class_type": "Fail", "inputs": {"a": 1}}}))
    done = sd35graph("run", path, "--base", tmp_path, "--packs", pack.parent)
    assert done.returncode == 1
    assert "Fail (node 7): RuntimeError: no more paper" in done.stderr


def test_nodes_lists_types_of_packs_and_leaves_the_builtin_out(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(TOY)
    done = sd35graph("nodes", "--no-builtin-nodes", "--packs", tmp_path)
    assert done.returncode == 0
    assert done.stdout.split() == ["toy", "Toy", "Give", "a", "back."]


def test_unusable_setting_is_two(workflow: Path, tmp_path: Path) -> None:
    done = sd35graph("run", workflow, "--base", tmp_path, "--device", "toaster")
    assert done.returncode == 2
    assert 'setting "device"' in done.stderr


def test_ctrl_c_cancels_in_order(tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "slow.py").write_text(SLOW)
    path = tmp_path / "slow.json"
    path.write_text(json.dumps({"1": {"class_type": "Slow", "inputs": {"a": 1}}}))
    command = [sys.executable, "-m", "sd35graph", "run", str(path), "--base", str(tmp_path)]
    with subprocess.Popen(
        [*command, "--packs", str(tmp_path / "packs"), "--no-builtin-nodes"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        while "slow node runs" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "cancelled" in said
    assert "Traceback" not in said


def test_warnings_of_nodes_are_printed_and_the_run_is_good(tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "warning.py").write_text(WARNING)
    path = tmp_path / "warning.json"
    path.write_text(json.dumps({"1": {"class_type": "Warning", "inputs": {"a": 2}, "_meta": {"title": "Mine"}}}))
    done = sd35graph("run", path, "--base", tmp_path, "--packs", tmp_path / "packs", "--no-builtin-nodes")
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == 'warning: Warning "Mine" (node 1): 2 keys fit nothing'


def test_tokens_are_made_listed_and_revoked(tmp_path: Path) -> None:
    base = ("--base", tmp_path)
    made = sd35graph("token", "add", "anna", "--role", "viewer", "--days", "3", *base)
    assert made.returncode == 0, made.stderr
    assert len(made.stdout.strip()) == 32
    listed = sd35graph("token", "list", *base).stdout
    assert "viewer  anna  until 2" in listed
    assert made.stdout.strip() not in listed
    assert sd35graph("token", "revoke", listed.split()[0], *base).returncode == 0
    gone = sd35graph("token", "revoke", "anna", *base)
    assert gone.returncode == 1
    assert "`sd35graph token list` names them" in gone.stderr
    bad = sd35graph("token", "add", "a/b", *base)
    assert bad.returncode == 1
    assert '"a/b" is no name for a token' in bad.stderr


def test_serve_refuses_the_store_of_a_newer_program_before_it_listens(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "sd35graph.sqlite")) as store, store:
        store.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        store.execute("INSERT INTO alembic_version VALUES ('9999')")
    done = sd35graph("serve", "--base", tmp_path, "--port", "0")
    assert done.returncode == 1
    assert "written by a newer sd35graph: its tables have revision 9999" in done.stderr
    assert "upgrade sd35graph" in done.stderr
    assert (done.stdout, "Traceback" in done.stderr) == ("", False)
