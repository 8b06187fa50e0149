"""The examples in the documents are packs that load, and graphs of them run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sd35graph.local import InvalidWorkflow, LocalEngine
from sd35graph.settings import Settings

ROOT = Path(__file__).parents[1]
EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    """An engine with every Python example of README and docs/nodes.md as a pack."""
    packs = tmp_path_factory.mktemp("packs")
    for document in (ROOT / "README.md", ROOT / "docs" / "nodes.md"):
        examples = EXAMPLE.findall(document.read_text(encoding="utf-8"))
        assert examples, document
        for number, example in enumerate(examples):
            (packs / f"{document.stem}_{number}.py").write_text(example, encoding="utf-8")
    engine = LocalEngine(Settings.load({"base": tmp_path_factory.mktemp("base"), "packs": (packs,)}, {}))
    assert engine.pack_failures == []
    return engine


def _run(engine: LocalEngine, node: str, result: str = "IMAGE", **inputs: Any) -> str:
    """What PreviewAny or CountPixels shows of a node fed with a grey picture."""
    prompt = {
        "grey": {"class_type": "EmptyImage", "inputs": {"width": 4, "height": 4, "batch_size": 3, "color": 0x808080}},
        "node": {"class_type": node, "inputs": inputs},
        "show": {"class_type": "CountPixels", "inputs": {"image": ["node", 0]}}
        if result == "IMAGE"
        else {"class_type": "PreviewAny", "inputs": {"source": ["node", 0]}},
    }
    done = engine.run(prompt)
    assert done.error is None
    shown: Any = done.outputs["show"]
    return " ".join(shown["text"])


GREY = ["grey", 0]


@pytest.mark.parametrize(
    ("node", "inputs"),
    [
        ("Brighten", {"image": GREY, "amount": 2.0}),
        ("Posterize", {"image": GREY, "levels": 4, "rounding": "down"}),
        ("SlowBlur", {"image": GREY, "passes": 2}),
        ("Switch", {"use_first": True, "first": GREY, "second": GREY}),
        ("OnlyBright", {"image": GREY, "threshold": 0.2}),
        ("InvertTimes", {"image": GREY, "times": 5}),
    ],
)
def test_example_node_runs(engine: LocalEngine, node: str, inputs: dict[str, Any]) -> None:
    assert _run(engine, node, **inputs) == "3 x 4 x 4"


def test_list_example_maps_and_collects(engine: LocalEngine) -> None:
    assert _run(engine, "SplitBatch", image=GREY) == "1 x 4 x 4 1 x 4 x 4 1 x 4 x 4"
    prompt = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 4, "height": 4, "batch_size": 3, "color": 0}},
        "2": {"class_type": "SplitBatch", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "CountItems", "inputs": {"images": ["2", 0]}},
        "4": {"class_type": "PreviewAny", "inputs": {"source": ["3", 0]}},
    }
    assert engine.run(prompt).outputs["4"] == {"text": ["3"]}


def test_validator_example_refuses_before_the_run(engine: LocalEngine) -> None:
    assert _run(engine, "EvenSquare", size=8) == "1 x 8 x 8"
    with pytest.raises(InvalidWorkflow, match="size must be even, got 7"):
        _run(engine, "EvenSquare", size=7)
