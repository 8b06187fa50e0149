"""The editor form: the recorded pairs, and every fact of the format on small workflows."""

from __future__ import annotations

from typing import Any

import pytest
from recorded_nodes import SHARED, shared_json

from sd35graph.graph.errors import DocumentError
from sd35graph.graph.formats.api import graph_from_api
from sd35graph.graph.formats.editor import api_from_editor
from sd35graph.graph.schema import InputSchema, NodeSchema, OutputSchema
from sd35graph.graph.workflow import Graph, Node

PAIRS = sorted(path.name.removesuffix(".editor.json") for path in (SHARED / "workflows").glob("*.editor.json"))


def without_titles(graph: Graph) -> dict[str, Node]:
    return {node_id: Node(node.type, node.inputs) for node_id, node in graph.nodes.items()}


@pytest.mark.parametrize("name", PAIRS or ["(no reference data)"])
def test_editor_form_equals_its_api_twin(name: str, schemas: dict[str, NodeSchema]) -> None:
    prompt, warnings = api_from_editor(shared_json(f"workflows/{name}.editor.json"), schemas)
    graph, problems = graph_from_api(prompt, schemas)
    twin, _ = graph_from_api(shared_json(f"workflows/{name}.api.json"), schemas)
    assert without_titles(graph) == without_titles(twin)
    assert warnings == []
    assert problems == []


def test_titles_come_from_the_node_or_its_type(schemas: dict[str, NodeSchema]) -> None:
    workflow = shared_json("workflows/examples-sd3.5_simple_example.editor.json")
    prompt, _ = api_from_editor(workflow, schemas)
    titles = {node_id: entry["_meta"]["title"] for node_id, entry in prompt.items()}  # type: ignore[index,call-overload]
    assert titles["40"] == "Negative Prompt"
    assert titles["4"] == "Load Checkpoint"


def widget(name: str, kind: str, **more: Any) -> InputSchema:
    return InputSchema(name=name, type=kind, widget=True, **more)


def schema(name: str, inputs: tuple[InputSchema, ...], *outputs: str) -> NodeSchema:
    return NodeSchema(
        type=name,
        title=name,
        category="test",
        pack="test",
        inputs=inputs,
        outputs=tuple(OutputSchema(name=kind, type=kind) for kind in outputs),
    )


TYPES = {
    node.type: node
    for node in (
        schema("Load", (widget("file", "COMBO", source="checkpoints"),), "MODEL", "CLIP"),
        schema(
            "Patch", (InputSchema(name="model", type="MODEL"), InputSchema(name="clip", type="CLIP")), "CLIP", "MODEL"
        ),
        schema(
            "Sample",
            (
                widget("late", "FLOAT", required=False, has_default=True, default=0.5),
                InputSchema(name="model", type="MODEL"),
                widget("seed", "INT"),
                widget("steps", "INT", has_default=True, default=20),
                widget("mode", "COMBO", choices=("a", "b")),
                InputSchema(name="forced", type="INT", required=False),
            ),
            "LATENT",
        ),
        schema("Count", (widget("value", "INT", control_after_generate=True), widget("label", "STRING")), "INT"),
        schema("Picture", (widget("image", "COMBO", source="input", image_upload=True), widget("channel", "STRING"))),
        schema("Use", (InputSchema(name="model", type="MODEL"), InputSchema(name="clip", type="CLIP", required=False))),
    )
}


def node(
    node_id: int, kind: str, *links: tuple[str, str, int | None], outputs: str = "", **more: Any
) -> dict[str, Any]:
    """links: (name, type, link id); a name that starts with "=" is a widget turned into a socket."""
    inputs = [
        {"name": name.lstrip("="), "type": port, "link": link}
        | ({"widget": {"name": name[1:]}} if name.startswith("=") else {})
        for name, port, link in links
    ]
    sockets = [{"name": port, "type": port, "links": []} for port in outputs.split()]
    return {"id": node_id, "type": kind, "mode": 0, "inputs": inputs, "outputs": sockets, **more}


def workflow(*nodes: dict[str, Any], links: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"nodes": list(nodes), "links": links or [], "version": 0.4, **more}


