"""LoRAs, ControlNets, merges and saved models in graphs that the engine runs, on the model in the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from sd35graph.local import LocalEngine
from sd35graph.models.networks.controlnet import ControlNet, ControlNetConfig
from sd35graph.models.networks.variants import mmdit_config
from sd35graph.settings import Settings

CHECKPOINT = Path(__file__).parents[2] / "sd35graph/embedded/models/checkpoints/sd35_tiny.safetensors"
ENCODERS = [f"sd35_tiny_{name}.safetensors" for name in ("clip_l", "clip_g", "t5xxl")]
PREFIX = "model.diffusion_model."


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[LocalEngine]:
    for kind in ("loras", "controlnet", "checkpoints", "diffusion_models"):
        (tmp_path / "models" / kind).mkdir(parents=True)
    engine = LocalEngine(Settings.load({"base": tmp_path, "precision": "fp32"}))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """The transformer's."""
    return {key.removeprefix(PREFIX): t for key, t in load_file(CHECKPOINT).items() if key.startswith(PREFIX)}


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def drawing(model: list[Any], controls: dict[str, Any] | None = None) -> dict[str, Any]:
    """A graph that draws with `model`; `controls` may steer the prompts, of nodes 3 and 4."""
    prompts = [["9", 0], ["9", 1]] if controls else [["3", 0], ["4", 0]]
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name="sd35_tiny.safetensors"),
        "2": node("TripleCLIPLoader", **{f"clip_name{i}": name for i, name in enumerate(ENCODERS, 1)}),
        "3": node("CLIPTextEncode", text="a cat", clip=["2", 0]),
        "4": node("ConditioningZeroOut", conditioning=["3", 0]),
        "5": node("EmptySD3LatentImage", width=64, height=64, batch_size=1),
        **(controls or {}),
        "6": node(
            "KSampler",
            model=model,
            seed=1,
            steps=2,
            cfg=3.0,
            sampler_name="euler",
            scheduler="simple",
            positive=prompts[0],
            negative=prompts[1],
            latent_image=["5", 0],
            denoise=1.0,
        ),
        "7": node("SaveLatent", samples=["6", 0], filename_prefix="latent"),
    }


def latent(engine: LocalEngine, graph: dict[str, Any]) -> Tensor:
    result = engine.run(graph)
    assert result.error is None, result.error
    (path,) = (path for path in result.files if path.suffix == ".latent")
    return load_file(path)["latent_tensor"]


def test_a_lora_changes_the_picture_and_its_negative_takes_it_back(
    engine: LocalEngine, tmp_path: Path, weights: dict[str, Tensor]
) -> None:
    generator = torch.Generator().manual_seed(0)
    name = "transformer.transformer_blocks.0.attn.to_out.0"
    width = weights["pos_embed"].shape[-1]
    up, down = (torch.randn(shape, generator=generator) for shape in ((width, 2), (2, width)))
    save_file({f"{name}.lora_B.weight": up, f"{name}.lora_A.weight": down}, tmp_path / "models/loras/wild.safetensors")
    loader = {"lora_name": "wild.safetensors", "strength_model": 1.0}
    plain = latent(engine, drawing(["1", 0]))
    once = {"20": node("LoraLoader", model=["1", 0], clip=["2", 0], strength_clip=1.0, **loader)}
    changed = latent(engine, drawing(["20", 0]) | once)
    back = once | {"21": node("LoraLoaderModelOnly", model=["20", 0], **(loader | {"strength_model": -1.0}))}
    assert not torch.allclose(changed, plain, atol=0.05)
    # W + a - a is W but for float32's rounding.
    torch.testing.assert_close(latent(engine, drawing(["21", 0]) | back), plain, atol=1e-3, rtol=1e-3)


def test_a_saved_merge_draws_what_the_merge_draws(engine: LocalEngine, tmp_path: Path) -> None:
    whole = load_file(CHECKPOINT)
    other = {key: (tensor * 1.1).half() if key.startswith(PREFIX) else tensor for key, tensor in whole.items()}
    save_file(other, tmp_path / "models/checkpoints/other.safetensors")
    merge = {
        "10": node("CheckpointLoaderSimple", ckpt_name="other.safetensors"),
        "11": node("ModelMergeSimple", model1=["1", 0], model2=["10", 0], ratio=0.5),
    }
    save = {"12": node("ModelSave", model=["11", 0], filename_prefix="merged")}
    merged = latent(engine, drawing(["11", 0]) | merge | save)
    (saved,) = (tmp_path / "output").glob("merged_*.safetensors")
    saved.rename(tmp_path / "models/diffusion_models/merged.safetensors")
    again = drawing(["13", 0]) | {"13": node("UNETLoader", unet_name="merged.safetensors", weight_dtype="default")}
    # The file is fp16, as the models merged; what is computed here is float32.
    torch.testing.assert_close(latent(engine, again), merged, atol=0.02, rtol=0.02)


def test_a_controlnet_steers_and_at_strength_zero_does_not(
    engine: LocalEngine, tmp_path: Path, weights: dict[str, Tensor]
) -> None:
    config = mmdit_config({key: tuple(tensor.shape) for key, tensor in weights.items()}, "it")
    network = ControlNet(
        ControlNetConfig(
            blocks="stream",
            depth=2,
            width=config.width,
            hint_channels=16,
            pooled_width=config.pooled_width,
            time_features=256,
            mlp_width=64,
            context_width=0,
            grid=0,
            qk_norm=False,
            dual_attention=frozenset(),
        )
    )
    generator = torch.Generator().manual_seed(1)
    tensors = {key: torch.randn(t.shape, generator=generator) * 0.1 for key, t in network.state_dict().items()}
    save_file(tensors | {"control_type": torch.tensor([2])}, tmp_path / "models/controlnet/depth.safetensors")

    def steered(strength: float) -> Tensor:
        controls = {
            "7c": node("EmptyImage", width=80, height=40, batch_size=1, color=0x336699),
            "8": node("ControlNetLoader", control_net_name="depth.safetensors"),
            "9": node(
                "ControlNetApplyAdvanced",
                positive=["3", 0],
                negative=["4", 0],
                control_net=["8", 0],
                image=["7c", 0],
                strength=strength,
                start_percent=0.0,
                end_percent=1.0,
                vae=["1", 2],
            ),
        }
        return latent(engine, drawing(["1", 0], controls))

    plain = latent(engine, drawing(["1", 0]))
    assert torch.equal(steered(0.0), plain)
    assert not torch.allclose(steered(1.0), plain, atol=0.01)
