"""Networks run block by block: the same numbers, whatever is in memory, whatever happens on the way."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_gguf import write_gguf
from tiny_networks import MMDIT, Save, Weights, randomize
from torch import Tensor

from sd35graph.models.errors import ModelMemoryError, WeightsChangedError
from sd35graph.models.handles import (
    ModelHandle,
    WeightPatch,
    open_diffusion_model,
    open_text_encoders,
    open_vae,
)
from sd35graph.models.loading import memory, streaming
from sd35graph.models.loading import pool as pool_module
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.networks.mmdit import Mlp, MMDiT
from sd35graph.models.networks.t5 import T5TextEncoder
from sd35graph.models.networks.vae import ResidualBlock
from sd35graph.values import tensor_bytes

CPU = torch.device("cpu")
DEPTH = 7


@dataclass(frozen=True)
class Shift:
    """A toy patch of every tensor whose name ends in `end`."""

    end: str

    def changes(self, key: str) -> bool:
        return key.endswith(self.end)

    def apply(self, key: str, weight: Tensor) -> Tensor:
        return weight * 1.01 + 0.003


@pytest.fixture(scope="session")
def deep_weights() -> Weights:
    return randomize(MMDiT(replace(MMDIT, depth=DEPTH, dual_attention=frozenset({0, 1, 2}))))


@pytest.fixture
def model(save: Save, deep_weights: Weights) -> ModelHandle:
    return open_diffusion_model(save("m.safetensors", mmdit=deep_weights))


def inputs() -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(1)
    shapes = (2, 16, 8, 6), (2,), (2, 5, MMDIT.context_width), (2, MMDIT.pooled_width)
    return tuple(torch.randn(shape, generator=generator) for shape in shapes)


def there(network: MMDiT) -> list[int]:
    """The blocks in memory."""
    blocks = (module.state_dict().values() for module in network.joint_blocks)
    return [index for index, tensors in enumerate(blocks) if all(tensor.device == CPU for tensor in tensors)]


def pool_with(share: float, weights: Weights) -> ModelPool:
    return ModelPool(CPU, "auto", [], budget_bytes=int(share * tensor_bytes(weights.values())))


@pytest.mark.parametrize("patches", [(), (Shift("qkv.weight"),), (Shift(".bias"), Shift("fc1.weight"))])
@pytest.mark.parametrize("share", [0.0, 0.33, 0.7, 0.95])
def test_the_result_is_that_of_a_network_that_stays_bit_for_bit(
    model: ModelHandle, deep_weights: Weights, share: float, patches: tuple[WeightPatch, ...]
) -> None:
    patched = replace(model, weights=replace(model.weights, patches=patches))
    resident = pool_with(1.0, deep_weights).mmdit(patched)
    streamed = pool_with(share, deep_weights).mmdit(patched)
    assert there(resident) == list(range(DEPTH))
    assert len(there(streamed)) < DEPTH
    for _ in range(2):  # the second begins with a block brought ahead by the first
        assert torch.equal(streamed(*inputs()), resident(*inputs()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn])
def test_converted_and_quantised_weights_stream_too(save: Save, deep_weights: Weights, dtype: torch.dtype) -> None:
    stored = {key: tensor.to(dtype) for key, tensor in deep_weights.items()}
    model = open_diffusion_model(save("q.safetensors", mmdit=stored))
    resident, streamed = ModelPool(CPU, "fp32", []), ModelPool(CPU, "fp32", [], budget_bytes=0)
    assert torch.equal(streamed.mmdit(model)(*inputs()), resident.mmdit(model)(*inputs()))
    assert there(streamed.mmdit(model)) == []
    assert streamed.size_bytes < resident.size_bytes


@pytest.mark.parametrize("patches", [(), (Shift("qkv.weight"),)])
def test_blocks_of_gguf_stream_in_their_few_bits(
    deep_weights: Weights, tmp_path: Path, patches: tuple[WeightPatch, ...]
) -> None:
    write_gguf(tmp_path / "m.gguf", deep_weights, "Q8_0")
    model = open_diffusion_model(tmp_path / "m.gguf")
    model = replace(model, weights=replace(model.weights, patches=patches))
    resident, streamed = ModelPool(CPU, "fp32", []), ModelPool(CPU, "fp32", [], budget_bytes=0)
    assert torch.equal(streamed.mmdit(model)(*inputs()), resident.mmdit(model)(*inputs()))
    assert streamed.size_bytes < resident.size_bytes
    assert resident.size_bytes < tensor_bytes(deep_weights.values())


def test_blocks_that_are_skipped_are_not_computed_with_others_weights(
    model: ModelHandle, deep_weights: Weights
) -> None:
    resident, streamed = (pool_with(share, deep_weights).mmdit(model) for share in (1.0, 0.3))
    for skipped in (frozenset({1, 2}), frozenset[int](), frozenset({0, 3, 6})):
        assert torch.equal(streamed(*inputs(), skip_layers=skipped), resident(*inputs(), skip_layers=skipped))


def test_blocks_that_stay_are_spread_and_within_the_budget(model: ModelHandle, deep_weights: Weights) -> None:
    pool = pool_with(0.7, deep_weights)
    kept = there(pool.mmdit(model))
    assert 1 <= len(kept) <= DEPTH - 2
    assert kept != list(range(len(kept)))  # between two that are brought in, one that stays computes meanwhile
    assert pool.size_bytes <= 0.7 * tensor_bytes(deep_weights.values())


def test_between_runs_no_more_is_in_memory_than_what_stays(model: ModelHandle, deep_weights: Weights) -> None:
    network = pool_with(0.33, deep_weights).mmdit(model)
    kept = there(network)
    network(*inputs())
    assert there(network) == kept


def test_t5_streams_bit_for_bit(t5_weights: Weights, tmp_path: Path) -> None:
    save_file(t5_weights, tmp_path / "t5.safetensors")
    ref = open_text_encoders([tmp_path / "t5.safetensors"]).require()[0]
    ids = torch.arange(40).reshape(2, 20)
    resident, streamed = (pool_with(share, t5_weights)._get(ref, CPU) for share in (1.0, 0.1))
    assert isinstance(resident, T5TextEncoder)
    assert any(tensor.is_meta for tensor in streamed.state_dict().values())
    assert torch.equal(streamed(ids), resident(ids))


def test_clip_streams_bit_for_bit(clip_g_weights: Weights, tmp_path: Path) -> None:
    save_file(clip_g_weights, tmp_path / "g.safetensors")
    ref = open_text_encoders([tmp_path / "g.safetensors"]).require()[0]
    ids = torch.arange(154).reshape(2, 77) % 50
    resident, streamed = (pool_with(share, clip_g_weights)._get(ref, CPU) for share in (1.0, 0.1))
    assert any(tensor.is_meta for tensor in streamed.state_dict().values())
    for expected, result in zip(resident(ids, 49), streamed(ids, 49), strict=True):
        assert torch.equal(result, expected)


def test_a_network_pushed_out_while_it_is_in_use_goes_on(model: ModelHandle, save: Save, deep_weights: Weights) -> None:
    pool = pool_with(1.0, deep_weights)
    network = pool.mmdit(model)
    expected = network(*inputs())
    pool.mmdit(open_diffusion_model(save("other.safetensors", mmdit=deep_weights)))
    assert there(network) == []
    assert torch.equal(network(*inputs()), expected)


@pytest.mark.parametrize("share", [0.33, 1.0])
def test_an_end_in_mid_network_leaves_it_usable(
    model: ModelHandle, deep_weights: Weights, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cancelled(Exception):
        pass

    network = pool_with(share, deep_weights).mmdit(model)
    kept, expected = there(network), network(*inputs())
    with monkeypatch.context() as patched:
        fail_at(patched, DEPTH, Cancelled())
        with pytest.raises(Cancelled):
            network(*inputs())
    assert there(network) == kept
    assert torch.equal(network(*inputs()), expected)


def test_threads_may_share_a_network_and_the_pool(model: ModelHandle, save: Save, deep_weights: Weights) -> None:
    pool = pool_with(0.7, deep_weights)
    other = open_diffusion_model(save("other.safetensors", mmdit=deep_weights))
    network = pool.mmdit(model)
    expected = network(*inputs())

    def use(turn: int) -> Tensor:
        with torch.no_grad():
            return network(*inputs()) if turn % 3 else pool.mmdit(other if turn % 2 else model)(*inputs())

    # A thread's first product uses as many cores as there are, unless torch was called for something else before;
    # sums in another order differ in the last bits.
    with ThreadPoolExecutor(3, initializer=torch.get_num_threads) as threads:
        assert all(torch.equal(result, expected) for result in threads.map(use, range(12)))


def fail_at(patched: pytest.MonkeyPatch, call: int, *errors: Exception) -> None:
    """Have feed-forward layers from the `call`-th call on raise `errors`, one each."""
    original, calls, left = Mlp.forward, 0, list(errors)

    def failing(self: Mlp, tokens: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls >= call and left:
            raise left.pop(0)
        return original(self, tokens)

    patched.setattr(Mlp, "forward", failing)


def replace_file(path: Path, weights: Weights) -> None:
    other = path.with_suffix(".new")
    save_file(weights, other)
    os.replace(other, path)
    os.utime(path, ns=(1, 1))


def test_a_file_cut_short_between_steps_is_an_error_and_no_crash(model: ModelHandle, deep_weights: Weights) -> None:
    network = pool_with(0.33, deep_weights).mmdit(model)
    network(*inputs())
    path = model.weights.path
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(WeightsChangedError, match=r"m\.safetensors changed on disk"):
        network(*inputs())


def test_a_file_replaced_between_steps_is_not_mixed_with_the_old(model: ModelHandle, deep_weights: Weights) -> None:
    pool = pool_with(0.33, deep_weights)
    network = pool.mmdit(model)
    network(*inputs())
    replace_file(model.weights.path, {key: tensor * 2 for key, tensor in deep_weights.items()})
    with pytest.raises(WeightsChangedError, match="Run the loader again"):
        network(*inputs())
    anew = pool.mmdit(open_diffusion_model(model.weights.path))
    assert torch.equal(anew.pos_embed, deep_weights["pos_embed"] * 2)
    anew(*inputs())


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory"),
    MemoryError(),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_out_of_memory_drops_the_others_and_computes_again(
    model: ModelHandle, save: Save, vae_weights: Weights, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = ModelPool(CPU, "auto", [])
    vae = open_vae(save("v.safetensors", vae=vae_weights))
    dropped, network = pool.vae(vae), pool.mmdit(model)
    expected = network(*inputs())
    fail_at(monkeypatch, DEPTH, error)
    assert torch.equal(network(*inputs()), expected)
    assert pool.vae(vae) is not dropped
    assert there(network) == list(range(DEPTH))


def test_more_and_more_blocks_are_given_up(model: ModelHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = ModelPool(CPU, "auto", [])
    network = pool.mmdit(model)
    expected = network(*inputs())
    for left in (DEPTH // 2, 0):
        fail_at(monkeypatch, DEPTH, torch.OutOfMemoryError())
        assert torch.equal(network(*inputs()), expected)
        assert len(there(network)) == left
    assert there(pool.mmdit(model)) == list(range(DEPTH))  # the next picture may be smaller


def test_out_of_memory_for_ever_says_what_would_help(model: ModelHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = ModelPool(CPU, "auto", [])
    network = pool.mmdit(model)
    fail_at(monkeypatch, 1, *[torch.OutOfMemoryError("no room")] * 9)
    with pytest.raises(ModelMemoryError) as caught:
        network(*inputs())
    message = str(caught.value)
    assert "m.safetensors: the diffusion model (0.0 GiB as float32) has no room on cpu" in message
    assert "for computing on an input of shape [2, 16, 8, 6], even alone" in message
    for remedy in ("a smaller picture or batch", "--precision bf16", "fp8 or GGUF", "--vram", "--ram"):
        assert remedy in message


def test_other_errors_are_not_taken_for_it(model: ModelHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    network = ModelPool(CPU, "auto", []).mmdit(model)
    fail_at(monkeypatch, 1, RuntimeError("shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        network(*inputs())
    assert there(network) == list(range(DEPTH))


def test_out_of_memory_while_a_block_is_brought_in_is_survived(
    model: ModelHandle, deep_weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = pool_with(0.7, deep_weights).mmdit(model)
    expected = network(*inputs())
    load, calls = pool_module.load_weights, 0

    def fail_third(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise torch.OutOfMemoryError("no room")
        return load(*arguments)  # type: ignore[arg-type]  # passed through as they came

    monkeypatch.setattr(pool_module, "load_weights", fail_third)
    assert torch.equal(network(*inputs()), expected)


def test_a_decoder_that_lacks_memory_says_so(save: Save, vae_weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    vae = ModelPool(CPU, "auto", []).vae(open_vae(save("v.safetensors", vae=vae_weights)))
    latent = torch.randn(1, 16, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = vae.decode(latent)

    def without_memory(self: ResidualBlock, x: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(ResidualBlock, "forward", without_memory)
    with pytest.raises(ModelMemoryError, match=r"v\.safetensors: the VAE .* on an input of shape \[1, 16, 4, 4\]"):
        vae.decode(latent)
    monkeypatch.undo()
    assert torch.equal(vae.decode(latent), expected)


class Recorded:
    """Stands for CUDA's streams and events on a machine without them; says in what order it was asked."""

    def __init__(self, calls: list[str], name: str) -> None:
        self.calls, self.name, self.events = calls, name, 0

    def record_event(self) -> Recorded:
        self.events += 1
        self.calls.append(f"{self.name} ends {self.events}")
        return Recorded(self.calls, f"{self.name} {self.events}")

    def wait_event(self, event: Recorded) -> None:
        self.calls.append(f"{self.name} waits for {event.name}")

    def synchronize(self) -> None:
        self.calls.append(f"wait for {self.name}")


