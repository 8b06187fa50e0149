"""Events become the messages of the recorded sequences."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping

import pytest
from pydantic import JsonValue

from sd35graph.engine.events import Event, EventType
from sd35graph.server.encoding import dumps
from sd35graph.server.events.messages import JobFeed, Message, Preview
from sd35graph.server.wire import SOCKET_MESSAGES

JOB = "5df83256-b4aa-424c-b767-ac48f72ee2a6"


def event(kind: EventType, blob: bytes | None = None, seq: int | None = None, **data: JsonValue) -> Event:
    return Event(type=kind, job_id=JOB, data=data, timestamp_ms=1000, blob=blob, seq=seq)


def feed_of(*events: Event) -> list[Message | Preview]:
    feed = JobFeed(JOB, "me", {})
    return [message for one in events for message in feed.messages(one)]


def running(node: str, value: float = 0.0, total: float = 1.0, state: str = "running") -> Mapping[str, JsonValue]:
    return {
        "value": value,
        "max": total,
        "state": state,
        "node_id": node,
        "prompt_id": JOB,
        "display_node_id": node,
        "parent_node_id": None,
        "real_node_id": node,
    }


START = event("node_started", node="3", display_node="3", parent_node=None)


def test_a_node_is_announced_by_progress_state_and_executing() -> None:
    state, executing = feed_of(START)
    assert isinstance(state, Message)
    assert isinstance(executing, Message)
    assert (state.type, state.data) == ("progress_state", {"prompt_id": JOB, "nodes": {"3": running("3")}})
    assert (executing.type, executing.data) == ("executing", {"node": "3", "display_node": "3", "prompt_id": JOB})


def test_messages_carry_the_number_of_their_event_momentary_ones_that_of_their_nodes_start() -> None:
    start = event("node_started", seq=5, node="3", display_node="3", parent_node=None)
    momentary = (event("progress", node="3", value=1, total=2), event("preview", node="3", media_type="image/png"))
    end = event("succeeded", seq=8)
    feed = JobFeed(JOB, "me", {})
    told = [message for one in (start, *momentary) for message in feed.messages(one)]
    assert [(message.metadata if isinstance(message, Preview) else message.data)["seq"] for message in told] == [5] * 5
    assert [message.data["seq"] for message in feed.now()] == [5]
    (state,) = feed.messages(event("node_finished", seq=7, node="3"))
    (success,) = feed.messages(end)
    assert isinstance(state, Message)
    assert isinstance(success, Message)
    assert [state.data["seq"], success.data["seq"], feed.end(end).data["seq"]] == [7, 8, 8]


def test_progress_gives_state_and_progress_both_replaceable() -> None:
    state, progress = feed_of(START, event("progress", node="3", value=2, total=60))[2:]
    assert isinstance(progress, Message)
    assert isinstance(state, Message)
    assert state.data["nodes"] == {"3": running("3", 2, 60)}
    assert (progress.type, progress.data) == ("progress", {"value": 2, "max": 60, "prompt_id": JOB, "node": "3"})
    assert state.replaces is not None
    assert progress.replaces is not None


def test_progress_state_names_running_and_just_finished_nodes_only() -> None:
    other = event("node_started", node="4", display_node="4", parent_node=None)
    finished = event("node_finished", node="3", seconds=0.1, cached=False)
    messages = feed_of(START, finished, other)
    states = [message.data["nodes"] for message in messages if isinstance(message, Message) and "nodes" in message.data]
    assert states == [
        {"3": running("3")},
        {"3": {**running("3", 1.0, 1.0, "finished"), "seconds": 0.1}},
        {"4": running("4")},
    ]


def test_what_is_not_taken_from_the_cache_says_why() -> None:
    (message,) = feed_of(event("cached", nodes=["1"], reasons={"3": "not run before"}))
    assert isinstance(message, Message)
    assert (message.data["nodes"], message.data["reasons"]) == (["1"], {"3": "not run before"})


def test_progress_state_of_a_deep_recursion_stays_short_and_names_the_node_that_changed() -> None:
    feed = JobFeed(JOB, "me", {})
    for number in range(2000):
        feed.messages(event("node_started", node=f"n{number}", display_node="1", parent_node=None))
    for change in (event("progress", node="n0", value=1, total=2), event("node_finished", node="n1")):
        state = feed.messages(change)[0]
        assert isinstance(state, Message)
        nodes = state.data["nodes"]
        assert isinstance(nodes, dict)
        assert {str(change.data["node"]), "n1999"} <= nodes.keys()
        assert len(nodes) < 100
    assert len(feed.now()) < 100
    assert feed.now()[-1].data["node"] == "n1999"


def test_cached_output_nodes_send_executed_and_their_state() -> None:
    output: JsonValue = {"images": [{"filename": "a.png", "subfolder": "", "type": "output"}]}
    executed, state = feed_of(event("shown", seq=7, node="9", display_node="9", parent_node=None, output=output))
    assert isinstance(executed, Message)
    assert isinstance(state, Message)
    assert executed.data == {"node": "9", "display_node": "9", "output": output, "prompt_id": JOB, "seq": 7}
    assert state.data["nodes"] == {"9": running("9", 1.0, 1.0, "finished")}


def test_preview_is_event_1_or_with_metadata_event_4() -> None:
    (preview,) = feed_of(START, event("preview", blob=b"\xff\xd8pic", node="3", media_type="image/jpeg"))[2:]
    assert isinstance(preview, Preview)
    assert preview.frame(with_metadata=False) == struct.pack(">II", 1, 1) + b"\xff\xd8pic"
    frame = preview.frame(with_metadata=True)
    kind, length = struct.unpack(">II", frame[:8])
    assert kind == 4
    assert json.loads(frame[8 : 8 + length]) == {
        "node_id": "3",
        "prompt_id": JOB,
        "display_node_id": "3",
        "parent_node_id": None,
        "real_node_id": "3",
        "image_type": "image/jpeg",
    }
    assert frame[8 + length :] == b"\xff\xd8pic"


@pytest.mark.parametrize(("media_type", "number"), [("image/jpeg", 1), ("image/png", 2)])
def test_preview_names_its_picture_format(media_type: str, number: int) -> None:
    (preview,) = feed_of(event("preview", blob=b"x", node="3", media_type=media_type))
    assert preview.frame(with_metadata=False) == struct.pack(">II", 1, number) + b"x"


def test_failure_has_the_keys_clients_read() -> None:
    error: JsonValue = {
        "message": "no",
        "type": "ValueError",
        "node_id": "8",
        "node_type": "VAEDecode",
        "traceback": ["line\n"],
        "inputs": {"vae": ["x"]},
    }
    (message,) = feed_of(event("failed", error=error, executed=["54"]))
    assert isinstance(message, Message)
    assert message.type == "execution_error"
    assert message.data == {
        "prompt_id": JOB,
        "node_id": "8",
        "node_type": "VAEDecode",
        "executed": ["54"],
        "exception_message": "no",
        "exception_type": "ValueError",
        "traceback": ["line\n"],
        "current_inputs": {"vae": ["x"]},
        "current_outputs": ["54"],
        "timestamp": 1000,
    }


def test_interruption_and_block_name_the_type_of_the_node() -> None:
    feed = JobFeed(JOB, "me", {"3": "KSampler"})
    inside: Mapping[str, JsonValue] = {"node": "3:1", "display_node": "3", "parent_node": "3", "message": "no"}
    for one in (event("cancelled", node="3", executed=["1"]), Event(type="blocked", job_id=JOB, data=inside)):
        (message,) = feed.messages(one)
        assert isinstance(message, Message)
        assert message.data["node_type"] == "KSampler"


def test_every_message_fits_the_model_published_for_it() -> None:
    error: JsonValue = {"message": "m", "type": "t", "node_id": None, "node_type": None, "traceback": [], "inputs": {}}
    events = [
        event("started", attempt=1),
        event("cached", nodes=["1"], reasons={}),
        START,
        event("progress", node="3", value=1, total=2),
        event("shown", node="3", display_node="3", parent_node=None, output={"text": ["a"]}),
        event("node_finished", node="3", seconds=0.0, cached=False),
        event("blocked", node="4", message="stop"),
        event("warning", node="4", display_node="4", parent_node=None, message="look"),
        event("retried", reason="lost"),
        event("cancelled", node="3", executed=[]),
        event("failed", error=error, executed=[]),
        event("succeeded", seconds=1.0),
    ]
    feed = JobFeed(JOB, "me", {})
    seen = set()
    for message in [*(message for one in events for message in feed.messages(one)), feed.end(events[-1])]:
        assert isinstance(message, Message)
        SOCKET_MESSAGES[message.type].model_validate(message.data)
        seen.add(message.type)
    assert seen == set(SOCKET_MESSAGES) - {"status", "feature_flags", "logs", "queue_event"}


def test_json_never_carries_nan_or_breaks_on_lone_surrogates() -> None:
    assert dumps({"a": float("nan")}) == b'{"a":null}'
    assert json.loads(dumps({"a": "\ud800"})) == {"a": "\ud800"}
