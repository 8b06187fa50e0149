"""Why a node's result was not taken from the cache, found by comparing its key with the last one of the same node."""

from __future__ import annotations

from collections import OrderedDict

from sd35graph.graph.schema import NodeSchema
from sd35graph.graph.steps import Label, Step

_MAX_NODES = 50_000
_MAX_NAMED = 3


class KeyHistory:
    """Remembers, for each node id, what its last key was made of; the ids longest unused are forgotten."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, tuple[NodeSchema, tuple[Label, ...], tuple[str, ...]]] = OrderedDict()

    def remember(self, step: Step) -> None:
        """Note what the step's key is made of."""
        last = self._last
        node_id = step.node_id
        last[node_id] = (step.schema, step.labels, step.parts)
        last.move_to_end(node_id)
        if len(last) > _MAX_NODES:
            last.popitem(last=False)

    def reason(self, step: Step, gone: str | None) -> str:
        """Why the step runs, as a sentence without its subject. gone: why the cache let go of this very key."""
        never = step.never_equal
        if never is not None:
            return never.why if never.node_id == step.node_id else f"depends on {never.label}, which {never.why}"
        if gone is not None:
            return gone
        last = self._last.get(step.node_id)
        if last is None:
            return "not run before"
        schema, labels, parts = last
        if schema.type != step.schema.type:
            return f"its type changed from {schema.type} to {step.schema.type}"
        if schema.version != step.schema.version or labels != step.labels:
            return f"{schema.type} has a new version"
        changed = _changed(step, parts)
        return f"{', '.join(changed)} changed" if changed else "did not finish before"


def _changed(step: Step, before: tuple[str, ...]) -> list[str]:
    """Names of the parts that differ; a file only where the same name was chosen before."""
    differing = [label for label, now, then in zip(step.labels, step.parts, before, strict=True) if now != then]
    inputs = {label.name for label in differing if label.kind == "input"}
    names = [_name(label, step) for label in differing if not (label.kind == "file" and label.name in inputs)]
    more = [f"{len(names) - _MAX_NAMED} more"] if len(names) > _MAX_NAMED else []
    return names[:_MAX_NAMED] + more


def _name(label: Label, step: Step) -> str:
    match label.kind:
        case "input":
            return f'input "{label.name}"'
        case "file":
            if label.name in step.values:
                return f'file "{step.values[label.name]}"'
            return f'a file that input "{label.name}" may name'
        case "id":
            return "the node's id"
        case "fingerprint":
            return "its fingerprint"
