"""Real workflows, changed at random."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Path_ = tuple[str | int, ...]

TEXTS = st.sampled_from(
    ["", "\0", "../../etc/passwd", "é\u202e", "\ud800", "x" * 5000, "KSampler", "SaveImage", "true", "20", "NaN", "[1]"]
)
NUMBERS = st.sampled_from([0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, 10**400, 1e308, -0.0, 0.5, float("nan")])
LINKS = st.tuples(st.sampled_from(["1", "4", "9", "nowhere", ""]), st.sampled_from([0, 1, -1, 99, "0", None])).map(list)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    TEXTS,
    NUMBERS,
    LINKS,
    st.just([]),
    st.just({}),
    st.recursive(st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=5),
    st.integers(1, 300).map(lambda depth: json.loads("[" * depth + "]" * depth)),
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "client_id": VALUES,
        "prompt_id": VALUES | st.uuids().map(str),
        "number": VALUES,
        "front": VALUES,
        "extra_data": VALUES,
        "partial_execution_targets": VALUES | st.lists(st.sampled_from(["1", "9", "x"]), max_size=3),
    },
)
TOY = {
    "a": {"class_type": "ToyInt", "inputs": {"value": 3}},
    "b": {"class_type": "ToyAdd", "inputs": {"a": ["a", 0], "b": 4}},
    "c": {"class_type": "ToyShow (any) [text]", "inputs": {"value": ["b", 0]}},
    "d": {"class_type": "ToyEven", "inputs": {"value": 8}},
    "e": {"class_type": "ToyShow (any) [text]", "inputs": {"value": ["d", 0]}},
}


def real_documents(*folders: Path) -> list[Any]:
    """All workflows of these folders."""
    return [json.loads(file.read_text("utf-8")) for folder in folders for file in sorted(folder.glob("*.json"))]


@st.composite
def bodies(draw: st.DrawFn, documents: list[Any]) -> bytes:
    """Bodies of `POST /prompt`: one of these workflows, or one that runs at once, changed, wrapped, or cut off."""
    document = copy.deepcopy(draw(st.just(TOY) | st.sampled_from(documents)))
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 5]))):
        _change(draw, document)
    key = draw(st.sampled_from([None, "prompt", "prompt", "workflow"]))
    body = json.dumps(document if key is None else {key: document, **draw(st.just({}) | OPTIONS)}).encode()
    return body[: draw(st.integers(0, len(body)))] if draw(st.integers(0, 19)) == 0 else body


def _change(draw: st.DrawFn, document: Any) -> None:
    """Replace, remove, double or swap a value somewhere in the document."""
    places = list(_places(document))
    if not places:
        return
    place = draw(st.sampled_from(places))
    parent = _at(document, place[:-1])
    match draw(st.sampled_from(["replace", "replace", "remove", "double", "swap"])):
        case "replace":
            parent[place[-1]] = draw(VALUES)
        case "remove":
            del parent[place[-1]]
        case "double" if isinstance(parent, dict):
            parent[draw(TEXTS | st.text(max_size=3))] = copy.deepcopy(parent[place[-1]])
        case "double":
            parent.append(copy.deepcopy(parent[place[-1]]))
        case "swap":
            other = draw(st.sampled_from(places))
            theirs = copy.deepcopy(_at(document, other))
            parent[place[-1]] = theirs


def _places(value: Any, here: Path_ = ()) -> Iterator[Path_]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*here, key)
        if len(here) < 8:
            yield from _places(each, (*here, key))


def _at(document: Any, place: Path_) -> Any:
    for key in place:
        document = document[key]
    return document
