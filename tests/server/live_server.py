"""Runs a real server with a real worker and the toy pack, and talks to it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect

from sd35graph.serving import listen, new_server
from sd35graph.settings import Settings

TOY_PACK = Path(__file__).parent / "toy_pack"
TIMEOUT_S = 60.0
ENDS = frozenset({"execution_success", "execution_error", "execution_interrupted"})

Message = dict[str, Any]


@dataclass
class Listener:
    """One WebSocket client and what it was sent."""

    socket: ClientConnection
    client_id: str

    async def next(self) -> Message:
        """The next message; binary ones as {"type": "binary", "data": bytes}."""
        frame = await asyncio.wait_for(self.socket.recv(), TIMEOUT_S)
        return {"type": "binary", "data": frame} if isinstance(frame, bytes) else json.loads(frame)

    async def until(self, wanted: Callable[[Message], bool]) -> list[Message]:
        """Messages up to and including the first that `wanted` accepts."""
        messages = [await self.next()]
        while not wanted(messages[-1]):
            messages.append(await self.next())
        return messages

    async def until_end(self, prompt_id: str) -> list[Message]:
        """Messages up to the one after which nothing of this job comes any more."""
        return await self.until(
            lambda message: (
                message["type"] == "executing"
                and message["data"]["node"] is None
                and message["data"]["prompt_id"] == prompt_id
            )
        )


@dataclass
class Server:
    """A running server, and clients for it."""

    url: str
    base: Path

    def http(self, token: str | None = None) -> httpx.AsyncClient:
        """A client with the server's address as its base, and a token if it is given one."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.url, timeout=TIMEOUT_S, headers=headers)

    @asynccontextmanager
    async def listening(
        self, client_id: str | None = None, path: str = "/ws", after: object = None, token: str | None = None
    ) -> AsyncIterator[Listener]:
        """A connected WebSocket client that has read its first `status`."""
        client_id = client_id or uuid4().hex
        address = f"{self.url.replace('http', 'ws')}{path}?clientId={client_id}"
        if after is not None:
            address += f"&after={after}"
        if token is not None:
            address += f"&token={token}"
        async with connect(address, max_size=2**26, open_timeout=TIMEOUT_S) as socket:
            listener = Listener(socket, client_id)
            assert (await listener.next())["type"] == "status"
            yield listener

    async def run(self, graph: Message, **request: Any) -> tuple[str, list[Message]]:
        """Queue a graph and wait for its end; gives its id and all its messages."""
        async with self.listening() as listener, self.http() as http:
            answer = await http.post("/prompt", json={"prompt": graph, "client_id": listener.client_id, **request})
            assert answer.status_code == 200, answer.text
            prompt_id = answer.json()["prompt_id"]
            return prompt_id, await listener.until_end(prompt_id)

    async def history(self, prompt_id: str) -> Message:
        """The history entry of a job."""
        async with self.http() as http:
            entry: Message = (await http.get(f"/history/{prompt_id}")).json()[prompt_id]
            return entry


@contextmanager
def serving(base: Path, **settings: Any) -> Iterator[Server]:
    """A server in a thread, its worker in a process, until the block ends."""
    given = {"packs": (TOY_PACK,), "builtin_nodes": False, "cancel_deadline_s": 2.0, **settings}
    listener = listen("127.0.0.1", 0)
    started = threading.Event()
    server = new_server(Settings(base=base, **given), lambda _line: started.set())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert started.wait(TIMEOUT_S), "the server did not start"
        yield Server(f"http://127.0.0.1:{listener.getsockname()[1]}", base)
    finally:
        server.should_exit = True
        thread.join(TIMEOUT_S)
        listener.close()
    assert not thread.is_alive(), "the server did not stop"


def code_of(answer: httpx.Response) -> str:
    """The code of a refusal, of either interface."""
    refused: Message = answer.json()
    code: str = refused["code"] if "code" in refused else refused["error"]["type"]
    return code


def show(value: object, name: str = "show") -> Message:
    """An output node that shows a value or link."""
    return {name: {"class_type": "ToyShow (any) [text]", "inputs": {"value": value}}}


def number(value: object, name: str = "n") -> Message:
    """A node that gives a number."""
    return {name: {"class_type": "ToyInt", "inputs": {"value": value}}}


def fresh() -> int:
    """A number no cache has seen."""
    return uuid4().int % 2**32
