"""fp8 files, plain and scaled: read as they are, kept in their size, and computed with as their dequantised numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_networks import Save, Weights
from torch import Tensor

from sd35graph.models.errors import UnsupportedStorageError, WeightsMismatchError
from sd35graph.models.files.storage import QuantizedLinear, QuantizedTensor, quantize_fp8
from sd35graph.models.handles import ModelHandle, WeightsRef, open_checkpoint, open_diffusion_model, open_text_encoders
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.networks.build import build
from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.t5 import T5TextEncoder

CPU = torch.device("cpu")
QKV = "joint_blocks.1.x_block.attn.qkv.weight"


@pytest.fixture
def pool() -> ModelPool:
    return ModelPool(CPU, "fp32", [])


def is_layer(key: str, tensor: Tensor) -> bool:
    is_table = any(part in key for part in ("embeddings.", "shared.", "relative_attention_bias."))
    return key.endswith(".weight") and tensor.ndim == 2 and not is_table


def fp8(weights: Weights, dtype: torch.dtype = torch.float8_e4m3fn) -> Weights:
    return {key: tensor.to(dtype) if is_layer(key, tensor) else tensor for key, tensor in weights.items()}


def scaled(weights: Weights, name: str = "scale_weight") -> tuple[Weights, Weights]:
    """The tensors of a scaled fp8 file, and the numbers they stand for."""
    stored: Weights = {"scaled_fp8": torch.empty(0, dtype=torch.float8_e4m3fn)}
    meant: Weights = {}
    for key, tensor in weights.items():
        if not is_layer(key, tensor):
            stored[key] = meant[key] = tensor
            continue
        scale = tensor.abs().max() / 448
        stored[key] = (tensor / scale).to(torch.float8_e4m3fn)
        stored[key.removesuffix("weight") + name] = scale
        stored[key.removesuffix("weight") + "scale_input"] = torch.ones(())
        meant[key] = stored[key].float() * scale
    return stored, meant


def velocity(network: MMDiT, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    latent = torch.randn(1, 16, 8, 6, generator=generator)
    context = torch.randn(1, 5, 96, generator=generator)
    pooled = torch.randn(1, 48, generator=generator)
    return network(latent, torch.tensor([500.0]), context, pooled)


def assert_same_velocity(network: MMDiT, weights: Weights) -> None:
    expected = build("mmdit", weights)
    assert isinstance(expected, MMDiT)
    # The same numbers through the same operations: no tolerance.
    assert torch.equal(velocity(network), velocity(expected))


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_plain_fp8_computes_with_the_numbers_it_holds(
    pool: ModelPool, save: Save, mmdit_weights: Weights, dtype: torch.dtype
) -> None:
    stored = fp8(mmdit_weights, dtype)
    network = pool.mmdit(open_diffusion_model(save("m.safetensors", mmdit=stored)))
    assert isinstance(network.context_embedder, QuantizedLinear)
    assert_same_velocity(network, {key: tensor.float() for key, tensor in stored.items()})


def test_fp8_stays_fp8_in_memory(pool: ModelPool, save: Save, mmdit_weights: Weights) -> None:
    pool.mmdit(open_diffusion_model(save("m.safetensors", mmdit=fp8(mmdit_weights))))
    expected = sum(tensor.numel() * (1 if is_layer(key, tensor) else 4) for key, tensor in mmdit_weights.items())
    assert pool.size_bytes == expected


def test_everything_in_fp8_is_read_too(pool: ModelPool, save: Save, mmdit_weights: Weights) -> None:
    stored = {key: tensor.to(torch.float8_e4m3fn) for key, tensor in mmdit_weights.items()}
    network = pool.mmdit(open_diffusion_model(save("m.safetensors", mmdit=stored)))
    assert_same_velocity(network, {key: tensor.float() for key, tensor in stored.items()})


@pytest.mark.parametrize("name", ["scale_weight", "weight_scale"])
def test_scaled_fp8_multiplies_by_the_scale(pool: ModelPool, save: Save, mmdit_weights: Weights, name: str) -> None:
    stored, meant = scaled(mmdit_weights, name)
    network = pool.mmdit(open_diffusion_model(save("m.safetensors", mmdit=stored)))
    assert_same_velocity(network, meant)


def test_text_encoders_in_scaled_fp8_compute_with_the_scaled_numbers(
    tmp_path: Path, t5_weights: Weights, clip_l_weights: Weights
) -> None:
    ids = torch.tensor([[3, 1, 4, 1, 5]])
    for name, weights in (("t5xxl", t5_weights), ("clip_l", clip_l_weights)):
        stored, meant = scaled(weights)
        save_file(stored, tmp_path / f"{name}.safetensors")
        (ref,) = open_text_encoders([tmp_path / f"{name}.safetensors"]).require()
        network = ModelPool(CPU, "fp32", [])._get(ref, CPU)  # without a tokenizer
        assert any(isinstance(module, QuantizedLinear) for module in network.modules())
        expected = build("t5xxl" if name == "t5xxl" else "clip_l", meant)
        if isinstance(network, T5TextEncoder) and isinstance(expected, T5TextEncoder):
            assert torch.equal(network(ids), expected(ids))
        else:
            assert isinstance(network, ClipTextEncoder)
            assert isinstance(expected, ClipTextEncoder)
            assert torch.equal(network(ids, 5)[0], expected(ids, 5)[0])


def test_a_scaled_encoder_beside_a_plain_fp8_transformer_is_no_missing_scale(
    save: Save, mmdit_weights: Weights, t5_weights: Weights
) -> None:
    path = save("all.safetensors", mmdit=fp8(mmdit_weights), t5xxl=scaled(t5_weights)[0])
    assert len(open_checkpoint(path)[1].require()) == 1


@dataclass(frozen=True, slots=True)
class Double:
    key: str

    def changes(self, key: str) -> bool:
        return key == self.key

    def apply(self, key: str, weight: Tensor) -> Tensor:
        assert weight.dtype == torch.float32
        return weight * 2


def with_weights(model: ModelHandle, change: Callable[[WeightsRef], WeightsRef]) -> ModelHandle:
    return replace(model, weights=change(model.weights))


def test_a_patched_weight_is_dequantised_and_the_others_are_not(
    pool: ModelPool, save: Save, mmdit_weights: Weights
) -> None:
    stored = fp8(mmdit_weights)
    model = open_diffusion_model(save("m.safetensors", mmdit=stored))
    network = pool.mmdit(with_weights(model, lambda ref: replace(ref, patches=(Double(QKV),))))
    assert isinstance(network.get_submodule(QKV.removesuffix(".weight")), torch.nn.Linear)
    assert isinstance(network.context_embedder, QuantizedLinear)
    meant = {key: tensor.float() for key, tensor in stored.items()}
    assert_same_velocity(network, meant | {QKV: meant[QKV] * 2})


@pytest.mark.parametrize("patches", [(), (Double(QKV),)])
def test_a_wider_file_is_rounded_to_fp8_on_request_after_patching(
    pool: ModelPool, save: Save, mmdit_weights: Weights, patches: tuple[Double, ...]
) -> None:
    model = open_diffusion_model(save("m.safetensors", mmdit=mmdit_weights))
    network = pool.mmdit(with_weights(model, lambda ref: replace(ref, storage="F8_E4M3", patches=patches)))
    patched = dict(mmdit_weights)
    for patch in patches:
        patched[patch.key] = patched[patch.key] * 2
    assert_same_velocity(network, {key: tensor.float() for key, tensor in fp8(patched).items()})
    assert pool.size_bytes == sum(t.numel() * (1 if is_layer(k, t) else 4) for k, t in mmdit_weights.items())


@pytest.mark.parametrize(("code", "largest"), [("F8_E4M3", 448.0), ("F8_E5M2", 57344.0)])
def test_numbers_beyond_the_range_become_the_largest(code: str, largest: float) -> None:
    numbers = torch.tensor([1e6, -1e6, 1.0])
    quantized = quantize_fp8(numbers, "F8_E4M3" if code == "F8_E4M3" else "F8_E5M2", torch.float32)
    assert quantized.dequantize().tolist() == [largest, -largest, 1.0]


def test_every_fp8_number_is_exact_in_each_dtype_computed_in() -> None:
    every = torch.arange(256, dtype=torch.uint8)
    for code, stored in (("F8_E4M3", torch.float8_e4m3fn), ("F8_E5M2", torch.float8_e5m2)):
        quantized = QuantizedTensor(every.view(stored), code, (256,), torch.bfloat16)
        exact = quantized.dequantize(torch.float32)
        for dtype in (torch.float16, torch.bfloat16):
            assert torch.equal(quantized.dequantize(dtype).float().nan_to_num(), exact.nan_to_num())


def test_a_device_without_fp8_is_named_with_the_way_out() -> None:
    quantized = quantize_fp8(torch.ones(2, 2), "F8_E4M3", torch.float32)
    with pytest.raises(UnsupportedStorageError, match=r"device mps has no fp8.*fp16 or GGUF version.*--device cpu"):
        quantized.to(torch.device("mps"))


def test_a_missing_scale_is_named(save: Save, mmdit_weights: Weights) -> None:
    stored, _ = scaled(mmdit_weights)
    del stored["context_embedder.scale_weight"]
    with pytest.raises(WeightsMismatchError, match=r'scales of 1 weights are missing.*context_embedder\.scale_weight"'):
        open_diffusion_model(save("m.safetensors", mmdit=stored))


def test_a_file_marked_as_scaled_without_any_scale_is_refused(save: Save, mmdit_weights: Weights) -> None:
    stored = {**fp8(mmdit_weights), "scaled_fp8": torch.empty(0, dtype=torch.float8_e4m3fn)}
    with pytest.raises(WeightsMismatchError, match=r"scales of \d\d weights are missing"):
        open_diffusion_model(save("m.safetensors", mmdit=stored))


def test_a_scale_without_its_weight_is_named(save: Save, mmdit_weights: Weights) -> None:
    stored, _ = scaled(mmdit_weights)
    with pytest.raises(WeightsMismatchError, match=r'scale "model\.diffusion_model\.nowhere\.scale_weight"'):
        open_diffusion_model(save("m.safetensors", mmdit={**stored, "nowhere.scale_weight": torch.ones(())}))


def test_scales_per_row_are_refused(save: Save, mmdit_weights: Weights) -> None:
    stored, _ = scaled(mmdit_weights)
    stored["context_embedder.scale_weight"] = torch.ones(128, 1)
    with pytest.raises(UnsupportedStorageError, match=r"shape \[128, 1\]; expected a single"):
        open_diffusion_model(save("m.safetensors", mmdit=stored))


def test_a_scale_of_a_wider_weight_is_refused(save: Save, mmdit_weights: Weights) -> None:
    weights = {**mmdit_weights, "context_embedder.scale_weight": torch.ones(())}
    with pytest.raises(UnsupportedStorageError, match=r"scales a weight stored as F32; expected F8_E4M3"):
        open_diffusion_model(save("m.safetensors", mmdit=weights))
