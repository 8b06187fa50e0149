"""A server with several users, and what they do there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from live_server import Message, Server, fresh, serving

from sd35graph.tokens import Token, digest

ANNA, BOB, VERA, ROOT, PAST = (f"{name}-0123456789abcdef" for name in ("anna", "bob", "vera", "root", "past"))
ANNAS_GUEST = "annas-guest-0123456789"
WRONG = "wrong-0123456789abcdef"


def token(name: str, role: Any, secret: str, expires: datetime | None = None) -> Token:
    return Token(name=name, role=role, sha256=digest(secret), expires=expires)


TOKENS = (
    token("anna", "artist", ANNA),
    token("anna", "viewer", ANNAS_GUEST),
    token("bob", "artist", BOB),
    token("vera", "viewer", VERA),
    token("root", "admin", ROOT),
    token("past", "admin", PAST, datetime.now(UTC) - timedelta(seconds=1)),
)


@contextmanager
def studio(base: Path, **settings: Any) -> Iterator[Server]:
    """A server that knows these tokens."""
    with serving(base, tokens=TOKENS, **settings) as running:
        yield running


async def run_as(server: Server, secret: str, graph: Message, **request: Any) -> tuple[str, list[Message]]:
    """Queue a graph as the owner of a token and wait for its end; gives its id and the messages."""
    async with server.listening(token=secret) as listener, server.http(secret) as http:
        answer = await http.post("/prompt", json={"prompt": graph, "client_id": listener.client_id, **request})
        assert answer.status_code == 200, answer.text
        prompt_id: str = answer.json()["prompt_id"]
        return prompt_id, await listener.until_end(prompt_id)


def save(prefix: str, value: int | None = None) -> Message:
    """A graph that writes a file of this name."""
    inputs = {"value": fresh() if value is None else value, "prefix": prefix}
    return {"save": {"class_type": "ToySave", "inputs": inputs}}


def slow(seconds: float = 60.0) -> Message:
    """A graph that runs until it is cancelled."""
    steps = {"value": fresh(), "steps": int(seconds * 50), "seconds_per_step": 0.02}
    return {
        "steps": {"class_type": "ToySteps", "inputs": steps},
        "show": {"class_type": "ToyShow (any) [text]", "inputs": {"value": ["steps", 0]}},
    }
