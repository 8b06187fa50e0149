"""Clients of the server benchmark that cost little themselves: they share the machine with what they measure."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import time
from collections.abc import Callable
from typing import Any

HOST = "127.0.0.1"
_SEQ = re.compile(rb'"seq":(\d+)')
_SENT = re.compile(rb'"message":"(\d+\.\d+)"')
_LONG, _VERY_LONG = 126, 127
_PING, _PONG = 9, 10

Graph = dict[str, Any]


class Frames(asyncio.Protocol):
    """A WebSocket client that only cuts what it receives into messages, handed to `on_message`."""

    def __init__(self, port: int, client_id: str, on_message: Callable[[bytes], object]) -> None:
        self._on_message = on_message
        self._buffer = bytearray()
        self._request = (
            f"GET /ws?clientId={client_id} HTTP/1.1\r\nHost: {HOST}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n"
        )
        self._is_open = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the socket."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(self._request.encode())

    def data_received(self, data: bytes) -> None:
        """Cut off whole messages."""
        self._buffer += data
        if not self._is_open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.opened.set_exception(RuntimeError(head.decode("latin-1")))
                return
            self._buffer, self._is_open = rest, True
            self.opened.set_result(None)
        start = 0
        while len(self._buffer) - start >= 2:
            size, begin = self._buffer[start + 1], start + 2
            if size == _LONG:
                size, begin = int.from_bytes(self._buffer[begin : begin + 2], "big"), begin + 2
            elif size == _VERY_LONG:
                size, begin = int.from_bytes(self._buffer[begin : begin + 8], "big"), begin + 8
            if len(self._buffer) < begin + size or begin - start > len(self._buffer) - start:
                break
            content = bytes(self._buffer[begin : begin + size])
            if self._buffer[start] & 0x0F == _PING:  # an unanswered one ends the connection
                self._transport.write(bytes([0x80 | _PONG, 0x80 | size, 0, 0, 0, 0]) + content)
            else:
                self._on_message(content)
            start = begin + size
        del self._buffer[:start]


async def connect(port: int, client_id: str, on_message: Callable[[bytes], object]) -> asyncio.BaseTransport:
    """Open a socket."""
    loop = asyncio.get_running_loop()
    transport, frames = await loop.create_connection(lambda: Frames(port, client_id, on_message), HOST, port)
    await frames.opened
    return transport


async def post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, graph: Graph, client_id: str) -> Any:
    """Queue a graph over a connection that stays open; gives the answer."""
    body = json.dumps({"prompt": graph, "client_id": client_id}).encode()
    head = f"POST /prompt HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", answer)
    content = await reader.readexactly(int(found[1])) if found else b""
    if b" 200 " not in answer.split(b"\r\n", 1)[0]:
        raise RuntimeError((answer + content).decode("latin-1"))
    return json.loads(content)


class Ends:
    """Counts the successes a socket tells of."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self.count = 0
        self.all = asyncio.Event()

    def see(self, message: bytes) -> None:
        """Take note of a message."""
        if message.startswith(b'{"type":"execution_error"'):
            raise RuntimeError(message.decode())
        if message.startswith(b'{"type":"execution_success"'):
            self.count += 1
            if self.count >= self._wanted:
                self.all.set()


async def throughput(port: int, graphs: list[Graph], connections: int) -> dict[str, float]:
    """Queue graphs over several connections at once; time from the first request to the last success."""
    ends = Ends(len(graphs))
    transport = await connect(port, "throughput", ends.see)
    waiting = iter(graphs)

    async def send() -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        for graph in waiting:
            await post(reader, writer, graph, "throughput")
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(connections)))
    accepted = time.perf_counter()
    await ends.all.wait()
    ended = time.perf_counter()
    transport.close()
    return {
        "prompts": len(graphs),
        "prompts_per_s": round(len(graphs) / (ended - began), 1),
        "accepted_per_s": round(len(graphs) / (accepted - began), 1),
    }


class Delivery:
    """What one of many sockets received of the numbered messages."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.delays_s: list[float] = []

    def see(self, message: bytes) -> None:
        """Take note of a message; those that say when they were sent give a delay."""
        sent = _SENT.search(message)
        if sent is not None:
            self.delays_s.append(time.time() - float(sent[1]))
            found = _SEQ.search(message)
            self.numbers += [int(found[1])] if found else []


async def many_sockets(port: int, count: int, graph: Graph, seconds: float) -> dict[str, float]:
    """Have many sockets listen to one job that says something ten times a second."""
    deliveries = [Delivery() for _ in range(count)]
    ends = Ends(1)
    listener = await connect(port, "many", ends.see)
    transports = []
    for batch in _batched(deliveries, 50):
        transports += await asyncio.gather(*(connect(port, "many", delivery.see) for delivery in batch))
    reader, writer = await asyncio.open_connection(HOST, port)
    await post(reader, writer, graph, "many")
    await asyncio.wait_for(ends.all.wait(), seconds * 3 + 30)
    await asyncio.sleep(1)
    for transport in (*transports, listener):
        transport.close()
    writer.close()
    delays = sorted(delay for delivery in deliveries for delay in delivery.delays_s)
    expected = max((delivery.numbers for delivery in deliveries), key=len)
    return {
        "sockets": count,
        "events_each": len(expected),
        "deliveries": len(delays),
        "lost": sum(len(expected) - len(set(delivery.numbers)) for delivery in deliveries),
        "out_of_order": sum(delivery.numbers != sorted(delivery.numbers) for delivery in deliveries),
        "p50_ms": round(1e3 * delays[len(delays) // 2], 1),
        "p95_ms": round(1e3 * delays[int(0.95 * len(delays))], 1),
        "max_ms": round(1e3 * delays[-1], 1),
    }


def _batched(values: list[Delivery], size: int) -> list[list[Delivery]]:
    return [values[start : start + size] for start in range(0, len(values), size)]
