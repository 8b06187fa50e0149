"""Who receives what, and what happens to a client that cannot keep up."""

from __future__ import annotations

import json
from dataclasses import replace

from sd35graph.engine.events import Event, EventType
from sd35graph.server.events import hub as hub_module
from sd35graph.server.events.hub import Client, Hub
from sd35graph.server.events.messages import Message


def event(kind: EventType, job: str = "job", **data: object) -> Event:
    return Event(type=kind, job_id=job, data=data, timestamp_ms=1)  # type: ignore[arg-type]


def started(node: str, job: str = "job") -> Event:
    return event("node_started", job, node=node, display_node=node, parent_node=None)


def connect(hub: Hub, sid: str) -> Client:
    client = hub.greet(sid)
    hub.join(client)
    return client


def follow(hub: Hub, job: str, client_id: str | None) -> None:
    assert hub.follow(job, client_id, {})
    hub.publish([event("queued", job)])


def told_length(queue_remaining: int) -> dict[str, object]:
    return {"status": {"exec_info": {"queue_remaining": queue_remaining}}}


async def drain(client: Client) -> list[dict[str, object]]:
    """Everything that waits for the client now; a marker put at the end says where that is."""
    client.offer(Message("marker", {}))
    frames = []
    while True:
        frame = await client.next_frame()
        assert isinstance(frame, str)
        message = json.loads(frame)
        if message["type"] == "marker":
            return frames
        frames.append(message)


async def types(client: Client) -> list[object]:
    return [message["type"] for message in await drain(client)]


async def test_connecting_tells_the_id_and_the_queue() -> None:
    hub = Hub()
    follow(hub, "job", "other")
    (message,) = await drain(connect(hub, "me"))
    assert message == {
        "type": "status",
        "data": {"status": {"exec_info": {"queue_remaining": 1}}, "sid": "me", "seq": 0},
    }


async def test_a_job_sends_the_recorded_sequence_to_its_client_and_status_to_all() -> None:
    hub = Hub()
    owner, other = connect(hub, "owner"), connect(hub, "other")
    follow(hub, "job", "owner")
    hub.publish([event("started"), event("cached", nodes=[]), started("1"), event("succeeded")])
    assert await types(owner) == [
        "status",
        "status",
        "status",
        "execution_start",
        "execution_cached",
        "progress_state",
        "executing",
        "execution_success",
        "status",
        "executing",
    ]
    first, last = await drain(other)
    assert ("sid" in first["data"], last) == (True, {"type": "status", "data": told_length(0)})


async def test_lengths_of_the_queue_are_told_one_by_one_to_a_client_that_keeps_up() -> None:
    hub = Hub()
    other = connect(hub, "other")
    await drain(other)
    told = []
    for number in range(3):
        follow(hub, str(number), "owner")
        told += await drain(other)
    assert told == [{"type": "status", "data": told_length(number)} for number in (1, 2, 3)]


async def test_the_last_message_is_executing_with_node_null() -> None:
    hub = Hub()
    client = connect(hub, "me")
    follow(hub, "job", "me")
    hub.publish([event("failed", error={"message": "no"}, executed=[])])
    messages = await drain(client)
    assert messages[-1] == {"type": "executing", "data": {"node": None, "prompt_id": "job"}}
    assert messages[-2]["data"] == {"status": {"exec_info": {"queue_remaining": 0}}}


async def test_a_client_that_reconnects_is_told_what_runs_and_goes_on_receiving() -> None:
    hub = Hub()
    first = connect(hub, "me")
    follow(hub, "job", "me")
    hub.publish([event("started"), started("7")])
    hub.disconnect(first)
    second = connect(hub, "me")
    hub.publish([event("succeeded")])
    messages = await drain(second)
    assert [message["type"] for message in messages] == [
        "status",
        "executing",
        "execution_success",
        "status",
        "executing",
    ]
    assert messages[1]["data"] == {"node": "7", "display_node": "7", "prompt_id": "job"}


async def test_two_sockets_of_one_client_both_receive() -> None:
    hub = Hub()
    both = [connect(hub, "me"), connect(hub, "me")]
    follow(hub, "job", "me")
    hub.publish([event("succeeded")])
    for client in both:
        assert "execution_success" in await types(client)


