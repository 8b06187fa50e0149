"""GGUF files written by the `gguf` package: read, kept in their size, and computed with as what they stand for."""

from __future__ import annotations

from pathlib import Path

import gguf
import pytest
import torch
from tiny_gguf import write_gguf
from tiny_networks import Weights

from sd35graph.models.errors import FileFormatError, ForeignModelError, UnsupportedStorageError, WeightsMismatchError
from sd35graph.models.files.checkpoint import load_tensors, read_header
from sd35graph.models.files.storage import QuantizedLinear
from sd35graph.models.handles import open_diffusion_model, open_text_encoders
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.loading.precision import Precision
from sd35graph.models.networks.build import build
from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.t5 import T5TextEncoder

CPU = torch.device("cpu")
IDS = torch.tensor([[3, 1, 4, 1, 5]])


def velocity(network: object) -> torch.Tensor:
    assert isinstance(network, MMDiT)
    generator = torch.Generator().manual_seed(3)
    shapes = ((1, 16, 8, 6), (1, 5, 96), (1, 48))
    latent, context, pooled = (torch.randn(shape, generator=generator) for shape in shapes)
    return network(latent, torch.tensor([500.0]), context, pooled)


@pytest.mark.parametrize("form", ["Q8_0", "Q5_0", "Q5_1", "Q4_0", "Q4_1", "F16", "BF16", "F32"])
def test_a_transformer_computes_with_the_numbers_gguf_gives(tmp_path: Path, mmdit_weights: Weights, form: str) -> None:
    meant = write_gguf(tmp_path / "m.gguf", mmdit_weights, form)
    network = ModelPool(CPU, "fp32", []).mmdit(open_diffusion_model(tmp_path / "m.gguf"))
    # The same numbers through the same operations: no tolerance.
    assert torch.equal(velocity(network), velocity(build("mmdit", meant)))


def test_blocks_stay_blocks_in_memory(tmp_path: Path, mmdit_weights: Weights) -> None:
    write_gguf(tmp_path / "m.gguf", mmdit_weights, "Q4_0")
    pool = ModelPool(CPU, "fp32", [])
    network = pool.mmdit(open_diffusion_model(tmp_path / "m.gguf"))
    header = read_header(tmp_path / "m.gguf")
    assert isinstance(network.context_embedder, QuantizedLinear)
    assert pool.size_bytes == sum(
        torch.Size(info.shape).numel() * (18 / 32 if info.dtype == "Q4_0" else 4) for info in header.tensors.values()
    )


@pytest.mark.parametrize("architecture", ["t5", "t5encoder"])
def test_t5_has_the_names_of_llama_cpp(tmp_path: Path, t5_weights: Weights, architecture: str) -> None:
    meant = write_gguf(tmp_path / "t5.gguf", t5_weights, "Q8_0", architecture)
    assert {tensor.name for tensor in gguf.GGUFReader(tmp_path / "t5.gguf").tensors} >= {
        *("token_embd.weight", "enc.output_norm.weight", "enc.blk.0.attn_rel_b.weight"),
        *(f"enc.blk.1.{name}.weight" for name in ("attn_q", "attn_k", "attn_v", "attn_o", "attn_norm")),
        *(f"enc.blk.1.{name}.weight" for name in ("ffn_gate", "ffn_up", "ffn_down", "ffn_norm")),
    }
    (ref,) = open_text_encoders([tmp_path / "t5.gguf"]).require()
    network, expected = ModelPool(CPU, "fp32", [])._get(ref, CPU), build("t5xxl", meant)
    assert isinstance(network, T5TextEncoder)
    assert isinstance(expected, T5TextEncoder)
    assert torch.equal(network(IDS), expected(IDS))


def test_clip_and_files_without_an_architecture_are_read(tmp_path: Path, clip_l_weights: Weights) -> None:
    meant = write_gguf(tmp_path / "clip.gguf", clip_l_weights, "Q8_0", architecture=None)
    (ref,) = open_text_encoders([tmp_path / "clip.gguf"]).require()
    network, expected = ModelPool(CPU, "fp32", [])._get(ref, CPU), build("clip_l", meant)
    assert isinstance(network, ClipTextEncoder)
    assert isinstance(expected, ClipTextEncoder)
    assert torch.equal(network(IDS, 5)[1], expected(IDS, 5)[1])


def test_a_tensor_stored_in_another_shape_gets_its_original_one(tmp_path: Path) -> None:
    numbers = torch.arange(4 * 3 * 2 * 16, dtype=torch.float32).reshape(4, 3, 2, 16)
    writer = gguf.GGUFWriter(tmp_path / "x.gguf", "sd3")
    writer.add_tensor("conv.weight", numbers.reshape(12, 32).numpy())
    writer.add_array("comfy.gguf.orig_shape.conv.weight", [4, 3, 2, 16])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    header = read_header(tmp_path / "x.gguf")
    assert header.tensors["conv.weight"].shape == (4, 3, 2, 16)
    assert torch.equal(load_tensors(header, {"w": "conv.weight"}, CPU, None)["w"], numbers)


def test_a_position_grid_without_its_leading_dimension_is_read(tmp_path: Path, mmdit_weights: Weights) -> None:
    grid = mmdit_weights["pos_embed"]
    meant = write_gguf(tmp_path / "m.gguf", {**mmdit_weights, "pos_embed": grid.squeeze(0)}, "F16")
    network = ModelPool(CPU, "fp32", []).mmdit(open_diffusion_model(tmp_path / "m.gguf"))
    assert torch.equal(network.pos_embed, meant["pos_embed"].unsqueeze(0))


