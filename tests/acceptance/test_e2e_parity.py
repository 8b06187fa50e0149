"""The recorded graphs, replayed by the reference's own checker against `sd35graph serve` on its own model files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
GRAPHS = (
    "sd35.json",
    "sd35_again_cached",
    "sd35_new_seed_feature_flags",
    "batch2_subfolder",
    "img2img_lora",
    "runtime_error",
    "interrupted",
    "inpaint",
    "custom_sampler",
    "sd3_encode",
)


def environment() -> dict[str, str]:
    """Ours, with the checkout importable and few threads, so that results do not depend on the number of cores."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "nodes"), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": paths}


@pytest.fixture(scope="module")
def url(synthetic_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server in float32 on those files, in a base of its own: another may run on theirs."""
    base = tmp_path_factory.mktemp("parity_base")
    for folder in ("models", "input"):
        shutil.copytree(synthetic_base / folder, base / folder, copy_function=os.link)
    command = [
        sys.executable,
        "-m",
        "sd35graph",
        "serve",
        "--precision",
        "fp32",
        "--base",
        str(base),
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT) as server:
        assert server.stdout is not None
        said = []
        for line in server.stdout:
            said.append(line)
            if found := ADDRESS.search(line):
                yield found[0]
                break
        else:
            pytest.fail(f"the server ended before it listened: {''.join(said)}")
        server.terminate()
        server.wait(30)


def replay(shared: Path, url: str, only: str) -> subprocess.CompletedProcess[str]:
    """Run the reference's checker for the graphs or bad prompts whose name contains `only`."""
    command = [sys.executable, str(shared / "parity" / "check_e2e.py"), "--url", url, "--only", only]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)


@pytest.mark.parametrize("graph", GRAPHS)
def test_recorded_graph_gives_the_same_picture_messages_and_history(shared: Path, url: str, graph: str) -> None:
    replayed = replay(shared, url, f"run.{graph}")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr


def test_bad_prompts_get_the_recorded_error_replies(shared: Path, url: str) -> None:
    replayed = replay(shared, url, "bad")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
