"""Sections of tokens, and the search for vocabulary files."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
import sentencepiece

sys.path.insert(0, str(Path(__file__).parents[1]))  # tests/hub_server.py serves several folders of tests
from hub_server import Hub, running_hub

from sd35graph.models.errors import FileFormatError, TokenizerMissingError
from sd35graph.models.text import tokenizer_files
from sd35graph.models.text.tokenizer_files import (
    TokenizerFiles,
    TokenizerKind,
    fetch_tokenizer,
    find_tokenizer,
    load_clip_tokenizer,
    load_t5_tokenizer,
)
from sd35graph.models.text.tokenizers import ClipTokenizer, T5Tokenizer

START, END, PAD = 100, 101, 0
LENGTH = 77


def one_per_word(text: str) -> list[int]:
    return [len(word) for word in text.split()]


@pytest.fixture
def clip() -> ClipTokenizer:
    return ClipTokenizer(one_per_word, START, END)


@pytest.fixture(autouse=True)
def empty_hub_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer_files, "try_to_load_from_cache", lambda repository, name: None)


def bodies(sections: list[list[tuple[int, float]]]) -> list[int]:
    """How many tokens stand between start and end of each section."""
    return [[token for token, _ in section].index(END) - 1 for section in sections]


def test_a_prompt_is_framed_and_padded_to_77(clip: ClipTokenizer) -> None:
    (section,) = clip.sections("aa bbb", PAD, LENGTH)
    assert section == [(START, 1.0), (2, 1.0), (3, 1.0), (END, 1.0), *[(PAD, 1.0)] * 73]


def test_an_empty_prompt_is_one_empty_section(clip: ClipTokenizer) -> None:
    assert clip.sections("", PAD, LENGTH) == [clip.empty_section(PAD, LENGTH)]


def test_a_long_segment_is_cut_where_the_section_is_full(clip: ClipTokenizer) -> None:
    assert bodies(clip.sections("w " * 160, PAD, LENGTH)) == [75, 75, 10]
    assert bodies(clip.sections("w " * 150, PAD, LENGTH)) == [75, 75]


def test_a_short_segment_moves_to_the_next_section(clip: ClipTokenizer) -> None:
    assert bodies(clip.sections("w " * 70 + "(" + "v " * 7 + ":2)", PAD, LENGTH)) == [70, 7]
    assert bodies(clip.sections("w " * 70 + "(" + "v " * 8 + ":2)", PAD, LENGTH)) == [75, 3]


def test_no_section_is_longer_than_asked_for(clip: ClipTokenizer) -> None:
    for length in range(3, 14):
        for words in range(1, 14):
            sections = clip.sections("w " * words, PAD, length)
            assert {len(section) for section in sections} == {length}
            assert sum(bodies(sections)) == words


def test_weights_attach_to_their_tokens_only(clip: ClipTokenizer) -> None:
    (section,) = clip.sections("a (bb:1.5)", PAD, LENGTH)
    assert section[:4] == [(START, 1.0), (1, 1.0), (2, 1.5), (END, 1.0)]


def test_t5_has_one_section_of_at_least_77() -> None:
    t5 = T5Tokenizer(one_per_word, end_id=1)
    assert len(t5.section("a b")) == 77
    assert len(t5.section("w " * 200)) == 201
    assert t5.section("", is_padded=False) == [(1, 1.0)]
    assert t5.empty_section(3) == [(1, 1.0), (0, 1.0), (0, 1.0)]


def test_t5_takes_its_least_length_from_the_tokenizers_settings(tmp_path: Path, shared: Path) -> None:
    shutil.copy(shared / "parity/tokenizers/t5/tokenizer.json", tmp_path)
    assert len(load_t5_tokenizer(tmp_path).section("cat")) == 77
    (tmp_path / "tokenizer_config.json").write_text('{"model_max_length": 512}')
    assert len(load_t5_tokenizer(tmp_path).section("cat")) == 77
    (tmp_path / "tokenizer_config.json").write_text('{"min_length": 12}')
    t5 = load_t5_tokenizer(tmp_path)
    assert len(t5.section("cat")) == 12
    assert len(t5.section("", is_padded=False)) == 1
    assert len(t5.section("cat " * 20)) > 20


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('{"min_length": 0}', '"min_length" must be an integer from 1 on, not 0'),
        ('{"min_length": true}', "not True"),
        ('{"min_length": null}', "not None"),
        ("[]", "does not hold tokenizer settings"),
        ("{", "does not hold tokenizer settings"),
    ],
)
def test_unusable_tokenizer_settings_are_named(tmp_path: Path, shared: Path, settings: str, words: str) -> None:
    shutil.copy(shared / "parity/tokenizers/t5/tokenizer.json", tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(settings)
    with pytest.raises(FileFormatError, match=words) as caught:
        load_t5_tokenizer(tmp_path)
    assert str(tmp_path / "tokenizer_config.json") in str(caught.value)


def test_a_model_in_diffusers_form_brings_its_tokenizers(tmp_path: Path, shared: Path) -> None:
    folder = tmp_path / "sd3.5-large"
    for name, source in (("tokenizer", "clip"), ("tokenizer_3", "t5")):
        shutil.copytree(shared / "parity" / "tokenizers" / source, folder / name)
    assert find_tokenizer("clip", folder, []) == folder / "tokenizer"
    assert find_tokenizer("t5", folder, []) == folder / "tokenizer_3"


def test_tokenizers_are_looked_for_beside_the_encoder_first(tmp_path: Path, shared: Path) -> None:
    encoder = tmp_path / "text_encoders" / "clip_l.safetensors"
    root = tmp_path / "models"
    in_root = root / "tokenizers" / "clip"
    shutil.copytree(shared / "parity/tokenizers/clip", in_root)
    assert find_tokenizer("clip", encoder, [tmp_path / "other", root]) == in_root
    beside = encoder.parent / "clip"
    shutil.copytree(in_root, beside)
    assert find_tokenizer("clip", encoder, [root]) == beside


def test_the_hub_cache_is_the_last_place(tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary = shared / "parity/tokenizers/clip/vocab.json"

    def cached(repository: str, name: str) -> str | None:
        return str(vocabulary) if (repository, name) == ("openai/clip-vit-large-patch14", "vocab.json") else None

    monkeypatch.setattr(tokenizer_files, "try_to_load_from_cache", cached)
    assert find_tokenizer("clip", tmp_path / "a.safetensors", []) == vocabulary.parent


def test_the_other_kinds_tokenizer_json_is_passed_over(tmp_path: Path, shared: Path) -> None:
    shutil.copy(shared / "parity/tokenizers/t5/tokenizer.json", tmp_path)
    assert find_tokenizer("t5", tmp_path / "t5.safetensors", []) == tmp_path
    with pytest.raises(TokenizerMissingError):
        find_tokenizer("clip", tmp_path / "clip.safetensors", [])


@pytest.mark.parametrize(
    ("kind", "repository"), [("clip", "openai/clip-vit-large-patch14"), ("t5", "google/t5-v1_1-xxl")]
)
def test_a_missing_tokenizer_names_folders_and_remedy(tmp_path: Path, kind: TokenizerKind, repository: str) -> None:
    root = tmp_path / "models"
    with pytest.raises(TokenizerMissingError) as caught:
        find_tokenizer(kind, tmp_path / "encoders" / "file.safetensors", [root])
    message = str(caught.value)
    assert str(tmp_path / "encoders") in message
    assert str(root / "tokenizers" / kind) in message
    assert f"hf download {repository}" in message


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with CLIP's tokenizer, and an empty cache."""
    monkeypatch.setattr(tokenizer_files, "try_to_load_from_cache", huggingface_hub.try_to_load_from_cache)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with running_hub() as hub:
        yield hub