async def test_who_watches_is_told_in_short_of_the_jobs_of_others_only() -> None:
    hub = Hub()
    watcher = hub.greet("me", watches=True)
    stranger = hub.greet("me too", "alice", watches=True)
    for client in (watcher, stranger):
        hub.join(client)
        await drain(client)
    follow(hub, "mine", "me")
    follow(hub, "job", "other")
    hub.publish([started("1"), event("progress", node="1", value=1, total=2), event("succeeded")])
    hub.queue_changed()
    told = [message["data"] for message in await drain(watcher) if message["type"] == "queue_event"]
    assert told == [
        {"event": "queued", "prompt_id": "job", "node": None},
        {"event": "node_started", "prompt_id": "job", "node": "1"},
        {"event": "progress", "prompt_id": "job", "node": "1", "value": 1, "max": 2},
        {"event": "succeeded", "prompt_id": "job", "node": None},
        {"event": "changed", "prompt_id": None, "node": None},
    ]
    told = [message["data"] for message in await drain(stranger) if message["type"] == "queue_event"]
    assert told == [{"event": "changed", "prompt_id": None, "node": None}]  # alice may not see others' jobs


async def test_a_vanished_client_and_a_job_without_client_harm_nobody() -> None:
    hub = Hub()
    hub.disconnect(connect(hub, "gone"))
    follow(hub, "a", "gone")
    follow(hub, "b", None)
    hub.publish([started("1", "a"), started("1", "b"), event("succeeded", "a"), event("succeeded", "b")])
    assert hub.queue_remaining == 0


async def test_progress_coalesces_to_the_newest_only_once_the_queue_is_full() -> None:
    hub = Hub()
    client = connect(hub, "me")
    follow(hub, "job", "me")
    hub.publish([started("3")])
    hub.publish([event("progress", node="3", value=value, total=1000) for value in range(1000)])
    hub.publish([event("succeeded")])
    messages = await drain(client)
    values = [message["data"]["value"] for message in messages if message["type"] == "progress"]  # type: ignore[index]
    whole = values.index(999)
    assert values[:whole] == list(range(whole))  # nothing left out before the queue was full
    assert 100 < len(values) < hub_module.SOFT_LIMIT_MESSAGES
    assert [message["type"] for message in messages[-3:]] == ["execution_success", "status", "executing"]


async def test_state_is_never_dropped_even_when_the_queue_is_full() -> None:
    hub = Hub()
    client = connect(hub, "me")
    follow(hub, "job", "me")
    hub.publish([started(str(number)) for number in range(2 * hub_module.SOFT_LIMIT_MESSAGES)])
    nodes = [message["data"]["node"] for message in await drain(client) if message["type"] == "executing"]  # type: ignore[index]
    assert nodes == [str(number) for number in range(2 * hub_module.SOFT_LIMIT_MESSAGES)]


async def test_a_client_too_slow_for_state_is_marked_for_disconnection() -> None:
    client = Client("slow")
    message = Message("executed", {"output": "x" * 2**20})
    for _ in range(hub_module.HARD_LIMIT_BYTES // 2**20 - 1):
        client.offer(message)
    assert not client.is_too_slow.is_set()
    client.offer(message)
    assert client.is_too_slow.is_set()


async def test_message_volume_of_a_long_cached_chain_is_linear() -> None:
    async def volume(nodes: int) -> int:
        hub = Hub()
        client = connect(hub, "me")
        follow(hub, "job", "me")
        hub.publish([event("started"), event("cached", nodes=[str(number) for number in range(nodes)])])
        for number in range(nodes):
            hub.publish([started(str(number)), event("node_finished", node=str(number), seconds=0.0, cached=False)])
        return len(json.dumps(await drain(client)))

    assert await volume(5000) < 12 * await volume(500)


async def test_events_a_client_has_seen_are_not_sent_to_it_again() -> None:
    hub = Hub()
    follow(hub, "job", "me")
    late = hub.greet("me")
    hub.join(late, seen_seq=5)
    hub.publish([replace(event("started"), seq=5), replace(event("cached", nodes=[]), seq=6)])
    assert await types(late) == ["status", "status", "execution_cached"]
    assert hub.last_seq == 6
