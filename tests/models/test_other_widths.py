"""A model whose every width differs from the released ones, as files: nothing but the files says so."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_networks import MMDIT, VAE_CONFIG, randomize
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn

from sd35graph.models.errors import InputShapeError, WeightsMismatchError
from sd35graph.models.files.sections import CHECKPOINT_PREFIXES, PART_METADATA
from sd35graph.models.handles import TextEncoderHandle, open_checkpoint, open_text_encoders
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.t5 import T5TextEncoder
from sd35graph.models.networks.vae import VAE
from sd35graph.models.networks.variants import ClipConfig, ClipName, T5Config
from sd35graph.models.text.encoding import TextEncoders

LETTERS = "abcdefghijklmnopqrstuvwxyz"
CLIP_L, CLIP_G, T5 = 64, 128, 192
LENGTH = 12


def clip(name: ClipName, width: int, positions: int = LENGTH) -> ClipTextEncoder:
    return ClipTextEncoder(
        ClipConfig(
            name, layers=2, width=width, mlp_width=64, vocabulary=60, positions=positions, projection_width=width
        )
    )


def save_encoder(root: Path, name: str, network: nn.Module, tokenizer: Tokenizer) -> Path:
    """The encoder's file, naming its part, and its tokenizer in the folder beside it."""
    path = root / "text_encoders" / f"small_{name}.safetensors"
    path.with_suffix("").mkdir(parents=True)
    save_file(randomize(network), path, {PART_METADATA: name})
    tokenizer.save(str(path.with_suffix("") / "tokenizer.json"))
    return path


def clip_tokenizer() -> Tokenizer:
    pieces = ["<|pad|>", "<|startoftext|>", "<|endoftext|>", *LETTERS, *(letter + "</w>" for letter in LETTERS)]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def t5_tokenizer() -> Tokenizer:
    return Tokenizer(models.Unigram([(piece, -1.0) for piece in ("<pad>", "</s>", "<unk>", *LETTERS)], unk_id=2))


def save_clip(root: Path, name: ClipName, width: int, positions: int = LENGTH) -> Path:
    return save_encoder(root, name, clip(name, width, positions), clip_tokenizer())


def save_t5(root: Path) -> Path:
    config = T5Config(layers=2, width=T5, heads=3, head_width=64, mlp_width=32, vocabulary=60, buckets=32)
    path = save_encoder(root, "t5xxl", T5TextEncoder(config), t5_tokenizer())
    (path.with_suffix("") / "tokenizer_config.json").write_text(json.dumps({"min_length": LENGTH}))
    return path


@pytest.fixture
def handle(tmp_path: Path) -> TextEncoderHandle:
    paths = [save_t5(tmp_path), save_clip(tmp_path, "clip_g", CLIP_G), save_clip(tmp_path, "clip_l", CLIP_L)]
    return open_text_encoders(paths)


@pytest.fixture
def pool() -> ModelPool:
    return ModelPool(torch.device("cpu"), "fp32", [])


@pytest.fixture
def encoders(handle: TextEncoderHandle, pool: ModelPool) -> TextEncoders:
    return pool.text_encoders(handle)


def test_sections_are_as_long_and_as_wide_as_the_files_say(encoders: TextEncoders) -> None:
    context, pooled = encoders.encode("a cat")
    assert context.shape[:2] == (1, LENGTH + LENGTH)
    assert pooled.shape == (1, CLIP_L + CLIP_G)
    for name, start, end in (("clip_l", 0, CLIP_L), ("clip_g", CLIP_L, CLIP_L + CLIP_G)):
        hidden, _ = encoders.encode_part(name, "a cat")  # type: ignore[arg-type]  # a literal, but not for mypy
        assert torch.equal(context[:, :LENGTH, start:end], hidden)
    assert torch.equal(context[:, LENGTH:, :T5], encoders.encode_part("t5xxl", "a cat")[0])
    assert not context[..., T5:].any()


def test_a_small_vocabulary_is_no_cause_for_a_warning(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("transformers"), "propagate", True)
    # The library says each sentence once; this one would hold a number that no other test has.
    ClipTextEncoder(replace(clip("clip_l", CLIP_L).config, vocabulary=43))
    assert caplog.messages == []


def test_a_long_prompt_takes_more_sections_of_the_same_length(encoders: TextEncoders) -> None:
    context, _ = encoders.encode("the quick brown fox")
    assert context.shape[1] == 2 * LENGTH + len("thequickbrownfox") + 4  # T5 spells three blanks and the end as well


def test_empty_prompts_without_padding_keep_the_encoders_own_sizes(encoders: TextEncoders) -> None:
    context, pooled = encoders.encode_sd3("", "", "a cat", empty_padding="none")
    assert context.shape[1] == LENGTH
    assert pooled.shape == (1, CLIP_L + CLIP_G)
    assert not pooled.any()
    context, pooled = replace(encoders, t5xxl=None).encode_sd3("", "", "", empty_padding="none")
    assert context.shape[1] == LENGTH
    assert pooled.shape == (1, CLIP_L + CLIP_G)
    assert not context.any()


def test_only_an_absent_encoder_counts_as_the_released_one(encoders: TextEncoders) -> None:
    context, pooled = TextEncoders(clip_g=encoders.clip_g).encode("a cat")
    assert context.shape[1] == LENGTH
    assert not context[..., :768].any()
    assert context[..., 768 : 768 + CLIP_G].any()
    assert not context[..., 768 + CLIP_G :].any()
    assert pooled.shape == (1, 768 + CLIP_G)


def test_the_whole_model_runs_from_its_files(pool: ModelPool, encoders: TextEncoders, tmp_path: Path) -> None:
    config = replace(MMDIT, depth=2, context_width=T5, pooled_width=CLIP_L + CLIP_G, grid=4)
    tensors = {CHECKPOINT_PREFIXES["mmdit"] + key: tensor for key, tensor in randomize(MMDiT(config)).items()} | {
        CHECKPOINT_PREFIXES["vae"] + key: tensor for key, tensor in randomize(VAE(VAE_CONFIG)).items()
    }
    save_file(tensors, tmp_path / "small.safetensors")
    model, _, vae = open_checkpoint(tmp_path / "small.safetensors")
    x, timestep = torch.randn(1, 16, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([500.0])
    (cat, dog) = (pool.mmdit(model)(x, timestep, *encoders.encode(text)) for text in ("a cat", "a dog"))
    assert cat.shape == x.shape
    assert not torch.equal(cat, dog)
    assert pool.vae(vae).config.factor == 8
    shifted = TextEncoders(clip_g=encoders.clip_g, t5xxl=encoders.t5xxl)
    with pytest.raises(InputShapeError, match=r"at most 192\].*and more than zeros beyond"):
        pool.mmdit(model)(x, timestep, *shifted.encode("a cat"))


def test_clip_encoders_of_two_models_are_refused(tmp_path: Path, pool: ModelPool) -> None:
    paths = [save_clip(tmp_path, "clip_l", CLIP_L), save_clip(tmp_path, "clip_g", CLIP_G, positions=16)]
    with pytest.raises(WeightsMismatchError, match="CLIP-L and CLIP-G have 12 and 16 entries"):
        pool.text_encoders(open_text_encoders(paths))


def test_a_position_table_without_room_for_a_token_is_refused(tmp_path: Path) -> None:
    path = save_clip(tmp_path, "clip_l", CLIP_L, positions=2)
    with pytest.raises(WeightsMismatchError, match="holds 2 positions; expected at least 3"):
        open_text_encoders([path])
