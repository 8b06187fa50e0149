"""Node types as recorded from the reference server, as schemas to test against."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sd35graph.graph.schema import InputSchema, NodeSchema, OutputSchema

SHARED = Path(os.environ.get("SD35GRAPH_SHARED", Path(__file__).parents[3] / "shared"))
SCALARS = ("INT", "FLOAT", "STRING", "BOOLEAN")
SOURCES = {
    "ckpt_name": "checkpoints",
    "vae_name": "vae",
    "clip_name": "text_encoders",
    "clip_name1": "text_encoders",
    "clip_name2": "text_encoders",
    "clip_name3": "text_encoders",
    "unet_name": "diffusion_models",
    "lora_name": "loras",
    "control_net_name": "controlnet",
}
FILES = {
    "checkpoints": ["tiny_sd35.safetensors"],
    "text_encoders": ["tiny_clip_g.safetensors", "tiny_clip_l.safetensors", "tiny_t5xxl.safetensors"],
    "input": ["example.png", "example_alpha.png"],
}


def shared_json(name: str) -> Any:
    """A JSON file of the reference data; skips the test without it."""
    path = SHARED / name
    if not path.exists():
        message = f"needs the reference data: {path} is missing"
        if os.environ.get("SD35GRAPH_REQUIRE_ALL"):
            pytest.fail(message)
        pytest.skip(message)
    return json.loads(path.read_text())


def schema_from_info(info: dict[str, Any]) -> NodeSchema:
    """The schema of one entry of `/object_info`."""
    inputs = []
    for group in ("required", "optional"):
        for name, entry in info["input"].get(group, {}).items():
            kind, options = entry[0], entry[1] if len(entry) > 1 else {}
            choices = kind if isinstance(kind, list) else options.get("options")
            source = SOURCES.get(name) or ("input" if options.get("image_upload") else None)
            inputs.append(
                InputSchema(
                    name=name,
                    type=kind if choices is None else "COMBO",
                    required=group == "required",
                    widget=choices is not None or (kind in SCALARS and not options.get("forceInput")),
                    has_default="default" in options,
                    default=options.get("default"),
                    choices=tuple(choices) if choices is not None and source is None else None,
                    source=source if choices is not None else None,
                    min=options.get("min"),
                    max=options.get("max"),
                    step=options.get("step"),
                    round=options.get("round") or None,
                    multiline=options.get("multiline", False),
                    dynamic_prompts=options.get("dynamicPrompts", False),
                    control_after_generate=options.get("control_after_generate", False),
                    image_upload=options.get("image_upload", False),
                    display=options.get("display"),
                    advanced=options.get("advanced", False),
                )
            )
    return NodeSchema(
        type=info["name"],
        title=info["display_name"] or info["name"],
        category=info["category"],
        pack="reference",
        inputs=tuple(inputs),
        outputs=tuple(
            OutputSchema(name=name, type=kind if isinstance(kind, str) else "COMBO", is_list=is_list)
            for name, kind, is_list in zip(info["output_name"], info["output"], info["output_is_list"], strict=True)
        ),
        hidden=tuple(info["input"].get("hidden", {}).items()),
        is_output=info["output_node"],
    )


CANNY = NodeSchema(  # not recorded
    type="Canny",
    title="Canny",
    category="image/preprocessors",
    pack="reference",
    inputs=(
        InputSchema(name="image", type="IMAGE"),
        InputSchema(name="low_threshold", type="FLOAT", widget=True, min=0.01, max=0.99),
        InputSchema(name="high_threshold", type="FLOAT", widget=True, min=0.01, max=0.99),
    ),
    outputs=(OutputSchema(name="IMAGE", type="IMAGE"),),
)
