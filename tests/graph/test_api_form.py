"""The API form: lenient literals, exact numbers, and problems instead of exceptions."""

from __future__ import annotations

from typing import Any

import pytest

from sd35graph.graph.formats.api import api_from_graph, graph_from_api
from sd35graph.graph.schema import InputSchema, NodeSchema
from sd35graph.graph.workflow import Graph, Link, Node

KINDS = {"i": "INT", "f": "FLOAT", "s": "STRING", "b": "BOOLEAN", "any": "*", "mixed": "IMAGE,FLOAT", "odd": "BOOL"}
TYPES = {
    "All": NodeSchema(
        type="All",
        title="All Kinds",
        category="test",
        pack="test",
        inputs=(
            *(InputSchema(name=name, type=kind, widget=True) for name, kind in KINDS.items()),
            InputSchema(name="maybe", type="INT", required=False, widget=True),
        ),
    )
}


def read(entry: object) -> tuple[Graph, list[Any]]:
    return graph_from_api({"7": entry}, TYPES)


def value_of(name: str, given: object) -> object:
    graph, problems = read({"class_type": "All", "inputs": {name: given}})
    assert problems == []
    return graph.nodes["7"].inputs[name]


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("i", "20", 20),
        ("i", 2.9, 2),
        ("i", -2.9, -2),
        ("i", True, 1),
        ("i", 2**64 - 1, 2**64 - 1),
        ("i", "18446744073709551615", 2**64 - 1),
        ("i", "many", "many"),
        ("i", "2.9", "2.9"),
        ("f", 2, 2.0),
        ("f", "4.5", 4.5),
        ("f", "nan", "nan"),
        ("f", 10**400, 10**400),
        ("s", 5, "5"),
        ("s", 5.5, "5.5"),
        ("s", None, None),
        ("b", 1, True),
        ("b", "False", False),
        ("b", "maybe", "maybe"),
        ("any", 5, 5),
        ("any", 5.0, 5.0),
        ("any", "5", "5"),
        ("mixed", "5", "5"),
        ("odd", 1, 1),
    ],
)
def test_literals_become_the_declared_type_where_that_is_meant(name: str, given: object, expected: object) -> None:
    got = value_of(name, given)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize("given", [float("nan"), float("inf")])
def test_nan_and_infinity_are_left_for_validation(given: float) -> None:
    assert value_of("i", given) is given
    assert value_of("s", given) is given


def test_null_for_an_optional_input_counts_as_not_given() -> None:
    graph, problems = read({"class_type": "All", "inputs": {"maybe": None}})
    assert (dict(graph.nodes["7"].inputs), problems) == ({}, [])


@pytest.mark.parametrize(("given", "output"), [(["3", 0], 0), (["3", 2.0], 2), (["3", -1], -1)])
def test_links(given: list[object], output: int) -> None:
    assert value_of("any", given) == Link("3", output)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["3"], "['3']"),
        ([], "[]"),
        (["3", "0"], "['3', '0']"),
        (["3", True], "['3', True]"),
        (["3", 0.5], "['3', 0.5]"),
        (["3", 0, 0, 0], "a list of 4"),
        ([["3", 0], 0], "a list of 2"),
        (["x" * 1000], "a list of 1"),
    ],
)
def test_lists_that_are_no_links_are_named(given: list[object], shown: str) -> None:
    graph, (problem,) = read({"class_type": "All", "inputs": {"any": given}})
    assert problem.code == "bad_link"
    assert problem.message == (
        f'All (node 7): input "any" is a list, so it should be a link ["<node id>", <output number>], but is {shown}.'
    )
    assert "any" not in graph.nodes["7"].inputs


def test_number_as_node_id_is_shown_as_it_should_be() -> None:
    _, (problem,) = read({"class_type": "All", "inputs": {"any": [3, 0]}})
    assert problem.message == (
        'All (node 7): input "any" is a list, so it should be a link ["<node id>", <output number>], '
        'with the id as text: ["3", 0], but is [3, 0].'
    )


def test_unknown_input_of_a_known_type_is_dropped_with_a_warning() -> None:
    graph, (problem,) = read({"class_type": "All", "inputs": {"i": 1, "old": 2}})
    assert dict(graph.nodes["7"].inputs) == {"i": 1}
    assert (problem.code, problem.severity, problem.input) == ("unknown_input", "warning", "old")


def test_inputs_of_an_unknown_type_are_kept() -> None:
    graph, problems = read({"class_type": "Other", "inputs": {"a": "5", "b": ["1", 0]}})
    assert dict(graph.nodes["7"].inputs) == {"a": "5", "b": Link("1", 0)}
    assert problems == []


@pytest.mark.parametrize(
    ("entry", "code", "message"),
    [
        (
            "VAEDecode",
            "bad_node",
            'Node 7 cannot be read: it should be an object with "class_type" and "inputs", '
            'but is the text "VAEDecode".',
        ),
        (
            None,
            "bad_node",
            'Node 7 cannot be read: it should be an object with "class_type" and "inputs", but is null.',
        ),
        (
            {"inputs": {}},
            "missing_class_type",
            'Node 7: "class_type" should name the node\'s type, but it is missing.',
        ),
        (
            {"class_type": 5},
            "missing_class_type",
            'Node 7: "class_type" should name the node\'s type, but it is 5.',
        ),
        (
            {"class_type": "All", "inputs": []},
            "bad_node",
            'Node 7 cannot be read: its "inputs" should be an object of values by name, but is an empty list.',
        ),
    ],
)
def test_entries_that_are_no_nodes_are_problems(entry: object, code: str, message: str) -> None:
    graph, (problem,) = read(entry)
    assert graph.nodes == {}
    assert (problem.code, problem.message, problem.node_id) == (code, message, "7")


@pytest.mark.parametrize("inputs", [{}, {"inputs": None}])
def test_a_node_without_inputs_has_none(inputs: dict[str, object]) -> None:
    graph, problems = read({"class_type": "All", **inputs})
    assert graph.nodes["7"].inputs == {}
    assert problems == []


@pytest.mark.parametrize(("title", "kept"), [("Mine", "Mine"), ("All Kinds", None), ("All", None), (5, None)])
def test_only_a_title_of_its_own_is_kept(title: object, kept: str | None) -> None:
    graph, _ = read({"class_type": "All", "_meta": {"title": title}})
    assert graph.nodes["7"].title == kept


def test_writing_and_reading_give_the_same_graph() -> None:
    graph = Graph(
        {
            "1": Node("All", {"i": 2**64 - 1, "s": "x", "f": 0.1}),
            "outer:2": Node("Other", {"a": Link("1", 3), "deep": {"b": [1]}}, "Mine"),
        }
    )
    written = api_from_graph(graph)
    assert written["outer:2"] == {
        "class_type": "Other",
        "inputs": {"a": ["1", 3], "deep": {"b": [1]}},
        "_meta": {"title": "Mine"},
    }
    assert graph_from_api(written, TYPES) == (graph, [])