def inputs_of(document: dict[str, Any], node_id: str) -> dict[str, Any]:
    prompt, _ = api_from_editor(document, TYPES)
    entry: Any = prompt[node_id]
    inputs: dict[str, Any] = entry["inputs"]
    return inputs


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5, "randomize", 28, "b", 0.9], {"seed": 5, "steps": 28, "mode": "b", "late": 0.9}),
        ([5, 28, "b", 0.9], {"seed": 5, "steps": 28, "mode": "b", "late": 0.9}),
        ([5, "fixed"], {"seed": 5, "steps": 20, "mode": "a", "late": 0.5}),
        ([], {"steps": 20, "mode": "a", "late": 0.5}),
        (None, {"steps": 20, "mode": "a", "late": 0.5}),
        ([5, "fixed", 28, "b", 0.9, "left", "over"], {"seed": 5, "steps": 28, "mode": "b", "late": 0.9}),
        ({"mode": "b", "seed": 7, "old": 1}, {"seed": 7, "mode": "b", "steps": 20, "late": 0.5}),
        ([2**64 - 1, "fixed", 1, "a", 0], {"seed": 2**64 - 1, "steps": 1, "mode": "a", "late": 0}),
    ],
)
def test_widget_values_get_their_names(values: object, expected: dict[str, object]) -> None:
    assert inputs_of(workflow(node(1, "Sample", widgets_values=values)), "1") == expected


def test_declared_control_value_and_upload_value_are_skipped() -> None:
    assert inputs_of(workflow(node(1, "Count", widgets_values=[3, "increment", "x"])), "1") == {
        "value": 3,
        "label": "x",
    }
    picture = workflow(node(1, "Picture", widgets_values=["cat.png", "image", "red"]))
    assert inputs_of(picture, "1") == {"image": "cat.png", "channel": "red"}
    behind = workflow(node(1, "Picture", widgets_values=["cat.png", "red", "image"]))
    assert inputs_of(behind, "1") == {"image": "cat.png", "channel": "red"}


@pytest.mark.parametrize(
    "link", [[9, 1, 0, 2, 1, "INT"], {"id": 9, "origin_id": 1, "origin_slot": 0, "target_id": 2, "target_slot": 1}]
)
def test_widget_turned_into_an_input_keeps_its_position(link: object) -> None:
    document = workflow(
        node(1, "Count", outputs="INT", widgets_values=[3, "fixed", ""]),
        node(2, "Sample", ("model", "MODEL", None), ("=steps", "INT", 9), widgets_values=[5, "fixed", 28, "b", 0.9]),
        links=[None, link],
    )
    assert inputs_of(document, "2") == {"seed": 5, "steps": ["1", 0], "mode": "b", "late": 0.9}


LOAD = node(1, "Load", outputs="MODEL CLIP", widgets_values=["x"])


def through(middle: dict[str, Any], links: list[Any]) -> tuple[dict[str, Any], list[str], list[str]]:
    """(inputs of the Use node 3, ids that remain, warnings) with `middle` between Load 1 and Use 3."""
    use = node(3, "Use", ("model", "MODEL", 20), ("clip", "CLIP", 21))
    prompt, problems = api_from_editor(workflow(LOAD, middle, use, links=links), TYPES)
    entry: Any = prompt["3"]
    return entry["inputs"], sorted(prompt), [problem.message for problem in problems]


PATCHED = [[10, 1, 0, 2, 0, "MODEL"], [11, 1, 1, 2, 1, "CLIP"], [20, 2, 1, 3, 0, "MODEL"], [21, 2, 0, 3, 1, "CLIP"]]


def patch(mode: int, clip: int | None = 11) -> dict[str, Any]:
    return node(2, "Patch", ("model", "MODEL", 10), ("clip", "CLIP", clip), outputs="CLIP MODEL", mode=mode)


def test_muted_node_is_left_out_and_its_links_are_cut() -> None:
    inputs, remaining, warnings = through(patch(mode=2), PATCHED)
    assert (inputs, remaining) == ({}, ["1", "3"])
    assert warnings == [
        'Use (node 3): input "model" is left without its link, because node 2 "Patch" is muted.',
        'Use (node 3): input "clip" is left without its link, because node 2 "Patch" is muted.',
    ]


