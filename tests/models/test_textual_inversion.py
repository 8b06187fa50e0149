"""Learned vectors in prompts, and the files that hold them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from test_text_encoding import END, START, spell
from tiny_networks import Weights
from torch import Tensor

from sd35graph.models.errors import FileFormatError, ModelError, UnsupportedStorageError, WeightsMismatchError
from sd35graph.models.networks.build import build
from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.models.networks.t5 import T5TextEncoder
from sd35graph.models.networks.textual_inversion import Embedding, Vector, read_embedding
from sd35graph.models.text.encoding import ClipPart, T5Part, TextEncoders
from sd35graph.models.text.tokenizers import ClipTokenizer, T5Tokenizer


@pytest.fixture(scope="module")
def encoders(clip_l_weights: Weights, clip_g_weights: Weights, t5_weights: Weights) -> TextEncoders:
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


def save(path: Path, **tensors: Tensor) -> Embedding:
    save_file(tensors, path)
    return read_embedding(path)


def with_embedding(encoders: TextEncoders, embedding: Embedding) -> TextEncoders:
    return replace(encoders, embeddings=lambda name: embedding if name == "known" else {})


def test_vectors_equal_to_those_of_words_give_what_the_words_give(
    encoders: TextEncoders, clip_l_weights: Weights, clip_g_weights: Weights, t5_weights: Weights, tmp_path: Path
) -> None:
    ids = torch.tensor(spell("cat"))
    table = "text_model.embeddings.token_embedding.weight"
    embedding = save(
        tmp_path / "cat.safetensors",
        clip_l=clip_l_weights[table][ids],
        clip_g=clip_g_weights[table][ids],
        t5xxl=t5_weights["shared.weight"][ids],
    )
    learned = with_embedding(encoders, embedding)
    for text in ("a {}", "a {}, b", "({}:1.3) a", "a (b {}:0.7)"):
        expected, pooled = encoders.encode(text.format("cat"))
        cond, learned_pooled = learned.encode(text.format("embedding:known"))
        # Not equal to the last bit: the same numbers, but behind a copy.
        torch.testing.assert_close(cond, expected, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(learned_pooled, pooled, rtol=1e-5, atol=1e-6)


def test_vectors_are_cut_into_sections_as_tokens_are(encoders: TextEncoders, tmp_path: Path) -> None:
    assert encoders.clip_l is not None
    for count, expected in ((7, [70, 7]), (8, [75, 3])):
        vectors = save(tmp_path / f"{count}.safetensors", clip_l=torch.randn(count, 768))["clip_l"]
        sections = encoders.clip_l.tokenize("a" * 70 + " embedding:known", lambda name, found=vectors: found)
        ends = [[token for token, _ in section].index(END) - 1 for section in sections]
        assert ends == expected
        tokens = [token for section in sections for token, _ in section if isinstance(token, Vector)]
        assert [token.index for token in tokens] == list(range(count))


def test_a_name_that_is_not_found_leaves_nothing_in_the_prompt(encoders: TextEncoders) -> None:
    cond, _ = encoders.encode("a cat, embedding:unknown, dog")
    # The words around it are tokenised by themselves; this tokenizer spells, so that makes no difference here.
    assert torch.equal(cond, encoders.encode("a cat, , dog")[0])


def test_an_encoder_of_which_the_file_says_nothing_sees_nothing(encoders: TextEncoders, tmp_path: Path) -> None:
    embedding = save(tmp_path / "g.safetensors", emb_params=torch.randn(2, 1280))
    assert set(embedding) == {"clip_g"}
    learned = with_embedding(encoders, embedding)
    for part, differs in (("clip_l", False), ("clip_g", True), ("t5xxl", False)):
        plain, _ = encoders.encode_part(part, "a ")  # type: ignore[arg-type]  # names of encoders
        changed, _ = learned.encode_part(part, "a embedding:known")  # type: ignore[arg-type]  # likewise
        assert torch.equal(plain, changed) != differs


def test_vectors_of_another_width_are_refused(encoders: TextEncoders, tmp_path: Path) -> None:
    learned = with_embedding(encoders, save(tmp_path / "wide.safetensors", clip_l=torch.randn(1, 1024)))
    with pytest.raises(WeightsMismatchError, match=r"clip_l hold 1024 numbers; .* takes 768") as caught:
        learned.encode("embedding:known")
    assert str(tmp_path / "wide.safetensors") in str(caught.value)
    cond, _ = encoders.encode("a")  # nothing is left behind in the encoder
    assert cond.isfinite().all()


def test_a_single_vector_needs_no_second_dimension(tmp_path: Path) -> None:
    (vector,) = save(tmp_path / "one.safetensors", clip_l=torch.arange(768).half())["clip_l"]
    assert torch.equal(vector.values, torch.arange(768).half().float())


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"emb_params": torch.zeros(1, 1024)}, "hold 1024 numbers; expected 768"),
        ({"clip_h": torch.zeros(1, 768)}, "expected tensors named clip_l, clip_g, t5xxl, or emb_params alone, found"),
        ({"clip_l": torch.zeros(1, 768), "other": torch.zeros(1)}, "found clip_l, other"),
        ({"clip_l": torch.zeros(1, 1, 768)}, r"clip_l has shape \[1, 1, 768\] and type float32"),
        ({"clip_l": torch.zeros(0, 768)}, r"shape \[0, 768\]"),
    ],
)
def test_files_that_hold_no_embedding_are_refused(tmp_path: Path, tensors: dict[str, Tensor], words: str) -> None:
    with pytest.raises(WeightsMismatchError, match=words):
        save(tmp_path / "bad.safetensors", **tensors)


def test_vectors_of_whole_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedStorageError, match='"clip_l" is stored as I32, which is not supported'):
        save(tmp_path / "bad.safetensors", clip_l=torch.zeros(1, 768, dtype=torch.int32))


def test_vectors_stay_as_read_whatever_becomes_of_the_file(tmp_path: Path) -> None:
    (vector,) = save(tmp_path / "one.safetensors", clip_l=torch.ones(1, 768))["clip_l"]
    with (tmp_path / "one.safetensors").open("r+b") as file:
        file.seek(-4 * 768, os.SEEK_END)
        file.write(bytes(4 * 768))
    assert torch.equal(vector.values, torch.ones(768))


def test_pickles_are_refused_with_the_reason(tmp_path: Path) -> None:
    torch.save({"string_to_param": torch.zeros(1, 768)}, tmp_path / "style.pt")
    with pytest.raises(FileFormatError, match="which can run any code when opened"):
        read_embedding(tmp_path / "style.pt")


@pytest.mark.parametrize("name", ["clip_l", "clip_g"])
def test_the_layer_counts_from_the_end(encoders: TextEncoders, name: str) -> None:
    part: ClipPart | None = getattr(encoders, name)
    assert part is not None
    assert isinstance(part.encoder, ClipTextEncoder)
    text = part.encoder.text_model
    row = torch.tensor([[token for token, _ in part.tokenize("cat")[0]]])
    hidden = text.embeddings(input_ids=row, position_ids=torch.arange(77).unsqueeze(0))
    mask = torch.full((77, 77), float("-inf")).triu(1)[None, None]
    outputs = [hidden := layer(hidden, attention_mask=mask) for layer in text.encoder.layers]
    for layer in (-1, -2):
        found, pooled = replace(part, layer=layer).encode(part.tokenize("cat"))
        torch.testing.assert_close(found, outputs[layer], rtol=1e-4, atol=1e-5)
        assert torch.equal(pooled, part.encode(part.tokenize("cat"))[1])


def test_a_layer_beyond_the_depth_names_the_depth(encoders: TextEncoders) -> None:
    assert encoders.clip_l is not None
    deep = replace(encoders, clip_l=replace(encoders.clip_l, layer=-3))
    with pytest.raises(ModelError, match=r"CLIP-L text encoder has 2 layers, and layer -3 .* from -1, the last, to -2"):
        deep.encode("a")
