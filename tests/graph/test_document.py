"""Documents of any kind: forms recognised, wrappers opened, nonsense refused with a reason and never otherwise."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import Base
from PIL.PngImagePlugin import PngInfo

from sd35graph.graph.check import check_document
from sd35graph.graph.errors import DocumentError
from sd35graph.graph.formats.document import read_bytes, read_document
from sd35graph.graph.formats.png import png_workflow_texts
from sd35graph.graph.problems import PROBLEMS
from sd35graph.graph.schema import InputSchema, NodeSchema, OutputSchema
from sd35graph.server.jobs.legacy_errors import legacy_errors

TYPES = {
    "Save": NodeSchema(
        type="Save",
        title="Save",
        category="test",
        pack="test",
        inputs=(
            InputSchema(name="seed", type="INT", widget=True, min=0),
            InputSchema(name="mode", type="COMBO", widget=True, choices=("a", "b")),
            InputSchema(name="file", type="COMBO", widget=True, source="checkpoints", required=False),
            InputSchema(name="cfg", type="FLOAT", widget=True, required=False),
            InputSchema(name="any", type="*", required=False),
        ),
        outputs=(OutputSchema(name="x", type="INT"),),
        is_output=True,
    )
}
API: dict[str, Any] = {"9": {"class_type": "Save", "inputs": {"seed": 5, "mode": "a"}}}
EDITOR: dict[str, Any] = {
    "nodes": [{"id": 9, "type": "Save", "widgets_values": [5, "fixed", "a"], "pos": [0, 0]}],
    "links": [],
    "version": 0.4,
}


@pytest.mark.parametrize(
    ("document", "workflow"),
    [
        (API, None),
        (EDITOR, EDITOR),
        ({"prompt": API}, None),
        ({"prompt": EDITOR}, EDITOR),
        ({"workflow": EDITOR}, EDITOR),
        ({"prompt": API, "workflow": EDITOR}, EDITOR),
        ({"prompt": API, "client_id": "x", "extra_data": {"extra_pnginfo": {"workflow": EDITOR}}}, EDITOR),
    ],
)
def test_every_form_gives_the_same_graph(document: object, workflow: object) -> None:
    read = read_document(document, TYPES)
    assert dict(read.graph.nodes["9"].inputs) == {"seed": 5, "mode": "a"}
    assert read.workflow == workflow
    assert read.prompt["9"]["class_type"] == "Save"  # type: ignore[index,call-overload]
    assert read.problems == []


def test_prompt_is_kept_exactly_as_it_came() -> None:
    prompt = {"9": {"class_type": "Save", "inputs": {"seed": "5", "mode": "a"}, "is_changed": [1], "extra": None}}
    assert read_document({"prompt": prompt}, TYPES).prompt is prompt


def test_node_with_the_id_prompt_is_a_node() -> None:
    read = read_document({"prompt": API["9"]}, TYPES)
    assert list(read.graph.nodes) == ["prompt"]


def test_wrapped_empty_prompt_is_an_empty_workflow() -> None:
    assert read_document({"prompt": {}}, TYPES).graph.nodes == {}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([1, 2], "a workflow is a JSON object, but this is a list of 2"),
        ("hi", 'a workflow is a JSON object, but this is the text "hi"'),
        ({}, "this is no workflow: .*; it has nothing"),
        ({"a": 1}, 'this is no workflow: .*; it has "a"'),
        ({"prompt": None}, '"prompt" should be a workflow, a JSON object, but is null'),
        ({"prompt": []}, '"prompt" should be a workflow, a JSON object, but is an empty list'),
        ({"9": {"class_type": object()}}, "the document holds a object, which is no JSON value"),
        ({"9": {1: 2}}, r"keys of JSON objects are texts, but this document has \[1\]"),
        ({"9": {"class_type": "Save", "inputs": {"seed": 1 << 2000}}}, "an integer of more than 1024 bits"),
    ],
)
def test_what_is_no_workflow_is_refused_with_the_reason(document: object, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        read_document(document, TYPES)


def test_deep_nesting_is_refused() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(DocumentError, match="nested more than 100 deep"):
        read_document({"9": {"class_type": "Save", "inputs": {"any": {"x": deep}}}}, TYPES)
    while isinstance(deep, list):  # freed level by level: the interpreter would recurse
        deep = deep[0]


def test_nan_where_a_number_is_wanted_is_a_problem_and_the_stored_prompt_is_json() -> None:
    document = read_bytes(
        '{"9": {"class_type": "Save", "inputs": {"seed": 1, "mode": "a", "cfg": NaN}, "old": [Infinity]}}'
    )
    read, validation = check_document(document, TYPES, lambda source: [])
    assert [problem.message for problem in validation.problems] == [
        'Save (node 9): input "cfg" needs a number, but is the text "NaN".'
    ]
    assert json.loads(json.dumps(read.prompt, allow_nan=False))["9"]["old"] == ["Infinity"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{not json", "the document is not JSON: Expecting property name"),
        (b"", "the document is not JSON: Expecting value"),
        (b"\xff\xfe\x00", "neither JSON text in UTF-8 nor a PNG, WebP or JPEG picture"),
        (b"[" * 100_000, "the document is nested too deep"),
        (b'{"a": ' + b"9" * 5000 + b"}", "the document is not JSON: Exceeds the limit"),
    ],
)
def test_unreadable_files_are_refused_with_the_reason(content: bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        read_bytes(content)


def test_byte_order_mark_is_no_obstacle() -> None:
    assert read_bytes(b"\xef\xbb\xbf{}") == {}


def picture(*, compressed: bool = False, international: bool = False, **texts: str) -> bytes:
    chunks = PngInfo()
    for key, text in texts.items():
        if international:
            chunks.add_itxt(key, text, zip=compressed)
        else:
            chunks.add_text(key, text, zip=compressed)
    target = io.BytesIO()
    Image.new("RGB", (4, 4)).save(target, "PNG", pnginfo=chunks)
    return target.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("international", [False, True])
def test_workflow_comes_out_of_a_picture(compressed: bool, international: bool) -> None:
    api = json.dumps({"9": {"class_type": "Save", "_meta": {"title": "é→"}, "inputs": {"seed": 5, "mode": "a"}}})
    content = picture(
        compressed=compressed, international=international, prompt=api, workflow=json.dumps(EDITOR), other="x"
    )
    read = read_document(read_bytes(content), TYPES)
    assert read.graph.nodes["9"].title == "é→"
    assert read.workflow == EDITOR


def test_text_in_utf8_and_in_latin1_is_read() -> None:
    content = picture(prompt='{"a": "XXXX"}')
    for written in ("é→"[:1].encode("utf-8") + b"  ", b"\xe9   "):
        changed = content.replace(b"XXXX", written)
        start = content.index(b"tEXtprompt")
        length = int.from_bytes(changed[start - 4 : start], "big")
        checksum = zlib.crc32(changed[start : start + 4 + length]).to_bytes(4, "big")
        changed = changed[: start + 4 + length] + checksum + changed[start + 8 + length :]
        assert json.loads(png_workflow_texts(changed)["prompt"])["a"].strip() == "é"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda content: content[:60], "cut off at byte 60"),
        (lambda content: content[:35], "cut off at byte 35"),
        (
            lambda content: content.replace(b"class_type", b"class_typo"),
            "checksum of the text chunk at byte 33 is wrong",
        ),
        (lambda content: b"GIF89a" + content, "neither JSON text"),
        (lambda content: picture(other="x"), "carries no workflow"),
        (lambda content: picture(prompt="{oops"), "the PNG file's text prompt is not JSON"),
    ],
)
def test_damaged_pictures_are_refused_with_the_reason(spoil: Any, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        read_bytes(spoil(picture(prompt=json.dumps(API))))


def test_text_that_unpacks_without_end_is_refused() -> None:
    content = picture(compressed=True, prompt=" " * (33 * 1024 * 1024))
    with pytest.raises(DocumentError, match="text prompt is larger than 33554432 bytes"):
        read_bytes(content)


def exif_picture(kind: str, **texts: str) -> bytes:
    exif = Image.Exif()
    for tag, (key, text) in zip((Base.Make, Base.Model, Base.Artist), texts.items(), strict=False):
        exif[tag] = f"{key}:{text}"
    target = io.BytesIO()
    Image.new("RGB", (4, 4)).save(target, kind, exif=exif)
    return target.getvalue()


@pytest.mark.parametrize("kind", ["WEBP", "JPEG"])
def test_workflow_comes_out_of_exif(kind: str) -> None:
    api = json.dumps({"9": {"class_type": "Save", "_meta": {"title": "a:b"}, "inputs": {"seed": 5, "mode": "a"}}})
    content = exif_picture(kind, workflow=json.dumps(EDITOR), prompt=api, other="x")
    read = read_document(read_bytes(content), TYPES)
    assert read.graph.nodes["9"].title == "a:b"
    assert read.workflow == EDITOR


def test_exif_of_the_other_byte_order_and_with_a_short_text_is_read() -> None:
    text = b'prompt:{"a": 1}\0'
    tags = struct.pack(">HHI4sHHII", 0x010E, 2, 3, b"ab\0\0", 0x0110, 2, len(text), 38)
    exif = b"MM\0*" + struct.pack(">IH", 8, 2) + tags + b"\0" * 4 + text
    chunk = b"EXIF" + struct.pack("<I", len(exif)) + exif
    assert read_bytes(b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk) == {"prompt": {"a": 1}}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda webp, jpeg: webp[:-40], "the WebP file is cut off or its EXIF is damaged: .* bytes are announced"),
        (lambda webp, jpeg: jpeg[:30], "the JPEG file is cut off or its EXIF is damaged"),
        (lambda webp, jpeg: jpeg[:3], "the JPEG file is cut off"),
        (lambda webp, jpeg: exif_picture("WEBP", other="x"), "the WebP file carries no workflow"),
        (lambda webp, jpeg: exif_picture("JPEG"), "the JPEG file carries no workflow: .*saves them again"),
        (lambda webp, jpeg: exif_picture("JPEG", prompt="{oops"), "the picture's EXIF prompt is not JSON"),
    ],
)
def test_damaged_exif_is_refused_with_the_reason(spoil: Any, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        read_bytes(spoil(exif_picture("WEBP", prompt=json.dumps(API)), exif_picture("JPEG", prompt=json.dumps(API))))


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["Save", "9", "a", "Reroute", "PrimitiveNode", "s", "inputs", "NaN", 2**64 - 1, 10**400, -10, -20]),
)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=5), inner, max_size=5)),
    max_leaves=20,
)


def mostly(wanted: st.SearchStrategy[Any], otherwise: st.SearchStrategy[Any] = json_values) -> st.SearchStrategy[Any]:
    """Well-formed most of the time, so that what lies behind is reached too."""
    return st.sampled_from([wanted] * 24 + [otherwise]).flatmap(lambda strategy: strategy)


names = st.sampled_from(["seed", "mode", "file", "cfg", "any", "other"])
links = mostly(st.one_of(scalars, st.tuples(st.sampled_from(["8", "9", "x", 9]), st.integers(-1, 2)).map(list)))
types = st.sampled_from(["Save"] * 9 + ["Nope"])
api_nodes = mostly(
    st.fixed_dictionaries(
        {"class_type": types}, optional={"inputs": mostly(st.dictionaries(names, links)), "_meta": json_values}
    )
)
api_forms = st.dictionaries(st.sampled_from(["8", "9", "10", "prompt"]), api_nodes, max_size=4)
link_ids = mostly(st.integers(0, 4), scalars)
sockets = st.fixed_dictionaries(
    {"name": mostly(names, scalars), "type": mostly(st.sampled_from(["INT", "*"])), "link": link_ids},
    optional={"widget": st.just({"name": "seed"})},
)
editor_nodes = mostly(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["Save"] * 4 + ["Nope", "Reroute", "PrimitiveNode", "Note", "s", "t"])},
        optional={
            "mode": st.sampled_from([0, 2, 4, None]),
            "inputs": mostly(st.lists(sockets, max_size=3)),
            "outputs": mostly(st.lists(sockets, max_size=3)),
            "widgets_values": mostly(st.lists(scalars, max_size=6)),
            "title": json_values,
        },
    )
)


def numbered(nodes: list[Any]) -> list[Any]:
    """Nodes with the ids 1, 2 …, as far as they are nodes."""
    return [node | {"id": place} if isinstance(node, dict) else node for place, node in enumerate(nodes, 1)]


ends = st.sampled_from([1, 2, 3, 4, -10, -20])
editor_links = mostly(st.tuples(link_ids, ends, st.integers(-1, 2), ends, st.integers(-1, 2), scalars).map(list))
editor_graphs = st.fixed_dictionaries(
    {"nodes": st.lists(editor_nodes, max_size=4).map(numbered), "links": st.lists(editor_links, max_size=6)},
    optional={"inputs": mostly(st.lists(sockets, max_size=2))},
)
subgraphs = st.tuples(st.sampled_from(["s", "t"]), editor_graphs).map(lambda pair: {"id": pair[0], **pair[1]})
editor_forms = st.tuples(editor_graphs, st.lists(subgraphs, max_size=2)).map(
    lambda pair: {**pair[0], "definitions": {"subgraphs": pair[1]}}
)
documents = st.one_of(
    json_values,
    api_forms,
    editor_forms,
    st.fixed_dictionaries({"prompt": mostly(st.one_of(api_forms, editor_forms))}),
)


@settings(max_examples=200, deadline=None)
@given(documents)
def test_any_json_is_read_or_refused_and_what_is_read_can_be_checked(document: object) -> None:
    try:
        read, validation = check_document(document, TYPES, lambda source: ["x.safetensors"])
    except DocumentError:
        return
    json.dumps(read.prompt, allow_nan=False)
    PROBLEMS.dump_json(list(validation.problems))
    error, node_errors = legacy_errors(validation, read.graph, TYPES)
    json.dumps([error, node_errors], allow_nan=False)
    assert (error is None) == bool(validation.outputs)
    assert set(node_errors) == set(validation.dependents)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_any_bytes_are_read_or_refused(content: bytes, place: int, byte: int) -> None:
    damaged = bytearray(picture(prompt=json.dumps(API)))
    damaged[place % len(damaged)] = byte
    for candidate in (content, bytes(damaged)):
        with contextlib.suppress(DocumentError):
            read_bytes(candidate)