def test_bypassed_node_connects_outputs_to_inputs_of_the_same_type() -> None:
    inputs, remaining, warnings = through(patch(mode=4), PATCHED)
    assert (inputs, remaining, warnings) == ({"model": ["1", 0], "clip": ["1", 1]}, ["1", "3"], [])


def test_bypassed_node_prefers_the_input_at_the_same_index() -> None:
    middle = node(2, "Two", ("a", "MODEL", None), ("b", "MODEL", 10), outputs="CLIP MODEL", mode=4)
    inputs, _, warnings = through(middle, PATCHED)
    assert inputs == {"model": ["1", 0]}
    assert warnings == [
        'Use (node 3): input "clip" is left without its link, '
        'because node 2 "Two" is bypassed and has no input of that type.'
    ]


def test_bypassed_node_without_a_source_leaves_nothing() -> None:
    inputs, _, warnings = through(patch(mode=4, clip=None), PATCHED)
    assert inputs == {"model": ["1", 0]}
    assert warnings == [
        'Use (node 3): input "clip" is left without its link, because node 2 "Patch" has nothing linked to its input '
        '"clip".'
    ]


def test_reroute_passes_through_even_when_bypassed() -> None:
    links = [[10, 1, 0, 2, 0, "MODEL"], [20, 2, 0, 3, 0, "MODEL"]]
    for mode in (0, 4):
        middle = node(2, "Reroute", ("", "*", 10), outputs="MODEL", mode=mode)
        use = node(3, "Use", ("model", "MODEL", 20))
        prompt, problems = api_from_editor(workflow(LOAD, middle, use, links=links), TYPES)
        assert prompt["3"]["inputs"] == {"model": ["1", 0]}  # type: ignore[index,call-overload]
        assert sorted(prompt) == ["1", "3"]
        assert problems == []


def test_reroutes_in_a_circle_are_cut_with_a_warning() -> None:
    document = workflow(
        node(1, "Reroute", ("", "*", 11), outputs="*"),
        node(2, "Reroute", ("", "*", 10), outputs="*"),
        node(3, "Use", ("model", "MODEL", 12)),
        links=[[10, 1, 0, 2, 0, "*"], [11, 2, 0, 1, 0, "*"], [12, 2, 0, 3, 0, "*"]],
    )
    prompt, (problem,) = api_from_editor(document, TYPES)
    assert prompt["3"]["inputs"] == {}  # type: ignore[index,call-overload]
    assert problem.message.endswith("because the links lead in a circle.")


def test_long_chain_of_reroutes_with_many_ends_is_resolved_once() -> None:
    count = 5_000
    nodes = [LOAD]
    nodes += [node(i, "Reroute", ("", "*", i), outputs="*") for i in range(2, count)]
    nodes += [node(count + i, "Use", ("model", "MODEL", count + i)) for i in range(count)]
    links = [[i, i - 1, 0, i, 0, "*"] for i in range(2, count)]
    links += [[count + i, count - 1, 0, count + i, 0, "*"] for i in range(count)]
    prompt, problems = api_from_editor(workflow(*nodes, links=links), TYPES)
    assert problems == []
    assert prompt[str(count)]["inputs"] == {"model": ["1", 0]}  # type: ignore[index,call-overload]


@pytest.mark.parametrize(("mode", "seed"), [(0, 42), (2, 5)])
def test_primitive_gives_its_value_unless_muted(mode: int, seed: int) -> None:
    document = workflow(
        node(1, "PrimitiveNode", outputs="INT", widgets_values=[42, "randomize"], mode=mode),
        node(2, "Reroute", ("", "*", 8), outputs="INT"),
        node(3, "Sample", ("=seed", "INT", 9), widgets_values=[5, "fixed", 28, "b", 0.9]),
        links=[[8, 1, 0, 2, 0, "INT"], [9, 2, 0, 3, 0, "INT"]],
    )
    prompt, _ = api_from_editor(document, TYPES)
    assert sorted(prompt) == ["3"]
    assert inputs_of(document, "3")["seed"] == seed


