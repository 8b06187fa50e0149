import itertools
import json
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sd35graph.engine.events import Event
from sd35graph.engine.folders import Folders
from sd35graph.engine.workers.outbox import Outbox
from sd35graph.engine.workers.protocol import (
    WORKER_CONFIG,
    Decoder,
    Frame,
    ProtocolError,
    WorkerConfig,
    encode,
    event_message,
    event_of,
)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.lists(st.tuples(JSON_VALUES, st.binary(max_size=50)), max_size=5), st.integers(1, 30))
def test_frames_survive_any_cutting_of_the_stream(contents: list[tuple[object, bytes]], piece: int) -> None:
    frames = [Frame({"kind": "test", "value": value}, blob) for value, blob in contents]
    stream = b"".join(encode(frame.message, frame.blob) for frame in frames)
    decoder = Decoder()
    received = [f for start in range(0, len(stream), piece) for f in decoder.feed(stream[start : start + piece])]
    assert received == frames


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes", {1, 2}])
def test_what_is_no_json_is_refused_where_it_is_sent(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        encode({"kind": "test", "value": value})


def test_text_in_the_stream_is_noticed() -> None:
    with pytest.raises(ProtocolError, match="something wrote between"):
        Decoder().feed(b"hello, I am a print\n")


@pytest.mark.parametrize("body", [b"{nonsense", b"[1]", b"{}"])
def test_frame_without_a_message_is_noticed(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        Decoder().feed(struct.pack(">II", len(body), 0) + body)


def test_event_crosses_with_its_picture() -> None:
    event = Event(type="preview", job_id="j", data={"node": "3", "media_type": "image/png"}, blob=b"\x89PNG\0")
    [frame] = Decoder().feed(event_message(event))
    assert event_of(frame) == event


def test_worker_config_crosses_the_command_line(tmp_path: Path) -> None:
    config = WorkerConfig(
        folders=Folders.under(tmp_path / "ä b"), packs=(tmp_path / "p",), cache_bytes=5, vram_bytes=10**11
    )
    assert WORKER_CONFIG.validate_json(WORKER_CONFIG.dump_json(config)) == config


class Pipe:
    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()

    def frames(self, count: int) -> list[Frame]:
        decoder, frames = Decoder(), list[Frame]()
        while len(frames) < count:
            frames += decoder.feed(os.read(self.read_end, 65536))
        return frames

    def close(self) -> None:
        os.close(self.read_end)
        os.close(self.write_end)


def test_outbox_replaces_only_momentary_frames_that_have_not_left() -> None:
    pipe = Pipe()
    outbox = Outbox(pipe.write_end)
    stuck = encode({"kind": "big"}, bytes(1 << 20))  # more than a pipe holds: the rest waits until we read
    outbox.put(stuck)
    for value in range(100):
        outbox.put(encode({"kind": "progress", "value": value}), newest_of="progress")
    outbox.put(encode({"kind": "state"}))
    frames = pipe.frames(3)
    assert [frame.message["kind"] for frame in frames] == ["big", "progress", "state"]
    assert frames[1].message["value"] == 99
    assert outbox.flush(10)
    outbox.close()
    pipe.close()


def test_small_frame_is_in_the_pipe_when_put_returns() -> None:
    pipe = Pipe()
    os.set_blocking(pipe.read_end, False)
    outbox = Outbox(pipe.write_end)
    for number in range(3):
        outbox.put(encode({"kind": "state", "number": number}))
        [frame] = pipe.frames(1)
        assert frame.message["number"] == number
    outbox.close()
    pipe.close()


def test_outbox_refuses_when_full_and_when_the_reader_is_gone() -> None:
    pipe = Pipe()
    outbox = Outbox(pipe.write_end, max_bytes=100)
    outbox.put(encode({"kind": "big"}, bytes(1 << 20)))
    taken = itertools.takewhile(outbox.offer, itertools.repeat(encode({"kind": "more", "text": "x" * 200}), 1000))
    assert len(list(taken)) < 1000
    os.close(pipe.read_end)
    assert outbox.flush(10)
    assert not outbox.offer(encode({"kind": "late"}))
    os.close(pipe.write_end)


def test_encoding_is_compact_json_behind_two_lengths() -> None:
    frame = encode({"kind": "x", "nested": {"a": [1, 2]}}, b"blob")
    body, blob = struct.unpack(">II", frame[:8])
    assert json.loads(frame[8 : 8 + body]) == {"kind": "x", "nested": {"a": [1, 2]}}
    assert frame[8 + body :] == b"blob"
    assert blob == 4
