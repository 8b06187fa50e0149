"""The T5 v1.1 encoder (arXiv 1910.10683), through the `transformers` library."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sd35graph.models.networks.textual_inversion import Row, Vector, placed
from sd35graph.models.networks.variants import T5Config


class T5TextEncoder(nn.Module):
    """Token ids to final-normed hidden states. Padding takes part in the attention, as SD3 was trained."""

    def __init__(self, config: T5Config) -> None:
        # Imported on first use, as it takes seconds that a process without text encoders need not spend; and not under
        # the meta device that networks are made on, lest the library's own constants land there.
        with torch.device("cpu"):
            from transformers import T5Config as TransformersT5Config
            from transformers import T5EncoderModel

        super().__init__()
        self.config = config
        model = T5EncoderModel(
            TransformersT5Config(
                vocab_size=config.vocabulary,
                d_model=config.width,
                d_kv=config.head_width,
                d_ff=config.mlp_width,
                num_layers=config.layers,
                num_heads=config.heads,
                relative_attention_num_buckets=config.buckets,
                relative_attention_max_distance=128,
                feed_forward_proj="gated-gelu",
                layer_norm_epsilon=1e-6,
                dropout_rate=0.0,
            )
        )
        self.shared = nn.Embedding(config.vocabulary, config.width)
        self.encoder = model.encoder
        del self.encoder.embed_tokens  # the embedding is looked up here, so that it is one tensor under one key

    def forward(self, ids: Tensor) -> Tensor:
        """Hidden states [B, L, width], float32 on the CPU, of token ids [B, L]."""
        return self._encode(self.shared(ids.to(self.shared.weight.device)))

    def encode_row(self, row: Row) -> Tensor:
        """Hidden states [1, L, width] of one row, in which learned vectors may stand in place of ids."""
        ids = torch.tensor([[0 if isinstance(token, Vector) else token for token in row]])
        return self._encode(placed(row, self.shared(ids.to(self.shared.weight.device))))

    def _encode(self, embedded: Tensor) -> Tensor:
        hidden: Tensor = self.encoder(inputs_embeds=embedded).last_hidden_state
        return hidden.float().cpu()