def test_notes_are_left_out() -> None:
    document = workflow(LOAD, node(2, "Note", widgets_values=["x"]), node(3, "MarkdownNote", widgets_values=["x"]))
    prompt, problems = api_from_editor(document, TYPES)
    assert sorted(prompt) == ["1"]
    assert problems == []


def test_unknown_type_keeps_its_links_and_what_the_file_names() -> None:
    document = workflow(
        LOAD,
        node(2, "Mystery", ("model", "MODEL", 9), widgets_values=[1, 2]),
        node(3, "Mystery", widgets_values={"a": 1}),
        node(4, "Mystery", ("=a", "INT", None), ("=b", "INT", None), widgets_values=[1, 2]),
        links=[[9, 1, 0, 2, 0, "MODEL"]],
    )
    assert inputs_of(document, "2") == {"model": ["1", 0]}
    assert inputs_of(document, "3") == {"a": 1}
    assert inputs_of(document, "4") == {"a": 1, "b": 2}


def test_link_from_a_node_that_is_not_there_stays_for_validation() -> None:
    document = workflow(node(3, "Use", ("model", "MODEL", 9)), links=[[9, 77, 1, 3, 0, "MODEL"]])
    assert inputs_of(document, "3") == {"model": ["77", 1]}


def test_link_that_is_not_in_the_file_is_cut_with_a_warning() -> None:
    _, (problem,) = api_from_editor(workflow(node(3, "Use", ("model", "MODEL", 9))), TYPES)
    assert problem.message == 'Use (node 3): input "model" is left without its link, because link 9 is not in the file.'


def subgraph(definition_id: str, nodes: list[Any], links: list[Any], inputs: list[str]) -> dict[str, Any]:
    return {
        "id": definition_id,
        "name": definition_id,
        "nodes": nodes,
        "links": links,
        "inputs": [{"name": name, "type": "*"} for name in inputs],
        "outputs": [{"name": "out", "type": "*"}],
    }


def v1(link_id: int, origin: int, origin_slot: int, target: int, target_slot: int) -> dict[str, Any]:
    return {
        "id": link_id,
        "origin_id": origin,
        "origin_slot": origin_slot,
        "target_id": target,
        "target_slot": target_slot,
        "type": "*",
    }


INNER = subgraph(
    "inner",
    [node(5, "Sample", ("model", "MODEL", 1), ("=seed", "INT", 2), widgets_values=[5, "fixed", 28, "b", 0.9])],
    [v1(1, -10, 0, 5, 0), v1(2, -10, 1, 5, 1), v1(3, 5, 0, -20, 0)],
    ["model", "seed"],
)
OUTER = subgraph(
    "outer",
    [node(6, "inner", ("model", "MODEL", 1), outputs="LATENT"), node(7, "Load", widgets_values=["y"])],
    [v1(1, -10, 0, 6, 0), v1(2, 6, 0, -20, 0)],
    ["model"],
)


def with_subgraphs(instance: dict[str, Any]) -> dict[str, Any]:
    return workflow(
        LOAD,
        instance,
        node(3, "Use", ("model", "MODEL", 20)),
        links=[[10, 1, 0, 2, 0, "*"], [20, 2, 0, 3, 0, "*"]],
        definitions={"subgraphs": [INNER, OUTER]},
    )


def test_subgraph_is_expanded_with_joined_ids() -> None:
    document = with_subgraphs(node(2, "inner", ("model", "MODEL", 10), outputs="LATENT"))
    prompt, problems = api_from_editor(document, TYPES)
    assert sorted(prompt) == ["1", "2:5", "3"]
    assert inputs_of(document, "2:5") == {"model": ["1", 0], "seed": 5, "steps": 28, "mode": "b", "late": 0.9}
    assert inputs_of(document, "3") == {"model": ["2:5", 0]}
    assert problems == []


def test_nested_subgraphs_are_expanded() -> None:
    document = with_subgraphs(node(2, "outer", ("model", "MODEL", 10), outputs="LATENT"))
    prompt, _ = api_from_editor(document, TYPES)
    assert sorted(prompt) == ["1", "2:6:5", "2:7", "3"]
    assert inputs_of(document, "2:6:5")["model"] == ["1", 0]
    assert inputs_of(document, "3") == {"model": ["2:6:5", 0]}


