"""How long prompts are to the text encoders in given files. Headers and vocabularies are read, no weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sd35graph.graph.prompt_length import EncoderLength, FindFile, PromptLength
from sd35graph.models.errors import MissingPartError, ModelError
from sd35graph.models.files.checkpoint import read_header
from sd35graph.models.files.sections import ENCODERS, EncoderName, listed, locate
from sd35graph.models.networks.textual_inversion import FindEmbedding
from sd35graph.models.networks.variants import clip_config
from sd35graph.models.text.tokenizer_files import TokenizerFiles
from sd35graph.models.text.tokenizers import T5_TRAINED_LENGTH, FindVectors
from sd35graph_nodes.embeddings import embeddings_of

_FRAME = 2  # of a CLIP section's tokens: its start and end


class EncoderMeter:
    """Counts as the encoders' own tokenizers do. Those that are not on this machine are not fetched for it."""

    def __init__(self, model_roots: Sequence[Path]) -> None:
        self._tokenizers = TokenizerFiles(model_roots)

    def measure(self, text: str, files: Sequence[Path], find_file: FindFile) -> PromptLength:
        """See `PromptMeter.measure`."""
        problems: dict[str, None] = {}  # each once: two encoders may lack the same tokenizer, or name one embedding
        embeddings = embeddings_of(find_file, lambda sentence: problems.update({sentence: None}))
        lengths: dict[EncoderName, EncoderLength] = {}
        for path in files:
            try:
                lengths |= dict(self._lengths(text, path, embeddings))
            except (ModelError, OSError) as error:
                problems[str(error)] = None
        return PromptLength(tuple(lengths[name] for name in ENCODERS if name in lengths), tuple(problems))

    def _lengths(self, text: str, path: Path, embeddings: FindEmbedding) -> Iterator[tuple[EncoderName, EncoderLength]]:
        header = read_header(path)
        found = locate(header)
        encoders = [name for name in ENCODERS if name in found]
        if not encoders:
            raise MissingPartError(f"{path} holds no text encoder, only: {listed(found)}.")
        for encoder in encoders:
            vectors = _vectors_for(encoder, embeddings)
            if encoder == "t5xxl":
                yield encoder, self._t5_length(text, path, vectors)
            else:
                positions = clip_config(header.shapes(found[encoder]), encoder, str(path)).positions
                bodies = self._tokenizers.clip(path).bodies(text, positions, vectors)
                yield encoder, EncoderLength(encoder, sum(map(len, bodies)), positions - _FRAME, len(bodies))

    def _t5_length(self, text: str, path: Path, vectors: FindVectors) -> EncoderLength:
        section = self._tokenizers.t5(path).section(text, vectors, is_padded=False)
        return EncoderLength("t5xxl", len(section) - 1, T5_TRAINED_LENGTH - 1, 1)  # without its end


def _vectors_for(encoder: EncoderName, embeddings: FindEmbedding) -> FindVectors:
    return lambda name: embeddings(name).get(encoder, ())
