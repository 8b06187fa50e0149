"""The three text encoders in small, and their tokenizers, trained on the captions and kept beside the encoders."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn

from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.models.networks.t5 import T5TextEncoder
from sd35graph.models.networks.variants import ClipConfig, ClipName, T5Config
from sd35graph.models.text.tokenizer_files import CLIP_END, CLIP_MARKS, CLIP_START, split_as_clip
from training.config import TextSizes

_EMBEDDING_SPREAD = 0.5  # CLIP's own 0.02 suits its training from a contrastive loss; here it would be heard too late

_LETTER_SCORE = -20.0  # worse than the rarest word, so that letters are the last resort


class Tokenizers:
    """Both tokenizers. A prompt becomes one row of ids for CLIP-L, CLIP-G and T5 each."""

    def __init__(self, clip: Tokenizer, t5: Tokenizer, sizes: TextSizes) -> None:
        self.clip = clip
        self.t5 = t5
        self._sizes = sizes
        self.start_id, self.end_id = _id(clip, CLIP_START), _id(clip, CLIP_END)
        self._t5_end_id = _id(t5, "</s>")

    def fits(self, text: str) -> bool:
        """Whether the prompt takes no more than one section of either kind."""
        clip, t5 = self._bodies(text)
        return len(clip) + 2 <= self._sizes.positions and len(t5) + 1 <= self._sizes.minimum

    def rows(self, text: str) -> tuple[list[int], list[int], list[int]]:
        """Ids for CLIP-L, which pads with its end token, CLIP-G and T5, which pad with 0."""
        if not self.fits(text):
            raise ValueError(f'"{text}" does not fit into one section.')
        body, t5 = self._bodies(text)
        clip = [self.start_id, *body, self.end_id]
        room = self._sizes.positions - len(clip)
        t5 = [*t5, self._t5_end_id]
        return clip + [self.end_id] * room, clip + [0] * room, t5 + [0] * (self._sizes.minimum - len(t5))

    def save(self, encoders: Path, stem: str) -> None:
        """Write each encoder's tokenizer into the folder beside it that is named like it."""
        for part, tokenizer in (("clip_l", self.clip), ("clip_g", self.clip), ("t5xxl", self.t5)):
            folder = encoders / f"{stem}_{part}"
            folder.mkdir(parents=True, exist_ok=True)
            tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
        settings = {"min_length": self._sizes.minimum}
        (encoders / f"{stem}_t5xxl" / "tokenizer_config.json").write_text(json.dumps(settings) + "\n", encoding="utf-8")

    def _bodies(self, text: str) -> tuple[list[int], list[int]]:
        clip = self.clip.encode(text, add_special_tokens=False).ids
        return list(clip), list(self.t5.encode(text, add_special_tokens=False).ids)


def kept_tokenizers(folder: Path, captions: Iterable[str], sizes: TextSizes) -> Tokenizers:
    """The tokenizers in `folder`, trained and written there first if there are none.

    Training twice gives some letters other ids, which would confuse a model that is trained on.
    """
    paths = folder / "clip_tokenizer.json", folder / "t5_tokenizer.json"
    if not all(path.is_file() for path in paths):
        trained = train_tokenizers(captions, sizes)
        for path, tokenizer in zip(paths, (trained.clip, trained.t5), strict=True):
            tokenizer.save(str(path))
    clip, t5 = (Tokenizer.from_file(str(path)) for path in paths)
    return Tokenizers(clip, t5, sizes)


def train_tokenizers(captions: Iterable[str], sizes: TextSizes) -> Tokenizers:
    """Byte-level BPE with end-of-word marks for CLIP, Unigram for T5: the algorithms of the real ones."""
    captions = list(captions)
    clip = Tokenizer(models.BPE(unk_token=CLIP_END, end_of_word_suffix="</w>"))
    split_as_clip(clip)
    clip.train_from_iterator(
        captions,
        trainers.BpeTrainer(
            vocab_size=sizes.vocabulary,
            special_tokens=["<|pad|>", CLIP_START, CLIP_END],
            end_of_word_suffix="</w>",
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    clip.add_special_tokens(list(CLIP_MARKS))

    t5 = Tokenizer(models.Unigram(_unigrams(captions), unk_id=2))
    t5.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    t5.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Split(",", "isolated")])
    t5.decoder = decoders.Metaspace()
    t5.add_special_tokens(["<pad>", "</s>", "<unk>"])
    return Tokenizers(clip, t5, sizes)


def _unigrams(captions: Iterable[str]) -> list[tuple[str, float]]:
    """The captions' words with their log probability, and letters to spell any other word with.

    Training the algorithm on so few different words would cut the frequent ones into syllables.
    """
    words = Counter(word for caption in captions for word in caption.lower().replace(",", "").split())
    total = words.total()
    letters = "\u2581abcdefghijklmnopqrstuvwxyz0123456789.,:;!?'\"()-"
    return [
        *((special, 0.0) for special in ("<pad>", "</s>", "<unk>")),
        *((f"\u2581{word}", math.log(count / total)) for word, count in sorted(words.items())),
        *((letter, _LETTER_SCORE) for letter in letters),
    ]


class Encoders(nn.Module):
    """CLIP-L, CLIP-G and T5; trained together with the transformer, frozen afterwards as the real ones are."""

    def __init__(self, sizes: TextSizes, tokenizers: Tokenizers) -> None:
        super().__init__()
        self._end_id = tokenizers.end_id
        self._width = max(sizes.t5_width, sizes.clip_l_width + sizes.clip_g_width)
        vocabulary = tokenizers.clip.get_vocab_size()
        self.clip_l = _clip("clip_l", sizes.clip_l_width, vocabulary, sizes)
        self.clip_g = _clip("clip_g", sizes.clip_g_width, vocabulary, sizes)
        width = sizes.t5_width
        self.t5xxl = T5TextEncoder(
            T5Config(sizes.layers, width, width // 64, 64, 2 * width, tokenizers.t5.get_vocab_size(), buckets=32)
        )

    def forward(self, clip_l: Tensor, clip_g: Tensor, t5xxl: Tensor) -> tuple[Tensor, Tensor]:
        """Context [B, L + L5, width] and pooled vectors of rows of ids, joined as the engine joins them."""
        hidden_l, pooled_l = self.clip_l(clip_l, self._end_id)
        hidden_g, pooled_g = self.clip_g(clip_g, self._end_id)
        hidden = torch.cat([hidden_l, hidden_g], dim=-1)
        parts = [F.pad(part, (0, self._width - part.shape[-1])) for part in (hidden, self.t5xxl(t5xxl))]
        return torch.cat(parts, dim=1), torch.cat([pooled_l, pooled_g], dim=-1)


def _id(tokenizer: Tokenizer, token: str) -> int:
    found = tokenizer.token_to_id(token)
    assert found is not None
    return int(found)


def _clip(name: ClipName, width: int, vocabulary: int, sizes: TextSizes) -> ClipTextEncoder:
    encoder = ClipTextEncoder(ClipConfig(name, sizes.layers, width, 4 * width, vocabulary, sizes.positions, width))
    embeddings = encoder.text_model.embeddings
    for table in (embeddings.token_embedding, embeddings.position_embedding):
        nn.init.normal_(table.weight, std=_EMBEDDING_SPREAD)
    return encoder