@pytest.fixture
def cuda_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    computing = Recorded(calls, "compute")
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: Recorded(calls, "copy"))
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: computing)
    monkeypatch.setattr(Tensor, "record_stream", lambda tensor, stream: None)
    monkeypatch.setattr(Tensor, "pin_memory", Tensor.clone)
    return calls


def test_copies_to_a_gpu_wait_for_a_free_slot_and_are_waited_for(
    model: ModelHandle, deep_weights: Weights, cuda_calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = pool_with(1.0, deep_weights).mmdit(model)(*inputs())
    pool = pool_with(0.0, deep_weights)
    network = pool.mmdit(model)
    (resident,) = pool._resident.values()
    stream = resident.stream
    stream._copies = streaming._CudaCopies(CPU)
    stream.hold_on_host(10**9)
    assert torch.equal(network(*inputs()), expected)
    waits = [call for call in cuda_calls if call.startswith("compute waits")]
    assert waits == [f"compute waits for copy {block}" for block in range(1, DEPTH + 1)]
    for block in range(1, DEPTH - 1):  # the slot of a block is free for the one after the next
        assert cuda_calls.index(f"wait for compute {block}") < cuda_calls.index(f"copy ends {block + 2}")
    assert stream.host_bytes == sum(tensor_bytes(block.state_dict().values()) for block in network.joint_blocks)
    monkeypatch.setattr(pool_module, "load_weights", None)  # nothing is read any more
    assert torch.equal(network(*inputs()), expected)
    monkeypatch.undo()
    stream.keep(DEPTH)
    assert stream.host_bytes == 0


def test_what_the_budget_of_the_machine_does_not_hold_is_read_each_time(
    model: ModelHandle, deep_weights: Weights, cuda_calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = pool_with(1.0, deep_weights).mmdit(model)(*inputs())
    pool = pool_with(0.0, deep_weights)
    network = pool.mmdit(model)
    (resident,) = pool._resident.values()
    resident.stream._copies = streaming._CudaCopies(CPU)
    resident.stream.hold_on_host(1_500_000)
    assert torch.equal(network(*inputs()), expected)
    assert 0 < resident.stream.host_bytes <= 1_500_000

    def refuse(tensor: Tensor) -> Tensor:
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(Tensor, "pin_memory", refuse)
    resident.stream.hold_on_host(10**9)
    assert torch.equal(network(*inputs()), expected)
    assert resident.stream.host_bytes <= 1_500_000


def test_a_gpus_memory_is_what_is_free_and_what_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    fractions: list[float] = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (3_000, 10_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2_000)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda share, device: fractions.append(share))
    gpu = torch.device("cuda:0")
    assert memory.available_bytes(gpu) == 5_000
    memory.limit_gpu_memory(gpu, 4_000)
    memory.limit_gpu_memory(gpu, 40_000)
    assert fractions == [0.4, 1.0]
