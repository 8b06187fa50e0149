"""The shipped workflows: they read, say which model files are missing, and run on small models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow
from twin_models import write_twins

from sd35graph.graph.formats.document import read_document
from sd35graph.local import LocalEngine
from sd35graph.settings import Settings

WORKFLOWS = sorted((Path(__file__).parents[2] / "workflows").glob("*.json"))
TINY = WORKFLOWS[0].with_name("sd35_tiny.json")  # its model is in the package
SMALL = {"width": 64, "height": 64, "steps": 2}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    """One whose models have the names of the released ones."""
    base = tmp_path_factory.mktemp("twins")
    write_twins(base)
    return LocalEngine(Settings.load({"base": base, "precision": "fp32"}, {}))


def _document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("path", [path for path in WORKFLOWS if path != TINY], ids=lambda path: path.stem)
def test_only_the_models_are_missing_and_each_is_said_with_its_place_and_source(path: Path, tmp_path: Path) -> None:
    problems = LocalEngine(Settings.load({"base": tmp_path}, {})).check(_document(path))
    pictures = [problem for problem in problems if problem.code == "missing_file"]
    assert all("upload it" in problem.message for problem in pictures)
    models = [problem for problem in problems if problem not in pictures]
    assert {problem.code for problem in models} == {"missing_model"}
    for problem in models:
        assert "models/" in problem.message
        assert "Hugging Face" in problem.message


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_runs_on_small_models(path: Path, engine: LocalEngine) -> None:
    prompt = read_document(_document(path), engine.registry.schemas()).prompt
    overrides = [
        f"{node_id}.{name}={SMALL[name]}"
        for node_id, node in prompt.items()
        for name, value in node["inputs"].items()  # type: ignore[index,union-attr,call-overload]
        if name in SMALL and not isinstance(value, list)
    ]
    result = engine.run(_document(path), overrides=overrides)
    assert result.error is None
    (saved,) = [file for file in result.files if file.parent.name == "output"]
    with Pillow.open(saved) as picture:
        assert picture.size == ((128, 96) if "inpaint" in path.stem else (64, 64))
        assert len(set(picture.convert("L").tobytes())) > 16
        assert json.loads(picture.info["workflow"])["nodes"] == _document(path)["nodes"]


def test_embedded_model_draws_without_any_file_of_the_users(embedded_model: Path, tmp_path: Path) -> None:
    pictures = []
    for number, prompt in enumerate(("a 3d red apple", "a 3d red apple", "line art cat on a blue background")):
        engine = LocalEngine(Settings.load({"base": tmp_path / str(number)}, {}))  # nothing of it is cached
        assert engine.check(_document(TINY)) == ()
        (file,) = engine.run(_document(TINY), overrides=[f"prompt.text={prompt}", "KSampler.seed=7"]).files
        with Pillow.open(file) as picture:
            assert picture.size == (64, 64)
            pictures.append(picture.tobytes())
    assert pictures[0] == pictures[1]
    assert pictures[0] != pictures[2]


def test_published_example_is_as_published() -> None:
    schemas_free = {node["type"]: node for node in _document(WORKFLOWS[0].with_name("sd35_large.json"))["nodes"]}
    assert schemas_free["KSampler"]["widgets_values"][2:] == [28, 4.5, "euler", "sgm_uniform", 1.0]
    assert schemas_free["ModelSamplingSD3"]["widgets_values"][0] == 3.0
    assert schemas_free["EmptySD3LatentImage"]["widgets_values"] == [1024, 1024, 1]
    turbo = {node["type"]: node for node in _document(WORKFLOWS[0].with_name("sd35_large_turbo.json"))["nodes"]}
    assert turbo["KSampler"]["widgets_values"][2:4] == [4, 1.0]
