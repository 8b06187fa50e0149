"""Planning: order, keys, and graphs that cannot be planned."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sd35graph.graph.canonical import canonical
from sd35graph.graph.plan import Planner, plan
from sd35graph.graph.schema import InputSchema, NodeSchema, OutputSchema
from sd35graph.graph.steps import Label, PlanError, Step
from sd35graph.graph.workflow import Graph, Link, Node

ANY = OutputSchema(name="*", type="*")


def schema(name: str, *inputs: InputSchema, **options: Any) -> NodeSchema:
    return NodeSchema(
        type=name, title=name, category="test", pack="lab", inputs=inputs, **{"outputs": (ANY, ANY)} | options
    )


def value(name: str, **options: Any) -> InputSchema:
    return InputSchema(name=name, type="*", **options)


SCHEMAS = {
    each.type: each
    for each in (
        schema("Value", value("value", has_default=True, default=0)),
        schema("Join", value("a"), value("b", required=False), value("c", has_default=True, default=1)),
        schema("Lazy", value("a", lazy=True), value("b", lazy=True)),
        schema("Raw", value("a", raw_link=True)),
        schema("File", value("name", source="models")),
        schema("Files", value("names", source="models", collects=True)),
        schema("Id", value("a"), hidden=(("me", "UNIQUE_ID"), ("prompt", "PROMPT"), ("info", "EXTRA_PNGINFO"))),
        schema("Now", cacheable=False),
        schema("Sea", value("a"), value("b", has_default=True, default=2)),
        schema("Collect", value("a", collects=True, has_default=True, default=5)),
    )
}


def no_file(source: str, name: str) -> str:
    raise FileNotFoundError(name)


def no_folder(source: str) -> str:
    raise FileNotFoundError(source)


def steps_of(
    nodes: Mapping[str, Node],
    *targets: str,
    files: Callable[[str, str], str] = no_file,
    folders: Callable[[str], str] = no_folder,
    fingerprint: Callable[[Mapping[str, object]], object] = lambda inputs: 0,
    schemas: Mapping[str, NodeSchema] = SCHEMAS,
) -> Mapping[str, Step]:
    return plan(Graph(nodes), schemas, targets, files, folders, {"Sea": fingerprint}).steps


def key_of(node_type: str, inputs: Mapping[str, object], node_id: str = "x", **options: Any) -> str | None:
    return steps_of({node_id: Node(node_type, inputs)}, node_id, **options)[node_id].key


# --- order -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(0, 10_000), max_size=2), min_size=1, max_size=40), st.randoms())
def test_every_step_comes_after_its_sources(sources: list[list[int]], random: Any) -> None:
    """Any graph without cycles: node i takes inputs from nodes before it, the document is shuffled."""
    nodes: dict[str, Node] = {}
    for i, numbers in enumerate(sources):
        links = {name: Link(str(number % i), 0) for name, number in zip("ab", numbers, strict=False)} if i else {}
        nodes[str(i)] = Node("Join", {"a": 1, **links})
    ids = list(nodes)
    random.shuffle(ids)
    steps = steps_of({i: nodes[i] for i in ids}, *ids)
    assert steps.keys() == nodes.keys()
    places = {node_id: place for place, node_id in enumerate(steps)}
    for step in steps.values():
        assert all(places[link.node_id] < places[step.node_id] for _, link in step.links)


def test_only_what_is_needed_is_planned() -> None:
    nodes = {"a": Node("Value"), "b": Node("Join", {"a": Link("a", 0)}), "c": Node("Value"), "d": Node("Gone")}
    assert list(steps_of(nodes, "b")) == ["a", "b"]


def test_lazy_sources_are_planned_apart_and_raw_ones_are_no_dependency() -> None:
    nodes = {
        "v": Node("Value"),
        "l": Node("Lazy", {"a": Link("v", 1), "b": 5}),
        "r": Node("Raw", {"a": Link("l", 0)}),
    }
    steps = steps_of(nodes, "r")
    assert (steps["l"].links, steps["l"].lazy_links) == ((), (("a", Link("v", 1)),))
    assert (steps["r"].links, steps["r"].lazy_links) == ((), ())
    assert steps["r"].values == {"a": Link("l", 0)}


def test_values_are_the_arguments_known_before_the_run() -> None:
    nodes = {"j": Node("Join", {"a": "x", "undeclared": 5}), "c": Node("Collect", {"a": 3}), "d": Node("Collect")}
    steps = steps_of(nodes, "j", "c", "d")
    assert steps["j"].values == {"a": "x", "b": None, "c": 1}
    assert steps["c"].values == {"a": [3]}
    assert steps["d"].values == {"a": [5]}


def test_a_chain_of_10000_nodes_is_planned_without_recursion() -> None:
    nodes = {"0": Node("Value")} | {str(i): Node("Join", {"a": Link(str(i - 1), 0)}) for i in range(1, 10_000)}
    steps = steps_of(nodes, "9999")
    assert len(steps) == 10_000
    assert len({step.key for step in steps.values()}) == 10_000


def test_a_ladder_of_diamonds_is_planned_in_linear_time() -> None:
    nodes = {"0": Node("Value")}
    for i in range(1, 2_000):
        nodes[str(i)] = Node("Join", {"a": Link(str(i - 1), 0), "b": Link(str(i - 1), 1)})
    assert len(steps_of(nodes, "1999")) == 2_000  # 2^2000 ways from end to end


# --- keys ------------------------------------------------------------------------------------------------------------


def test_equal_work_has_equal_keys_whatever_its_place() -> None:
    one = {"1": Node("Value", {"value": 4}), "2": Node("Join", {"a": Link("1", 0), "b": 2}, title="Mine")}
    two = {"y": Node("Join", {"b": 2, "c": 1, "a": Link("x", 0)}), "x": Node("Value", {"value": 4})}
    assert steps_of(one, "2")["2"].key == steps_of(two, "y")["y"].key is not None


@pytest.mark.parametrize(
    ("node_type", "inputs"),
    [
        ("Join", {"a": 2}),
        ("Join", {"a": 1.0}),
        ("Join", {"a": True}),
        ("Join", {"a": "1"}),
        ("Join", {"a": None}),
        ("Join", {"a": [1]}),
        ("Join", {"a": {"1": 1}}),
        ("Join", {"a": 1, "b": 1}),
        ("Join", {"a": 1, "c": 2}),
        ("Join", {"a": "1\n'2'"}),
        ("Sea", {"a": 1}),
    ],
)
def test_other_work_has_another_key(node_type: str, inputs: dict[str, object]) -> None:
    assert key_of(node_type, inputs) != key_of("Join", {"a": 1})


def test_the_source_and_the_number_of_its_output_count() -> None:
    nodes = {
        "p": Node("Value", {"value": 1}),
        "q": Node("Value", {"value": 2}),
        "x": Node("Join", {"a": Link("p", 0)}),
        "y": Node("Join", {"a": Link("p", 1)}),
        "z": Node("Join", {"a": Link("q", 0)}),
        "w": Node("Lazy", {"a": Link("p", 0), "b": 1}),
        "v": Node("Lazy", {"a": Link("q", 0), "b": 1}),
    }
    keys = [step.key for step in steps_of(nodes, *nodes).values()]
    assert len(set(keys)) == len(nodes)


def test_the_version_counts() -> None:
    newer = {**SCHEMAS, "Join": schema("Join", *SCHEMAS["Join"].inputs, version="2")}
    assert key_of("Join", {"a": 1}) != key_of("Join", {"a": 1}, schemas=newer)


def test_the_id_counts_only_for_a_node_that_sees_it() -> None:
    assert key_of("Join", {"a": 1}, "x") == key_of("Join", {"a": 1}, "y")
    assert key_of("Id", {"a": 1}, "x") != key_of("Id", {"a": 1}, "y")


def test_the_chosen_file_counts_and_is_looked_at_once() -> None:
    asked: list[tuple[str, str]] = []

    def files(source: str, name: str) -> str:
        asked.append((source, name))
        return "v1"

    nodes = {str(i): Node("File", {"name": "m"}) for i in range(5)}
    keys = {step.key for step in steps_of(nodes, *nodes, files=files).values()}
    assert (len(keys), asked) == (1, [("models", "m")])
    assert key_of("File", {"name": "m"}, files=files) != key_of("File", {"name": "m"}, files=lambda *_: "v2")


def test_a_missing_file_equals_nothing() -> None:
    step = steps_of({"x": Node("File", {"name": "m"})}, "x")["x"]
    assert (step.key, step.never_equal) == (None, ("x", "File (node x)", 'cannot read the file "m"'))


def test_a_linked_file_name_may_mean_any_file_of_its_source() -> None:
    nodes = {"v": Node("Value", {"value": "m"}), "x": Node("File", {"name": Link("v", 0)})}
    first = steps_of(nodes, "x", folders=lambda source: f"{source} 1")["x"]
    assert first.parts[-1] == "'models 1'"
    assert first.key == steps_of(nodes, "x", folders=lambda source: f"{source} 1")["x"].key
    assert first.key != steps_of(nodes, "x", folders=lambda source: f"{source} 2")["x"].key


def test_a_linked_file_name_without_a_folder_equals_nothing() -> None:
    nodes = {"v": Node("Value", {"value": "m"}), "x": Node("File", {"name": Link("v", 0)})}
    step = steps_of(nodes, "x")["x"]
    assert (step.key, step.never_equal) == (None, ("x", "File (node x)", "cannot read the files for models"))


def test_every_file_of_a_list_counts() -> None:
    def key(names: object, **versions: str) -> str | None:
        return key_of("Files", {"names": names}, files=lambda source, name: versions[name])

    assert key(["a", "b"], a="1", b="1") != key(["a", "b"], a="1", b="2")
    assert key("a", a="1") != key("a", a="2")


def test_what_is_never_equal_passes_it_on_with_its_cause() -> None:
    nodes = {
        "now": Node("Now"),
        "a": Node("Join", {"a": Link("now", 0)}),
        "b": Node("Lazy", {"a": Link("a", 0), "b": 1}),
        "free": Node("Raw", {"a": Link("now", 0)}),
    }
    steps = steps_of(nodes, "b", "free")
    assert [steps[i].key for i in ("now", "a", "b")] == [None] * 3
    assert {steps[i].never_equal for i in ("now", "a", "b")} == {("now", "Now (node now)", "always runs")}
    assert steps["free"].key is not None


def test_a_fingerprint_counts() -> None:
    def with_fingerprint(result: object) -> str | None:
        return key_of("Sea", {"a": 1}, fingerprint=lambda inputs: result)

    assert with_fingerprint(1) == with_fingerprint(1) != with_fingerprint(2)
    assert with_fingerprint({"b": [1], "a": 2}) == with_fingerprint({"a": 2, "b": [1]}) is not None
    assert with_fingerprint(math.nan) is None
    assert with_fingerprint([1, math.nan]) is None
    assert with_fingerprint(object()) is None


def test_a_fingerprint_that_fails_equals_nothing() -> None:
    def fails(inputs: Mapping[str, object]) -> object:
        raise LookupError("no tide table")

    step = steps_of({"x": Node("Sea", {"a": 1})}, "x", fingerprint=fails)["x"]
    assert step.key is None
    assert step.never_equal is not None
    assert step.never_equal.why == "runs because its fingerprint failed (LookupError: no tide table)"


def test_a_fingerprint_sees_literals_defaults_and_none_for_links() -> None:
    seen: list[Mapping[str, object]] = []

    def fingerprint(inputs: Mapping[str, object]) -> object:
        seen.append(dict(inputs))
        return 0

    steps_of({"v": Node("Value"), "x": Node("Sea", {"a": Link("v", 0)})}, "x", fingerprint=fingerprint)
    assert seen == [{"a": None, "b": 2}]


def test_a_raw_link_counts_with_its_id_and_with_what_stands_behind_it() -> None:
    def raw_key(source: str, number: int) -> str | None:
        nodes = {source: Node("Value", {"value": number}), "x": Node("Raw", {"a": Link(source, 0)})}
        return steps_of(nodes, "x")["x"].key

    assert raw_key("v", 1) == raw_key("v", 1) != raw_key("w", 1)
    assert raw_key("v", 1) != raw_key("v", 2)


def test_a_raw_link_may_lead_back_or_nowhere() -> None:
    nodes = {
        "x": Node("Raw", {"a": Link("y", 0)}),
        "y": Node("Join", {"a": Link("x", 0)}),
        "z": Node("Raw", {"a": Link("z", 0)}),
        "gone": Node("Raw", {"a": Link("nowhere", 0)}),
    }
    steps = steps_of(nodes, "y", "x", "z", "gone")
    assert len({step.key for step in steps.values()} - {None}) == 4


def test_parts_stand_beside_their_labels() -> None:
    step = steps_of({"x": Node("File", {"name": "m"})}, "x", files=lambda *_: "v1")["x"]
    assert list(zip(step.labels, step.parts, strict=True)) == [
        (Label("input", "name"), "'m'"),
        (Label("file", "name"), "'v1'"),
    ]
    nodes = {"x": Node("Id", {"a": 1}), "s": Node("Sea", {"a": 1}), "n": Node("Now")}
    for step in steps_of(nodes, *nodes).values():
        assert len(step.labels) == len(step.parts)


# --- expansions ------------------------------------------------------------------------------------------------------


def test_an_object_counts_by_the_work_it_comes_from() -> None:
    def object_key(work: str | None, node_id: str = "new") -> str | None:
        planner = Planner({}, SCHEMAS, no_file, no_folder, {})
        planner.add({node_id: Node("Join", {"a": object()})}, {node_id: work} if work else {})
        (step,) = planner.need([node_id])
        assert step.has_objects
        return step.key

    assert object_key("p:0") == object_key("p:0", "other id") is not None
    assert object_key("p:0") != object_key("p:1")
    assert object_key(None) is None


def test_a_plan_grows() -> None:
    planner = Planner({"v": Node("Value")}, SCHEMAS, no_file, no_folder, {})
    assert [step.node_id for step in planner.need(["v"])] == ["v"]
    planner.add({"x": Node("Join", {"a": Link("v", 0)})}, {})
    assert [step.node_id for step in planner.need(["x", "v"])] == ["x"]
    with pytest.raises(PlanError, match='node id "x" is used twice'):
        planner.add({"x": Node("Value")}, {})
    assert not planner.sees_graph
    planner.add({"r": Node("Raw", {"a": Link("v", 0)})}, {})
    planner.need(["r"])
    assert planner.sees_graph


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "blamed", "message"),
    [
        ({"x": Node("Gone")}, "x", 'Gone (node x): there is no node type "Gone"; install its pack'),
        (
            {"x": Node("Join", {"a": Link("y", 0)})},
            "x",
            'Join (node x): input "a" is linked to node y, which is not in the graph',
        ),
        (
            {"x": Node("Join", {"a": Link("v", 2)}), "v": Node("Value")},
            "x",
            'Join (node x): input "a" is linked to output 2 of Value (node v), which has 2 (counted from 0)',
        ),
        ({"x": Node("Join", {})}, "x", 'Join (node x): the required input "a" is missing; give it a value or a link'),
        ({}, "x", 'node "x" is wanted but is not in the graph'),
        (
            {"x": Node("Join", {"a": Link("x", 0)})},
            "x",
            "these nodes wait for each other in a cycle: Join (node x) → Join (node x); cut one of the links",
        ),
        (
            {
                "x": Node("Join", {"a": Link("y", 0)}),
                "y": Node("Join", {"a": Link("z", 0)}),
                "z": Node("Lazy", {"a": 1, "b": Link("y", 0)}),
            },
            "z",
            "these nodes wait for each other in a cycle: "
            "Join (node y) → Lazy (node z) → Join (node y); cut one of the links",
        ),
    ],
)
def test_graphs_that_cannot_be_planned(nodes: dict[str, Node], blamed: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        steps_of(nodes, "x")
    assert (caught.value.node_id, str(caught.value)) == (blamed, message)


def test_a_cycle_of_10000_nodes_is_named_in_short() -> None:
    nodes = {str(i): Node("Join", {"a": Link(str((i + 1) % 10_000), 0)}) for i in range(10_000)}
    with pytest.raises(PlanError, match=r"in a cycle: .* … \(9992 more\)") as caught:
        steps_of(nodes, "0")
    assert len(str(caught.value)) < 500


# --- canonical text --------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def same(a: object, b: object) -> bool:
    """Equal, in type too; a plain definition to compare with."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a == b and math.copysign(1, a) == math.copysign(1, b)
    return a == b


@given(JSON, JSON)
def test_texts_are_equal_exactly_when_values_are(a: object, b: object) -> None:
    assert (canonical(a) == canonical(b)) == same(a, b)


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_matter(mapping: dict[str, int]) -> None:
    assert canonical(mapping) == canonical(dict(reversed(mapping.items())))


@given(JSON)
def test_a_text_holds_no_line_break(json: object) -> None:
    text = canonical(json)
    assert text is not None
    assert "\n" not in text


def test_what_has_no_text() -> None:
    endless: list[object] = []
    endless.append(endless)
    for odd in (object(), math.nan, [math.nan], {"a": object()}, {1: 2}, {1, 2}, endless, lambda: 0):
        assert canonical(odd) is None
