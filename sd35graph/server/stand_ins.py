"""Node types that another browser front end looks up in `/object_info` and fails without."""

from __future__ import annotations

from collections.abc import Mapping

from sd35graph.graph.schema import BUILTIN, NodeSchema

_LOADERS = (
    "CheckpointLoaderSimple",
    "ControlNetLoader",
    "GLIGENLoader",
    "ImageOnlyCheckpointLoader",
    "LoraLoader",
    "LoraLoaderModelOnly",
    "StyleModelLoader",
    "UNETLoader",
    "UpscaleModelLoader",
    "VAELoader",
)
"""As observed of comfyui-frontend-package 1.27.10: while one of them is not listed, no checkpoint, LoRA or VAE loader
can be made on its canvas."""


def with_stand_ins(schemas: Mapping[str, NodeSchema]) -> dict[str, NodeSchema]:
    """The node types, and one that is marked as deprecated, so that it is not offered, for each loader missing."""
    missing = (_stand_in(loader) for loader in _LOADERS if loader not in schemas)
    return {**schemas, **{schema.type: schema for schema in missing}}


def _stand_in(node_type: str) -> NodeSchema:
    description = "This server has no such node; it is listed because browser front ends expect it."
    return NodeSchema(
        type=node_type, title=node_type, category="missing", pack=BUILTIN, description=description, deprecated=True
    )
