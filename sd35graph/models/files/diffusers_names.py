"""Names of diffusers' modules and where their weights lie in the layout of the released files.

After `SD3Transformer2DModel` and `AutoencoderKL` of diffusers (Apache-2.0), and its `convert_sd3_transformer_…` in
`loaders/single_file_utils.py`. Checkpoint names carry no prefix of an all-in-one file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Place:
    """Where the weights of one module (or tensor) of diffusers lie in the released layout.

    name: the module there. third: 0, 1 or 2 if they are that third of its rows (queries, keys, values), None if they
    are all of them. is_swapped: diffusers stores the two halves of the rows in the other order, scale before shift.
    """

    name: str
    third: int | None = None
    is_swapped: bool = False


def mmdit_places(depth: int) -> dict[str, Place]:
    """The modules of a transformer with `depth` blocks, by diffusers' name, and its one free tensor, the positions.

    Norms of queries and keys, and second attentions, are given for every block, whether or not a model has them.
    """
    places = {
        "pos_embed.pos_embed": Place("pos_embed"),
        "pos_embed.proj": Place("x_embedder.proj"),
        "context_embedder": Place("context_embedder"),
        "norm_out.linear": Place("final_layer.adaLN_modulation.1", is_swapped=True),
        "proj_out": Place("final_layer.linear"),
    }
    for theirs, ours in (("timestep_embedder", "t_embedder"), ("text_embedder", "y_embedder")):
        places[f"time_text_embed.{theirs}.linear_1"] = Place(f"{ours}.mlp.0")
        places[f"time_text_embed.{theirs}.linear_2"] = Place(f"{ours}.mlp.2")
    for index in range(depth):
        block = _joint_block(is_last=index == depth - 1)
        places |= {
            f"transformer_blocks.{index}.{name}": replace(place, name=f"joint_blocks.{index}.{place.name}")
            for name, place in block.items()
        }
    return places


def vae_places(levels: int) -> dict[str, Place]:
    """The modules of an autoencoder with `levels` resolutions, by diffusers' name; blocks beyond those it has, too."""
    places: dict[str, Place] = {}
    for side in ("encoder", "decoder"):
        places |= {f"{side}.{name}": Place(f"{side}.{name}") for name in ("conv_in", "conv_out")}
        places[f"{side}.conv_norm_out"] = Place(f"{side}.norm_out")
        for index in (0, 1):
            places |= _residual_block(f"{side}.mid_block.resnets.{index}", f"{side}.mid.block_{index + 1}")
        for theirs, ours in _VAE_ATTENTION:
            places[f"{side}.mid_block.attentions.0.{theirs}"] = Place(f"{side}.mid.attn_1.{ours}")
    for level in range(levels):
        down, up = f"encoder.down_blocks.{level}", f"decoder.up_blocks.{levels - 1 - level}"
        places[f"{down}.downsamplers.0.conv"] = Place(f"encoder.down.{level}.downsample.conv")
        places[f"{up}.upsamplers.0.conv"] = Place(f"decoder.up.{level}.upsample.conv")
        for index in range(_MAX_RESIDUAL_BLOCKS):
            places |= _residual_block(f"{down}.resnets.{index}", f"encoder.down.{level}.block.{index}")
            places |= _residual_block(f"{up}.resnets.{index}", f"decoder.up.{level}.block.{index}")
    return places


def tensor_place(key: str, places: Mapping[str, Place]) -> Place | None:
    """Where the tensor `key`, such as "proj_out.weight", lies; None if diffusers has no module of that name."""
    if key in places:
        return places[key]
    module, _, tensor = key.rpartition(".")
    place = places.get(module)
    return replace(place, name=f"{place.name}.{tensor}") if place else None


_MAX_RESIDUAL_BLOCKS = 8  # per level; the released autoencoder has 2 on the way down and 3 on the way up

_VAE_ATTENTION = (("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out"))


def _joint_block(*, is_last: bool) -> dict[str, Place]:
    places = {
        "norm1.linear": Place("x_block.adaLN_modulation.1"),
        # The last text block only has a scale and a shift, which diffusers keeps in the order of its final norm.
        "norm1_context.linear": Place("context_block.adaLN_modulation.1", is_swapped=is_last),
        "attn.to_out.0": Place("x_block.attn.proj"),
        "attn2.to_out.0": Place("x_block.attn2.proj"),
        "attn.to_add_out": Place("context_block.attn.proj"),
    }
    for third, letter in enumerate("qkv"):
        places[f"attn.to_{letter}"] = Place("x_block.attn.qkv", third)
        places[f"attn2.to_{letter}"] = Place("x_block.attn2.qkv", third)
        places[f"attn.add_{letter}_proj"] = Place("context_block.attn.qkv", third)
    for letter in "qk":
        places[f"attn.norm_{letter}"] = Place(f"x_block.attn.ln_{letter}")
        places[f"attn2.norm_{letter}"] = Place(f"x_block.attn2.ln_{letter}")
        places[f"attn.norm_added_{letter}"] = Place(f"context_block.attn.ln_{letter}")
    for theirs, ours in (("ff", "x_block"), ("ff_context", "context_block")):
        places[f"{theirs}.net.0.proj"] = Place(f"{ours}.mlp.fc1")
        places[f"{theirs}.net.2"] = Place(f"{ours}.mlp.fc2")
    return places


def _residual_block(theirs: str, ours: str) -> dict[str, Place]:
    names = {name: name for name in ("norm1", "conv1", "norm2", "conv2")} | {"conv_shortcut": "nin_shortcut"}
    return {f"{theirs}.{name}": Place(f"{ours}.{ours_name}") for name, ours_name in names.items()}