@pytest.mark.parametrize("values", [[99], {"seed": 99}])
def test_widget_of_a_subgraph_gives_its_value_to_the_widget_inside(values: object) -> None:
    instance = node(2, "inner", ("model", "MODEL", 10), ("=seed", "INT", None), outputs="LATENT", widgets_values=values)
    assert inputs_of(with_subgraphs(instance), "2:5")["seed"] == 99


def test_inputs_of_a_subgraph_are_matched_by_name() -> None:
    instance = node(2, "inner", ("=seed", "INT", None), ("model", "MODEL", 10), outputs="LATENT")
    assert inputs_of(with_subgraphs(instance), "2:5")["model"] == ["1", 0]


def test_muted_subgraph_is_left_out() -> None:
    document = with_subgraphs(node(2, "inner", ("model", "MODEL", 10), outputs="LATENT", mode=2))
    prompt, (problem,) = api_from_editor(document, TYPES)
    assert sorted(prompt) == ["1", "3"]
    assert problem.code == "cut_link"


def test_bypassed_subgraph_passes_on_what_it_gets() -> None:
    document = with_subgraphs(node(2, "inner", ("model", "MODEL", 10), outputs="MODEL", mode=4))
    assert inputs_of(document, "3") == {"model": ["1", 0]}


def test_subgraph_that_contains_itself_is_refused() -> None:
    snake = subgraph("snake", [node(5, "snake")], [], [])
    document = workflow(node(2, "snake"), definitions={"subgraphs": [snake]})
    with pytest.raises(DocumentError, match="node 2:5: its subgraph contains itself"):
        api_from_editor(document, TYPES)


def test_subgraphs_that_multiply_are_refused() -> None:
    levels = [subgraph(f"s{i}", [node(1, f"s{i + 1}"), node(2, f"s{i + 1}")], [], []) for i in range(40)]
    document = workflow(node(2, "s0"), definitions={"subgraphs": levels})
    with pytest.raises(DocumentError, match="more than 100000 nodes"):
        api_from_editor(document, TYPES)


def test_subgraphs_nested_too_deep_are_refused() -> None:
    levels = [subgraph(f"s{i}", [node(1, f"s{i + 1}")], [], []) for i in range(400)]
    document = workflow(node(2, "s0"), definitions={"subgraphs": levels})
    with pytest.raises(DocumentError, match="nested more than 100 deep"):
        api_from_editor(document, TYPES)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"nodes": [5]}, r"nodes\[0\]: expected an object, got 5"),
        ({"nodes": [{"type": "A"}]}, r"nodes\[0\].id: expected an id, got null"),
        ({"nodes": [{"id": 1}]}, r"nodes\[0\] \(node 1\).type: expected the name of a node type, got null"),
        ({"nodes": [{"id": 1, "type": "A"}, {"id": "1", "type": "A"}]}, r"nodes\[1\]: the id 1 is used twice"),
        ({"nodes": [{"id": 1, "type": "A", "mode": "x"}]}, r"mode: expected a whole number, got the text \"x\""),
        ({"nodes": [{"id": 1, "type": "A", "inputs": {}}]}, r"inputs: expected a list, got an object"),
        ({"nodes": [{"id": 1, "type": "A", "inputs": [{}]}]}, r"inputs\[0\].name: expected the name of an input"),
        (
            {"nodes": [{"id": 1, "type": "A", "widgets_values": 5}]},
            r"widgets_values: expected a list or an object, got 5",
        ),
        ({"nodes": [], "links": [[1, 2]]}, r"links\[0\]: expected \[id, from node, .* got a list of 2"),
        (
            {"nodes": [], "links": [[1, 2, None, 3, 0, "X"]]},
            r"links\[0\]: origin slot: expected a whole number, got null",
        ),
        ({"nodes": [], "definitions": []}, r"definitions: expected an object, got an empty list"),
        (
            {"nodes": [], "definitions": {"subgraphs": [{"id": "a", "nodes": [1]}]}},
            r"definitions.subgraphs\[0\].nodes\[0\]: expected an object, got 1",
        ),
    ],
)
def test_malformed_places_are_named(document: dict[str, Any], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        api_from_editor(document, TYPES)
