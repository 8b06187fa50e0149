"""Validation: all problems at once, outputs judged one by one, cycles named, linear in size."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from sd35graph.graph.problems import PROBLEMS
from sd35graph.graph.schema import InputSchema, NodeSchema, OutputSchema
from sd35graph.graph.validate import Problem, Validation, validate, validator_calls, with_problems
from sd35graph.graph.workflow import Graph, Link, Node


def schema(name: str, inputs: Sequence[InputSchema] = (), outputs: Sequence[str] = (), **more: Any) -> NodeSchema:
    return NodeSchema(
        type=name,
        title=name,
        category="test",
        pack="test",
        inputs=tuple(inputs),
        outputs=tuple(OutputSchema(name=kind.lower(), type=kind) for kind in outputs),
        **more,
    )


def socket(name: str, kind: str, **more: Any) -> InputSchema:
    return InputSchema(name=name, type=kind, **more)


def widget(name: str, kind: str, **more: Any) -> InputSchema:
    return InputSchema(name=name, type=kind, widget=True, **more)


TYPES = {
    node.type: node
    for node in (
        schema("Loader", [widget("ckpt_name", "COMBO", source="checkpoints")], ["MODEL", "VAE"]),
        schema("Latent", [widget("width", "INT", min=16, max=64, has_default=True, default=32)], ["LATENT"]),
        schema("Number", [widget("value", "FLOAT", min=0.0)], ["FLOAT"]),
        schema(
            "Sampler",
            [
                socket("model", "MODEL"),
                socket("latent", "LATENT"),
                widget("sampler", "COMBO", choices=("euler", "dpmpp_2m")),
                widget("cfg", "FLOAT", min=0.0, max=100.0),
                widget("flip", "BOOLEAN", required=False),
            ],
            ["LATENT"],
        ),
        schema("Decode", [socket("latent", "LATENT"), socket("vae", "VAE")], ["IMAGE"]),
        schema("Step", [socket("a", "*"), socket("b", "*", required=False)], ["*"]),
        schema("Loop", [socket("flow", "*", raw_link=True, required=False)], ["*"]),
        schema("Picture", [widget("image", "COMBO", source="input")], ["IMAGE"]),
        schema("Save", [socket("images", "IMAGE"), widget("prefix", "STRING")], is_output=True),
        schema("Sink", [socket("value", "*")], is_output=True),
    )
}
FILES = {"checkpoints": ["sd35/sd3.5_large.safetensors", "tiny.safetensors"], "input": ["cat.png"]}


def files(source: str) -> list[str]:
    return FILES.get(source, [])


def good() -> dict[str, Node]:
    return {
        "4": Node("Loader", {"ckpt_name": "tiny.safetensors"}),
        "5": Node("Latent", {"width": 32}),
        "3": Node(
            "Sampler",
            {"model": Link("4", 0), "latent": Link("5", 0), "sampler": "euler", "cfg": 4.5},
        ),
        "8": Node("Decode", {"latent": Link("3", 0), "vae": Link("4", 1)}),
        "9": Node("Save", {"images": Link("8", 0), "prefix": "x"}),
    }


def judged(nodes: dict[str, Node], targets: Collection[str] | None = None) -> Validation:
    return validate(Graph(nodes), TYPES, files, targets)


def changed(node_id: str, **inputs: object) -> dict[str, Node]:
    nodes = good()
    kept = {name: value for name, value in (nodes[node_id].inputs | inputs).items() if value is not ...}  # type: ignore[operator]
    return {**nodes, node_id: Node(nodes[node_id].type, kept)}


def only(validation: Validation) -> Problem:
    assert len(validation.problems) == 1, validation.problems
    return validation.problems[0]


def test_an_input_that_takes_anything_may_be_linked_to_any_output() -> None:
    problem = only(judged({"1": Node("Sink", {})}))
    assert problem.message == 'Sink (node 1): required input "value" is missing; link it to any output.'


def test_good_graph_has_no_problems_and_its_output_runs() -> None:
    validation = judged(good())
    assert validation.problems == ()
    assert validation.outputs == ("9",)
    assert validation.needed == {"3", "4", "5", "8", "9"}


@pytest.mark.parametrize(
    ("node_id", "inputs", "code", "message"),
    [
        (
            "3",
            {"cfg": ...},
            "missing_input",
            'Sampler (node 3): required input "cfg" is missing; give it a number from 0.0 to 100.0.',
        ),
        (
            "5",
            {"width": ...},
            "missing_input",
            'Latent (node 5): required input "width" is missing; give it an integer from 16 to 64 (usually 32).',
        ),
        (
            "8",
            {"vae": ...},
            "missing_input",
            'Decode (node 8): required input "vae" is missing; link it to a VAE output, such as that of Loader.',
        ),
        (
            "3",
            {"sampler": ...},
            "missing_input",
            'Sampler (node 3): required input "sampler" is missing; choose one of "euler", "dpmpp_2m".',
        ),
        (
            "8",
            {"vae": Link("4", 0)},
            "wrong_type",
            'Decode (node 8): input "vae" needs VAE, but node 4 "Loader" output "model" is MODEL; '
            "link it to a VAE output, such as that of Loader.",
        ),
        (
            "3",
            {"model": "abc"},
            "wrong_type",
            'Sampler (node 3): input "model" needs a link to a MODEL output, but is the text "abc".',
        ),
        (
            "5",
            {"width": "many"},
            "wrong_type",
            'Latent (node 5): input "width" needs an integer from 16 to 64, but is the text "many".',
        ),
        (
            "5",
            {"width": "32"},
            "wrong_type",
            'Latent (node 5): input "width" needs an integer from 16 to 64, but is the text "32"; did you mean 32?',
        ),
        (
            "5",
            {"width": True},
            "wrong_type",
            'Latent (node 5): input "width" needs an integer from 16 to 64, but is true; did you mean 1?',
        ),
        (
            "3",
            {"cfg": float("nan")},
            "wrong_type",
            'Sampler (node 3): input "cfg" needs a number from 0.0 to 100.0, but is nan.',
        ),
        (
            "3",
            {"flip": 1},
            "wrong_type",
            'Sampler (node 3): input "flip" needs true or false, but is 1; did you mean true?',
        ),
        (
            "5",
            {"width": 8},
            "out_of_range",
            'Latent (node 5): input "width" must be a number from 16 to 64, but is 8.',
        ),
        (
            "5",
            {"width": -(10**5000)},
            "out_of_range",
            'Latent (node 5): input "width" must be a number from 16 to 64, but is about -2^16610.',
        ),
        (
            "3",
            {"sampler": "dpmpp2m"},
            "not_in_list",
            'Sampler (node 3): input "sampler" has no choice "dpmpp2m"; did you mean "dpmpp_2m"?',
        ),
        (
            "3",
            {"sampler": "zzz"},
            "not_in_list",
            'Sampler (node 3): input "sampler" has no choice "zzz"; choose one of "euler", "dpmpp_2m".',
        ),
        (
            "8",
            {"latent": Link("99", 0)},
            "dangling_link",
            'Decode (node 8): input "latent" is linked to node "99", which is not in the workflow; '
            "link it to a LATENT output, such as that of Latent or Sampler.",
        ),
        (
            "8",
            {"latent": Link("3", 4)},
            "output_out_of_range",
            'Decode (node 8): input "latent" is linked to output 4 of node 3 "Sampler", whose outputs are: 0 latent.',
        ),
    ],
)
def test_each_mistake_is_one_sentence(node_id: str, inputs: dict[str, object], code: str, message: str) -> None:
    validation = judged(changed(node_id, **inputs))
    problem = only(validation)
    assert (problem.code, problem.node_id, problem.message) == (code, node_id, message)
    assert problem.input == next(iter(inputs))
    assert validation.outputs == ()
    assert validation.dependents == {node_id: ("9",)}
    assert validation.needed == frozenset()


def test_missing_known_model_says_file_folder_source_and_nearest_name() -> None:
    problem = only(judged(changed("4", ckpt_name="sd3.5_large.safetensors")))
    assert problem.code == "missing_model"
    assert problem.message == (
        'Loader (node 4): input "ckpt_name" names "sd3.5_large.safetensors", which is not in models/checkpoints; '
        "run `sd35graph models pull sd3.5-large`, or "
        "get sd3.5_large.safetensors from stabilityai/stable-diffusion-3.5-large on Hugging Face, after accepting its "
        'licence there, and put it there, or choose "sd35/sd3.5_large.safetensors".'
    )
    assert problem.details["repository"] == "stabilityai/stable-diffusion-3.5-large"
    assert problem.details["folder"] == "models/checkpoints"
    assert problem.suggestions[0] == "sd35/sd3.5_large.safetensors"


def test_missing_unknown_model_says_file_and_folder() -> None:
    problem = only(judged(changed("4", ckpt_name="my-own.ckpt")))
    assert problem.message == (
        'Loader (node 4): input "ckpt_name" names "my-own.ckpt", which is not in models/checkpoints; put it there.'
    )


def test_missing_picture_asks_for_an_upload() -> None:
    nodes = {"1": Node("Picture", {"image": "dog.jpg"}), "2": Node("Save", {"images": Link("1", 0), "prefix": "x"})}
    problem = only(judged(nodes))
    assert problem.code == "missing_file"
    assert problem.message == (
        'Picture (node 1): input "image" names "dog.jpg", which is not in the input folder; upload it, or put it there.'
    )


def test_all_problems_are_reported_at_once_in_document_order() -> None:
    nodes = changed("3", cfg=-1.0, sampler="eulr")
    nodes["5"] = Node("Latent", {"width": 1})
    nodes["4"] = Node("Loader", {"ckpt_name": "missing"})
    validation = judged(nodes)
    found = [(problem.node_id, problem.input) for problem in validation.problems]
    assert found == [("4", "ckpt_name"), ("5", "width"), ("3", "sampler"), ("3", "cfg")]
    assert set(validation.dependents) == {"3", "4", "5"}


def test_title_is_part_of_the_message() -> None:
    nodes = good()
    nodes["5"] = Node("Latent", {"width": 1}, title="Canvas")
    assert only(judged(nodes)).message.startswith('Latent "Canvas" (node 5): input "width"')


def test_invalid_output_is_dropped_and_valid_one_stays() -> None:
    nodes = {**good(), "90": Node("Save", {"images": Link("999", 0), "prefix": "x"})}
    validation = judged(nodes)
    assert validation.outputs == ("9",)
    assert only(validation).node_id == "90"
    assert validation.dependents == {"90": ("90",)}


def test_shared_broken_node_names_all_outputs_that_need_it() -> None:
    nodes = {**changed("5", width=1), "10": Node("Sink", {"value": Link("8", 0)})}
    validation = judged(nodes)
    assert validation.outputs == ()
    assert validation.dependents == {"5": ("9", "10")}


def test_problem_of_an_unneeded_node_is_a_warning() -> None:
    validation = judged({**good(), "7": Node("Latent", {"width": 1})})
    assert validation.outputs == ("9",)
    assert only(validation).severity == "warning"
    assert validation.errors == ()
    assert validation.dependents == {}


def test_unknown_type_anywhere_refuses_the_whole_workflow() -> None:
    validation = judged({**good(), "7": Node("Lattent", {"width": 1})})
    assert validation.outputs == ()
    problem = only(validation)
    assert problem.code == "unknown_node"
    assert problem.message == (
        'Node 7: there is no node type "Lattent"; did you mean "Latent"? '
        "Otherwise install the pack that brings it, or remove the node."
    )
    assert validation.dependents == {"7": ()}


def test_beside_an_unknown_output_every_other_problem_is_told_too() -> None:
    nodes = {**changed("4", ckpt_name="mine.safetensors"), "11": Node("Latent", {"width": 1})}
    nodes["9"] = Node("Sve", dict(nodes["9"].inputs))
    validation = judged(nodes)
    assert [(problem.code, problem.node_id) for problem in validation.errors] == [
        ("missing_model", "4"),
        ("unknown_node", "9"),
    ]
    assert validation.outputs == ()
    assert validation.dependents == {"4": (), "9": ()}


def test_unknown_output_type_is_not_also_called_a_lack_of_outputs() -> None:
    validation = judged({"1": Node("Zzz")})
    assert only(validation).message == (
        'Node 1: there is no node type "Zzz"; install the pack that brings it, or remove the node.'
    )


@pytest.mark.parametrize("nodes", [{}, {"5": Node("Latent", {"width": 32})}])
def test_no_output_says_what_to_add(nodes: dict[str, Node]) -> None:
    problem = only(judged(nodes))
    assert (problem.code, problem.node_id) == ("no_output", None)
    assert problem.message == ("The workflow has no output node, so nothing would run; add one, such as Save, Sink.")


def test_targets_choose_outputs() -> None:
    nodes = {**good(), "10": Node("Sink", {"value": Link("5", 0)})}
    validation = judged(nodes, targets=["10"])
    assert validation.outputs == ("10",)
    assert validation.needed == {"5", "10"}


def test_no_targets_at_all_is_no_output() -> None:
    validation = judged(good(), targets=[])
    assert only(validation).message == (
        "None of the workflow's output nodes was asked for; ask for at least one of Save (node 9)."
    )


def test_targets_that_are_no_outputs_are_ignored_with_a_warning() -> None:
    validation = judged(good(), targets=["9", "5", "77"])
    assert validation.outputs == ("9",)
    assert [(problem.code, problem.severity, problem.message) for problem in validation.problems] == [
        (
            "unknown_target",
            "warning",
            "Latent (node 5) was asked for but is no output node, so it is ignored; outputs are 9.",
        ),
        (
            "unknown_target",
            "warning",
            "node 77 was asked for but is not in the workflow, so it is ignored; outputs are 9.",
        ),
    ]


def test_cycle_is_named_as_a_path_in_the_direction_values_flow() -> None:
    nodes = {
        "1": Node("Step", {"a": Link("3", 0)}),
        "3": Node("Step", {"a": Link("8", 0), "b": Link("9", 0)}),
        "8": Node("Step", {"a": Link("1", 0)}),
        "9": Node("Latent", {"width": 32}),
        "10": Node("Sink", {"value": Link("3", 0)}),
        "11": Node("Sink", {"value": Link("9", 0)}),
    }
    validation = judged(nodes)
    problem = only(validation)
    assert problem.code == "cycle"
    assert problem.message == "Step (node 1) needs its own result: 1 → 8 → 3 → 1; remove one of these links."
    assert validation.outputs == ("11",)
    assert validation.dependents == {"1": ("10",)}


def test_node_linked_to_itself_is_a_cycle() -> None:
    nodes = {"3": Node("Step", {"a": Link("3", 0)}), "4": Node("Sink", {"value": Link("3", 0)})}
    assert only(judged(nodes)).message == "Step (node 3) needs its own result: 3 → 3; remove one of these links."


def test_every_cycle_is_reported() -> None:
    nodes = {
        "1": Node("Step", {"a": Link("2", 0)}),
        "2": Node("Step", {"a": Link("1", 0)}),
        "3": Node("Step", {"a": Link("4", 0), "b": Link("1", 0)}),
        "4": Node("Step", {"a": Link("3", 0)}),
        "5": Node("Sink", {"value": Link("4", 0)}),
    }
    assert [problem.received for problem in judged(nodes).problems] == ["1 → 2 → 1", "3 → 4 → 3"]


def test_raw_link_makes_no_cycle_and_needs_nothing() -> None:
    nodes = {
        "1": Node("Loop", {"flow": Link("2", 0)}),
        "2": Node("Step", {"a": Link("1", 0)}),
        "3": Node("Sink", {"value": Link("1", 0)}),
    }
    validation = judged(nodes)
    assert validation.problems == ()
    assert validation.needed == {"1", "3"}


def chain(length: int) -> dict[str, Node]:
    nodes = {"0": Node("Latent", {"width": 32})}
    nodes |= {str(i): Node("Step", {"a": Link(str(i - 1), 0)}) for i in range(1, length)}
    return {**nodes, "end": Node("Sink", {"value": Link(str(length - 1), 0)})}


def diamond(levels: int) -> dict[str, Node]:
    """Both inputs of every node lead to the node before: 2 ** levels ways, 2 * levels links."""
    nodes = {"0": Node("Latent", {"width": 32})}
    for i in range(1, levels):
        nodes[str(i)] = Node("Step", {"a": Link(str(i - 1), 0), "b": Link(str(i - 1), 0)})
    return {**nodes, "end": Node("Sink", {"value": Link(str(levels - 1), 0)})}


def ring(length: int) -> dict[str, Node]:
    nodes = {str(i): Node("Step", {"a": Link(str((i + 1) % length), 0)}) for i in range(length)}
    return {**nodes, "end": Node("Sink", {"value": Link("0", 0)})}


def outputs_on_a_chain(length: int) -> dict[str, Node]:
    nodes = chain(length)
    return nodes | {f"out{i}": Node("Sink", {"value": Link(str(i), 0)}) for i in range(length)}


@pytest.mark.parametrize("nodes", [chain(10_000), diamond(5_000)], ids=["chain", "diamond"])
def test_ten_thousand_nodes_validate_without_recursion(nodes: dict[str, Node]) -> None:
    validation = judged(nodes)
    assert validation.problems == ()
    assert validation.outputs == ("end",)
    assert len(validation.needed) == len(nodes)


def test_ring_of_ten_thousand_is_named_in_short() -> None:
    problem = only(judged(ring(10_000)))
    assert problem.message == (
        "Step (node 0) needs its own result: 0 → 9999 → 9998 → 9997 → 9996 → 9995 → … → 4 → 3 → 2 → 1 → 0; "
        "remove one of these links."
    )


def test_thousands_of_outputs_on_one_chain_are_all_valid() -> None:
    validation = judged(outputs_on_a_chain(5_000))
    assert len(validation.outputs) == 5_001


def test_thousands_of_misspelt_types_are_all_reported() -> None:
    validation = judged({str(i): Node(f"Samplr{i}" + "x" * 1000) for i in range(5_000)})
    assert len(validation.problems) == 5_000


def test_input_named_while_reading_is_not_complained_about_again() -> None:
    nodes = changed("8", latent=...)
    parsed = [Problem("bad_link", "Decode (node 8): …", node_id="8", input="latent")]
    validation = validate(Graph(nodes), TYPES, files, parsed=parsed)
    assert validation.problems == tuple(parsed)
    assert validation.outputs == ()


def test_link_to_an_entry_that_could_not_be_read_is_not_called_dangling() -> None:
    nodes = good()
    del nodes["3"]
    parsed = [Problem("missing_class_type", "Node 3: …", node_id="3")]
    validation = validate(Graph(nodes), TYPES, files, parsed=parsed)
    assert validation.problems == tuple(parsed)
    assert validation.dependents == {"3": ("9",)}


def test_undeclared_input_is_a_warning_and_no_dependency() -> None:
    nodes = changed("5", extra=Link("99", 0))
    validation = judged(nodes)
    problem = only(validation)
    assert (problem.code, problem.severity) == ("unknown_input", "warning")
    assert problem.message == 'Latent (node 5): it has no input "extra", so that one is ignored; its inputs are width.'
    assert validation.outputs == ("9",)


CHECKED = schema(
    "Checked",
    [widget("low", "INT", max=10), widget("kind", "COMBO", choices=("a",)), socket("image", "IMAGE", required=False)],
    ["IMAGE"],
    has_validator=True,
    validated_inputs=("low", "kind"),
    validates_links=True,
)


def checked_graph(**inputs: object) -> Graph:
    nodes = {
        "1": Node("Latent", {"width": 32}),
        "2": Node("Checked", {"low": 99, "kind": "b", "image": Link("1", 0), **inputs}),
        "3": Node("Sink", {"value": Link("2", 0)}),
        "4": Node("Sink", {"value": Link("1", 0)}),
        "5": Node("Checked", {"low": 1, "kind": "a"}),
    }
    return Graph(nodes)


def test_validated_inputs_skip_range_choice_and_link_checks() -> None:
    types = TYPES | {"Checked": CHECKED}
    assert validate(checked_graph(), types, files).problems == ()
    assert [problem.code for problem in validate(checked_graph(low="x"), types, files).problems] == ["wrong_type"]


def test_validators_are_asked_for_nodes_that_will_run() -> None:
    types = TYPES | {"Checked": CHECKED}
    graph = checked_graph()
    (call,) = validator_calls(graph, types, validate(graph, types, files))
    assert (call.node_id, call.type) == ("2", "Checked")
    assert call.inputs == {"low": 99, "kind": "b", "image": None}
    assert call.input_types == {"image": "LATENT"}


def test_refusal_by_a_validator_drops_the_outputs_that_need_the_node() -> None:
    types = TYPES | {"Checked": CHECKED}
    graph = checked_graph()
    before = validate(graph, types, files)
    assert before.outputs == ("3", "4")
    refusal = Problem("invalid_value", "Checked (node 2): too high.", node_id="2", input="low")
    after = with_problems(before, graph, types, [refusal])
    assert after.outputs == ("4",)
    assert after.dependents == {"2": ("3",)}
    assert after.errors == (refusal,)


def test_refusal_keeps_earlier_errors_as_errors() -> None:
    types = TYPES | {"Checked": CHECKED}
    graph = Graph(
        {**checked_graph().nodes, "1": Node("Latent", {"width": 1}), "6": Node("Sink", {"value": Link("5", 0)})}
    )
    before = validate(graph, types, files)
    assert before.outputs == ("6",)
    after = with_problems(before, graph, types, [Problem("invalid_value", "no", node_id="5")])
    assert after.outputs == ()
    assert [(problem.node_id, problem.severity) for problem in after.problems] == [("1", "error"), ("5", "error")]
    assert after.dependents == {"1": ("3", "4"), "5": ("6",)}


def test_sources_are_asked_once() -> None:
    asked: list[str] = []

    def counted(source: str) -> list[str]:
        asked.append(source)
        return ["a"]

    nodes = {str(i): Node("Loader", {"ckpt_name": "a"}) for i in range(50)}
    validate(Graph(nodes), TYPES, counted)
    assert asked == ["checkpoints"]


def test_problems_survive_the_way_through_json() -> None:
    validation = judged(changed("3", cfg=-1.0, sampler="eulr", model=Link("5", 0)))
    assert PROBLEMS.validate_json(PROBLEMS.dump_json(list(validation.problems))) == list(validation.problems)
    assert [problem.as_json()["code"] for problem in validation.problems] == [
        "wrong_type",
        "not_in_list",
        "out_of_range",
    ]


def test_python_objects_in_a_graph_are_described_not_raised() -> None:
    problem = only(judged(changed("5", width=object())))
    assert problem.message.endswith("but is a Python object.")
    assert str(problem.received).startswith("<object object")
