"""Models saved by diffusers and transformers themselves: opened from their folders, they compute the same."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_networks import randomize
from torch import Tensor, nn

from sd35graph.models.errors import (
    FileFormatError,
    ForeignModelError,
    UnsupportedStorageError,
    WeightsChangedError,
    WeightsMismatchError,
)
from sd35graph.models.files import checkpoint
from sd35graph.models.files.checkpoint import load_tensors, read_header
from sd35graph.models.files.storage import QuantizedLinear
from sd35graph.models.handles import ModelHandle, open_checkpoint, open_diffusion_model, open_vae
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.models.networks.t5 import T5TextEncoder

diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")

CPU = torch.device("cpu")
IDS = torch.tensor([[3, 1, 4, 1, 5]])


def randomized(network: Any) -> Any:
    network.load_state_dict(randomize(network), strict=True)
    return network.eval()


@pytest.fixture(scope="module")
def transformer() -> Any:
    """As SD3.5 Medium: second attentions in some blocks, norms of queries and keys."""
    return randomized(
        diffusers.SD3Transformer2DModel(
            num_layers=3,
            num_attention_heads=2,
            caption_projection_dim=128,
            joint_attention_dim=96,
            pooled_projection_dim=48,
            pos_embed_max_size=12,
            sample_size=24,
            dual_attention_layers=(0, 1),
            qk_norm="rms_norm",
        )
    )


@pytest.fixture(scope="module")
def vae() -> Any:
    return randomized(
        diffusers.AutoencoderKL(
            down_block_types=["DownEncoderBlock2D"] * 4,
            up_block_types=["UpDecoderBlock2D"] * 4,
            block_out_channels=[32, 32, 64, 64],
            layers_per_block=1,
            latent_channels=16,
            use_quant_conv=False,
            use_post_quant_conv=False,
        )
    )


def clip(width: int, act: str) -> Any:
    config = transformers.CLIPTextConfig(
        vocab_size=50, hidden_size=width, intermediate_size=64, projection_dim=width, num_hidden_layers=2,
        num_attention_heads=width // 64, hidden_act=act, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return randomized(transformers.CLIPTextModelWithProjection(config))


@pytest.fixture(scope="module")
def encoders() -> dict[str, Any]:
    t5 = transformers.T5Config(
        vocab_size=50, d_model=4096, d_kv=64, d_ff=32, num_layers=2, num_heads=2, feed_forward_proj="gated-gelu"
    )
    return {
        "text_encoder": clip(768, "quick_gelu"),
        "text_encoder_2": clip(1280, "gelu"),
        "text_encoder_3": randomized(transformers.T5EncoderModel(t5)),
    }


@pytest.fixture(scope="module")
def saved(transformer: Any, vae: Any, encoders: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sd3.5-tiny")
    transformer.save_pretrained(folder / "transformer", max_shard_size="1MB")  # in several shards
    vae.save_pretrained(folder / "vae")
    for name, encoder in encoders.items():
        encoder.save_pretrained(folder / name)
    index: dict[str, object] = {"_class_name": "StableDiffusion3Pipeline", "scheduler": ["diffusers", "x"]}
    index |= {name: ["library", "Class"] for name in ("transformer", "vae", *encoders)}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture
def model(saved: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


@pytest.fixture
def pool() -> ModelPool:
    return ModelPool(CPU, "fp32", [])


def latent_inputs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    latent, context, pooled = (
        torch.randn(shape, generator=generator) for shape in ((2, 16, 8, 6), (2, 5, 96), (2, 48))
    )
    return latent, torch.tensor([500.0, 31.0]), context, pooled


def assert_same_velocity(pool: ModelPool, model: ModelHandle, transformer: Any) -> None:
    latent, timestep, context, pooled = latent_inputs()
    expected = transformer(latent, context, pooled, timestep, return_dict=False)[0]
    # float32 sums in another order (three projections against one): about 1e-6 of values near 1
    torch.testing.assert_close(pool.mmdit(model)(latent, timestep, context, pooled), expected, atol=1e-5, rtol=1e-5)


def test_a_whole_folder_gives_all_parts(saved: Path, pool: ModelPool, transformer: Any) -> None:
    assert (saved / "transformer" / "diffusion_pytorch_model.safetensors.index.json").is_file()
    handle, text, vae = open_checkpoint(saved)
    assert [ref.section for ref in text.require()] == ["clip_l", "clip_g", "t5xxl"]
    assert vae.require().section == "vae"
    assert_same_velocity(pool, handle, transformer)


def test_the_autoencoder_computes_the_same(saved: Path, pool: ModelPool, vae: Any) -> None:
    ours = pool.vae(open_checkpoint(saved)[2])
    pixels = torch.rand(1, 32, 48, 3, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        latent = vae.encode(pixels.permute(0, 3, 1, 2) * 2 - 1).latent_dist.mean
        decoded = ((vae.decode(latent).sample + 1) / 2).clamp(0, 1).permute(0, 2, 3, 1)
    torch.testing.assert_close(ours.encode(pixels), latent, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.decode(latent), decoded, atol=1e-5, rtol=1e-5)


def test_the_text_encoders_compute_the_same(saved: Path, pool: ModelPool, encoders: dict[str, Any]) -> None:
    refs = open_checkpoint(saved)[1].require()
    for ref, expected in zip(refs, encoders.values(), strict=True):
        ours: nn.Module = pool._get(ref, CPU)  # without tokenizers
        with torch.no_grad():
            theirs = expected(IDS, output_hidden_states=True)
        if isinstance(ours, T5TextEncoder):
            torch.testing.assert_close(ours(IDS), theirs.last_hidden_state, atol=1e-5, rtol=1e-5)
        else:
            assert isinstance(ours, ClipTextEncoder)
            torch.testing.assert_close(ours(IDS, 5)[0], theirs.hidden_states[-2], atol=1e-5, rtol=1e-5)


def test_the_folder_of_one_part_opens_alone(saved: Path, pool: ModelPool, transformer: Any) -> None:
    assert_same_velocity(pool, open_diffusion_model(saved / "transformer"), transformer)
    assert open_vae(saved / "vae").require().section == "vae"


def test_a_single_file_in_this_layout_opens_too(tmp_path: Path, pool: ModelPool, transformer: Any) -> None:
    transformer.save_pretrained(tmp_path)
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    assert_same_velocity(pool, open_diffusion_model(path), transformer)


def test_it_opens_without_norms_of_queries_as_sd3_medium_has_none(tmp_path: Path, pool: ModelPool) -> None:
    plain = randomized(
        diffusers.SD3Transformer2DModel(
            num_layers=2, num_attention_heads=2, caption_projection_dim=128, joint_attention_dim=96,
            pooled_projection_dim=48, pos_embed_max_size=12, sample_size=24,
        )
    )  # fmt: skip
    plain.save_pretrained(tmp_path)
    assert_same_velocity(pool, open_diffusion_model(tmp_path), plain)


def test_this_layout_in_fp8_stays_fp8(tmp_path: Path, pool: ModelPool, transformer: Any) -> None:
    fp8 = {
        key: tensor.to(torch.float8_e4m3fn) if key.endswith(".weight") and tensor.ndim == 2 else tensor
        for key, tensor in transformer.state_dict().items()
    }
    save_file(fp8, tmp_path / "m.safetensors")
    network = pool.mmdit(open_diffusion_model(tmp_path / "m.safetensors"))
    assert pool.size_bytes == sum(tensor.nbytes for tensor in fp8.values())
    rounded = diffusers.SD3Transformer2DModel.from_config(transformer.config).eval()
    rounded.load_state_dict({key: tensor.float() for key, tensor in fp8.items()})
    latent, timestep, context, pooled = latent_inputs()
    expected = rounded(latent, context, pooled, timestep, return_dict=False)[0]
    torch.testing.assert_close(network(latent, timestep, context, pooled), expected, atol=1e-5, rtol=1e-5)


def test_the_fp16_variant_is_taken_where_there_is_no_other(model: Path) -> None:
    plain = model / "vae" / "diffusion_pytorch_model.safetensors"
    plain.rename(plain.with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert open_vae(model).require().section == "vae"


def test_parts_left_out_on_purpose_are_missing_parts(model: Path) -> None:
    index = json.loads((model / "model_index.json").read_text())
    shutil.rmtree(model / "text_encoder_3")
    (model / "model_index.json").write_text(json.dumps({**index, "text_encoder_3": [None, None]}))
    assert [ref.section for ref in open_checkpoint(model)[1].require()] == ["clip_l", "clip_g"]


def change(name: str, **fields: object) -> Callable[[Path], object]:
    """A change of fields of a JSON file of the model."""

    def apply(model: Path) -> object:
        path = model / name
        return path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))

    return apply


INDEX = "transformer/diffusion_pytorch_model.safetensors.index.json"


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (
            lambda model: shutil.rmtree(model / "text_encoder_3"),
            FileFormatError,
            r'model_index\.json names the part "text_encoder_3", but there is no folder.*\[null, null\]',
        ),
        (
            lambda model: next(model.glob("transformer/*-00002-of-*.safetensors")).unlink(),
            FileFormatError,
            r'index\.json names the shard "diffusion_pytorch_model-00002-of-.*", which is not beside it',
        ),
        (change(INDEX, weight_map={"a": "../../etc/passwd"}), FileFormatError, "not beside it"),
        (change(INDEX, weight_map={}), FileFormatError, r'index\.json is damaged: expected an object "weight_map"'),
        (
            lambda model: (model / "vae" / "diffusion_pytorch_model.safetensors").unlink(),
            FileFormatError,
            r"vae holds no weights: expected diffusion_pytorch_model\.safetensors",
        ),
        (
            lambda model: (model / "vae" / "diffusion_pytorch_model.safetensors").rename(model / "vae" / "x.bin"),
            FileFormatError,
            r"vae holds no weights.*\.bin files are pickles, which are never read",
        ),
        (lambda model: (model / "model_index.json").unlink(), FileFormatError, r"holds no weights.*model_index\.json"),
        (lambda model: (model / "model_index.json").write_text("{"), FileFormatError, r"model_index\.json is damaged"),
        (
            lambda model: (model / "model_index.json").write_text("[]"),
            FileFormatError,
            "expected an object, found list",
        ),
        (
            change("model_index.json", transformer=5),
            FileFormatError,
            r'model_index\.json is damaged: expected a list such as .* for "transformer", found int',
        ),
        (
            lambda model: (model / "model_index.json").write_text("[" * 100_000),
            FileFormatError,
            r"model_index\.json is damaged: .*Download it again",
        ),
        (
            change("model_index.json", _class_name="FluxPipeline"),
            ForeignModelError,
            "holds a FluxPipeline in diffusers' form; expected a StableDiffusion3Pipeline",
        ),
    ],
)
def test_what_is_wrong_with_a_folder_is_named(
    model: Path, spoil: Callable[[Path], object], error: type[Exception], words: str
) -> None:
    spoil(model)
    with pytest.raises(error, match=words) as caught:
        open_checkpoint(model)
    assert str(model) in str(caught.value)


def test_a_key_the_index_promises_but_no_shard_has_is_named(model: Path) -> None:
    index = json.loads((model / INDEX).read_text())
    shard = sorted(set(index["weight_map"].values()))[0]
    index["weight_map"]["nowhere.weight"] = shard
    (model / INDEX).write_text(json.dumps(index))
    with pytest.raises(FileFormatError, match=r'says that "nowhere\.weight" is in .* it is not there \(1 such'):
        open_checkpoint(model)


def test_blocks_behind_a_gap_in_the_numbers_are_unexpected(tmp_path: Path, transformer: Any) -> None:
    far = {"transformer_blocks.1000000000.attn.to_q.bias": torch.zeros(128)}
    save_file({**transformer.state_dict(), **far}, tmp_path / "m.safetensors")
    with pytest.raises(WeightsMismatchError, match=r"1 unexpected: transformer_blocks\.1000000000\.attn\.to_q\.bias"):
        open_diffusion_model(tmp_path / "m.safetensors")


def test_a_third_in_a_form_that_is_not_read_is_refused(tmp_path: Path, transformer: Any) -> None:
    weights = dict(transformer.state_dict())
    weights["transformer_blocks.1.attn.to_k.weight"] = weights["transformer_blocks.1.attn.to_k.weight"].double()
    save_file(weights, tmp_path / "m.safetensors")
    with pytest.raises(UnsupportedStorageError, match=r'attn\.qkv\.weight" is stored as F64, which is not supported'):
        open_diffusion_model(tmp_path / "m.safetensors")


@pytest.mark.parametrize("is_scaled", [True, False])
def test_thirds_that_cannot_be_joined_in_fp8_are_counted_as_they_are_kept(
    tmp_path: Path, transformer: Any, is_scaled: bool
) -> None:
    """Those with scales of their own, or in two forms."""
    weights: dict[str, Tensor] = {}
    for number, (key, tensor) in enumerate(transformer.state_dict().items()):
        is_layer = key.endswith(".weight") and tensor.ndim == 2
        dtype = torch.float8_e5m2 if not is_scaled and ".to_k." in key else torch.float8_e4m3fn
        weights[key] = tensor.to(dtype) if is_layer else tensor
        if is_layer and is_scaled:
            weights[key.replace(".weight", ".scale_weight")] = torch.tensor(1.0 + number / 100)
    save_file(weights, tmp_path / "m.safetensors")
    pool = ModelPool(CPU, "fp32", [])
    network = pool.mmdit(open_diffusion_model(tmp_path / "m.safetensors"))
    layers = [module.weight for module in network.modules() if isinstance(module, QuantizedLinear)]
    held = sum(tensor.nbytes for tensor in network.state_dict().values()) + sum(layer.size_bytes for layer in layers)
    assert layers
    assert pool.size_bytes == held


def test_a_missing_third_of_the_projections_is_named(tmp_path: Path, transformer: Any) -> None:
    weights = dict(transformer.state_dict())
    del weights["transformer_blocks.1.attn.to_k.weight"]
    save_file(weights, tmp_path / "m.safetensors")
    words = r'"joint_blocks\.1\.x_block\.attn\.qkv\.weight" is made of queries.*found: .*to_q.*, .*to_v'
    with pytest.raises(WeightsMismatchError, match=words):
        open_diffusion_model(tmp_path / "m.safetensors")


def test_a_shard_replaced_by_an_older_one_of_equal_size_is_noticed(model: Path, pool: ModelPool) -> None:
    handle = open_checkpoint(model)[0]
    pool.mmdit(handle)
    shard = next(model.glob("transformer/*-00002-of-*.safetensors"))
    save_file({key: tensor + 1 for key, tensor in load_file(shard).items()}, shard, {"format": "pt"})
    os.utime(shard, (1, 1))
    with pytest.raises(WeightsChangedError, match=rf"{shard.name} changed on disk"):
        pool.mmdit(handle)
    replaced = open_checkpoint(model)[0]
    assert replaced.weights.fingerprint != handle.weights.fingerprint
    assert torch.equal(
        pool.mmdit(replaced).state_dict()["final_layer.linear.bias"],
        from_shards(model / "transformer")["proj_out.bias"],
    )


def from_shards(folder: Path) -> dict[str, Tensor]:
    return {key: tensor for path in folder.glob("*.safetensors") for key, tensor in load_file(path).items()}


def test_a_part_that_is_a_link_is_watched(model: Path, tmp_path: Path, pool: ModelPool) -> None:
    (model / "vae").rename(tmp_path / "store")
    (model / "vae").symlink_to(tmp_path / "store")
    handle = open_checkpoint(model)[2]
    pool.vae(handle)
    os.utime(tmp_path / "store" / "diffusion_pytorch_model.safetensors", (1, 1))
    with pytest.raises(WeightsChangedError, match="changed on disk"):
        pool.vae(handle)


def test_a_file_replaced_while_weights_are_read_is_noticed(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = read_header(model)
    shard = next(model.glob("transformer/*-00002-of-*.safetensors"))
    os.utime(shard, (1, 1))
    monkeypatch.setattr(checkpoint, "check_unchanged", lambda path, fingerprint: None)  # it was changed after this
    with pytest.raises(WeightsChangedError, match=rf"{shard.name} changed on disk"):
        load_tensors(header, {key: key for key in header.tensors}, CPU, None)


def test_files_that_the_model_does_not_use_may_change(model: Path, pool: ModelPool) -> None:
    handle = open_checkpoint(model)[2]
    (model / "vae" / "notes.json").write_text("{}")
    (model / "vae" / "broken.json").symlink_to(model / "gone.json")
    pool.vae(handle)
    assert open_checkpoint(model)[2] == handle


def test_a_file_that_went_is_named_with_its_folder(model: Path, pool: ModelPool) -> None:
    handle = open_checkpoint(model)[2]
    (model / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(WeightsChangedError, match=rf"safetensors \(a file of {re.escape(str(model))}\) was there"):
        pool.vae(handle)


def test_a_folder_that_changed_is_not_loaded(model: Path, pool: ModelPool) -> None:
    handle = open_checkpoint(model)[0]
    shard = next(model.glob("transformer/*-00002-of-*.safetensors"))
    save_file({**load_file(shard), "more": torch.ones(1)}, shard)
    with pytest.raises(WeightsChangedError, match="changed on disk"):
        pool.mmdit(handle)
