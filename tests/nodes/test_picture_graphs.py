"""Picture and latent nodes run by the engine, in graphs: lists, optional inputs, files and results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image as Pillow
from safetensors.torch import load_file, save_file

from sd35graph.local import InvalidWorkflow, LocalEngine
from sd35graph.settings import Settings


@pytest.fixture
def engine(tmp_path: Path) -> Any:
    engine = LocalEngine(Settings.load({"base": tmp_path}))
    yield engine
    engine.close()


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def test_pictures_are_rebatched_composed_and_saved_in_every_format(engine: LocalEngine) -> None:
    graph = {
        "1": node("EmptyImage", width=64, height=48, batch_size=3, color=0x0000FF),
        "2": node("EmptyImage", width=32, height=32, batch_size=1, color=0x00FF00),
        "3": node("RebatchImages", images=["1", 0], batch_size=2),
        "4": node("ImageCompositeMasked", destination=["3", 0], source=["2", 0], x=40, y=8, resize_source=False),
        "5": node("Canny", image=["4", 0], low_threshold=0.1, high_threshold=0.2),
        "6": node(
            "SaveAnimatedWEBP",
            images=["5", 0],
            filename_prefix="edges",
            fps=4,
            lossless=True,
            quality=80,
            method="default",
        ),
        "7": node("SaveImageFormat", images=["4", 0], filename_prefix="both", format="jpeg", quality=90),
    }
    result = engine.run(graph)
    assert result.error is None
    names = [path.name for path in result.files]
    assert sorted(names) == [f"both_0000{n}_.jpg" for n in (1, 2, 3)] + ["edges_00001_.webp", "edges_00002_.webp"]
    with Pillow.open(result.files[names.index("edges_00001_.webp")]) as edges:
        assert getattr(edges, "n_frames", 1) == 1  # two equal frames are one, shown for as long
        assert edges.convert("L").getextrema() == (0, 255)


def test_latents_are_saved_and_loaded_from_the_input_folder(engine: LocalEngine, tmp_path: Path) -> None:
    (tmp_path / "input").mkdir()
    save_file(
        {"latent_tensor": torch.ones(3, 16, 8, 8), "latent_format_version_0": torch.empty(0)},
        tmp_path / "input/a.latent",
    )
    graph = {
        "1": node("LoadLatent", latent="a.latent"),
        "2": node("RebatchLatents", latents=["1", 0], batch_size=2),
        "3": node("SaveLatent", samples=["2", 0], filename_prefix="part"),
    }
    result = engine.run(graph)
    assert [path.name for path in result.files] == ["part_00001_.latent", "part_00002_.latent"]
    assert [load_file(path)["latent_tensor"].shape[0] for path in result.files] == [2, 1]


def test_a_missing_latent_file_is_known_before_the_run(engine: LocalEngine) -> None:
    graph = {
        "1": node("LoadLatent", latent="gone.latent"),
        "2": node("SaveLatent", samples=["1", 0], filename_prefix="x"),
    }
    with pytest.raises(InvalidWorkflow) as caught:
        engine.run(graph)
    (problem,) = caught.value.problems
    assert problem.code == "missing_file"
    assert 'names "gone.latent", which is not in the input folder' in problem.message
