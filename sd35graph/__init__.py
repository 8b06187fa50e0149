"""sd35graph: a typed node-graph workflow engine for Stable Diffusion 3.5.

The names pack authors and scripts need. They are loaded on first use (PEP 562), so that the API process stays free of
torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sd35graph.graph.context import Artifact, Context
    from sd35graph.graph.errors import Cancelled
    from sd35graph.graph.node import (
        Blocked,
        Choices,
        DynamicPrompt,
        Expansion,
        ExtraPngInfo,
        GraphBuilder,
        Input,
        Lazy,
        Pack,
        Prompt,
        UniqueId,
        need,
        node,
    )
    from sd35graph.graph.ports import Port
    from sd35graph.graph.workflow import Graph, Link, Node
    from sd35graph.ports import STANDARD_PORTS
    from sd35graph.values import Conditioning, ConditioningEntry, Image, Latent, Mask

_HOME = {
    "sd35graph.graph.context": ("Artifact", "Context"),
    "sd35graph.graph.errors": ("Cancelled",),
    "sd35graph.graph.node": (
        "Blocked",
        "Choices",
        "DynamicPrompt",
        "Expansion",
        "ExtraPngInfo",
        "GraphBuilder",
        "Input",
        "Lazy",
        "Pack",
        "Prompt",
        "UniqueId",
        "need",
        "node",
    ),
    "sd35graph.graph.ports": ("Port",),
    "sd35graph.graph.workflow": ("Graph", "Link", "Node"),
    "sd35graph.ports": ("STANDARD_PORTS",),
    "sd35graph.values": ("Conditioning", "ConditioningEntry", "Image", "Latent", "Mask"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "STANDARD_PORTS",
    "Artifact",
    "Blocked",
    "Cancelled",
    "Choices",
    "Conditioning",
    "ConditioningEntry",
    "Context",
    "DynamicPrompt",
    "Expansion",
    "ExtraPngInfo",
    "Graph",
    "GraphBuilder",
    "Image",
    "Input",
    "Latent",
    "Lazy",
    "Link",
    "Mask",
    "Node",
    "Pack",
    "Port",
    "Prompt",
    "UniqueId",
    "need",
    "node",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
