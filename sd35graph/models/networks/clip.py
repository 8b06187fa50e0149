"""CLIP text encoders as SD3 uses them: hidden states of the second-to-last layer, and a pooled vector.

The transformer is that of the `transformers` library, whose module names are the keys of the released files.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sd35graph.models.networks.textual_inversion import Row, Vector, placed
from sd35graph.models.networks.variants import ClipConfig

CLIP_LAYER = -2  # of the hidden states that SD3 was trained with: the layer before the last


class ClipTextEncoder(nn.Module):
    """CLIP-L or CLIP-G."""

    def __init__(self, config: ClipConfig) -> None:
        # Imported on first use, as it takes seconds that a process without text encoders need not spend; and not under
        # the meta device that networks are made on, lest the library's own constants land there.
        with torch.device("cpu"):
            from transformers import CLIPTextConfig, CLIPTextModelWithProjection

        super().__init__()
        self.config = config
        is_projected = config.name == "clip_g"
        model = CLIPTextModelWithProjection(
            CLIPTextConfig(
                vocab_size=config.vocabulary,
                hidden_size=config.width,
                intermediate_size=config.mlp_width,
                projection_dim=config.projection_width,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                max_position_embeddings=config.positions,
                hidden_act="gelu" if is_projected else "quick_gelu",
                layer_norm_eps=1e-5,
                bos_token_id=0,  # neither is used here, but the library warns of one beyond the vocabulary
                eos_token_id=0,
            )
        )
        self.text_model = model.text_model
        self.text_projection = nn.Linear(config.width, config.projection_width, bias=False) if is_projected else None

    @property
    def pooled_width(self) -> int:
        return self.config.projection_width

    def forward(self, ids: Tensor, end_id: int) -> tuple[Tensor, Tensor]:
        """Hidden states [B, L, width] and pooled vectors [B, pooled width], float32 on the CPU, of token ids [B, L].

        The hidden states leave the layer before the last and are not normed; the pooled vector is the normed last
        layer at the first `end_id` of each row, projected in CLIP-G. Attention is causal, padding is not masked.
        """
        layers, pooled = self._layers(ids, end_id)
        return layers[CLIP_LAYER].float().cpu(), pooled

    def encode_row(self, row: Row, end_id: int, layer: int = CLIP_LAYER) -> tuple[Tensor, Tensor]:
        """Hidden states [1, L, width] of `layer`, counted from the end (-1 the last), and the pooled vector [1, P].

        As `forward`, for one row, in which learned vectors may stand in place of ids.
        """
        stand_in = (end_id + 1) % self.config.vocabulary  # any id but the end's, which is looked for
        ids = torch.tensor([[stand_in if isinstance(token, Vector) else token for token in row]])
        # A hook, as the library's text model takes ids only.
        hook = self.text_model.embeddings.token_embedding.register_forward_hook(
            lambda module, inputs, embedded: placed(row, embedded)
        )
        with hook:
            layers, pooled = self._layers(ids, end_id)
        return layers[layer].float().cpu(), pooled

    def _layers(self, ids: Tensor, end_id: int) -> tuple[tuple[Tensor, ...], Tensor]:
        """The output of every layer, the embeddings' first, and the pooled vectors."""
        ids = ids.to(self.text_model.embeddings.token_embedding.weight.device)
        positions = torch.arange(ids.shape[1], device=ids.device).unsqueeze(0)
        out = self.text_model(input_ids=ids, position_ids=positions, output_hidden_states=True)
        end = (ids == end_id).int().argmax(dim=1)
        pooled: Tensor = out.last_hidden_state[torch.arange(len(ids), device=ids.device), end]
        if self.text_projection is not None:
            pooled = self.text_projection(pooled)
        return out.hidden_states, pooled.float().cpu()
