"""Error replies in the words of existing clients, against every recorded reply."""

from __future__ import annotations

import json
from typing import Any

import pytest
from recorded_nodes import SHARED, shared_json

from sd35graph.graph.check import check_document
from sd35graph.graph.errors import DocumentError
from sd35graph.graph.formats.document import read_bytes
from sd35graph.graph.schema import InputSchema
from sd35graph.graph.validate import Problem, Validation
from sd35graph.graph.workflow import Graph, Node
from sd35graph.server.jobs.legacy_errors import legacy_errors

PATH = "parity/e2e/bad_prompts.json"
CASES = sorted(json.loads((SHARED / PATH).read_text())) if (SHARED / PATH).exists() else ["(no reference data)"]
# Replies in which the reference reveals an accident of its own; status and error.type are compared.
LOOSE = {
    "unknown_node",
    "missing_class_type",
    "missing_inputs_key",
    "dangling_link",
    "numeric_node_id_link",
    "output_index_out_of_range",
    "cycle",
    "one_good_one_bad_output",
    "node_not_a_dict",
}
# Bodies that are refused before there is a workflow.
UNREADABLE = {"json_list", "json_string", "no_prompt_key", "prompt_is_list", "prompt_is_null"}
NOT_JSON = {"invalid_json", "empty_body"}


def reply(document: object, schemas: Any, choices: Any) -> tuple[int, dict[str, Any]]:
    """What the server would answer."""
    read, validation = check_document(document, schemas, choices)
    error, node_errors = legacy_errors(validation, read.graph, schemas)
    return (400, {"error": error, "node_errors": node_errors}) if error else (200, {"node_errors": node_errors})


def shape(body: dict[str, Any]) -> dict[str, Any]:
    """The parts that must be equal."""
    nodes = {
        node_id: {
            "types": sorted(error["type"] for error in entry["errors"]),
            "inputs": sorted(error["extra_info"].get("input_name", "") for error in entry["errors"]),
            "dependents": entry["dependent_outputs"],
            "class_type": entry["class_type"],
        }
        for node_id, entry in body.get("node_errors", {}).items()
    }
    return {"type": body.get("error", {}).get("type"), "nodes": nodes}


@pytest.mark.parametrize("name", CASES)
def test_replies_equal_the_recorded_ones(name: str, schemas: Any, choices: Any) -> None:
    case = shared_json(PATH)[name]
    if name in NOT_JSON:
        with pytest.raises(DocumentError, match="the document is not JSON"):
            read_bytes(case["request_body"])
        return
    document = case["request"] if "request" in case else json.loads(case["request_body"])
    if name in UNREADABLE:
        with pytest.raises(DocumentError):
            check_document(document, schemas, choices)
        return
    status, body = reply(document, schemas, choices)
    assert status == case["status"]
    if name in LOOSE:
        assert shape(body)["type"] == shape(case["json"])["type"]
        assert body["node_errors"], "the node is named, which the recorded reply does not always do"
    else:
        assert shape(body) == shape(case["json"])


@pytest.mark.parametrize("name", ["value_too_small", "value_too_big", "seed_negative", "two_errors", "wrong_link_type"])
def test_messages_and_extra_info_equal_the_recorded_ones(name: str, schemas: Any, choices: Any) -> None:
    case = shared_json(PATH)[name]
    _, body = reply(case["request"], schemas, choices)
    for node_id, entry in case["json"]["node_errors"].items():
        ours = {error["extra_info"]["input_name"]: error for error in body["node_errors"][node_id]["errors"]}
        for error in entry["errors"]:
            mine = ours[error["extra_info"]["input_name"]]
            assert mine["message"] == error["message"]
            for key in ("received_value", "received_type", "linked_node"):
                assert mine["extra_info"].get(key) == error["extra_info"].get(key)
            want_type, want_options = error["extra_info"]["input_config"]
            got_type, got_options = mine["extra_info"]["input_config"]
            assert got_type == want_type
            assert got_options == {key: value for key, value in want_options.items() if key != "tooltip"}


def test_details_are_our_own_sentence(schemas: Any, choices: Any) -> None:
    case = shared_json(PATH)["value_not_in_list"]
    _, body = reply(case["request"], schemas, choices)
    error = body["node_errors"]["3"]["errors"][0]
    assert error["details"].startswith('KSampler (node 3): input "sampler_name" has no choice "no_such_sampler"')
    assert error["extra_info"]["input_config"] is None  # 42 choices are too many to repeat
    assert error["extra_info"]["code"] == "not_in_list"
    assert error["extra_info"]["expected"].startswith("one of ")


def test_refusal_by_a_validator_is_a_custom_validation_error() -> None:
    problem = Problem("invalid_value", "Node (node 1): the mask is empty.", node_id="1", input="mask")
    validation = Validation((problem,), (), {"1": ("1",)})
    error, node_errors = legacy_errors(validation, Graph({"1": Node("Node")}), {})
    assert error is not None
    assert error["type"] == "prompt_outputs_failed_validation"
    assert node_errors["1"]["errors"][0]["type"] == "custom_validation_failed"  # type: ignore[index,call-overload]


def test_every_error_code_has_a_type_of_its_own(schemas: Any) -> None:
    from typing import get_args

    from sd35graph.graph.problems import ProblemCode
    from sd35graph.server.jobs.legacy_errors import _TYPES

    never_of_a_node = {"no_output", "unknown_input", "unknown_target", "cut_link"}
    assert set(_TYPES) == set(get_args(ProblemCode)) - never_of_a_node
    assert isinstance(schemas["KSampler"].inputs[0], InputSchema)