def test_a_tokenizer_that_is_nowhere_is_fetched_once(
    hub: Hub, tmp_path: Path, shared: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = shared / "parity/tokenizers/clip"
    for name in ("vocab.json", "merges.txt"):
        hub.add("openai/clip-vit-large-patch14", name, (source / name).read_bytes(), is_large=False)
    encoder = tmp_path / "clip_l.safetensors"
    fetched = TokenizerFiles([], lambda kind: fetch_tokenizer(kind, hub.url)).clip(encoder)
    expected = load_clip_tokenizer(source).sections("a photo of a cat", PAD, LENGTH)
    assert fetched.sections("a photo of a cat", PAD, LENGTH) == expected
    assert caplog.messages == ["tokenizer not found, fetching it"]
    before = len(hub.requests)
    TokenizerFiles([], lambda kind: fetch_tokenizer(kind, hub.url)).clip(encoder)
    assert len(hub.requests) == before


def test_a_tokenizer_that_cannot_be_fetched_says_why_and_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    hub.add("google/t5-v1_1-xxl", "spiece.model", b"damaged", gate="GatedRepo")
    with pytest.raises(TokenizerMissingError) as caught:
        TokenizerFiles([], lambda kind: fetch_tokenizer(kind, hub.url)).t5(tmp_path / "t5.safetensors")
    message = str(caught.value)
    assert "Fetching it failed: google/t5-v1_1-xxl is gated" in message
    assert "Run `sd35graph models pull tokenizers`" in message
    with pytest.raises(
        TokenizerMissingError, match=r"Fetching it failed: .*could not be fetched from http://127.0.0.1:9"
    ):
        TokenizerFiles([], lambda kind: fetch_tokenizer(kind, "http://127.0.0.1:9")).t5(tmp_path / "t5.safetensors")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_a_damaged_vocabulary_names_its_folder(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text("{")
    (tmp_path / "merges.txt").write_text("")
    with pytest.raises(FileFormatError, match="cannot be read") as caught:
        load_clip_tokenizer(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_damaged_tokenizer_json_names_its_path(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("[1, 2]")
    with pytest.raises(FileFormatError, match="not a tokenizer description"):
        find_tokenizer("t5", tmp_path / "t5.safetensors", [])


def test_each_tokenizer_is_read_once(shared: Path) -> None:
    files = TokenizerFiles([])
    beside = shared / "parity/tokenizers"
    assert files.clip(beside / "clip_l.safetensors") is files.clip(beside / "clip_g.safetensors")
    assert files.t5(beside / "t5.safetensors") is files.t5(beside / "t5.safetensors")


def test_sentencepiece_models_work_without_tokenizer_json(tmp_path: Path) -> None:
    text = tmp_path / "corpus.txt"
    text.write_text("\n".join(f"a photo of a red cat and a blue dog number {i}" for i in range(200)))
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(tmp_path / "spiece"), vocab_size=60, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
        hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    reference = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "spiece.model"))
    tokenizer = load_t5_tokenizer(tmp_path)
    ids = [token for token, _ in tokenizer.section("a red </s> dog", is_padded=False)]
    assert ids == [*reference.encode("a red "), 1, *reference.encode(" dog"), 1]
