"""The examples of docs/api.md do what it says, against a running server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sd35graph.engine.jobs import Delivery
from sd35graph.server.resources import WebhookRequest
from sd35graph.server.webhooks import DELAYS_S, signed

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
TIMEOUT_S = 120


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of the examples: where the server is."""
    base = tmp_path_factory.mktemp("guide")
    command = [sys.executable, "-m", "sd35graph", "serve", "--port", "0", "--base", str(base)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        yield {**os.environ, "SERVER": found[0]}
        process.terminate()
        process.wait(TIMEOUT_S)


def run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    return done.stdout


def test_the_python_example_follows_a_job_and_gets_its_picture(environment: dict[str, str]) -> None:
    told = run([sys.executable, "-c", examples("python")[0]], environment).splitlines()
    assert told[:2] == ["queued", "started"]
    assert told[-3:-1] == ["succeeded", "succeeded"]  # the event, then the job's state
    assert re.fullmatch(r'blue_\d+_\.png "[0-9a-f]{64}" \d+', told[-1])


def test_the_commands_submit_once_save_a_workflow_measure_a_prompt_and_ask_for_the_state(
    environment: dict[str, str],
) -> None:
    submit, save, measure, state = examples("sh")
    first, again = (json.loads(run(["bash", "-ec", submit], environment)) for _ in range(2))
    assert first["id"] == again["id"]
    assert json.loads(run(["bash", "-ec", save], environment))["name"] == "mine"
    assert run(["bash", "-ec", 'curl -sS "$SERVER/v1/workflows/mine"'], environment).count("not_found")
    (length,) = json.loads(run(["bash", "-ec", measure], environment))["encoders"]
    assert (length["encoder"], length["sections"]) == ("clip_l", 1)
    told = run(["bash", "-ec", state], environment)
    assert 'sd35graph_jobs{state="pending"}' in told


def test_the_signature_is_checked_as_the_guide_does() -> None:
    example = json.loads(examples("json")[0])["webhook"]
    webhook = WebhookRequest.model_validate(example)
    names: dict[str, object] = {}
    exec(examples("python")[1], names)
    is_genuine = names["is_genuine"]
    assert callable(is_genuine)
    headers = signed(Delivery("id", webhook.url, webhook.secret, "waiting", 0, None), b"{}", 1_700_000_000)
    assert is_genuine(webhook.secret, headers, b"{}")
    assert not is_genuine(webhook.secret, headers, b"{ }")


def test_the_pauses_are_those_of_the_guide() -> None:
    assert DELAYS_S == (5, 30, 300, 1800, 7200, 18_000, 36_000)
    assert "after 5 s, 30 s, 5 min, 30 min, 2 h, 5 h and\n10 h" in GUIDE
