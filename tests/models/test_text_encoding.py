"""Emphasis on hidden states, and the combination of encoders."""

from __future__ import annotations

import pytest
import torch
from tiny_networks import Weights
from torch import Tensor

from sd35graph.models.errors import MissingPartError
from sd35graph.models.networks.build import build
from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.models.networks.t5 import T5TextEncoder
from sd35graph.models.text.encoding import ClipPart, T5Part, TextEncoders
from sd35graph.models.text.tokenizers import ClipTokenizer, T5Tokenizer

START, END = 48, 49


def spell(text: str) -> list[int]:
    return [2 + ord(letter) % 40 for letter in text if letter != " "]


@pytest.fixture(scope="session")
def everything(clip_l_weights: Weights, clip_g_weights: Weights, t5_weights: Weights) -> TextEncoders:
    clip_l, clip_g, t5xxl = (
        build("clip_l", clip_l_weights),
        build("clip_g", clip_g_weights),
        build("t5xxl", t5_weights),
    )
    assert isinstance(clip_l, ClipTextEncoder)
    assert isinstance(clip_g, ClipTextEncoder)
    assert isinstance(t5xxl, T5TextEncoder)
    tokenizer = ClipTokenizer(spell, START, END)
    return TextEncoders(
        ClipPart(clip_l, tokenizer, END), ClipPart(clip_g, tokenizer, 0), T5Part(t5xxl, T5Tokenizer(spell, 1))
    )


@pytest.fixture(scope="session")
def clip_only(everything: TextEncoders) -> TextEncoders:
    return TextEncoders(clip_l=everything.clip_l, clip_g=everything.clip_g)


def part(encoders: TextEncoders, name: str, text: str) -> Tensor:
    assert name in ("clip_l", "clip_g", "t5xxl")
    return encoders.encode_part(name, text)[0]  # type: ignore[arg-type]  # narrowed above, but not for mypy


def test_all_encoders_stand_side_by_side_then_one_after_the_other(everything: TextEncoders) -> None:
    cond, pooled = everything.encode("a cat")
    assert cond.shape == (1, 154, 4096)
    assert pooled.shape == (1, 2048)
    assert torch.equal(cond[:, :77, :768], part(everything, "clip_l", "a cat"))
    assert torch.equal(cond[:, :77, 768:2048], part(everything, "clip_g", "a cat"))
    assert not cond[:, :77, 2048:].any()
    assert torch.equal(cond[:, 77:], part(everything, "t5xxl", "a cat"))


def test_clip_g_keeps_its_place_without_clip_l(everything: TextEncoders) -> None:
    cond, pooled = TextEncoders(clip_g=everything.clip_g).encode("a cat")
    assert cond.shape == (1, 77, 4096)
    assert not cond[..., :768].any()
    assert cond[..., 768:2048].any()
    assert not pooled[:, :768].any()
    assert pooled[:, 768:].any()


def test_t5_alone_has_no_clip_tokens_and_a_zero_pooled(everything: TextEncoders) -> None:
    cond, pooled = TextEncoders(t5xxl=everything.t5xxl).encode("a cat")
    assert cond.shape == (1, 77, 4096)
    assert pooled.shape == (1, 2048)
    assert not pooled.any()


@pytest.mark.parametrize("name", ["clip_l", "clip_g", "t5xxl"])
@pytest.mark.parametrize("weight", [0.0, 0.5, -1.0, 2.0])
def test_emphasis_interpolates_between_the_empty_prompt_and_the_full_one(
    everything: TextEncoders, name: str, weight: float
) -> None:
    plain, empty = part(everything, name, "ab"), part(everything, name, "")
    weighted = part(everything, name, f"a(b:{weight})")
    position = 1 if name == "t5xxl" else 2  # behind "a", and in CLIP behind the start token
    expected = plain.clone()
    expected[:, position] = empty[:, position] + weight * (plain[:, position] - empty[:, position])
    torch.testing.assert_close(weighted, expected, rtol=1e-4, atol=1e-5)


def test_emphasis_leaves_the_pooled_vector_alone(everything: TextEncoders) -> None:
    _, plain = everything.encode("ab")
    _, weighted = everything.encode("a(b:1.7)")
    torch.testing.assert_close(plain, weighted)


def test_the_pooled_vector_is_that_of_the_first_section(everything: TextEncoders) -> None:
    first, both = "a" * 75, "a" * 75 + "bc"
    assert everything.encode(both)[0].shape[1] == 2 * 77 + 78
    torch.testing.assert_close(everything.encode(first)[1], everything.encode(both)[1])


def test_unequal_section_counts_are_filled_with_empty_prompts(everything: TextEncoders) -> None:
    cond, _ = everything.encode_sd3("a", "b" * 100, "c", empty_padding="empty_prompt")
    assert cond.shape[1] == 2 * 77 + 77
    torch.testing.assert_close(cond[:, 77:154, :768], part(everything, "clip_l", ""))


def test_empty_padding_none_drops_what_is_empty(everything: TextEncoders) -> None:
    assert everything.encode_sd3("a", "b", "", empty_padding="none")[0].shape[1] == 78
    assert everything.encode_sd3("a", "", "c", empty_padding="none")[0].shape[1] == 154
    cond, pooled = everything.encode_sd3("", "", "c", empty_padding="none")
    assert cond.shape[1] == 77
    assert not pooled.any()
    assert everything.encode_sd3("", "", "", empty_padding="none")[0].shape[1] == 1


def test_nothing_at_all_is_a_context_of_zeros(clip_only: TextEncoders) -> None:
    cond, pooled = clip_only.encode_sd3("", "", "", empty_padding="none")
    assert cond.shape == (1, 77, 4096)
    assert not cond.any()
    assert not pooled.any()


def test_a_missing_encoder_is_named(clip_only: TextEncoders) -> None:
    with pytest.raises(MissingPartError, match="t5xxl is not loaded, only: clip_l, clip_g"):
        clip_only.encode_part("t5xxl", "a")
    with pytest.raises(MissingPartError, match="No text encoder is loaded"):
        TextEncoders().encode("a")


def test_half_precision_gives_float32(clip_l_weights: Weights, t5_weights: Weights) -> None:
    clip = build("clip_l", {key: tensor.bfloat16() for key, tensor in clip_l_weights.items()})
    t5 = build("t5xxl", {key: tensor.bfloat16() for key, tensor in t5_weights.items()})
    assert isinstance(clip, ClipTextEncoder)
    assert isinstance(t5, T5TextEncoder)
    encoders = TextEncoders(
        clip_l=ClipPart(clip, ClipTokenizer(spell, START, END), END), t5xxl=T5Part(t5, T5Tokenizer(spell, 1))
    )
    cond, pooled = encoders.encode("a (b:1.2)")
    assert (cond.dtype, pooled.dtype) == (torch.float32, torch.float32)
    assert cond.isfinite().all()
