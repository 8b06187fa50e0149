"""Vocabulary files of CLIP and T5: where they are looked for, and tokenizers made of them.

The files belong to their publishers and are not shipped. They are found on disk, or fetched once into the hub's cache.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import sentencepiece
from huggingface_hub import try_to_load_from_cache
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

from sd35graph.models.errors import FetchError, FileFormatError, TokenizerMissingError
from sd35graph.models.hub import fetch_into_cache
from sd35graph.models.text.tokenizers import T5_MIN_LENGTH, ClipTokenizer, EncodeText, T5Tokenizer

TokenizerKind = Literal["clip", "t5"]
FetchTokenizer = Callable[[TokenizerKind], None]
"""Brings a tokenizer's files into the hub's cache. Raises `FetchError`."""

_log = logging.getLogger(__name__)

CLIP_START, CLIP_END = "<|startoftext|>", "<|endoftext|>"
CLIP_MARKS = tuple(AddedToken(text, normalized=True, special=True) for text in (CLIP_START, CLIP_END))
_T5_SPECIAL = re.compile(r"(</s>|<pad>|<unk>)")

# Sets of files that make a tokenizer, in order of preference.
_FILES: dict[TokenizerKind, tuple[tuple[str, ...], ...]] = {
    "clip": (("vocab.json", "merges.txt"), ("tokenizer.json",)),
    "t5": (("tokenizer.json",), ("spiece.model",)),
}
_ALGORITHM: dict[TokenizerKind, str] = {"clip": "BPE", "t5": "Unigram"}

# May lie beside them; of its entries only T5's `min_length`, our own, is read.
_T5_SETTINGS = "tokenizer_config.json"

# (repository, folder) in the hub's cache; the first is also the one the error message names.
_HUB: dict[TokenizerKind, tuple[tuple[str, str], ...]] = {
    "clip": (
        ("openai/clip-vit-large-patch14", ""),
        ("stabilityai/stable-diffusion-3.5-large", "tokenizer"),
        ("stabilityai/stable-diffusion-3.5-medium", "tokenizer"),
        ("stabilityai/stable-diffusion-3-medium-diffusers", "tokenizer"),
    ),
    "t5": (
        ("google/t5-v1_1-xxl", ""),
        ("stabilityai/stable-diffusion-3.5-large", "tokenizer_3"),
        ("stabilityai/stable-diffusion-3.5-medium", "tokenizer_3"),
        ("stabilityai/stable-diffusion-3-medium-diffusers", "tokenizer_3"),
    ),
}


_FETCHED: dict[TokenizerKind, tuple[str, ...]] = {"clip": ("vocab.json", "merges.txt"), "t5": ("spiece.model",)}


class TokenizerFiles:
    """Tokenizers for encoder files, each read once. Methods raise `TokenizerMissingError` or `FileFormatError`.

    fetch: called for a tokenizer that is nowhere; None: that is an error at once.
    """

    def __init__(self, model_roots: Sequence[Path], fetch: FetchTokenizer | None = None) -> None:
        self._model_roots = tuple(model_roots)
        self._fetch = fetch
        self._folders: dict[tuple[TokenizerKind, Path], Path] = {}
        self._clip: dict[Path, ClipTokenizer] = {}
        self._t5: dict[Path, T5Tokenizer] = {}

    def clip(self, encoder: Path) -> ClipTokenizer:
        """The tokenizer for the CLIP encoder in the file `encoder`."""
        folder = self._folder("clip", encoder)
        if folder not in self._clip:
            self._clip[folder] = load_clip_tokenizer(folder)
        return self._clip[folder]

    def t5(self, encoder: Path) -> T5Tokenizer:
        """The tokenizer for the T5 encoder in the file `encoder`."""
        folder = self._folder("t5", encoder)
        if folder not in self._t5:
            self._t5[folder] = load_t5_tokenizer(folder)
        return self._t5[folder]

    def _folder(self, kind: TokenizerKind, encoder: Path) -> Path:
        if (kind, encoder) not in self._folders:
            self._folders[kind, encoder] = find_tokenizer(kind, encoder, self._model_roots, self._fetch)
        return self._folders[kind, encoder]


def fetch_tokenizer(kind: TokenizerKind, endpoint: str | None = None) -> None:
    """Fetch the files of `kind`, about a megabyte, from the hub into its cache. Raises `FetchError`.

    endpoint: another hub's URL; None: the one the environment says.
    """
    repository = _HUB[kind][0][0]
    _log.warning("tokenizer not found, fetching it", extra={"tokenizer": kind, "repository": repository})
    for name in _FETCHED[kind]:
        fetch_into_cache(repository, name, endpoint)


def find_tokenizer(
    kind: TokenizerKind, encoder: Path, model_roots: Sequence[Path], fetch: FetchTokenizer | None = None
) -> Path:
    """The folder with the tokenizer files of `kind`, for an encoder in the file `encoder`.

    Looked in, in this order: beside the encoder, `tokenizers/<kind>` of each model root, the hub's cache, and there
    again after `fetch`. Raises `TokenizerMissingError`, which names the folders and says how to get the files.
    """
    folders = [*_beside(kind, encoder), *(root / "tokenizers" / kind for root in model_roots)]
    for folder in (*folders, *_cached(kind)):
        if _file_set(kind, folder) is not None:
            return folder
    failure: FetchError | None = None
    if fetch is not None:
        try:
            fetch(kind)
        except FetchError as error:
            failure = error
        for folder in _cached(kind):
            if _file_set(kind, folder) is not None:
                return folder
    raise TokenizerMissingError(_missing(kind, folders, model_roots, failure)) from failure


def _missing(
    kind: TokenizerKind, folders: Sequence[Path], model_roots: Sequence[Path], failure: FetchError | None
) -> str:
    """Where a tokenizer was looked for, why it could not be fetched, and how to get it."""
    repository = _HUB[kind][0][0]
    wanted = " or ".join(" + ".join(names) for names in _FILES[kind])
    target = model_roots[0] / "tokenizers" / kind if model_roots else Path("models/tokenizers") / kind
    return (
        f"The {kind.upper()} tokenizer was not found. Looked for {wanted} in: "
        f"{', '.join(str(folder) for folder in folders)}, and in the hub cache for "
        f"{', '.join(name for name, _ in _HUB[kind])}. {f'Fetching it failed: {failure} ' if failure else ''}"
        f"Run `sd35graph models pull tokenizers`, or get the files from the repository {repository}, for example with "
        f"`hf download {repository} {' '.join(_FETCHED[kind])} --local-dir {target}`."
    )


def load_clip_tokenizer(folder: Path) -> ClipTokenizer:
    """The CLIP tokenizer whose files lie in `folder`. Raises `FileFormatError` if they cannot be read."""
    tokenizer = _load_fast("clip", folder)
    return ClipTokenizer(
        _encoder(tokenizer), _token_id(tokenizer, CLIP_START, folder), _token_id(tokenizer, CLIP_END, folder)
    )


def load_t5_tokenizer(folder: Path) -> T5Tokenizer:
    """The T5 tokenizer whose files lie in `folder`. Raises `FileFormatError` if they cannot be read."""
    min_length = _t5_min_length(folder / _T5_SETTINGS)
    if _file_set("t5", folder) == ("spiece.model",):
        return _load_sentencepiece(folder / "spiece.model", min_length)
    tokenizer = _load_fast("t5", folder)
    return T5Tokenizer(_encoder(tokenizer), _token_id(tokenizer, "</s>", folder), min_length)


def _beside(kind: TokenizerKind, encoder: Path) -> tuple[Path, ...]:
    if encoder.is_dir():  # a model in diffusers' form, or the folder of an encoder
        return (encoder / ("tokenizer" if kind == "clip" else "tokenizer_3"), encoder)
    return (encoder.with_suffix(""), encoder.parent / kind, encoder.parent / "tokenizer", encoder.parent)


def _cached(kind: TokenizerKind) -> Iterator[Path]:
    """Folders of the hub's cache that hold one of the wanted files; nothing is downloaded."""
    for repository, subfolder in _HUB[kind]:
        for names in _FILES[kind]:
            found = try_to_load_from_cache(repository, f"{subfolder}/{names[0]}" if subfolder else names[0])
            if isinstance(found, str):
                yield Path(found).parent


