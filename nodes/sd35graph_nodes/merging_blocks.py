"""Nodes that merge models with a ratio for each part of the transformer."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated

from sd35graph import Input, node
from sd35graph.models.changes.merging import merge_models, mixed
from sd35graph.models.changes.tensors import open_tensors
from sd35graph.models.handles import ModelHandle

_EMBEDDERS = ("pos_embed.", "x_embedder.", "context_embedder.", "y_embedder.", "t_embedder.")


@node("ModelMergeBlocks", title="Merge models by block", category="advanced/model_merging")
def model_merge_blocks(
    model1: ModelHandle,
    model2: ModelHandle,
    input: Annotated[float, Input(min=0.0, max=1.0, step=0.01, tooltip="Of embedders and the first blocks.")] = 1.0,
    middle: Annotated[float, Input(min=0.0, max=1.0, step=0.01, tooltip="Of the blocks in the middle.")] = 1.0,
    out: Annotated[float, Input(min=0.0, max=1.0, step=0.01, tooltip="Of the last blocks and layer.")] = 1.0,
) -> ModelHandle:
    """Mix two models with a ratio for each third of the transformer's blocks."""
    depth = _depth(model1)
    shares = {"": mixed(input), "final_layer.": mixed(out)}
    ratios = (input, middle, out)
    shares |= {f"joint_blocks.{index}.": mixed(ratios[index * 3 // depth]) for index in range(depth)}
    return merge_models(model1, model2, shares)


def _per_block(name: str, title: str, depth: int) -> Callable[..., ModelHandle]:
    """A node with a ratio for each of `depth` blocks and for each layer around them."""
    starts = (*_EMBEDDERS, *(f"joint_blocks.{index}." for index in range(depth)), "final_layer.")

    def merge(model1: ModelHandle, model2: ModelHandle, **ratios: float) -> ModelHandle:
        found = _depth(model1)
        if found != depth:
            raise ValueError(
                f"{name} is for models of {depth} blocks, but {model1.weights.path.name} has {found}. "
                "Use ModelMergeBlocks, or the node made for this model."
            )
        shares = {start: mixed(ratios[_flat(start)]) for start in starts}
        shares["pos_embed"] = shares.pop("pos_embed.")  # one tensor, with nothing behind the point
        return merge_models(model1, model2, shares)

    ratio_kinds = {
        _flat(start): Annotated[float, Input(name=start, min=0.0, max=1.0, step=0.01, tooltip="1: of the first alone.")]
        for start in starts
    }
    kinds = {"model1": ModelHandle, "model2": ModelHandle, **ratio_kinds}
    merge.__doc__ = f"Mix two models of {depth} blocks with a ratio for each block and layer."
    merge.__annotations__ = {**kinds, "return": ModelHandle}
    parameters = [
        Parameter(key, Parameter.POSITIONAL_OR_KEYWORD, default=1.0 if key in ratio_kinds else Parameter.empty)
        for key in kinds
    ]
    merge.__signature__ = Signature(parameters)  # type: ignore[attr-defined] # `inspect.signature` looks for it
    return node(name, title=title, category="advanced/model_merging/model_specific")(merge)


def _depth(model: ModelHandle) -> int:
    """How many blocks the transformer has."""
    return sum(key.endswith(".x_block.attn.qkv.weight") for key in open_tensors(model.weights).shapes)


def _flat(name: str) -> str:
    """A Python name for an input."""
    return name.rstrip(".").replace(".", "_")


model_merge_sd3_2b = _per_block("ModelMergeSD3_2B", "Merge models (SD3 Medium)", 24)
model_merge_sd35_large = _per_block("ModelMergeSD35_Large", "Merge models (SD3.5 Large)", 38)


NODES = (model_merge_blocks, model_merge_sd3_2b, model_merge_sd35_large)
