"""What the pool loads, keeps and drops."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_networks import Save, Weights
from tokenizers import Tokenizer, models
from torch import Tensor

from sd35graph.models.errors import MissingPartError, ModelMemoryError, TokenizerMissingError, WeightsChangedError
from sd35graph.models.handles import (
    ModelHandle,
    TextEncoderHandle,
    VaeHandle,
    open_checkpoint,
    open_diffusion_model,
    open_text_encoders,
    open_vae,
)
from sd35graph.models.loading import memory, precision
from sd35graph.models.loading import pool as pool_module
from sd35graph.models.loading.memory import available_bytes, weights_share
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.loading.precision import compute_dtype
from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.t5 import T5TextEncoder
from sd35graph.values import tensor_bytes

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Scale:
    """A toy patch."""

    key: str
    factor: float

    def changes(self, key: str) -> bool:
        return key == self.key

    def apply(self, key: str, weight: Tensor) -> Tensor:
        return weight * self.factor


@pytest.fixture
def pool() -> ModelPool:
    return ModelPool(CPU, "auto", [])


@pytest.fixture
def model(save: Save, mmdit_weights: Weights) -> ModelHandle:
    return open_diffusion_model(save("m.safetensors", mmdit=mmdit_weights))


@pytest.fixture
def vae(save: Save, vae_weights: Weights) -> VaeHandle:
    return open_vae(save("v.safetensors", vae=vae_weights))


def test_the_network_holds_the_files_weights(pool: ModelPool, model: ModelHandle, mmdit_weights: Weights) -> None:
    loaded = pool.mmdit(model).state_dict()
    assert loaded.keys() == mmdit_weights.keys()
    assert all(torch.equal(loaded[key], tensor) for key, tensor in mmdit_weights.items())
    assert pool.size_bytes == tensor_bytes(mmdit_weights.values())


def test_a_second_request_finds_it_loaded(pool: ModelPool, model: ModelHandle, vae: VaeHandle) -> None:
    assert pool.mmdit(model) is pool.mmdit(model)
    assert pool.vae(vae) is pool.vae(vae)


def test_it_tells_what_is_in_memory_and_how_much_of_it(model: ModelHandle, mmdit_weights: Weights) -> None:
    size = tensor_bytes(mmdit_weights.values())
    whole, part = ModelPool(CPU, "auto", []), ModelPool(CPU, "auto", [], budget_bytes=1)
    assert whole.loaded_models() == []
    for pool in (whole, part):
        pool.mmdit(model)
    [told] = whole.loaded_models()
    facts = {"file": "m.safetensors", "part": "mmdit", "device": "cpu", "total_bytes": size}
    assert told == {**facts, "size_bytes": size}
    [streamed] = part.loaded_models()
    assert streamed == {**facts, "size_bytes": part.size_bytes} != told
    whole.release()
    assert whole.loaded_models() == []


def test_it_tells_what_is_in_memory_while_another_model_is_being_loaded(pool: ModelPool, model: ModelHandle) -> None:
    pool.mmdit(model)
    before = pool.loaded_models()
    with ThreadPoolExecutor(1) as other, pool._lock:  # as while one is loaded
        assert other.submit(pool.loaded_models).result() == before != []


def test_flow_settings_do_not_load_anew(pool: ModelPool, model: ModelHandle) -> None:
    assert pool.mmdit(model) is pool.mmdit(replace(model, flow=replace(model.flow, shift=1.0)))


def test_release_drops_everything(pool: ModelPool, model: ModelHandle) -> None:
    network = pool.mmdit(model)
    pool.release()
    assert pool.size_bytes == 0
    assert pool.mmdit(model) is not network


def blocks_there(network: MMDiT) -> list[bool]:
    return [all(tensor.device == CPU for tensor in block.state_dict().values()) for block in network.joint_blocks]


def test_the_least_recently_used_goes_first(save: Save, mmdit_weights: Weights, vae: VaeHandle) -> None:
    first, second = (open_diffusion_model(save(f"{name}.safetensors", mmdit=mmdit_weights)) for name in "ab")
    size = tensor_bytes(mmdit_weights.values())
    pool = ModelPool(CPU, "auto", [], budget_bytes=size * 2)
    network_a, network_b = pool.mmdit(first), pool.mmdit(second)
    assert pool.mmdit(first) is network_a  # now b is the older one
    pool.vae(vae)
    assert all(blocks_there(network_a))
    assert not all(blocks_there(network_b))
    assert pool.size_bytes <= size * 2


def test_as_many_blocks_go_as_are_in_the_way(save: Save, mmdit_weights: Weights) -> None:
    first, second = (open_diffusion_model(save(f"{name}.safetensors", mmdit=mmdit_weights)) for name in "ab")
    size = tensor_bytes(mmdit_weights.values())
    pool = ModelPool(CPU, "auto", [], budget_bytes=int(size * 1.99))
    older = pool.mmdit(first)
    assert all(blocks_there(pool.mmdit(second)))
    assert pool.size_bytes <= size * 1.99
    assert all(blocks_there(pool.mmdit(first)))  # back again, at the expense of the other
    assert pool.mmdit(first) is older


def test_what_does_not_fit_even_without_blocks_is_dropped(save: Save, mmdit_weights: Weights, vae: VaeHandle) -> None:
    model = open_diffusion_model(save("m.safetensors", mmdit=mmdit_weights))
    pool = ModelPool(CPU, "auto", [], budget_bytes=1)
    network = pool.mmdit(model)
    pool.vae(vae)
    assert pool.mmdit(model) is not network


def test_networks_of_a_budget_too_small_keep_what_is_outside_their_blocks(model: ModelHandle) -> None:
    pool = ModelPool(CPU, "auto", [], budget_bytes=1)
    network = pool.mmdit(model)
    assert blocks_there(network) == [False] * 3
    assert network.pos_embed.device == CPU


def test_patches_change_their_weights_and_nothing_else(
    pool: ModelPool, model: ModelHandle, mmdit_weights: Weights
) -> None:
    key = "final_layer.linear.weight"
    patched = pool.mmdit(
        replace(model, weights=replace(model.weights, patches=(Scale(key, 2.0), Scale(key, 3.0))))
    ).state_dict()
    assert torch.equal(patched[key], mmdit_weights[key] * 2.0 * 3.0)
    assert torch.equal(patched["final_layer.linear.bias"], mmdit_weights["final_layer.linear.bias"])
    assert torch.equal(pool.mmdit(model).state_dict()[key], mmdit_weights[key])


@pytest.mark.parametrize(
    ("name", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_precision_sets_the_dtype_of_the_weights(
    save: Save, mmdit_weights: Weights, name: precision.Precision, dtype: torch.dtype
) -> None:
    half = {key: tensor.half() for key, tensor in mmdit_weights.items()}
    pool = ModelPool(CPU, name, [])
    network = pool.mmdit(open_diffusion_model(save("half.safetensors", mmdit=half)))
    assert {tensor.dtype for tensor in network.state_dict().values()} == {dtype}


@pytest.mark.parametrize(
    ("stored", "cpu_has_bf16", "expected"),
    [
        (torch.float32, True, torch.float32),
        (torch.float16, True, torch.bfloat16),
        (torch.bfloat16, True, torch.bfloat16),
        (torch.float16, False, torch.float32),
        (torch.bfloat16, False, torch.float32),
    ],
)
def test_auto_follows_the_file_where_the_cpu_is_good_at_it(
    monkeypatch: pytest.MonkeyPatch, stored: torch.dtype, cpu_has_bf16: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr(precision, "_cpu_computes_bf16", lambda: cpu_has_bf16)
    assert compute_dtype("auto", stored, CPU) == expected


def test_a_few_wide_tensors_do_not_widen_the_rest(save: Save, mmdit_weights: Weights) -> None:
    mixed = {key: tensor if tensor.ndim == 1 else tensor.half() for key, tensor in mmdit_weights.items()}
    pool = ModelPool(CPU, "auto", [])
    network = pool.mmdit(open_diffusion_model(save("mixed.safetensors", mmdit=mixed)))
    assert {tensor.dtype for tensor in network.state_dict().values()} == {compute_dtype("auto", torch.float16, CPU)}


@pytest.mark.parametrize("version", [0, 1])
def test_the_budget_respects_the_memory_limit_of_the_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: int
) -> None:
    limits = [tmp_path / "memory.max", tmp_path / "memory.limit_in_bytes"]
    monkeypatch.setattr(memory, "_CGROUP_LIMITS", tuple(limits))
    machine = available_bytes(CPU)
    limits[version].write_text("1000000\n")
    assert available_bytes(CPU) == 1_000_000
    assert weights_share(available_bytes(CPU)) == 700_000
    limits[version].write_text("max\n")
    assert available_bytes(CPU) == machine


def test_a_file_that_changed_is_refused_and_opens_anew(
    pool: ModelPool, model: ModelHandle, mmdit_weights: Weights
) -> None:
    old = pool.mmdit(model)
    path = model.weights.path
    new = path.with_suffix(".new")
    save_file({key: tensor * 2 for key, tensor in mmdit_weights.items()}, new)
    os.replace(new, path)
    os.utime(path, ns=(1, 1))
    with pytest.raises(WeightsChangedError, match=r"m\.safetensors changed on disk"):
        pool.mmdit(model)
    fresh = pool.mmdit(open_diffusion_model(path))
    assert not torch.equal(fresh.pos_embed, old.pos_embed)
    assert pool.size_bytes == tensor_bytes(mmdit_weights.values())  # what came from the old file is gone
    assert all(tensor.is_meta for tensor in old.joint_blocks[0].state_dict().values())


def test_a_deleted_file_is_named(pool: ModelPool, model: ModelHandle) -> None:
    model.weights.path.unlink()
    with pytest.raises(WeightsChangedError, match="is gone now"):
        pool.mmdit(model)


def test_a_failed_load_leaves_nothing_behind(
    pool: ModelPool, model: ModelHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise torch.OutOfMemoryError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(pool_module, "load_weights", fail)
        with pytest.raises(
            ModelMemoryError, match=r"m\.safetensors: the diffusion model .* as float32\) has no room on cpu"
        ):
            pool.mmdit(model)
        assert pool.size_bytes == 0
    pool.mmdit(model)


def test_out_of_memory_drops_the_others_and_tries_once_more(
    pool: ModelPool, model: ModelHandle, vae: VaeHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.vae(vae)
    load, calls = pool_module.load_weights, 0

    def fail_once(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise torch.OutOfMemoryError("no room")
        return load(*arguments)  # type: ignore[arg-type]  # passed through as they came

    monkeypatch.setattr(pool_module, "load_weights", fail_once)
    network = pool.mmdit(model)
    assert pool.size_bytes == tensor_bytes(network.state_dict().values())


def test_parts_a_checkpoint_lacks_are_an_error_on_use(pool: ModelPool, save: Save, mmdit_weights: Weights) -> None:
    _, encoders, vae = open_checkpoint(save("m.safetensors", mmdit=mmdit_weights))
    with pytest.raises(MissingPartError, match="holds no text encoders"):
        pool.text_encoders(encoders)
    with pytest.raises(MissingPartError, match="holds no VAE"):
        pool.vae(vae)


@pytest.fixture
def encoders(tmp_path: Path, clip_g_weights: Weights, t5_weights: Weights) -> TextEncoderHandle:
    save_file(clip_g_weights, tmp_path / "g.safetensors")
    save_file(t5_weights, tmp_path / "t5.safetensors")
    return open_text_encoders([tmp_path / "g.safetensors", tmp_path / "t5.safetensors"])


def write_tokenizers(root: Path) -> None:
    """Vocabularies of single letters, whose ids fit the tiny encoders."""
    letters = "abcdefghijklmnopqrst"
    clip, t5 = root / "tokenizers" / "clip", root / "tokenizers" / "t5"
    clip.mkdir(parents=True)
    t5.mkdir()
    pieces = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (clip / "vocab.json").write_text(json.dumps({piece: index for index, piece in enumerate(pieces)}))
    (clip / "merges.txt").write_text("#version: 0.2\n")
    unigram = models.Unigram([(piece, -1.0) for piece in ("<pad>", "</s>", "<unk>", *letters)], unk_id=2)
    Tokenizer(unigram).save(str(t5 / "tokenizer.json"))


def test_text_encoders_come_with_their_tokenizers(encoders: TextEncoderHandle, tmp_path: Path) -> None:
    write_tokenizers(tmp_path / "models")
    pool = ModelPool(CPU, "fp32", [tmp_path / "models"])
    found = pool.text_encoders(encoders)
    cond, pooled = found.encode("a photo of (cats:1.2)")
    assert cond.shape == (1, 154, 4096)
    assert pooled.shape == (1, 2048)
    assert found.clip_l is None
    again = pool.text_encoders(replace(encoders, placement="cpu"))
    held = pool.size_bytes
    assert held > 0
    again.encode("another photo")
    assert pool.size_bytes == held  # the pool's device is the CPU anyway


def test_text_is_encoded_once_and_its_encoders_are_not_loaded_again(
    encoders: TextEncoderHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_tokenizers(tmp_path / "models")
    caplog.set_level("INFO")
    pool = ModelPool(CPU, "fp32", [tmp_path / "models"], budget_bytes=1)  # one encoder at a time
    encoded: list[str] = []

    def count(name: str, kind: type[ClipTextEncoder] | type[T5TextEncoder]) -> None:
        encode = kind.encode_row

        def counted(*arguments: object) -> object:
            encoded.append(name)
            return encode(*arguments)

        monkeypatch.setattr(kind, "encode_row", counted)

    count("clip", ClipTextEncoder)
    count("t5", T5TextEncoder)
    cond, pooled = pool.text_encoders(encoders).encode("a (photo:1.2)")
    assert sorted(encoded) == ["clip", "clip", "t5", "t5"]  # the text, and the empty prompt
    encoded.clear()
    caplog.clear()
    again = pool.text_encoders(encoders).encode_sd3("unused", "a (photo:1.2)", "a (photo:1.2)", empty_padding="none")
    assert torch.equal(again[0], cond)
    assert torch.equal(again[1], pooled)
    assert encoded == []
    assert "weights loaded" not in caplog.messages
    pool.text_encoders(encoders).encode_sd3("", "a (photo:1.2)", "new words", empty_padding="none")
    assert encoded == ["t5"]
    encoded.clear()
    pool.text_encoders(encoders).encode("(other:1.3) words")  # the empty prompt, which emphasis needs, is known
    assert sorted(encoded) == ["clip", "t5"]
    encoded.clear()
    pool.text_encoders(replace(encoders, clip_layer=-1)).encode("a (photo:1.2)")
    assert set(encoded) == {"clip"}
    pool.release()
    encoded.clear()
    assert torch.equal(pool.text_encoders(encoders).encode("a (photo:1.2)")[0], cond)
    assert set(encoded) == {"clip", "t5"}


def test_a_missing_tokenizer_is_known_before_weights_are_read(
    encoders: TextEncoderHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sd35graph.models.text.tokenizer_files.try_to_load_from_cache", lambda repository, name: None)
    pool = ModelPool(CPU, "fp32", [tmp_path / "models"])
    with pytest.raises(TokenizerMissingError):
        pool.text_encoders(encoders)
    assert pool.size_bytes == 0


def test_float32_is_not_rounded_by_the_gpu(pool: ModelPool) -> None:
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