def _file_set(kind: TokenizerKind, folder: Path) -> tuple[str, ...] | None:
    """Which set of files for a tokenizer of `kind` lies in `folder`, if any."""
    for names in _FILES[kind]:
        is_complete = all((folder / name).is_file() for name in names)
        # tokenizer.json is also the name of the other kind's file.
        if is_complete and (names != ("tokenizer.json",) or _algorithm(folder / names[0]) == _ALGORITHM[kind]):
            return names
    return None


def _t5_min_length(settings: Path) -> int:
    """What the tokenizer's settings say. `model_max_length` is no measure: released files have 512 there."""
    if not settings.is_file():
        return T5_MIN_LENGTH
    try:
        length = json.loads(settings.read_text(encoding="utf-8")).get("min_length", T5_MIN_LENGTH)
    except (ValueError, AttributeError) as error:
        raise FileFormatError(f"{settings} does not hold tokenizer settings: {error}. Fetch it again.") from error
    if type(length) is not int or length < 1:
        raise FileFormatError(f'{settings}: "min_length" must be an integer from 1 on, not {length!r}.')
    return length


def _algorithm(path: Path) -> str | None:
    try:
        model = json.loads(path.read_text(encoding="utf-8")).get("model", {})
        return str(model.get("type"))
    except (ValueError, AttributeError) as error:
        raise FileFormatError(f"{path} is not a tokenizer description: {error}. Fetch it again.") from error


