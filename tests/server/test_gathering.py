"""What is written to a socket in one moment leaves in one piece, in its order."""

from __future__ import annotations

import asyncio
from typing import Any

from sd35graph.server.events.gathering import GatheringTransport


class Recorder(asyncio.Transport):
    """Notes what a transport is asked to do."""

    def __init__(self) -> None:
        super().__init__({"peername": "somebody"})
        self.calls: list[Any] = []

    def write(self, data: Any) -> None:
        self.calls.append(bytes(data))

    def close(self) -> None:
        self.calls.append("close")


async def test_writes_of_one_turn_are_one_write() -> None:
    behind = Recorder()
    transport = GatheringTransport(behind)
    transport.write(b"a")
    transport.write(b"b")
    assert behind.calls == []
    await asyncio.sleep(0)
    transport.write(b"c")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert behind.calls == [b"ab", b"c"]


async def test_what_was_written_leaves_before_the_connection_is_closed() -> None:
    behind = Recorder()
    transport = GatheringTransport(behind)
    transport.write(b"goodbye")
    transport.close()
    await asyncio.sleep(0)
    assert behind.calls == [b"goodbye", "close"]


async def test_much_does_not_wait() -> None:
    behind = Recorder()
    transport = GatheringTransport(behind)
    transport.write(b"first")
    transport.write(b"x" * 2**16)
    assert [len(call) for call in behind.calls] == [5 + 2**16]
    await asyncio.sleep(0)
    assert len(behind.calls) == 1
    assert transport.get_extra_info("peername") == "somebody"
