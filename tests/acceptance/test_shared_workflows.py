"""Other people's workflows, in both document forms, run to the end on tiny twins of the models that they name.

Sizes, steps and input pictures are replaced by small ones; everything else is as published.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow
from twin_models import write_twins

from sd35graph.graph.formats.document import read_document
from sd35graph.local import LocalEngine
from sd35graph.settings import Settings

SHARED = Path(os.environ.get("SD35GRAPH_SHARED") or Path(__file__).resolve().parents[3] / "shared")
WORKFLOWS = sorted((SHARED / "workflows").glob("*.json"))
SMALL = {"width": 128, "height": 128, "batch_size": 1, "steps": 2}
PICTURES = {"image": "sd3_controlnet_example.png"}


@pytest.fixture(scope="module")
def engine(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    base = tmp_path_factory.mktemp("twins")
    write_twins(base)
    engine = LocalEngine(Settings.load({"base": base, "precision": "fp32"}, {}))
    assert engine.pack_failures == []
    return engine


def replacements(prompt: dict[str, Any]) -> list[str]:
    """What makes a workflow small."""
    found = []
    for node_id, node in prompt.items():
        wanted = PICTURES if node["class_type"] == "LoadImage" else SMALL
        values = [name for name, value in node["inputs"].items() if name in wanted and not isinstance(value, list)]
        found += [f"{node_id}.{name}={wanted[name]}" for name in values]
    return found


def test_there_are_workflows_in_both_forms(shared: Path) -> None:
    assert {path.suffixes[-2] for path in WORKFLOWS} == {".api", ".editor"}, shared


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name.removesuffix(".json"))
def test_runs_to_the_end_on_tiny_twins(path: Path, engine: LocalEngine) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    prompt = read_document(document, engine.registry.schemas()).prompt
    result = engine.run(document, overrides=replacements(dict(prompt)))
    assert result.error is None
    assert [problem for problem in result.problems if problem.is_error] == []
    outputs = [node for node in prompt.values() if node["class_type"] in ("SaveImage", "PreviewImage")]
    assert len(result.files) == len(outputs)
    for file in result.files:
        with Pillow.open(file) as picture:
            assert picture.size == (128, 128)
            colours = picture.getcolors(maxcolors=128 * 128)
            assert len(colours) > (1 if file.parent.name == "temp" else 1000)