@pytest.mark.parametrize("kept", [0.02, 0.1, 0.3, 0.9, 0.999])
def test_a_truncated_file_says_so_wherever_it_ends(tmp_path: Path, mmdit_weights: Weights, kept: float) -> None:
    path = tmp_path / "m.gguf"
    write_gguf(path, mmdit_weights)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(FileFormatError, match=r"m\.gguf is a GGUF file, but truncated or damaged.*bytes are present"):
        open_diffusion_model(path)


def test_a_cut_in_the_header_says_so_too(tmp_path: Path, mmdit_weights: Weights) -> None:
    path = tmp_path / "m.gguf"
    write_gguf(path, mmdit_weights)
    content = path.read_bytes()
    for length in (4, 6, 20, 30, 200, 1500):
        path.write_bytes(content[:length])
        with pytest.raises(FileFormatError, match="truncated or damaged"):
            open_diffusion_model(path)


@pytest.mark.parametrize(("content", "found"), [(b"abcdefgh" * 9, "61 62 63 64"), (b"", r"\(none\)")])
def test_a_file_only_named_gguf_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "m.gguf").write_bytes(content)
    with pytest.raises(FileFormatError, match=rf'not a GGUF file: expected the letters "GGUF".*{found}'):
        open_diffusion_model(tmp_path / "m.gguf")


def test_gguf_under_another_name_is_read(tmp_path: Path, mmdit_weights: Weights) -> None:
    write_gguf(tmp_path / "m.safetensors", mmdit_weights)
    assert open_diffusion_model(tmp_path / "m.safetensors").weights.section == "mmdit"


def test_another_architecture_is_named(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", {"double_blocks.0.x": torch.ones(32)}, architecture="flux")
    with pytest.raises(ForeignModelError, match=r'architecture "flux"; expected "sd3" .*"t5encoder" or "t5"'):
        open_diffusion_model(tmp_path / "m.gguf")


def test_an_unsupported_quantisation_names_tensor_type_and_what_is_supported(
    tmp_path: Path, mmdit_weights: Weights
) -> None:
    key = "joint_blocks.0.x_block.mlp.fc2.weight"
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "sd3")
    for name, tensor in mmdit_weights.items():
        if name != key:
            writer.add_tensor(name, tensor.numpy())
    kind = gguf.GGMLQuantizationType.IQ4_NL
    rows = gguf.quants.quant_shape_to_byte_shape(tuple(mmdit_weights[key].shape), kind)
    writer.add_tensor(key, torch.zeros(rows, dtype=torch.uint8).numpy(), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(
        UnsupportedStorageError, match=r'"joint_blocks\.0\.x_block\.mlp\.fc2\.weight" is stored as IQ4_NL.*Q8_0.*Q6_K'
    ):
        open_diffusion_model(tmp_path / "m.gguf")


def test_missing_tensors_are_named_as_in_other_files(tmp_path: Path, t5_weights: Weights) -> None:
    weights = {key: tensor for key, tensor in t5_weights.items() if "block.1.layer.1.DenseReluDense.wo" not in key}
    write_gguf(tmp_path / "t5.gguf", weights, architecture="t5encoder")
    with pytest.raises(WeightsMismatchError, match=r"1 missing: encoder\.block\.1\.layer\.1\.DenseReluDense\.wo\."):
        open_text_encoders([tmp_path / "t5.gguf"])


@pytest.mark.parametrize("form", ["Q8_0", "Q4_0"])
def test_streamed_blocks_stay_quantised_and_compute_the_same(tmp_path: Path, mmdit_weights: Weights, form: str) -> None:
    write_gguf(tmp_path / "m.gguf", mmdit_weights, form)
    model = open_diffusion_model(tmp_path / "m.gguf")
    whole = ModelPool(CPU, "fp32", [])
    expected = velocity(whole.mmdit(model))
    part = ModelPool(CPU, "fp32", [], budget_bytes=whole.size_bytes - 1)
    assert torch.equal(velocity(part.mmdit(model)), expected)


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_blocks_are_computed_with_in_the_precision_asked_for(
    tmp_path: Path, mmdit_weights: Weights, t5_weights: Weights, precision: Precision, dtype: torch.dtype
) -> None:
    meant = write_gguf(tmp_path / "m.gguf", mmdit_weights)
    network = ModelPool(CPU, precision, []).mmdit(open_diffusion_model(tmp_path / "m.gguf"))
    layer = network.context_embedder
    assert isinstance(layer, QuantizedLinear)
    assert layer(torch.ones(1, 96, dtype=dtype)).dtype == dtype
    found, expected = velocity(network), velocity(build("mmdit", meant))
    # bfloat16 has 8 bits: 0.4 % for each rounding, of which some tens add up at random
    assert (found - expected).square().mean().sqrt() < 0.03 * expected.square().mean().sqrt()

    meant = write_gguf(tmp_path / "t5.gguf", t5_weights, architecture="t5encoder")
    (ref,) = open_text_encoders([tmp_path / "t5.gguf"]).require()
    t5, whole = ModelPool(CPU, precision, [])._get(ref, CPU), build("t5xxl", meant)
    assert isinstance(t5, T5TextEncoder)
    assert isinstance(whole, T5TextEncoder)
    difference = t5(IDS) - whole(IDS)
    assert difference.square().mean().sqrt() < 0.03 * whole(IDS).square().mean().sqrt()