def _load_fast(kind: TokenizerKind, folder: Path) -> Tokenizer:
    names = _file_set(kind, folder)
    try:
        if names == ("vocab.json", "merges.txt"):
            return _clip_from_vocabulary(folder)
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the tokenizers library raises bare Exception for unreadable files
        raise FileFormatError(
            f"The {kind.upper()} tokenizer in {folder} cannot be read: {error}. Fetch it again."
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _clip_from_vocabulary(folder: Path) -> Tokenizer:
    """Lower-cased byte-level BPE with end-of-word marks, as in transformers' `tokenization_clip.py` (Apache-2.0)."""
    bpe = models.BPE.from_file(
        str(folder / "vocab.json"), str(folder / "merges.txt"), unk_token=CLIP_END, end_of_word_suffix="</w>"
    )
    tokenizer = Tokenizer(bpe)
    split_as_clip(tokenizer)
    tokenizer.add_special_tokens(list(CLIP_MARKS))
    return tokenizer


def split_as_clip(tokenizer: Tokenizer) -> None:
    """Make `tokenizer` cut text as CLIP's does: lower case, then words, then bytes."""
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    words = Regex(r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(words, behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )


def _encoder(tokenizer: Tokenizer) -> EncodeText:
    def encode(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False).ids)

    return encode


def _token_id(tokenizer: Tokenizer, text: str, folder: Path) -> int:
    token = tokenizer.token_to_id(text)
    if token is None:
        raise FileFormatError(f'The tokenizer in {folder} has no token "{text}". Fetch the files again.')
    return int(token)


def _load_sentencepiece(path: Path, min_length: int) -> T5Tokenizer:
    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.load(str(path))
    except (OSError, RuntimeError) as error:
        raise FileFormatError(f"{path} cannot be read as a SentencePiece model: {error}. Fetch it again.") from error

    def encode(text: str) -> list[int]:
        ids: list[int] = []
        for part in _T5_SPECIAL.split(text):  # sentencepiece would spell the marks out
            ids.extend([processor.piece_to_id(part)] if _T5_SPECIAL.fullmatch(part) else processor.encode(part))
        return ids

    return T5Tokenizer(encode, int(processor.eos_id()), min_length)
